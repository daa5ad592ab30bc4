//! From the origin to a value with its tags.

use snowmelt::Loaded;

use crate::origin::{Ask, Fetched, OriginError, Trouble};

use super::failure::Failure;
use super::stored::Stored;
use super::wanted::Wanted;
use super::{Answers, body, key};

impl Answers {
    /// Calls the origin once.
    pub(super) async fn bring(&self, wanted: &Wanted) -> Result<Option<Loaded<Stored>>, Failure> {
        let fetched =
            self.origin.fetch(wanted.ask.clone()).await.inspect_err(|error| note(&wanted.ask, error))?;
        if matches!(fetched, Fetched::Nothing) {
            return Ok(None);
        }
        let stored = body::of(&fetched, wanted.form).map_err(|message| unusable(&wanted.ask, message))?;
        let loaded = Loaded::new(self.place(wanted, stored)).tags(key::tags(&wanted.ask, &fetched));
        Ok(Some(loaded.ttl(wanted.how.ttl)))
    }

    /// Counts a parameter or a secret, and makes room for it.
    fn place(&self, wanted: &Wanted, stored: Stored) -> Stored {
        if !wanted.is_counted() || !self.keeps(wanted) {
            return stored;
        }
        let (place, leaving) = self.ledger.enter(&wanted.key);
        for key in leaving {
            self.cache.delete(key);
        }
        stored.placed(place)
    }
}

fn note(ask: &Ask, error: &OriginError) {
    tracing::warn!(what = %key::asked(ask), trouble = ?error.trouble, code = error.code, "{error}");
}

/// An answer that cannot be passed on.
fn unusable(ask: &Ask, message: String) -> OriginError {
    let error = OriginError {
        trouble: Trouble::Unavailable,
        code: None,
        status: None,
        service_message: None,
        message,
    };
    note(ask, &error);
    error
}
