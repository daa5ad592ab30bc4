//! The HTTP policy, as both builds offer it: convert, call, convert.
//!
//! What has fields crosses as a text of lines; bodies cross as bytes. `js/http/policy.ts` is the other side, and says
//! which lines there are.

mod exchanges;
mod lines;

use std::cell::RefCell;
use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;
use snowmelt_core::Units;
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_http::plain as words;
use snowmelt_http::{
    Answer, Ask, Body, Keep, Lookup, Match, Meta, Options, Policy, Question, Request, ResponseHead, Verdict,
};
use snowmelt_plain::words::{duration, number, whole};

use crate::failure::{Failure, Outcome};
use exchanges::Exchanges;
use lines::{Lines, Text, bad_field};

/// A policy, and the requests under way; see `HttpPolicy` in `js/binding.ts`.
pub(crate) struct HttpPolicy {
    policy: Policy,
    exchanges: RefCell<Exchanges>,
}

/// A request, and what the policy said of it so far.
struct Exchange {
    request: words::Request,
    headers: HeaderMap,
    question: Option<Question>,
    keep: Option<Keep>,
    /// What was found, or sealed, last.
    meta: Option<Meta>,
}

impl HttpPolicy {
    pub(crate) fn new(settings: &Value) -> Outcome<Self> {
        let mut options = Options::default();
        for pair in settings.as_array().map(Vec::as_slice).unwrap_or_default() {
            let setting = snowmelt_plain::options::setting(&pair[1]);
            options.set(pair[0].as_str().unwrap_or_default(), &setting, Units::Milliseconds)?;
        }
        Ok(Self { policy: Policy::new(options)?, exchanges: RefCell::default() })
    }

    /// Method, scheme, host, path, the query with its `?`, and the header fields. Gives the exchange's number, good until
    /// `say` closes it.
    pub(crate) fn open(&self, request: &str, count: u32, custom: Option<String>) -> Outcome<f64> {
        let mut lines = Lines::of(request, count)?;
        let [method, scheme, host, path] = std::array::from_fn(|_| lines.text().to_owned());
        let query = lines.text().strip_prefix('?').map(ToOwned::to_owned);
        let headers = lines.header_map()?;
        let request = words::Request { method, scheme, host, path, query, headers: Vec::new(), custom };
        let exchange = Box::new(Exchange { request, headers, question: None, keep: None, meta: None });
        let opened = self.exchanges.borrow_mut().open(exchange);
        opened.map(number).ok_or_else(|| misused("there are too many requests at once"))
    }

    /// Everything that can be said of a request, by its number in `js/http/policy.ts`. One function for all, because
    /// each that JavaScript can call costs the addon over a kilobyte. `lines` is how many the text has to have, where
    /// it has header fields.
    pub(crate) fn say(
        &self,
        exchange: f64,
        what: u32,
        text: &str,
        lines: u32,
        number: f64,
        bytes: &[u8],
    ) -> Outcome<String> {
        let (policy, mut exchanges) = (&self.policy, self.exchanges.borrow_mut());
        if what == 9 {
            exchanges.close(whole(exchange));
            return Ok(String::new());
        }
        let exchange = exchanges.at(whole(exchange)).ok_or_else(|| misused("the exchange was closed"))?;
        match what {
            0 => Ok(exchange.wants_body(policy, number > 0.0)),
            1 => Ok(exchange.ask(policy, whole(number), bytes)),
            2 => exchange.judge(policy, Lines::of(text, lines)?, number),
            3 => exchange.seal(policy, bytes),
            4 => exchange.matches(policy, text, number),
            5 => exchange.answer(policy, text, number),
            6 => exchange.pass(policy, Lines::of(text, lines)?),
            7 => Ok(exchange.invalidates(policy, status(whole(number)))),
            8 => Ok(answer_text(&policy.unsatisfied())),
            10 => exchange.asks_again(policy, text),
            _ => Err(misused("there is nothing of that number to be said")),
        }
    }
}

