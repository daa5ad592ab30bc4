//! What is asked of a cache seldom, and what needs no cache: one function for all that take and give the same, because
//! each that JavaScript can call costs the addon one to two kilobytes. `js/native/core.ts` gives each its own name
//! again, and has the same numbers.

use napi_derive::napi;
use serde_json::{Value, json};
use snowmelt_core::Units;
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_plain::codecs;
use snowmelt_plain::words as plain;

use super::{Core, Result, read};
use crate::failure::{Failure, Outcome};

#[napi]
impl Core {
    /// About what lies under a key.
    #[napi]
    pub fn of_key(&self, what: u32, key: String) -> Result<f64> {
        let cache = &self.cache;
        Ok(match what {
            // The hit path for keys that the fast one cannot take.
            0 => cache.hot().get(&key).into(),
            1 => cache.get_after_catch_up(&key)?.into(),
            2 => cache.peek(&key)?.into(),
            3 => cache.keeps(&key)?.into(),
            4 => nothing(cache.note_stale(&key)?),
            5 => cache.delete(&key)?.into(),
            6 => cache.reached(&key)?.into(),
            _ => return Err(unknown().into()),
        })
    }

    /// About time, and the whole.
    #[napi]
    pub fn of_all(&self, what: u32, first: f64, second: f64) -> Result<f64> {
        let cache = &self.cache;
        Ok(match what {
            0 => plain::number(cache.now()?.as_millis()),
            1 => nothing(cache.set_clock(first, second)?),
            2 => cache.next_timeout()?.unwrap_or(f64::NAN),
            3 => nothing(cache.handle_timeout()?),
            4 => nothing(cache.clear()?),
            5 => nothing(cache.restored(snowmelt::host::entropy())?),
            6 => nothing(cache.validate()?),
            7 => {
                cache.close();
                0.0
            }
            _ => return Err(unknown().into()),
        })
    }

    /// What has more to it than a number.
    #[napi]
    pub fn told(&self, what: u32) -> Result<Value> {
        let cache = &self.cache;
        Ok(match what {
            0 => cache.keys()?.into(),
            1 => json!(cache.size()?),
            2 => cache.stats()?,
            3 => cache.limits()?,
            4 => cache.events()?.into(),
            5 => cache.poll_call()?.into(),
            _ => return Err(unknown().into()),
        })
    }
}

/// What needs no cache.
#[napi]
pub fn codec(what: u32, arguments: Value) -> Result<Value> {
    Ok(coded(what, &arguments)?)
}

fn coded(what: u32, arguments: &Value) -> Outcome<Value> {
    let text = |place: usize| arguments[place].as_str().unwrap_or_default();
    let number = |place: usize| arguments[place].as_f64().unwrap_or_default();
    Ok(match what {
        0 => codecs::parse_stream(&arguments[0])?,
        1 => checked(codecs::check_config(&arguments[0], Units::Milliseconds)?),
        2 => checked(codecs::check_name(text(0), text(1))?),
        3 => codecs::print_data_id(text(0).into(), text(1).into()).into(),
        4 => codecs::parse_data_id(text(0))?,
        5 => codecs::decode(text(0), text(1), &arguments[2])?,
        6 => codecs::encode(&read(arguments[0].clone())?, text(1), text(2), number(3))?.into(),
        7 => codecs::parse_token(text(0))?,
        8 => codecs::lane_hash(number(0), number(1))?.into(),
        _ => return Err(unknown()),
    })
}

fn checked((): ()) -> Value {
    Value::Null
}

fn nothing((): ()) -> f64 {
    0.0
}

/// A mistake in this package.
fn unknown() -> Failure {
    Failure::new(INVALID_ARGUMENT, "there is nothing of that number to be asked")
}
