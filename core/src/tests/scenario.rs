//! What happens in a simulated world, drawn from its seed.

use core::time::Duration;
use std::format;
use std::string::String;
use std::vec::Vec;

use kinesis_double::{Kinesis, Settings};

use super::oracle::{Promises, Terms, Value};
use super::sandbox::{Sandbox, Writing};
use super::world::{Event, STREAM, Setting, World, name, tags_of};
use crate::invalidation::{Envelope, encode};
use crate::random::Random;
use crate::{CatchUp, Config, Invalidation, OnUndecodable, RecordFormat, Share};

/// Sandboxes start here, in milliseconds since the epoch.
const START: u64 = 1_790_000_000_000;

/// A world with everything drawn from `seed`.
pub(super) fn world(seed: u64) -> World {
    let mut random = Random::new(seed ^ 0x5eed);
    let mut config = draw_config(&mut random);
    let policies = random.up_to(1) == 0;
    if policies {
        draw_policies(&mut config, &mut random);
    }
    let settings = draw_settings(&mut random, &config);
    let put_to_get = settings.put_to_get_ms.1;
    let mut kinesis = Kinesis::new(settings, random.next());
    let shards = u32::try_from(1 + random.up_to(3)).unwrap_or(1);
    kinesis.create_stream(START - 1000, STREAM, shards).expect("a new stream");
    let settle = millis(config.settle);
    let promises = Promises {
        terms: Terms {
            ttl: millis(config.ttl_max),
            stale: millis(config.stale_while_revalidate),
            on_error: millis(config.stale_if_error),
        },
        negative_ttl: config.negative_ttl.map(millis),
        max_lag: millis(config.max_lag),
        tolerance: 60 + settle,
    };
    let keys = usize::try_from(4 + random.up_to(20)).unwrap_or(4);
    let quiet = [1, 1, 1, 10, 100][usize::try_from(random.up_to(4)).unwrap_or(0)];
    let replica_lag = settle;
    let setting = Setting { kinesis, promises, put_to_get, replica_lag, keys, start: START, quiet, policies };
    let mut world = World::new(setting, random.next());
    for at in 0..2 + random.up_to(2) {
        let at = usize::try_from(at).unwrap_or(0);
        let skew = random.up_to(2000).cast_signed() - 1000;
        world.sandboxes.push(Sandbox::new(config.clone(), random.next(), skew, START));
        world.after(at as u64, Event::Act(at));
    }
    world.after(50, Event::Stir);
    world
}

fn draw_config(random: &mut Random) -> Config {
    let mut pick = |choices: &[u64]| {
        let at = random.up_to(choices.len() as u64 - 1);
        choices[usize::try_from(at).unwrap_or(0)]
    };
    let ttl = pick(&[2_000, 20_000, 120_000, 1_200_000]);
    let max_lag = pick(&[2_000, 10_000, 60_000, 600_000, 86_400_000]);
    let segments = pick(&[1, 1, 4]);
    let lanes = pick(&[0, 0, 0, 1, 2, 5]);
    Config {
        stream: Some(STREAM.into()),
        ttl_min: Duration::from_millis(ttl / pick(&[1, 2])),
        ttl_max: Duration::from_millis(ttl),
        catch_up_every: Duration::from_millis(pick(&[0, 200, 1_000]).min(max_lag)),
        max_lag: Duration::from_millis(max_lag),
        settle: Duration::from_millis(pick(&[0, 0, 500])),
        retention: Duration::from_millis(pick(&[300_000, 86_400_000])),
        max_entries: usize::try_from(pick(&[8, 16, 64])).unwrap_or(8),
        max_weight: pick(&[64, 200, u64::MAX]),
        max_leases: usize::try_from(pick(&[4, 8, 64])).unwrap_or(4),
        max_fences: usize::try_from(pick(&[4, 16, 256])).unwrap_or(4),
        segments: usize::try_from(segments).unwrap_or(1),
        lanes: u16::try_from(lanes).ok().filter(|lanes| *lanes > 0),
        namespace: if pick(&[0, 1]) == 0 { String::new() } else { "shop".into() },
        on_undecodable: if pick(&[0, 0, 1]) == 0 { OnUndecodable::Skip } else { OnUndecodable::Flush },
        give_up_records: pick(&[30, 100_000]),
        page_records: u32::try_from(pick(&[1, 3, 1_000])).unwrap_or(1),
        ..Config::default()
    }
}

