//! `snowmelt-extension`: a Lambda extension that answers over loopback HTTP
//! from memory, fetches what is missing, and drops what the stream says has
//! changed.
//!
//! ```text
//! main        the runtime and the allocator; nothing else
//! assembly    puts the parts together
//! settings    what the environment and the configuration files say
//! lifecycle   the Extensions API: register, invocations, shutdown
//! http        the listeners: who may ask, and how much
//! contract    what is answered, one file for each contract
//! answers     the cache: keys, tags, lifetimes, what a value is
//! origin      DynamoDB, Parameter Store and Secrets Manager
//! item        DynamoDB's items as JSON
//! ```

pub mod answers;
mod assembly;
pub mod contract;
pub mod http;
pub mod item;
pub mod lifecycle;
pub mod origin;
pub mod settings;

pub use assembly::run;

use std::pin::Pin;

/// A future on its way, for traits that are used as objects.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;
