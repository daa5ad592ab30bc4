//! Users, cached: everything that has to do with Snowmelt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use snowmelt::{
    BuildError, Cache, CatchUpToError, FollowerHandle, InvalidateError, LoadError, PositionToken, Stats,
};

use crate::database::{Database, DatabaseError, User};

/// How long a request may wait for a write it names.
const POSITION_WAIT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Users {
    /// That there is no such user is worth knowing too.
    cache: Cache<Option<Arc<User>>>,
    database: Database,
}

/// A user, and whether it came from memory.
pub(crate) struct Found {
    pub(crate) user: Option<Arc<User>>,
    pub(crate) hit: bool,
}

impl Users {
    pub(crate) fn new(stream: &str, database: Database) -> Result<Self, BuildError> {
        let cache = Cache::builder()
            .stream(stream)
            .namespace("rust-service")
            .ttl(Duration::from_secs(1800), Duration::from_secs(3600))
            .max_entries(100_000)
            .build()?;
        Ok(Self { cache, database })
    }

    /// Keeps up with the stream until the handle is dropped.
    pub(crate) async fn follow(&self) -> FollowerHandle {
        self.cache.warm().await;
        self.cache.spawn_follower()
    }

    /// Waits until this instance knows of a write that another acknowledged.
    pub(crate) async fn reach(&self, position: &PositionToken) -> Result<(), CatchUpToError> {
        self.cache.catch_up_to(position, POSITION_WAIT).await
    }

    pub(crate) async fn get(&self, id: i64) -> Result<Found, LoadError<DatabaseError>> {
        let database = self.database.clone();
        let loaded = Arc::new(AtomicBool::new(false));
        let load = {
            let loaded = Arc::clone(&loaded);
            move || async move {
                loaded.store(true, Ordering::Relaxed);
                database.select(id).await.map(|user| user.map(Arc::new))
            }
        };
        let user = self.cache.get_or_load(key(id), load).await?;
        Ok(Found { user, hit: !loaded.load(Ordering::Relaxed) })
    }

    /// First the database, then the stream: whoever loads in between stores
    /// nothing that the invalidation does not remove.
    pub(crate) async fn put(&self, id: i64, user: User) -> Result<PositionToken, PutError> {
        self.database.upsert(id, user).await.map_err(PutError::NotSaved)?;
        self.cache.invalidate(key(id)).await.map_err(PutError::NotAnnounced)
    }

    pub(crate) fn stats(&self) -> Stats {
        self.cache.stats()
    }
}

pub(crate) enum PutError {
    NotSaved(DatabaseError),
    /// It is saved, and gone from this instance's cache; the others were not
    /// told. Doing it again is harmless.
    NotAnnounced(InvalidateError),
}

fn key(id: i64) -> String {
    format!("users/{id}")
}