/// Windows shorter and longer than the lifetime and `max_lag`.
fn draw_policies(config: &mut Config, random: &mut Random) {
    let ttl = millis(config.ttl_max);
    let mut pick = |choices: &[u64]| {
        let at = random.up_to(choices.len() as u64 - 1);
        choices[usize::try_from(at).unwrap_or(0)]
    };
    config.stale_while_revalidate = Duration::from_millis(pick(&[0, ttl / 2, 4 * ttl, 600_000]));
    config.stale_if_error = Duration::from_millis(pick(&[0, ttl, 5_000, 600_000]));
    config.refresh_ahead =
        [Share::OFF, share(0.1), share(0.5)][usize::try_from(pick(&[0, 1, 2])).unwrap_or(0)];
    config.negative_ttl = [None, Some(0), Some(700), Some(3_000)]
        [usize::try_from(pick(&[0, 1, 2, 3])).unwrap_or(0)]
    .map(Duration::from_millis);
    config.soft_load_timeout = Some(Duration::from_millis(pick(&[50, 400, 30_000])));
}

pub(super) fn share(share: f64) -> Share {
    Share::new(share).expect("a share")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn draw_settings(random: &mut Random, config: &Config) -> Settings {
    let mut settings = if random.up_to(3) == 0 { Settings::default() } else { Settings::realistic() };
    settings.retention_ms = u64::try_from(config.retention.as_millis()).unwrap_or(0);
    settings.enforce_quotas = random.up_to(2) > 0;
    settings
}

impl World {
    /// What a sandbox does of its own accord.
    pub(super) fn act(&mut self, at: usize) -> Result<(), String> {
        let pause = if self.chance(100) { self.within(500, 30_000) } else { self.within(1, 300) };
        self.after(pause, Event::Act(at));
        let key = self.draw_key();
        match self.random.up_to(99) {
            0..=64 => return self.read_some(at),
            65..=72 => return self.catch_up(at),
            73..=80 if self.stirring && self.random.up_to(self.quiet - 1) == 0 => self.write(at, key),
            81..=83 => self.insert(at, key),
            84..=86 => self.insert_later(at, key),
            87..=91 => self.begin_invocation(at),
            92 => self.forget_something(at, key),
            93..=96 if self.stirring => self.freeze(at),
            // `settle` is reckoned in the cache's time, which a clock set forward
            // hastens; no clock can tell such a step from a freeze.
            97 if self.stirring && self.replica_lag == 0 => self.step_clock(at),
            98 if self.stirring && self.chance(300) => self.restore(at),
            _ => {}
        }
        Ok(())
    }

    fn read_some(&mut self, at: usize) -> Result<(), String> {
        for _ in 0..=self.random.up_to(7) {
            let key = self.draw_key();
            self.read(at, key)?;
        }
        Ok(())
    }

    /// What the world does of its own accord.
    pub(super) fn stir(&mut self) {
        let pause = self.within(20, 2_000) * self.quiet;
        self.after(pause, Event::Stir);
        if !self.stirring {
            return;
        }
        match self.random.up_to(99) {
            0..=49 => self.foreign_write(),
            50..=59 => self.foreign_noise(),
            60..=61 => self.reshard(),
            70..=74 => self.kinesis.expire_iterators(),
            75..=79 => self.network.outage_until = self.now + self.within(100, 20_000),
            80..=89 => (self.network.loss, self.network.slow) = (self.within(0, 200), self.within(0, 100)),
            90..=95 => (self.network.loss, self.network.slow) = (0, 0),
            96 if self.chance(200) => self.recreate(),
            _ => {}
        }
    }

    /// Ends all disturbance, so that progress can be asked for.
    pub(super) fn calm(&mut self) {
        self.stirring = false;
        if self.kinesis.describe_stream_summary(STREAM).is_err() {
            self.make_stream();
        }
        for sandbox in &mut self.sandboxes {
            sandbox.thaw(self.now);
        }
        self.network = super::world::Network::default();
        self.kinesis.settings_mut().enforce_quotas = false;
    }

    fn draw_key(&mut self) -> usize {
        // Some keys are hot.
        let most = if self.chance(500) { 3 } else { self.keys as u64 - 1 };
        usize::try_from(self.random.up_to(most)).unwrap_or(0)
    }

    fn catch_up(&mut self, at: usize) -> Result<(), String> {
        let sandbox = &mut self.sandboxes[at];
        let cold = sandbox.engine.is_empty() && sandbox.loads.is_empty();
        let catch_up = sandbox.engine.catch_up(sandbox.time(self.now));
        let begun = matches!(catch_up, CatchUp::Running(id) if !sandbox.catch_ups.contains_key(&id));
        sandbox.note(catch_up, self.now);
        if cold && begun {
            return Err(format!("line 5: sandbox {at} calls the stream with nothing cached"));
        }
        Ok(())
    }

    /// An own write: the database first, then the cache, then the stream.
    fn write(&mut self, at: usize, key: usize) {
        let (invalidation, keys) = self.draw_invalidation(key);
        let changes: Vec<_> =
            keys.into_iter().map(|key| (key, self.database.commit(key, self.now))).collect();
        if self.traced {
            std::eprintln!("{} sandbox {at} writes {invalidation:?}: {changes:?}", self.now);
        }
        let time = self.sandboxes[at].time(self.now);
        let write = self.sandboxes[at].engine.invalidate(&invalidation, time).expect("a sound invalidation");
        self.sandboxes[at].witness.own.extend(changes.iter().copied());
        let number = self.next_write;
        self.next_write += 1;
        self.sandboxes[at].writes.insert(number, Writing { write, changes });
        self.drive_write(at, number);
    }

    /// An invalidation around a key, and the keys that it is about.
    fn draw_invalidation(&mut self, key: usize) -> (Invalidation, Vec<usize>) {
        let all = |test: &dyn Fn(usize) -> bool| (0..self.keys).filter(|key| test(*key)).collect::<Vec<_>>();
        match self.random.up_to(9) {
            0 | 1 => {
                let tag = tags_of(key).swap_remove(0);
                let bearers = all(&|key| tags_of(key).contains(&tag));
                (Invalidation::tags([tag]), bearers)
            }
            2 => {
                let prefix = String::from(name(key).split_at(7).0);
                let group = all(&|key| name(key).starts_with(&prefix));
                (Invalidation::prefixes([prefix]), group)
            }
            3 => (Invalidation::all(), all(&|_| true)),
            _ => (Invalidation::key(name(key)), Vec::from([key])),
        }
    }

    fn insert(&mut self, at: usize, key: usize) {
        if self.replica_lag > 0 {
            return;
        }
        let value = self.current(key);
        self.insert_now(at, value);
    }

    fn current(&self, key: usize) -> Value {
        let version = self.database.version_at(key, self.now);
        Value { key, version, began: self.now, terms: self.promises.terms }
    }

    /// Reads the origin now and inserts later, saying when it was read.
    fn insert_later(&mut self, at: usize, key: usize) {
        if self.replica_lag > 0 {
            return;
        }
        let time = self.sandboxes[at].time(self.now);
        let value = self.current(key);
        let delay = self.within(0, 3_000);
        self.after(delay, Event::InsertLate(at, value, time));
    }

    fn begin_invocation(&mut self, at: usize) {
        let sandbox = &mut self.sandboxes[at];
        let time = sandbox.time(self.now);
        sandbox.engine.end_invocation();
        sandbox.engine.begin_invocation(time);
        let catch_up = sandbox.engine.catch_up_for_read(time);
        sandbox.note(catch_up, self.now);
    }

    fn forget_something(&mut self, at: usize, key: usize) {
        if self.chance(500) {
            self.sandboxes[at].engine.delete(&name(key));
        } else {
            self.sandboxes[at].engine.clear();
        }
    }

    fn freeze(&mut self, at: usize) {
        let length = match self.random.up_to(19) {
            0..=9 => self.within(50, 5_000),
            10..=14 => self.within(5_000, 120_000),
            15..=17 => self.within(240_000, 900_000),
            18 => self.within(3_600_000, 80_000_000),
            _ => self.within(80_000_000, 200_000_000),
        };
        let stands_still = self.chance(500);
        self.sandboxes[at].freeze(self.now, length, stands_still);
    }

    /// The wall clock is set, mostly a little.
    fn step_clock(&mut self, at: usize) {
        let far = self.chance(50);
        let most = if far { 7_200_000 } else { 1_000 };
        let skew = self.random.up_to(2 * most).cast_signed() - most.cast_signed();
        self.sandboxes[at].skew = skew;
    }

    fn restore(&mut self, at: usize) {
        let seed = self.random.next();
        let sandbox = &mut self.sandboxes[at];
        sandbox.engine.restored(seed, sandbox.time(self.now));
    }

    /// A writer that is no sandbox changes keys and tells the stream a little
    /// later; sometimes it crashes in between.
    fn foreign_write(&mut self) {
        let key = self.draw_key();
        let (invalidation, keys) = self.draw_invalidation(key);
        let changes: Vec<_> =
            keys.into_iter().map(|key| (key, self.database.commit(key, self.now))).collect();
        if self.chance(30) {
            return;
        }
        let config = self.sandboxes[0].engine.config();
        let envelope = Envelope { namespace: &config.namespace, written: self.now };
        let keys_only = invalidation.tags.is_empty() && invalidation.prefixes.is_empty() && !invalidation.all;
        let format = if keys_only { RecordFormat::Scache } else { RecordFormat::Snowmelt };
        let records = if self.random.up_to(9) == 0 {
            // A writer of a later version; nobody here can read it.
            Vec::from([br#"{"snowmelt":2,"what":["is","this"]}"#.to_vec()])
        } else {
            encode(&invalidation, format, envelope).expect("expressible")
        };
        let delay = self.within(0, 100);
        for record in records {
            self.after(delay, Event::ForeignPut(record, changes.clone()));
        }
    }

    /// Records that mean nothing here.
    fn foreign_noise(&mut self) {
        let noise: [&[u8]; 6] = [
            b"",
            b"\xf3\x89\x9a\xc2 aggregated",
            br#"{"keys":"not a list","ts":7}"#,
            br#"{"snowmelt":1,"ns":"elsewhere","all":true}"#,
            br#"{"snowmelt":1,"keys":[1,2,3]}"#,
            b"[[[[[[[[[[[[[[[[[[[[",
        ];
        let at = usize::try_from(self.random.up_to(noise.len() as u64 - 1)).unwrap_or(0);
        self.after(1, Event::ForeignPut(noise[at].to_vec(), Vec::new()));
    }

    fn reshard(&mut self) {
        let Ok(summary) = self.kinesis.describe_stream_summary(STREAM) else { return };
        let open = u64::from(summary.open_shards);
        let target = self.within(open.div_ceil(2), (open * 2).min(6));
        let target = u32::try_from(target.max(1)).unwrap_or(1);
        let _ = self.kinesis.update_shard_count(self.now, STREAM, target);
    }

    /// The stream is deleted and made anew under its name.
    fn recreate(&mut self) {
        if self.kinesis.delete_stream(self.now, STREAM).is_ok() {
            // Longer than a call can be under way, as it is in truth.
            let pause = self.within(4_500, 60_000);
            self.after(pause, Event::StreamMade);
        }
    }

    pub(super) fn make_stream(&mut self) {
        let shards = u32::try_from(self.within(1, 4)).unwrap_or(1);
        let _ = self.kinesis.create_stream(self.now, STREAM, shards);
        for sandbox in &mut self.sandboxes {
            if sandbox.engine.stats(crate::Time::ZERO).lag.is_none() {
                sandbox.witness.unprovable = self.now;
            }
        }
    }
}
