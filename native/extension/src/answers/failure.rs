//! What goes wrong with a read.

use std::sync::Arc;

use snowmelt::InputError;
use thiserror::Error;

use crate::origin::OriginError;

/// A read that brought nothing. Holds no value. Cheap to clone: all that waited
/// for one load get the same.
#[derive(Clone, Debug, Error)]
pub enum Failure {
    /// The origin did not give it.
    #[error(transparent)]
    Origin(Arc<OriginError>),
    /// The name cannot be used.
    #[error(transparent)]
    Name(#[from] InputError),
    /// The extension is being shut down, or has a defect that its log shows.
    #[error("the read was interrupted: see the log of the extension")]
    Interrupted,
}

impl From<OriginError> for Failure {
    fn from(error: OriginError) -> Self {
        Self::Origin(Arc::new(error))
    }
}
