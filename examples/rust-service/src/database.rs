//! The origin: a table of users in a `SQLite` file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A user, without the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) email: String,
}

/// The database could not do it.
#[derive(Debug, Error)]
pub(crate) enum DatabaseError {
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the database's thread was lost")]
    Lost,
}

/// One connection. `SQLite` blocks, so that it is used on tokio's threads for
/// what blocks.
#[derive(Clone)]
pub(crate) struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// Opens the file, and makes it if it is not there.
    pub(crate) fn open(path: &str) -> Result<Self, DatabaseError> {
        let connection = Connection::open(path)?;
        // Other instances write to the same file.
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL)",
        )?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    pub(crate) async fn select(&self, id: i64) -> Result<Option<User>, DatabaseError> {
        self.run(move |connection| {
            let mut select = connection.prepare_cached("SELECT name, email FROM users WHERE id = ?1")?;
            select.query_row([id], |row| Ok(User { name: row.get(0)?, email: row.get(1)? })).optional()
        })
        .await
    }

    /// Returns after the change was committed.
    pub(crate) async fn upsert(&self, id: i64, user: User) -> Result<(), DatabaseError> {
        self.run(move |connection| {
            let mut upsert = connection.prepare_cached(
                "INSERT INTO users (id, name, email) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email",
            )?;
            upsert.execute(params![id, user.name, user.email]).map(drop)
        })
        .await
    }

    async fn run<R: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R, DatabaseError> {
        let connection = Arc::clone(&self.0);
        let blocking = move || query(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(blocking).await.map_err(|_| DatabaseError::Lost)??)
    }
}
