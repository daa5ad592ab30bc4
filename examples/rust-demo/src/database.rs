//! The database, and the judge of what is stale.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use snowmelt::{Cache, InvalidateError};
use tokio::time::sleep;

/// How long the database takes for a query.
pub(crate) const QUERY: Duration = Duration::from_millis(12);

/// What is cached.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    id: usize,
    version: usize,
}

/// The database and the back office that changes it.
#[derive(Debug)]
pub(crate) struct Database {
    tables: Mutex<Tables>,
    /// With what the back office tells others of a change. With a plain TTL
    /// cache there is nobody to tell.
    office: Option<Cache<Row>>,
}

#[derive(Debug)]
struct Tables {
    /// The current version of each row.
    versions: Vec<usize>,
    /// For each row, what was announced of it: the version, and as which
    /// announcement of all.
    announced: Vec<Vec<(usize, usize)>>,
    announcements: usize,
}

impl Database {
    pub(crate) fn new(rows: usize, office: Option<Cache<Row>>) -> Self {
        let tables = Tables { versions: vec![0; rows], announced: vec![Vec::new(); rows], announcements: 0 };
        Self { tables: Mutex::new(tables), office }
    }

    /// Reads a row. If it is `raced`, it is overwritten right after it was
    /// read, before the answer arrives.
    pub(crate) async fn select(&self, id: usize, raced: bool) -> Result<Row, InvalidateError> {
        sleep(QUERY / 2).await;
        let version = self.tables().versions[id];
        if raced {
            self.overwrite(id, None).await?;
        }
        sleep(QUERY / 2).await;
        Ok(Row { id, version })
    }

    /// Changes a row and tells the other caches: through the writer's own
    /// cache, or the back office's.
    pub(crate) async fn overwrite(
        &self,
        id: usize,
        writer: Option<&Cache<Row>>,
    ) -> Result<(), InvalidateError> {
        let version = {
            let mut tables = self.tables();
            tables.versions[id] += 1;
            tables.versions[id]
        };
        if let Some(cache) = writer.or(self.office.as_ref()) {
            cache.invalidate(key(id)).await?;
        }
        let mut tables = self.tables();
        tables.announcements += 1;
        let number = tables.announcements;
        tables.announced[id].push((version, number));
        Ok(())
    }

    /// How many changes were made and announced by now.
    pub(crate) fn announcements(&self) -> usize {
        self.tables().announcements
    }

    /// Whether a row was overwritten, and that announced, before the first
    /// `announcements` were over.
    pub(crate) fn is_stale(&self, row: &Row, announcements: usize) -> bool {
        let newer = |&(version, number): &(usize, usize)| version > row.version && number <= announcements;
        self.tables().announced[row.id].iter().any(newer)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row's key in every cache.
pub(crate) fn key(id: usize) -> String {
    format!("rows/{id}")
}
