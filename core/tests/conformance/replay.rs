//! Replays one transcript.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Map, Value, json};
use snowmelt_core::follower::{CallId, CatchUpId};
use snowmelt_core::{
    Arrival, Begin, CatchUp, Engine, Event, Host, InputError, Lease, Loaded, Next, Refresh, Share, Time,
    Worth, Write,
};

use crate::codecs;
use crate::data::{MONOTONIC_START, START, names, since_start, wall};
use crate::observed::{self, expect};
use crate::options;
use crate::stream;
use crate::transcript::{self, At, Edge, Fill, Insert, Purpose, Step, Transcript};
use crate::writing;

struct Single;

impl Host for Single {
    type Value = String;
    /// The number of the lease, as the transcript counts.
    type Flight = usize;
    type Cell<T> = RefCell<T>;
}

/// An engine and what the transcript has numbered so far, from 1.
struct Replay {
    engine: Engine<Single>,
    now: Time,
    leases: Vec<Lease>,
    arrivals: Vec<Arrival>,
    writes: Vec<Option<Write>>,
    calls: Vec<CallId>,
    catch_ups: Vec<CatchUpId>,
}

/// Replays a transcript; says which step went otherwise, and how.
pub(crate) fn replay(transcript: &Transcript, seed: u64, segments: Option<usize>) -> Result<(), String> {
    let mut config = options::config(&transcript.config)?;
    config.segments = segments.unwrap_or(config.segments);
    let engine = Engine::new(config, seed, Time::from_millis(START)).map_err(|error| error.to_string())?;
    let now = engine.observe(MONOTONIC_START, START);
    let (leases, writes) = (Vec::new(), Vec::new());
    let arrivals = Vec::new();
    let mut replay =
        Replay { engine, now, leases, arrivals, writes, calls: Vec::new(), catch_ups: Vec::new() };
    for (at, step) in transcript.steps.iter().enumerate() {
        replay.step(step).map_err(|why| format!("step {}: {step:?}: {why}", at + 1))?;
        replay.engine.validate();
    }
    Ok(())
}

