//! Plays the script to a fleet of sandboxes, whatever they cache with.

use std::error::Error;
use std::time::Duration;

use crate::clocks::Clocks;
use crate::database::{Database, Row};
use crate::script::{Read, Step};

/// One sandbox: what its cache does in an invocation.
pub(crate) trait Sandbox {
    /// What is kept while an invocation is under way.
    type Invocation;

    /// An invocation begins.
    async fn begin(&self) -> Self::Invocation;

    /// Reads a row, from memory or from the database.
    async fn read(&self, read: &Read) -> Result<Row, Box<dyn Error>>;

    /// Overwrites a row.
    async fn write(&self, row: usize) -> Result<(), Box<dyn Error>>;
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) hits: u64,
    pub(crate) loads: u64,
    /// Counted by comparing with the database.
    pub(crate) stale: u64,
    /// The load times that hits avoided.
    pub(crate) saved: Duration,
    /// The time spent catching up.
    pub(crate) spent: Duration,
    /// Calls to the stream.
    pub(crate) calls: u64,
}

/// Plays the script; how many reads were stale.
pub(crate) async fn play<S: Sandbox>(
    script: &[Step],
    clocks: &Clocks,
    database: &Database,
    sandboxes: &[S],
) -> Result<u64, Box<dyn Error>> {
    let mut stale = 0;
    for step in script {
        for &row in &step.overwritten {
            database.overwrite(row, None).await?;
        }
        clocks.freeze(step.freeze).await;
        stale += invoke(step, database, &sandboxes[step.sandbox]).await?;
    }
    Ok(stale)
}

/// One invocation. What was announced before it began it must know; what is
/// announced while it runs it may.
async fn invoke<S: Sandbox>(step: &Step, database: &Database, sandbox: &S) -> Result<u64, Box<dyn Error>> {
    let announcements = database.announcements();
    let mut stale = 0;
    let invocation = sandbox.begin().await;
    for read in &step.reads {
        let row = sandbox.read(read).await?;
        stale += u64::from(database.is_stale(&row, announcements));
    }
    if let Some(row) = step.write {
        sandbox.write(row).await?;
    }
    drop(invocation);
    Ok(stale)
}
