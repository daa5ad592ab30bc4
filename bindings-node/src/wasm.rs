//! The WebAssembly build.
#![expect(unreachable_pub, reason = "the macro exports these to JavaScript; `js/binding.ts` documents them")]
#![expect(clippy::unused_self, reason = "JavaScript calls methods")]
#![expect(clippy::needless_pass_by_value, reason = "what comes from JavaScript is made for the call")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_wasm_bindgen::Serializer;
use snowmelt_core::MemoryModel;
use snowmelt_core::Units;
use snowmelt_core::codes::INVALID_ARGUMENT;
use snowmelt_core::follower::CallError;
use snowmelt_core::writer::PutAnswer;
use snowmelt_node_hot::wall_millis;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use snowmelt_plain::call::{Refused, StreamPlace};
use snowmelt_plain::words as plain;
use snowmelt_plain::{codecs, options};

use crate::failure::Failure;

use crate::cache::{self, Cache};
use crate::feed::{self, Writing};

mod http;

type Result<T> = std::result::Result<T, JsValue>;

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        js_sys::Error::new(&failure.json()).into()
    }
}

/// Reads an argument; one that is not as `js/binding.ts` says is a mistake in
/// this package.
fn read<T: DeserializeOwned>(value: JsValue) -> Result<T> {
    serde_wasm_bindgen::from_value(value)
        .map_err(|error| Failure::new(INVALID_ARGUMENT, error.to_string()).into())
}

/// Objects, not `Map`s, and `null` for nothing.
fn give(value: &impl Serialize) -> Result<JsValue> {
    Ok(value.serialize(&Serializer::json_compatible())?)
}

fn give_or_null<T: Serialize>(value: Option<T>) -> Result<JsValue> {
    value.map_or(Ok(JsValue::NULL), |value| give(&value))
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Math)]
    fn random() -> f64;
}

/// Differs from instance to instance.
fn entropy() -> u64 {
    random().to_bits() ^ random().to_bits().rotate_left(32)
}

/// One cache; see `Core` in `js/binding.ts`.
#[wasm_bindgen]
pub struct Core {
    cache: Cache,
}

/// A load; see `Begun` in `js/binding.ts`.
#[wasm_bindgen]
pub struct Begun {
    begun: cache::Begun,
}

/// An invalidation on its way; see `Write` in `js/binding.ts`.
#[wasm_bindgen]
pub struct Write {
    writing: Writing,
}

/// An invocation under way.
#[wasm_bindgen]
pub struct InvocationMark {
    invocation: cache::Invocation,
}

#[wasm_bindgen]
impl Begun {
    #[wasm_bindgen(getter)]
    pub fn leads(&self) -> bool {
        self.begun.leads
    }

    #[wasm_bindgen(getter)]
    pub fn id(&self) -> f64 {
        plain::number(self.begun.id.0)
    }

    #[wasm_bindgen(getter)]
    pub fn start(&self) -> f64 {
        plain::number(self.begun.start.as_millis())
    }

    #[wasm_bindgen(getter)]
    pub fn old(&self) -> i32 {
        self.begun.old
    }
}

#[wasm_bindgen(js_name = createCore)]
pub fn create_core(
    settings: JsValue,
    stream: JsValue,
    seed: Option<f64>,
    clock: Option<Vec<f64>>,
) -> Result<Core> {
    let (settings, stream): (Value, Value) = (read(settings)?, read(stream)?);
    let place = StreamPlace::read(&stream).map_err(Failure::from)?;
    let config = options::config(&settings, place.identity(), Units::Milliseconds).map_err(Failure::from)?;
    let seed = seed.map_or_else(entropy, plain::whole);
    Ok(Core { cache: Cache::new(config, place, seed, clock.as_deref())? })
}

#[wasm_bindgen]
impl Core {
    /// The hit path: see `hotFunctions` in `js/binding.ts`.
    #[wasm_bindgen(js_name = getHot)]
    pub fn get_hot(&self, key: &str) -> i32 {
        self.cache.hot().get(key)
    }

