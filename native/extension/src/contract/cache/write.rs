//! `PUT` and `DELETE` of `/cache/{key}`.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use snowmelt::host::Moment;
use snowmelt::{FillOutcome, Loaded};

use super::ask;
use super::{Blob, Refusal, Shared, bad, leases, no_content, refusal};
use crate::http::{Request, Response, SentBeforeFreeze, shown};

/// When the head of a request had come, in the order of things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived(pub(super) Moment);

pub(super) fn put<V: Blob>(shared: &Shared<V>, request: Request) -> Result<Response, Refusal> {
    let (mut head, body) = request.into_parts();
    let key = ask::key(&head.uri)?;
    ask::no_query(&head.uri)?;
    let value = V::new(body, content_type(&head.headers));
    let mut loaded = Loaded::new(value).tags(ask::tags(&head.headers)?);
    loaded.ttl = ask::ttl(&head.headers)?;
    let outcome = match lease(&head.headers)? {
        Some(id) => take(shared, &id, &key)?.fill(loaded),
        None if head.extensions.get::<SentBeforeFreeze>().is_some() => FillOutcome::Fenced,
        None => {
            let arrived = head.extensions.remove::<Arrived>();
            let moment = arrived.map_or_else(|| shared.cache.moment(&key), |arrived| arrived.0);
            let outcome = shared.cache.insert_since(&key, loaded, moment);
            outcome.map_err(|error| ask::input(&error))?
        }
    };
    match outcome {
        FillOutcome::Stored | FillOutcome::NotKept => {
            // Older leases of the key are worth nothing now.
            shared.leases().give_up(&key);
            Ok(no_content())
        }
        FillOutcome::Fenced => Err(fenced()),
        FillOutcome::TooHeavy => Err(too_heavy()),
    }
}

pub(super) fn delete<V: Blob>(shared: &Shared<V>, request: &Request) -> Result<Response, Refusal> {
    let key = ask::key(request.uri())?;
    ask::no_query(request.uri())?;
    match lease(request.headers())? {
        // Who waits for it is told at once, and one of them loads.
        Some(id) => drop(take(shared, &id, &key)?),
        None => {
            shared.cache.delete(&key);
        }
    }
    Ok(no_content())
}

/// `Content-Type`, as a piece of its own: the request's is part of the buffer
/// that hyper read it into.
fn content_type(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let copied = given.and_then(|given| HeaderValue::from_maybe_shared(Bytes::copy_from_slice(given)).ok());
    copied.unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn lease(headers: &HeaderMap) -> Result<Option<leases::Id>, Refusal> {
    let Some(text) = ask::text(headers, &ask::LEASE)? else { return Ok(None) };
    let id = leases::parse(text).ok_or_else(|| {
        let message = format!(
            "`Snowmelt-Lease` is {}: give it as the answer to `GET …?wait` had it",
            shown(text.as_bytes())
        );
        bad("InvalidLease", &message)
    })?;
    Ok(Some(id))
}

fn take<V: Blob>(shared: &Shared<V>, id: &leases::Id, key: &str) -> Result<snowmelt::Lease<V>, Refusal> {
    let taken = shared.leases().take(id, key).map_err(|()| {
        bad("OtherKey", "the lease is for another key: use it for the key that it was given for")
    })?;
    taken.ok_or_else(|| {
        let message = "there is no such lease: it was used, took longer than SNOWMELT_LOAD_TIMEOUT, or was ended by another PUT or a new invocation; nothing was changed";
        refusal(StatusCode::GONE, "LeaseGone", message)
    })
}

fn fenced() -> Refusal {
    let message = "the value was not stored because it may be stale: its key, a tag or a prefix was invalidated while it was loaded, or the load took too long; use it, and let the next reader load anew";
    refusal(StatusCode::CONFLICT, "Fenced", message)
}

fn too_heavy() -> Refusal {
    let message = "the value was not stored because it alone is over its share of SNOWMELT_MAX_WEIGHT: raise that, or cache less";
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "TooHeavy", message)
}
