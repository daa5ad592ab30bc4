//! What goes with a value.

use pyo3::prelude::*;
use pyo3::types::PyBool;
use snowmelt::{Loaded, Share};

use crate::convert::{duration, names, wrong_type};
use crate::value::Value;

/// As it was given.
#[derive(Default)]
pub(crate) struct Extras<'a, 'py> {
    pub(crate) tags: Option<&'a Bound<'py, PyAny>>,
    pub(crate) ttl: Option<&'a Bound<'py, PyAny>>,
    pub(crate) weight: Option<&'a Bound<'py, PyAny>>,
    pub(crate) stale_while_revalidate: Option<&'a Bound<'py, PyAny>>,
    pub(crate) stale_if_error: Option<&'a Bound<'py, PyAny>>,
    pub(crate) refresh_ahead: Option<&'a Bound<'py, PyAny>>,
    /// `None`: what the value itself says.
    pub(crate) absent: Option<bool>,
}

impl Extras<'_, '_> {
    /// All but the weight and what the value itself says.
    pub(crate) fn put_into(&self, loaded: &mut Loaded<Value>) -> PyResult<()> {
        if let Some(tags) = self.tags {
            loaded.tags = names("tag", Some(tags))?;
        }
        loaded.ttl = self.ttl.map(|ttl| duration("ttl", ttl)).transpose()?;
        let window =
            |name, given: Option<&Bound<'_, PyAny>>| given.map(|given| duration(name, given)).transpose();
        loaded.stale_while_revalidate = window("stale_while_revalidate", self.stale_while_revalidate)?;
        loaded.stale_if_error = window("stale_if_error", self.stale_if_error)?;
        loaded.refresh_ahead = self.refresh_ahead.map(share).transpose()?;
        Ok(())
    }
}

/// 0 refreshes nothing ahead.
fn share(given: &Bound<'_, PyAny>) -> PyResult<Share> {
    let number = given.extract::<f64>().ok().filter(|_| !given.is_instance_of::<PyBool>());
    let share = number.and_then(|number| if number == 0.0 { Some(Share::OFF) } else { Share::new(number) });
    let remedy = "give a number between 0 and 1, such as 0.8, or 0 to refresh nothing ahead";
    share.ok_or_else(|| wrong_type(given, "`refresh_ahead`", remedy))
}