impl Replay {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let now = self.now;
        match step {
            Step::Note(text) if text.is_empty() => Err("a note that says nothing".into()),
            Step::Note(_) => Ok(()),
            Step::At(at) => self.at(at),
            Step::Invocation(Edge::Begin) => done(|| self.engine.begin_invocation(now)),
            Step::Invocation(Edge::End) => done(|| self.engine.end_invocation()),
            Step::Restored(seed) => done(|| self.engine.restored(*seed, now)),
            Step::Stats(expected) => self.stats(expected),
            Step::Configure(step) => codecs::configure(step),
            Step::CheckName(step) => codecs::name(step),
            Step::Decode(step) => codecs::decoded(step),
            Step::Encode(step) => codecs::encoded(step),
            Step::DataId(step) => codecs::data_id(step),
            Step::ParseDataId(step) => codecs::parsed_data_id(step),
            Step::ParseToken(step) => codecs::parsed_token(step),
            Step::LaneHashKey(step) => codecs::lane(step),
            _ => self
                .cache_step(step)
                .or_else(|| self.stream_step(step))
                .unwrap_or_else(|| self.write_step(step)),
        }
    }

    /// Reads, loads and fills.
    fn cache_step(&mut self, step: &Step) -> Option<Result<(), String>> {
        let (engine, now) = (&self.engine, self.now);
        Some(match step {
            Step::Get(step) => expect(&step.expect, &observed::lookup(engine.get(&step.key, now))),
            Step::GetAfterCatchUp(step) => {
                expect(&step.expect, &observed::lookup(engine.get_after_catch_up(&step.key, now)))
            }
            Step::Peek(step) => expect(&step.expect, &observed::hit(engine.peek(&step.key, now))),
            Step::Keys(expected) => {
                let mut keys = engine.keys();
                keys.sort();
                expect(&json!(expected), &json!(keys))
            }
            Step::Begin(step) => self.begin(&step.key, &step.expect),
            Step::Next(step) => self.next(step),
            Step::NoteStale(key) => done(|| engine.note_stale(key)),
            Step::Rescue(step) => expect(&step.expect, &observed::rescued(engine.rescue(&step.key, now))),
            Step::Arrive(number) => {
                self.arrivals.push(engine.arrive());
                expect(&json!(number), &json!(self.arrivals.len()))
            }
            Step::Serves(step) => {
                let serves = self.leases[step.lease - 1].serves(self.arrivals[step.arrival - 1]);
                expect(&json!(step.expect), &json!(serves))
            }
            Step::Fill(step) => self.fill(step),
            Step::Abandon(lease) => done(|| engine.abandon(&self.leases[lease - 1], now)),
            Step::Insert(step) => self.insert(step),
            Step::Delete(step) => expect(&step.expect, &json!(engine.delete(&step.key))),
            Step::Clear(_) => done(|| engine.clear()),
            _ => return None,
        })
    }

    /// Catching up.
    fn stream_step(&mut self, step: &Step) -> Option<Result<(), String>> {
        let now = self.now;
        Some(match step {
            Step::CatchUp(step) => self.catch_up(step),
            Step::Calls(expected) => self.calls(expected),
            Step::Answer(step) => {
                let id = self.calls[step.call - 1];
                done(|| self.engine.handle_answer(id, stream::answer(step), now))
            }
            Step::Timeout(_) => done(|| self.engine.handle_timeout(now)),
            Step::NextTimeout(expected) => {
                let next = self.engine.poll_timeout().map(|time| since_start(time.as_millis()));
                expect(&json!(expected), &json!(next))
            }
            Step::Outcome(step) => self.outcome(step),
            Step::Events(expected) => {
                let mut events = Vec::new();
                while let Some(event) = self.engine.poll_event() {
                    events.push(self.event(event));
                }
                expect(expected, &json!(events))
            }
            _ => return None,
        })
    }

    fn write_step(&mut self, step: &Step) -> Result<(), String> {
        let now = self.now;
        match step {
            Step::Invalidate(step) => {
                let observed = match self.engine.invalidate(&codecs::invalidation(&step.what), now) {
                    Ok(write) => {
                        self.writes.push(Some(write));
                        json!({ "write": self.writes.len() })
                    }
                    Err(error) => observed::input_error(&error),
                };
                expect(&step.expect, &observed)
            }
            Step::PollWrite(step) => {
                let observed = writing::polled(self.write(step.write), now, &step.expect)?;
                expect(&step.expect, &observed)
            }
            Step::AnswerWrite(step) => done(|| writing::answer(self.write(step.write), step, now)),
            Step::FinishWrite(step) => {
                let write = self.writes[step.write - 1].take().expect("a write is finished once");
                expect(&step.expect, &writing::finished(self.engine.finish_write(write, now)))
            }
            Step::Reached(step) => {
                let reached = step.token.parse().and_then(|token| self.engine.reached(&token));
                let observed =
                    reached.map_or_else(|error: InputError| observed::input_error(&error), Value::from);
                expect(&step.expect, &observed)
            }
            other => unreachable!("{other:?} is handled elsewhere"),
        }
    }

    fn at(&mut self, at: &At) -> Result<(), String> {
        let (mono, wall_clock) = match at {
            At::Both(time) => (*time, *time),
            At::Each(clocks) => (clocks.mono, clocks.wall),
        };
        let mono = MONOTONIC_START.checked_add_signed(mono).ok_or("a monotonic clock below zero")?;
        self.now = self.engine.observe(mono, wall(wall_clock));
        Ok(())
    }

    fn begin(&mut self, key: &str, expected: &Value) -> Result<(), String> {
        let number = self.leases.len() + 1;
        let begun = self.engine.begin(key, self.now, || number);
        expect(expected, &self.begun(begun)?)
    }

    fn begun(&mut self, begun: Begin<usize>) -> Result<Value, String> {
        Ok(match begun {
            Begin::Lead(lease) => {
                self.leases.push(lease);
                json!({ "lead": self.leases.len() })
            }
            Begin::Join { id, start, flight } => {
                let lease = &self.leases[flight - 1];
                if (lease.id(), lease.start()) != (id, start) {
                    return Err("a join names another lease than its flight".into());
                }
                json!({ "join": flight })
            }
        })
    }

    fn next(&mut self, step: &transcript::Next) -> Result<(), String> {
        let number = self.leases.len() + 1;
        let observed = match self.engine.next(&step.key, step.ahead, self.now, || number) {
            Next::Serve { value, stale } => json!({ "serve": value, "stale": stale }),
            Next::Begin { begun, old } => {
                let mut observed = self.begun(begun)?;
                if let Some(Worth { value, stale }) = old {
                    observed["old"] = json!({ "value": value, "stale": stale });
                }
                observed
            }
        };
        expect(&step.expect, &observed)
    }

    fn fill(&mut self, step: &Fill) -> Result<(), String> {
        let tags = names(&step.tags);
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let loaded = Loaded {
            weight: step.weight.unwrap_or(1),
            tags: &tags,
            ttl: step.ttl.map(Duration::from_millis),
            refresh: refresh(step.stale_while_revalidate, step.stale_if_error, step.refresh_ahead),
            absent: step.absent,
            took: Duration::from_millis(step.took.unwrap_or(0)),
            ..Loaded::new(step.value.clone())
        };
        let outcome = self.engine.fill(&self.leases[step.lease - 1], loaded, self.now);
        expect(&step.expect, &observed::fill(outcome))
    }

    fn insert(&mut self, step: &Insert) -> Result<(), String> {
        let tags = names(&step.tags);
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let loaded = Loaded {
            weight: step.weight.unwrap_or(1),
            tags: &tags,
            ttl: step.ttl.map(Duration::from_millis),
            refresh: refresh(step.stale_while_revalidate, step.stale_if_error, step.refresh_ahead),
            absent: step.absent,
            took: Duration::from_millis(step.took.unwrap_or(0)),
            ..Loaded::new(step.value.clone())
        };
        let as_of = step.as_of.map(|time| Time::from_millis(wall(time)));
        let outcome = self.engine.insert(&step.key, loaded, as_of, self.now);
        expect(&step.expect, &observed::fill(outcome))
    }

    fn catch_up(&mut self, step: &transcript::CatchUp) -> Result<(), String> {
        let caught_up = match step.purpose {
            Purpose::Read => self.engine.catch_up_for_read(self.now),
            Purpose::Everything => self.engine.catch_up(self.now),
            Purpose::Since(need) => self.engine.catch_up_since(Time::from_millis(wall(need)), self.now),
        };
        let observed = match caught_up {
            CatchUp::UpToDate => json!("up_to_date"),
            CatchUp::NotDue => json!("not_due"),
            CatchUp::Running(id) => json!({ "running": self.catch_up_number(id) }),
            CatchUp::Earlier(id) => json!({ "earlier": self.catch_up_number(id) }),
        };
        expect(&step.expect, &observed)
    }

    fn catch_up_number(&mut self, id: CatchUpId) -> usize {
        let known = self.catch_ups.iter().position(|known| *known == id);
        known.map_or_else(
            || {
                self.catch_ups.push(id);
                self.catch_ups.len()
            },
            |at| at + 1,
        )
    }

    /// All calls that are to be made now, in any order; numbered as listed.
    fn calls(&mut self, expected: &[Value]) -> Result<(), String> {
        let mut polled = Vec::new();
        while let Some(call) = self.engine.poll_call(self.now) {
            polled.push((call.id, stream::request(&call.request)));
        }
        let all = polled.iter().map(|(_, request)| request.to_string()).collect::<Vec<_>>().join(", ");
        for call in expected {
            let found = polled.iter().position(|(_, request)| stream::is_call(call, request));
            let Some(at) = found else { return Err(format!("no call {call}; observed [{all}]")) };
            self.calls.push(polled.swap_remove(at).0);
        }
        if polled.is_empty() { Ok(()) } else { Err(format!("more calls than expected: observed [{all}]")) }
    }

    fn outcome(&self, step: &transcript::Outcome) -> Result<(), String> {
        let outcome = self.engine.catch_up_outcome(self.catch_ups[step.catch_up - 1]);
        let observed = outcome.as_ref().map_or(json!("running"), observed::outcome);
        expect(&step.expect, &observed)?;
        match (&step.message, outcome) {
            (None, _) => Ok(()),
            (Some(part), Some(snowmelt_core::follower::Outcome::Failed { message, .. }))
                if message.contains(part) =>
            {
                Ok(())
            }
            (Some(part), outcome) => Err(format!("{part:?} is no part of {outcome:?}")),
        }
    }

    fn event(&mut self, event: Event) -> Value {
        match event {
            Event::Gap(reason) => json!({ "gap": observed::gap(reason) }),
            Event::Undecodable { sequence_number, .. } => json!({ "undecodable": sequence_number }),
            Event::Flushed { sequence_number, .. } => json!({ "flushed": sequence_number }),
            Event::CatchUpEnded(id, outcome) => {
                let number = self.catch_up_number(id);
                json!({ "catch_up_ended": { "catch_up": number, "outcome": observed::outcome(&outcome) } })
            }
            other => json!(format!("{other:?}")),
        }
    }

    fn stats(&self, expected: &Map<String, Value>) -> Result<(), String> {
        let observed = observed::stats(&self.engine.stats(self.now));
        for (counter, expected) in expected {
            expect(expected, &observed[counter]).map_err(|why| format!("`{counter}`: {why}"))?;
        }
        Ok(())
    }

    fn write(&mut self, number: usize) -> &mut Write {
        self.writes[number - 1].as_mut().expect("a write that is not finished")
    }
}

/// A step that has nothing to compare.
#[expect(clippy::unnecessary_wraps, reason = "stands beside steps that can go otherwise")]
fn done(act: impl FnOnce()) -> Result<(), String> {
    act();
    Ok(())
}

/// What is no share switches refreshing ahead off.
fn refresh(stale: Option<u64>, on_error: Option<u64>, ahead: Option<f64>) -> Refresh {
    Refresh {
        stale_while_revalidate: stale.map(Duration::from_millis),
        stale_if_error: on_error.map(Duration::from_millis),
        refresh_ahead: ahead.map(|share| Share::new(share).unwrap_or(Share::OFF)),
    }
}
