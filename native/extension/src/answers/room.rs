//! Reads of what is not kept: they share the call that is under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

use super::wanted::Wanted;
use super::{Answers, Outcome};

/// Where the readers of one thing wait.
type Room = OnceCell<Outcome>;

/// The rooms in use, by the entry's key.
#[derive(Default)]
pub(super) struct Rooms(Mutex<HashMap<String, Weak<Room>>>);

impl Rooms {
    /// The room for a key: one in which nothing was answered yet, or a new one.
    fn enter(&self, key: &str) -> Arc<Room> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|_, room| room.strong_count() > 0);
        let waiting = rooms.get(key).and_then(Weak::upgrade).filter(|room| !room.initialized());
        waiting.unwrap_or_else(|| {
            let room = Arc::default();
            rooms.insert(key.to_owned(), Arc::downgrade(&room));
            room
        })
    }
}

impl Answers {
    /// Reads what is never stored. Those who come while it is read share the
    /// call; if the one who made it goes away, the next makes it again. A refresh
    /// makes a call of its own.
    pub(super) async fn unkept(&self, wanted: Wanted) -> Outcome {
        let call = || async { Ok(self.bring(&wanted).await?.map(|loaded| loaded.value)) };
        if wanted.how.refresh_now {
            return call().await;
        }
        self.rooms.enter(&wanted.key).get_or_init(call).await.clone()
    }
}