    /// The path of plain sets: see there. The outcome, and what became free.
    #[wasm_bindgen(js_name = insertHot)]
    pub fn insert_hot(&self, key: &str, slot: u32, weight: u32) -> Vec<i32> {
        let (outcome, freed) = self.cache.hot().insert(key, slot, weight);
        vec![outcome, freed]
    }

    pub fn now(&self) -> Result<f64> {
        Ok(plain::number(self.cache.now()?.as_millis()))
    }

    #[wasm_bindgen(js_name = setClock)]
    pub fn set_clock(&self, monotonic: f64, wall: f64) -> Result<()> {
        Ok(self.cache.set_clock(monotonic, wall)?)
    }

    /// The hit path for keys that the fast one cannot take.
    #[wasm_bindgen(js_name = getUnusual)]
    pub fn get_unusual(&self, key: String) -> i32 {
        self.cache.hot().get(&key)
    }

    #[wasm_bindgen(js_name = getAfterCatchUp)]
    pub fn get_after_catch_up(&self, key: String) -> Result<i32> {
        Ok(self.cache.get_after_catch_up(&key)?)
    }

    pub fn peek(&self, key: String) -> Result<i32> {
        Ok(self.cache.peek(&key)?)
    }

    pub fn arrive(&self) -> Result<f64> {
        Ok(self.cache.arrive()?)
    }

    pub fn accepts(&self, arrival: f64, id: f64) -> bool {
        Cache::accepts(arrival, id)
    }

    pub fn begin(&self, key: String) -> Result<Begun> {
        Ok(Begun { begun: self.cache.begin(&key)? })
    }

    pub fn keeps(&self, key: String) -> Result<bool> {
        Ok(self.cache.keeps(&key)?)
    }

    pub fn rescue(&self, key: String) -> Result<Vec<f64>> {
        Ok(self.cache.rescue(&key)?)
    }

    #[wasm_bindgen(js_name = noteStale)]
    pub fn note_stale(&self, key: String) -> Result<()> {
        Ok(self.cache.note_stale(&key)?)
    }

    pub fn next(&self, key: String, ahead: bool) -> Result<JsValue> {
        Ok(match self.cache.next(&key, ahead)? {
            Ok(slot) => slot.into(),
            Err(begun) => Begun { begun }.into(),
        })
    }

    pub fn fill(&self, begun: &Begun, slot: u32, extras: JsValue) -> Result<String> {
        Ok(self.cache.fill(&begun.begun, slot, &read(extras)?)?.into())
    }

    pub fn abandon(&self, begun: &Begun) -> Result<()> {
        Ok(self.cache.abandon(&begun.begun)?)
    }

    #[wasm_bindgen(js_name = insertWith)]
    pub fn insert_with(&self, key: String, slot: u32, extras: JsValue, as_of: Option<f64>) -> Result<String> {
        Ok(self.cache.insert_with(&key, slot, &read(extras)?, as_of)?.into())
    }

    pub fn delete(&self, key: String) -> Result<bool> {
        Ok(self.cache.delete(&key)?)
    }

    pub fn clear(&self) -> Result<()> {
        Ok(self.cache.clear()?)
    }

    pub fn keys(&self) -> Result<Vec<String>> {
        Ok(self.cache.keys()?)
    }

    pub fn size(&self) -> Result<Vec<f64>> {
        let (entries, weight) = self.cache.size()?;
        Ok(vec![entries, weight])
    }

    #[wasm_bindgen(js_name = takeFreed)]
    pub fn take_freed(&self) -> Result<Option<Vec<u32>>> {
        Ok(Some(self.cache.take_freed()?).filter(|freed| !freed.is_empty()))
    }

    pub fn invalidate(&self, what: JsValue) -> Result<Write> {
        Ok(Write { writing: self.cache.invalidate(&read(what)?)? })
    }

    #[wasm_bindgen(js_name = finishWrite)]
    pub fn finish_write(&self, write: &Write) -> Result<String> {
        Ok(self.cache.finish_write(&write.writing)?)
    }

    pub fn reached(&self, token: String) -> Result<bool> {
        Ok(self.cache.reached(&token)?)
    }

    #[wasm_bindgen(js_name = catchUp)]
    pub fn catch_up(&self, purpose: JsValue) -> Result<JsValue> {
        give(&self.cache.catch_up(&read(purpose)?)?)
    }

