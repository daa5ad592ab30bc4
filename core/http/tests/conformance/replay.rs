//! Runs the steps of a case.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use snowmelt_core::{ConfigError, Setting, Units};
use snowmelt_http::plain::{self, Fields};
use snowmelt_http::{Ask, Body, Keep, Meta, Options, Policy, Question, ResponseHead, Verdict};

use crate::case::{self, Answered, Case, Step};

/// 2026-09-21T14:13:20Z.
const START_MS: u64 = 1_790_000_000_000;

type Outcome<T = ()> = Result<T, String>;

pub(crate) fn replay(case: &Case) -> Outcome {
    let policy = policy(case);
    if let [Step::Refused(refused)] = case.steps.as_slice() {
        let Err(error) = policy else { return Err("the options were taken".into()) };
        let told = error.to_string();
        return expect(told.starts_with(&refused.message), || format!("it says {told:?}"));
    }
    let policy = policy.map_err(|error| error.to_string())?;
    let mut replay = Replay { policy, keep: None, meta: None };
    for (index, step) in case.steps.iter().enumerate() {
        replay.step(step).map_err(|failure| format!("step {}: {failure}", index + 1))?;
    }
    Ok(())
}

fn policy(case: &Case) -> Result<Policy, ConfigError> {
    let mut options = Options::default();
    for (name, value) in &case.options {
        options.set(name, &setting(value), Units::Milliseconds)?;
    }
    Policy::new(options)
}

fn setting(value: &Value) -> Setting<'_> {
    match value {
        Value::Null => Setting::Nothing,
        Value::Bool(flag) => Setting::Flag(*flag),
        Value::Number(number) => Setting::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Setting::Text(text),
        Value::Array(items) => Setting::List(items.iter().map(setting).collect()),
        Value::Object(fields) => {
            Setting::Fields(fields.iter().map(|(name, value)| (Cow::from(name), setting(value))).collect())
        }
    }
}

struct Replay {
    policy: Policy,
    keep: Option<Keep>,
    meta: Option<Meta>,
}

impl Replay {
    fn step(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Refused(_) => Err("`refused` must be the only step".into()),
            Step::Ask(step) => self.ask(step),
            Step::SameKey(requests) => self.keys(requests, true),
            Step::DifferentKeys(requests) => self.keys(requests, false),
            Step::Judge(step) => self.judge(step),
            Step::Seal(step) => self.seal(step),
            Step::Matches(step) => self.matches(step),
            Step::Answer(step) => self.answer(step),
            Step::Pass(step) => self.pass(step),
            Step::Unsatisfied(step) => {
                let answer = plain::Answer::from(&self.policy.unsatisfied());
                compare_answer(&step.expect, answer.status, answer.with_body, &answer.headers)
            }
            Step::Invalidates(step) => self.invalidates(step),
        }
    }

    fn ask(&self, step: &case::Ask) -> Outcome {
        with(&step.request, |request| {
            if let Some(wanted) = &step.wants_body {
                compare(wanted, &json!(self.policy.wants_body(request)))?;
            }
            compare_named(&step.expect, &json!(plain::Ask::from(&self.policy.ask(request))))
        })
    }

    fn keys(&self, requests: &[case::Request], same: bool) -> Outcome {
        let keys: Vec<String> =
            requests.iter().map(|request| Ok(self.question(request)?.key)).collect::<Outcome<_>>()?;
        for (index, key) in keys.iter().enumerate() {
            for other in &keys[..index] {
                expect((key == other) == same, || format!("{key:?} and {other:?}"))?;
            }
        }
        Ok(())
    }

    fn question(&self, request: &case::Request) -> Outcome<Question> {
        with(request, |request| match self.policy.ask(request) {
            Ask::Look(question) => Ok(question),
            Ask::Bypass(reason) => Err(format!("bypassed: {}", reason.word())),
        })
    }

    fn judge(&mut self, step: &case::Judge) -> Outcome {
        let question = self.question(&step.request)?;
        let headers = plain::header_map(fields(&step.response.headers)).map_err(|error| error.to_string())?;
        let ttl = step.response.ttl.map(Duration::from_millis);
        let head = ResponseHead { status: step.response.status, headers: &headers, ttl };
        let verdict =
            with(&step.request, |request| Ok(self.policy.judge(request, &question, &head, moment(step.at))))?;
        let told = plain::Verdict::from(&verdict);
        expect(told.is_failure() == step.failure, || format!("a failure: {}", told.is_failure()))?;
        let told = json!(told);
        if let Verdict::Keep(keep) = verdict {
            self.keep = Some(keep);
        }
        compare_named(&step.expect, &told)
    }

    fn seal(&mut self, step: &case::Seal) -> Outcome {
        let keep = self.keep.take().ok_or("nothing was kept")?;
        match self.policy.seal(keep, step.body.text().as_bytes()) {
            Err(reason) => compare(&step.expect, &json!({ "refused": reason.word() })),
            Ok(meta) => {
                let told = plain::Meta::from(&meta);
                // What is stored elsewhere is read back as it was.
                let back = Meta::try_from(&told).map_err(|error| error.to_string())?;
                expect(back == meta, || format!("read back: {back:?}"))?;
                self.meta = Some(meta);
                compare_meta(&step.expect, &told)
            }
        }
    }

    fn meta(&self) -> Outcome<&Meta> {
        self.meta.as_ref().ok_or_else(|| "nothing was sealed".into())
    }

    fn matches(&self, step: &case::Matches) -> Outcome {
        let question = self.question(&step.request)?;
        let meta = self.meta()?;
        with(&step.request, |request| {
            let found = self.policy.matches(request, &question, meta, moment(step.at));
            compare(&step.expect, &json!(plain::Match::from(found)))
        })
    }

    fn answer(&self, step: &case::Answer) -> Outcome {
        let question = self.question(&step.request)?;
        let (meta, how) = (self.meta()?, plain::how(&step.how).ok_or("no such way")?);
        with(&step.request, |request| {
            let answer = self.policy.answer(request, &question, meta, how, moment(step.at));
            compare_answer(&step.expect, answer.status, answer.with_body, &plain::fields(&answer.headers))
        })
    }

    fn pass(&self, step: &case::Pass) -> Outcome {
        let question = if step.unasked { None } else { Some(self.question(&step.request)?) };
        let reason = plain::reason(&step.reason).ok_or("no such reason")?;
        let mut headers =
            plain::header_map(fields(&step.response.headers)).map_err(|error| error.to_string())?;
        let passed = with(&step.request, |request| {
            Ok(self.policy.pass(request, question.as_ref(), reason, step.response.status, &mut headers))
        })?;
        compare_answer(&step.expect, passed.status, passed.with_body, &plain::fields(&headers))
    }

    fn invalidates(&self, step: &case::Invalidates) -> Outcome {
        let what = with(&step.request, |request| Ok(self.policy.invalidates(request, step.status)))?;
        let what = what.map(|what| json!({ "keys": what.keys, "prefixes": what.prefixes }));
        compare(&step.expect, &json!(what))
    }
}

