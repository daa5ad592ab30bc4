//! What `/extension/event/next` answers.

use serde_json::Value;

/// An event of the execution environment's life.
///
/// Fields that the extension has no use for are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The function is invoked, at this moment, too.
    Invoke,
    /// The environment ends.
    Shutdown {
        /// `SPINDOWN`, `TIMEOUT` or `FAILURE`, in whatever case.
        reason: String,
    },
    /// An event that was not asked for.
    Other(String),
}

impl Event {
    /// Reads an answer's body; says what is wrong with it.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let event: Value =
            serde_json::from_slice(body).map_err(|error| format!("what is no JSON: {error}"))?;
        let text = |name: &str| event[name].as_str().map(ToOwned::to_owned);
        let kind = text("eventType").ok_or("JSON without an eventType")?;
        Ok(match kind.as_str() {
            "INVOKE" => Self::Invoke,
            "SHUTDOWN" => Self::Shutdown { reason: text("shutdownReason").unwrap_or_default() },
            _ => Self::Other(kind),
        })
    }
}