    pub fn outcome(&self, id: f64) -> Result<JsValue> {
        give_or_null(self.cache.outcome(id)?)
    }

    #[wasm_bindgen(js_name = nextTimeout)]
    pub fn next_timeout(&self) -> Result<JsValue> {
        give_or_null(self.cache.next_timeout()?)
    }

    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(&self) -> Result<()> {
        Ok(self.cache.handle_timeout()?)
    }

    #[wasm_bindgen(js_name = pollCall)]
    pub fn poll_call(&self) -> Result<JsValue> {
        give_or_null(self.cache.poll_call()?)
    }

    pub fn answer(&self, id: String, operation: String, output: JsValue, date: Option<f64>) -> Result<()> {
        Ok(self.cache.answer(&id, &operation, read(output)?, date)?)
    }

    pub fn refuse(&self, id: String, operation: String, refusal: JsValue, date: Option<f64>) -> Result<()> {
        Ok(self.cache.refuse(&id, &operation, &read(refusal)?, date)?)
    }

    pub fn take(&self, answered: &Answered) {
        if let Some(answer) = answered.take_call() {
            self.cache.take(answer);
        }
    }

    pub fn events(&self) -> Result<JsValue> {
        give(&self.cache.events()?)
    }

    #[wasm_bindgen(js_name = beginInvocation)]
    pub fn begin_invocation(&self) -> Result<InvocationMark> {
        Ok(InvocationMark { invocation: self.cache.begin_invocation()? })
    }

    #[wasm_bindgen(js_name = endInvocation)]
    pub fn end_invocation(&self, mark: &InvocationMark, style: String, namespace: String) -> Result<JsValue> {
        give(&self.cache.end_invocation(&mark.invocation, &style, &namespace)?)
    }

    pub fn restored(&self) -> Result<()> {
        Ok(self.cache.restored(entropy())?)
    }

    pub fn stats(&self) -> Result<JsValue> {
        give(&self.cache.stats()?)
    }

    pub fn limits(&self) -> Result<JsValue> {
        give(&self.cache.limits()?)
    }

    pub fn validate(&self) -> Result<()> {
        Ok(self.cache.validate()?)
    }

    pub fn close(&self) {
        self.cache.close();
    }
}

#[wasm_bindgen]
impl Write {
    pub fn poll(&self, core: &Core) -> Result<JsValue> {
        give(&core.cache.poll_write(&self.writing)?)
    }

    pub fn answer(&self, core: &Core, output: JsValue, date: Option<f64>) -> Result<()> {
        core.cache.answer_put(&self.writing, read(output)?, date);
        Ok(())
    }

    pub fn refuse(&self, core: &Core, refusal: JsValue, date: Option<f64>) -> Result<()> {
        let refusal: Refused = read(refusal)?;
        Ok(core.cache.refuse_put(&self.writing, &refusal, date)?)
    }

    pub fn take(&self, core: &Core, answered: &Answered) {
        if let Some(answer) = answered.take_put() {
            core.cache.take_put(&self.writing, answer);
        }
    }
}

#[wasm_bindgen(js_name = parseStream)]
pub fn parse_stream(value: JsValue) -> Result<JsValue> {
    give(&codecs::parse_stream(&read(value)?).map_err(Failure::from)?)
}

#[wasm_bindgen]
pub fn duration(option: String, value: JsValue) -> Result<f64> {
    Ok(codecs::duration(&option, &read(value)?, Units::Milliseconds).map_err(Failure::from)?)
}

#[wasm_bindgen(js_name = checkConfig)]
pub fn check_config(settings: JsValue) -> Result<()> {
    Ok(codecs::check_config(&read(settings)?, Units::Milliseconds).map_err(Failure::from)?)
}

#[wasm_bindgen(js_name = checkName)]
pub fn check_name(what: String, name: String) -> Result<()> {
    Ok(codecs::check_name(&what, &name).map_err(Failure::from)?)
}

#[wasm_bindgen(js_name = printDataId)]
pub fn print_data_id(source: String, id: String) -> String {
    codecs::print_data_id(source, id)
}

