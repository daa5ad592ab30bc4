//! The fleet with a plain TTL cache in each sandbox.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use crate::clocks::Clocks;
use crate::database::{Database, QUERY, Row, key};
use crate::fleet::{Sandbox, Tally, play};
use crate::script::{Read, Setting, Step};

/// As one writes it by hand: a map, and a time after which an entry is not
/// served. It drops what it overwrites itself; nobody tells it of the rest.
struct Plain<'a> {
    entries: RefCell<HashMap<String, (Row, Duration)>>,
    ttl: Duration,
    clocks: &'a Clocks,
    database: Rc<Database>,
    hits: Cell<u64>,
    loads: Cell<u64>,
}

impl Plain<'_> {
    fn now(&self) -> Duration {
        match self.clocks {
            Clocks::ByHand { service, .. } => Duration::from_millis(service.wall_millis()),
            Clocks::Real => unreachable!("the plain cache runs in virtual time"),
        }
    }
}

impl Sandbox for Plain<'_> {
    type Invocation = ();

    async fn begin(&self) {}

    async fn read(&self, read: &Read) -> Result<Row, Box<dyn Error>> {
        let key = key(read.row);
        if let Some((row, until)) = self.entries.borrow().get(&key)
            && self.now() < *until
        {
            self.hits.set(self.hits.get() + 1);
            return Ok(row.clone());
        }
        self.loads.set(self.loads.get() + 1);
        let row = self.database.select(read.row, read.raced).await?;
        self.entries.borrow_mut().insert(key, (row.clone(), self.now() + self.ttl));
        Ok(row)
    }

    async fn write(&self, row: usize) -> Result<(), Box<dyn Error>> {
        self.database.overwrite(row, None).await?;
        self.entries.borrow_mut().remove(&key(row));
        Ok(())
    }
}

pub(crate) async fn run(
    setting: &Setting,
    script: &[Step],
    clocks: &Clocks,
) -> Result<Tally, Box<dyn Error>> {
    let database = Rc::new(Database::new(setting.rows, None));
    let sandbox = || Plain {
        entries: RefCell::default(),
        ttl: setting.ttl,
        clocks,
        database: Rc::clone(&database),
        hits: Cell::default(),
        loads: Cell::default(),
    };
    let sandboxes: Vec<_> = (0..setting.sandboxes).map(|_| sandbox()).collect();
    let stale = play(script, clocks, &database, &sandboxes).await?;
    let hits = sandboxes.iter().map(|sandbox| sandbox.hits.get()).sum();
    let loads = sandboxes.iter().map(|sandbox| sandbox.loads.get()).sum();
    let saved = QUERY * u32::try_from(hits).unwrap_or(u32::MAX);
    Ok(Tally { hits, loads, stale, saved, ..Tally::default() })
}
