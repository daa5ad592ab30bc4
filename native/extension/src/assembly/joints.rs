//! Where one part's types meet another's.

use crate::answers::Stored;
use crate::contract::cache::CacheContract;
use crate::contract::demo::Demo;
use crate::http::{Answer, Request, Service};
use crate::lifecycle::{Failure, Problem};
use crate::settings::{Place, SettingsError};

/// What port 4000 answers: any data by its paths, the rest by the demo's.
pub(super) struct Port4000 {
    pub(super) demo: Demo,
    pub(super) data: CacheContract<Stored>,
}

impl Service for Port4000 {
    fn answer(&self, request: Request) -> Answer {
        if CacheContract::<Stored>::answers(request.uri().path()) {
            self.data.answer(request)
        } else {
            self.demo.answer(request)
        }
    }

    fn received(&self, head: &mut http::request::Parts) {
        if CacheContract::<Stored>::answers(head.uri.path()) {
            self.data.received(head);
        }
    }
}

/// What is wrong with the settings, as Lambda is told.
pub(super) fn failure(error: &SettingsError) -> Failure {
    let problems = error.problems().iter().map(|problem| {
        let (mut message, remedy) = (problem.what.clone(), Some(problem.remedy.clone()));
        let (mut file, mut place, mut variable) = (None, None, None);
        match &problem.place {
            Place::Variable(name) => variable = Some(name.clone()),
            Place::File { path, at } => (file, place) = (Some(path.clone()), *at),
            Place::Table(name) => message = format!("table {name} {message}"),
        }
        let (line, column) = (place.map(|at| at.line), place.map(|at| at.column));
        Problem { file, line, column, variable, message, remedy }
    });
    Failure::config(problems.collect())
}