#[wasm_bindgen(js_name = parseDataId)]
pub fn parse_data_id(text: String) -> Result<JsValue> {
    give(&codecs::parse_data_id(&text).map_err(Failure::from)?)
}

#[wasm_bindgen]
pub fn decode(base64: String, namespace: String, source: JsValue) -> Result<JsValue> {
    give(&codecs::decode(&base64, &namespace, &read(source)?).map_err(Failure::from)?)
}

#[wasm_bindgen]
pub fn encode(what: JsValue, format: String, namespace: String, written: f64) -> Result<Vec<String>> {
    Ok(codecs::encode(&read(what)?, &format, &namespace, written).map_err(Failure::from)?)
}

#[wasm_bindgen(js_name = parseToken)]
pub fn parse_token(text: String) -> Result<JsValue> {
    give(&codecs::parse_token(&text).map_err(Failure::from)?)
}

#[wasm_bindgen(js_name = laneHashKey)]
pub fn lane_hash_key(lane: f64, lanes: f64) -> Result<String> {
    Ok(codecs::lane_hash(lane, lanes).map_err(Failure::from)?)
}

/// An answer that came back; taken once.
#[wasm_bindgen]
pub struct Answered {
    ok: bool,
    answer: RefCell<Option<Answer>>,
}

enum Answer {
    Call(feed::Answered),
    Put(std::result::Result<PutAnswer, CallError>),
}

#[wasm_bindgen]
impl Answered {
    #[wasm_bindgen(getter)]
    pub fn ok(&self) -> bool {
        self.ok
    }

    /// Nothing here gives tickets.
    #[wasm_bindgen(getter)]
    pub fn ticket(&self) -> u32 {
        0
    }
}

impl Answered {
    fn take_call(&self) -> Option<feed::Answered> {
        match self.answer.take() {
            Some(Answer::Call(answer)) => Some(answer),
            _ => None,
        }
    }

    fn take_put(&self) -> Option<std::result::Result<PutAnswer, CallError>> {
        match self.answer.take() {
            Some(Answer::Put(answer)) => Some(answer),
            _ => None,
        }
    }
}

type Model = RefCell<MemoryModel>;

thread_local! {
    /// The streams that are in use.
    static NAMED: RefCell<BTreeMap<String, Weak<Model>>> = RefCell::default();
}

/// A stream within this instance; see `MemoryStream` in `js/binding.ts`.
#[wasm_bindgen]
pub struct MemoryStream {
    name: String,
    model: Rc<Model>,
}

#[wasm_bindgen(js_name = openMemory)]
pub fn open_memory(name: String) -> MemoryStream {
    let model = NAMED.with_borrow_mut(|named| {
        if let Some(model) = named.get(&name).and_then(Weak::upgrade) {
            return model;
        }
        named.retain(|_, model| model.strong_count() > 0);
        let model = Rc::new(RefCell::new(MemoryModel::new(incarnation(), 1)));
        named.insert(name.clone(), Rc::downgrade(&model));
        model
    });
    MemoryStream { name: format!("memory:{name}"), model }
}

/// Differs between any two streams of an instance.
fn incarnation() -> u128 {
    thread_local!(static MADE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });
    MADE.set(MADE.get() + 1);
    MemoryModel::incarnation(wall_millis(), MADE.get())
}

#[wasm_bindgen]
impl MemoryStream {
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub fn next(&self, core: &Core) -> Result<JsValue> {
        let Some(call) = core.cache.next_call()? else { return Ok(JsValue::NULL) };
        let answer = self.model.borrow_mut().call(&call.request, wall_millis());
        let ok = answer.is_ok();
        Ok(Answered { ok, answer: RefCell::new(Some(Answer::Call((call.id, answer)))) }.into())
    }

    pub fn put(&self, core: &Core, write: &Write) -> Result<JsValue> {
        let put = match core.cache.next_put(&write.writing)? {
            Ok(put) => put,
            Err(otherwise) => return give(&otherwise),
        };
        let answer = self.model.borrow_mut().put(put, wall_millis());
        let ok = answer.is_ok();
        Ok(Answered { ok, answer: RefCell::new(Some(Answer::Put(answer))) }.into())
    }
}