impl Exchange {
    fn request<'a>(&'a self, body: Body<'a>) -> Request<'a> {
        self.request.with(&self.headers, body)
    }

    /// The body is needed for the key alone.
    fn asked(&self) -> Request<'_> {
        self.request(Body::None)
    }

    fn question(&self) -> Outcome<&Question> {
        self.question.as_ref().ok_or_else(|| misused("nothing was looked up"))
    }

    /// How much, or nothing.
    fn wants_body(&self, policy: &Policy, follows: bool) -> String {
        let body = if follows { Body::Follows } else { Body::None };
        policy.wants_body(&self.request(body)).map_or_else(String::new, |most| most.to_string())
    }

    /// `bypass` and the reason; or how it is looked up, why alone or nothing, the key, and what the handler must not see.
    ///
    /// `body`: 0 for none, 1 if one follows, 2 if it is all in `bytes`.
    fn ask(&mut self, policy: &Policy, body: u64, bytes: &[u8]) -> String {
        let body = match body {
            0 => Body::None,
            1 => Body::Follows,
            _ => Body::Read(bytes),
        };
        let question = match policy.ask(&self.request(body)) {
            Ask::Bypass(reason) => return Text::of("bypass").line(reason.word()).end(),
            Ask::Look(question) => question,
        };
        let reason = if let Lookup::Alone(reason) = question.lookup { reason.word() } else { "" };
        let said = Text::of(question.lookup.word()).line(reason).line(&question.key);
        let said = said.lines(question.drop_request_headers.iter().copied()).end();
        self.question = Some(question);
        said
    }

    /// `pass` or `fail` and the reason; or `keep`, the times in milliseconds, the longest body, how many tags there are,
    /// these, and the fields for the own client.
    ///
    /// The lines: the status, what the host's own function of it says or nothing, and the fields.
    fn judge(&mut self, policy: &Policy, mut lines: Lines<'_>, now_ms: f64) -> Outcome<String> {
        let status = status(lines.number());
        let ttl = lines.text().parse().ok().map(duration);
        let headers = lines.header_map()?;
        let head = ResponseHead { status, headers: &headers, ttl };
        let keep = match policy.judge(&self.asked(), self.question()?, &head, whole(now_ms)) {
            Verdict::Pass(reason) => {
                let word = if reason.is_failure() { "fail" } else { "pass" };
                return Ok(Text::of(word).line(reason.word()).end());
            }
            Verdict::Keep(keep) => keep,
        };
        let numbers = [
            millis(keep.ttl),
            millis(keep.stale_while_revalidate),
            millis(keep.stale_if_error),
            keep.body_cap,
            keep.tags.len() as u64,
        ];
        let said = numbers.into_iter().fold(Text::of("keep"), Text::number);
        let said = said.lines(keep.tags.iter().map(String::as_str)).fields(&keep.own).end();
        self.keep = Some(keep);
        Ok(said)
    }

    /// The weight with the body, and the lines of `meta_text`; or the reason why not.
    fn seal(&mut self, policy: &Policy, body: &[u8]) -> Outcome<String> {
        let keep = self.keep.take().ok_or_else(|| misused("nothing was judged to be kept"))?;
        Ok(match policy.seal(keep, body) {
            Ok(meta) => {
                let said = meta_text(Text::of(&meta.weight(body.len()).to_string()), &meta);
                self.meta = Some(meta);
                said
            }
            Err(reason) => reason.word().into(),
        })
    }

    /// `yes`, `too_old`, or `other` and a key. `meta` is what `seal` gave.
    fn matches(&mut self, policy: &Policy, meta: &str, now_ms: f64) -> Outcome<String> {
        let meta = read_meta(Lines::own(meta))?;
        let found = policy.matches(&self.asked(), self.question()?, &meta, whole(now_ms));
        self.meta = Some(meta);
        Ok(match found {
            Match::Yes => "yes".into(),
            Match::TooOld => "too_old".into(),
            Match::Other(key) => Text::of("other").line(&key).end(),
        })
    }

    /// 1, or nothing. `reason` is why another's load was in vain.
    fn asks_again(&self, policy: &Policy, reason: &str) -> Outcome<String> {
        let reason = words::reason(reason).ok_or_else(|| misused("there is no such reason"))?;
        Ok(if policy.asks_again(&self.asked(), reason) { "1".into() } else { String::new() })
    }

    /// The status, 1 if the body follows or else 0, and the header fields.
    fn answer(&self, policy: &Policy, how: &str, now_ms: f64) -> Outcome<String> {
        let how = words::how(how).ok_or_else(|| misused("there is no such way to answer"))?;
        let meta = self.meta.as_ref().ok_or_else(|| misused("nothing was found or sealed"))?;
        Ok(answer_text(&policy.answer(&self.asked(), self.question()?, meta, how, whole(now_ms))))
    }

    /// As `answer`.
    ///
    /// The lines: the reason, the status, and the fields.
    fn pass(&self, policy: &Policy, mut lines: Lines<'_>) -> Outcome<String> {
        let reason = words::reason(lines.text()).ok_or_else(|| misused("there is no such reason"))?;
        let status = status(lines.number());
        let mut headers = lines.header_map()?;
        let passed = policy.pass(&self.asked(), self.question.as_ref(), reason, status, &mut headers);
        let answer = Answer { status: passed.status, headers, with_body: passed.with_body };
        Ok(answer_text(&answer))
    }

    /// How many keys there are, these, and prefixes; nothing if there is nothing to invalidate.
    fn invalidates(&self, policy: &Policy, status: u16) -> String {
        let Some(what) = policy.invalidates(&self.asked(), status) else { return String::new() };
        let names = what.keys.iter().chain(&what.prefixes).map(String::as_str);
        Text::of(&what.keys.len().to_string()).lines(names).end()
    }
}

