//! The addon for Node.
#![expect(unreachable_pub, reason = "the macro exports these to JavaScript; `js/binding.ts` documents them")]
#![expect(clippy::unused_self, reason = "JavaScript calls methods")]
#![expect(clippy::needless_pass_by_value, reason = "what comes from JavaScript is made for the call")]

use napi::bindgen_prelude::{Either, Object, Uint32Array};
use napi::{Env, Error};
use napi_derive::napi;
use serde::de::DeserializeOwned;
use serde_json::Value;
use snowmelt_core::Units;
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_node_hot::functions;

use snowmelt_plain::call::{Refused, StreamPlace};
use snowmelt_plain::words as plain;
use snowmelt_plain::{codecs, options};

use crate::failure::Failure;

use crate::cache::{self, Cache};
use crate::feed::Writing;

mod asked;
mod http;
mod stream;

type Result<T> = std::result::Result<T, Error>;

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::from_reason(failure.json())
    }
}

/// Reads an argument; one that is not as `js/binding.ts` says is a mistake in
/// this package.
fn read<T: DeserializeOwned>(value: Value) -> std::result::Result<T, Failure> {
    serde_json::from_value(value).map_err(|error| Failure::new(INVALID_ARGUMENT, error.to_string()))
}

/// One cache; see `Core` in `js/binding.ts`.
#[napi]
pub struct Core {
    cache: Cache,
}

/// A load; see `Begun` in `js/binding.ts`.
#[napi]
pub struct Begun {
    begun: cache::Begun,
}

/// An invalidation on its way; see `Write` in `js/binding.ts`.
#[napi]
pub struct Write {
    writing: Writing,
}

/// An invocation under way.
#[napi]
pub struct InvocationMark {
    invocation: cache::Invocation,
}

#[napi]
impl Begun {
    #[napi(getter)]
    pub fn leads(&self) -> bool {
        self.begun.leads
    }

    #[napi(getter)]
    pub fn id(&self) -> f64 {
        plain::number(self.begun.id.0)
    }

    #[napi(getter)]
    pub fn start(&self) -> f64 {
        plain::number(self.begun.start.as_millis())
    }

    #[napi(getter)]
    pub fn old(&self) -> i32 {
        self.begun.old
    }
}

#[napi]
pub fn create_core(
    settings: Value,
    stream: Value,
    seed: Option<f64>,
    clock: Option<Vec<f64>>,
) -> Result<Core> {
    let place = StreamPlace::read(&stream).map_err(Failure::from)?;
    let config = options::config(&settings, place.identity(), Units::Milliseconds).map_err(Failure::from)?;
    let seed = seed.map_or_else(snowmelt::host::entropy, plain::whole);
    Ok(Core { cache: Cache::new(config, place, seed, clock.as_deref())? })
}

#[napi]
impl Core {
    /// Makes the functions of the hot path.
    #[napi]
    pub fn hot_functions(&self, env: Env) -> Result<Object<'_>> {
        functions(env, self.cache.hot())
    }

    #[napi]
    pub fn arrive(&self) -> Result<f64> {
        Ok(self.cache.arrive()?)
    }

    #[napi]
    pub fn accepts(&self, arrival: f64, id: f64) -> bool {
        Cache::accepts(arrival, id)
    }

    #[napi]
    pub fn begin(&self, key: String) -> Result<Begun> {
        Ok(Begun { begun: self.cache.begin(&key)? })
    }

    #[napi]
    pub fn rescue(&self, key: String) -> Result<Vec<f64>> {
        Ok(self.cache.rescue(&key)?)
    }

    #[napi]
    pub fn next(&self, key: String, ahead: bool) -> Result<Either<i32, Begun>> {
        Ok(match self.cache.next(&key, ahead)? {
            Ok(slot) => Either::A(slot),
            Err(begun) => Either::B(Begun { begun }),
        })
    }

    #[napi]
    pub fn fill(&self, begun: &Begun, slot: u32, extras: Value) -> Result<&'static str> {
        Ok(self.cache.fill(&begun.begun, slot, &read(extras)?)?)
    }

    #[napi]
    pub fn abandon(&self, begun: &Begun) -> Result<()> {
        Ok(self.cache.abandon(&begun.begun)?)
    }

    #[napi]
    pub fn insert_with(
        &self,
        key: String,
        slot: u32,
        extras: Value,
        as_of: Option<f64>,
    ) -> Result<&'static str> {
        Ok(self.cache.insert_with(&key, slot, &read(extras)?, as_of)?)
    }

    #[napi]
    pub fn take_freed(&self) -> Result<Option<Uint32Array>> {
        let freed = self.cache.take_freed()?;
        Ok((!freed.is_empty()).then(|| Uint32Array::new(freed)))
    }

    #[napi]
    pub fn invalidate(&self, what: Value) -> Result<Write> {
        Ok(Write { writing: self.cache.invalidate(&read(what)?)? })
    }

    #[napi]
    pub fn finish_write(&self, write: &Write) -> Result<String> {
        Ok(self.cache.finish_write(&write.writing)?)
    }

    #[napi]
    pub fn catch_up(&self, purpose: Value) -> Result<Value> {
        Ok(self.cache.catch_up(&purpose)?)
    }

    #[napi]
    pub fn outcome(&self, id: f64) -> Result<Option<Value>> {
        Ok(self.cache.outcome(id)?)
    }

    #[napi]
    pub fn answer(&self, id: String, operation: String, output: Value, date: Option<f64>) -> Result<()> {
        Ok(self.cache.answer(&id, &operation, output, date)?)
    }

    #[napi]
    pub fn refuse(&self, id: String, operation: String, refusal: Value, date: Option<f64>) -> Result<()> {
        Ok(self.cache.refuse(&id, &operation, &read(refusal)?, date)?)
    }

    #[napi]
    pub fn take(&self, answered: &stream::Answered) {
        if let Some(answer) = answered.take_call() {
            self.cache.take(answer);
        }
    }

    #[napi]
    pub fn begin_invocation(&self) -> Result<InvocationMark> {
        Ok(InvocationMark { invocation: self.cache.begin_invocation()? })
    }

    #[napi]
    pub fn end_invocation(&self, mark: &InvocationMark, style: String, namespace: String) -> Result<Value> {
        Ok(self.cache.end_invocation(&mark.invocation, &style, &namespace)?)
    }
}

#[napi]
impl Write {
    #[napi]
    pub fn poll(&self, core: &Core) -> Result<Value> {
        Ok(core.cache.poll_write(&self.writing)?)
    }

    #[napi]
    pub fn answer(&self, core: &Core, output: Value, date: Option<f64>) {
        core.cache.answer_put(&self.writing, output, date);
    }

    #[napi]
    pub fn refuse(&self, core: &Core, refusal: Value, date: Option<f64>) -> Result<()> {
        let refusal: Refused = read(refusal)?;
        Ok(core.cache.refuse_put(&self.writing, &refusal, date)?)
    }

    #[napi]
    pub fn take(&self, core: &Core, answered: &stream::Answered) {
        if let Some(answer) = answered.take_put() {
            core.cache.take_put(&self.writing, answer);
        }
    }
}

#[napi]
pub fn duration(option: String, value: Value) -> Result<f64> {
    Ok(codecs::duration(&option, &value, Units::Milliseconds).map_err(Failure::from)?)
}