fn moment(seconds: i64) -> u64 {
    START_MS.saturating_add_signed(seconds.saturating_mul(1000))
}

fn fields(fields: &case::Fields) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| (name.text(), value.text())).collect()
}

/// Calls with the request, its defaults filled in.
fn with<T>(
    request: &case::Request,
    call: impl FnOnce(&snowmelt_http::Request<'_>) -> Outcome<T>,
) -> Outcome<T> {
    let plain = plain::Request {
        method: request.method.clone().unwrap_or("GET".into()),
        scheme: request.scheme.clone().unwrap_or("https".into()),
        host: request.host.clone().unwrap_or("shop.example".into()),
        path: request.path.as_ref().map_or("/".into(), case::Text::text),
        query: request.query.as_ref().map(case::Text::text),
        headers: fields(&request.headers),
        custom: request.custom.as_ref().map(case::Text::text),
    };
    let headers = plain::header_map(plain.headers.iter().map(|(name, value)| (name, value)))
        .map_err(|error| error.to_string())?;
    let body = request.body.as_ref().map(case::Text::text);
    let body = match &body {
        Some(body) => Body::Read(body.as_bytes()),
        None if request.body_follows => Body::Follows,
        None => Body::None,
    };
    call(&plain.with(&headers, body))
}

fn expect(holds: bool, found: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(found()) }
}

fn compare(expected: &Value, found: &Value) -> Outcome {
    expect(expected == found, || format!("expected {expected}, found {found}"))
}

/// Of objects within an object only the fields that are named.
fn compare_named(expected: &Value, found: &Value) -> Outcome {
    match (expected.as_object(), found.as_object()) {
        (Some(expected), Some(of)) => {
            for (name, expected) in expected {
                compare_named(expected, of.get(name).unwrap_or(&Value::Null))
                    .map_err(|failure| format!("{name}: {failure}; all: {found}"))?;
            }
            Ok(())
        }
        _ => compare(expected, found),
    }
}

fn compare_meta(expected: &Value, found: &plain::Meta) -> Outcome {
    for (name, expected) in expected.as_object().ok_or("an object is expected")? {
        match name.as_str() {
            "headers" => {
                let named = expected.as_object().ok_or("headers are an object")?;
                compare_headers(named, &found.headers)?;
            }
            "status" => compare(expected, &json!(found.status))?,
            "age" => compare(expected, &json!(found.age))?,
            "ttl" => compare(expected, &json!(found.ttl))?,
            "anonymous" => compare(expected, &json!(found.anonymous))?,
            "vary" => compare(expected, &json!(found.vary))?,
            _ => return Err(format!("`{name}` is not known")),
        }
    }
    Ok(())
}

fn compare_answer(expected: &Answered, status: u16, with_body: bool, headers: &Fields) -> Outcome {
    if let Some(expected) = expected.status {
        expect(expected == status, || format!("status {status}"))?;
    }
    if let Some(expected) = expected.with_body {
        expect(expected == with_body, || format!("with_body {with_body}"))?;
    }
    compare_headers(&expected.headers, headers)
}

/// `null`: not there; a text: this one; an array: these, in order.
fn compare_headers<'a>(
    expected: impl IntoIterator<Item = (&'a String, &'a Value)>,
    found: &Fields,
) -> Outcome {
    let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in found {
        by_name.entry(name).or_default().push(value);
    }
    for (name, expected) in expected {
        let found = match by_name.get(name.as_str()).map(Vec::as_slice) {
            None => Value::Null,
            Some([one]) => json!(one),
            Some(several) => json!(several),
        };
        compare(expected, &found).map_err(|failure| format!("{name}: {failure}"))?;
    }
    Ok(())
}