fn answer_text(answer: &Answer) -> String {
    Text::of(&answer.status.to_string()).number(u64::from(answer.with_body)).fields(&answer.headers).end()
}

/// Status, birth, age, time to live, 1 if it is for those without credentials only or else 0, how many names it varies with, these, the variant's key, and the fields.
fn meta_text(text: Text, meta: &Meta) -> String {
    let numbers = [
        u64::from(meta.status()),
        meta.born_ms(),
        u64::from(meta.age_at_birth()),
        millis(meta.ttl()),
        u64::from(meta.anonymous()),
    ];
    let text = numbers.into_iter().fold(text, Text::number);
    let text = match meta.vary() {
        Some(vary) => text.number(vary.names().count() as u64).lines(vary.names()).line(vary.key()),
        None => text.number(0).line(""),
    };
    text.fields(meta.headers()).end()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn read_meta(mut lines: Lines<'_>) -> Outcome<Meta> {
    // The weight.
    lines.text();
    let status = status(lines.number());
    let born_ms = lines.number();
    let age = u32::try_from(lines.number()).unwrap_or(u32::MAX);
    let ttl = lines.number();
    let anonymous = lines.number() != 0;
    let names: Vec<String> = (0..lines.number().min(MOST_NAMES)).map(|_| lines.text().to_owned()).collect();
    let key = lines.text().to_owned();
    let vary = if names.is_empty() { None } else { Some(words::Vary { names, key }) };
    let plain = words::Meta { status, headers: lines.fields(), born_ms, age, ttl, vary, anonymous };
    Meta::try_from(&plain).map_err(|error| bad_field(&error))
}

/// More than a response ever varies with.
const MOST_NAMES: u64 = 1024;

/// A status, or one that is none.
fn status(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(0)
}

/// A mistake in this package.
fn misused(message: &str) -> Failure {
    Failure::new(INVALID_ARGUMENT, message)
}
