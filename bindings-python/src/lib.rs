//! The Rust part of the package `snowmelt` on `PyPI`.
//!
//! Nothing is decided here: what Python gives is converted, [`snowmelt::Cache`]
//! is called, and what it says is converted back. `python/snowmelt` is the
//! other side of this line, and `_snowmelt.pyi` its contract.
//!
//! # Who may wait for whom
//!
//! One thread of ours, named `snowmelt`, drives the stream for all caches. It
//! never runs a user's code, and enters Python only to wake an event loop, so
//! that whoever waits for it with Python's lock released is woken. No reference
//! is dropped, and no Python is run, while one of the core's locks is held: the
//! core hands out what it removed after it left its cells. Under a lock values
//! are only cloned, by threads that are attached to Python, which adds to a
//! count and runs nothing.

#![expect(clippy::unused_self, reason = "Python calls methods")]
#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over")]

mod cache;
mod cached;
mod call_keys;
mod codecs;
mod convert;
mod engine;
mod events;
mod extras;
mod failure;
mod given;
mod grave;
mod hot;
mod http;
mod invocation;
mod loads;
mod options;
mod quick_call;
mod runtime;
mod value;
mod words;

/// What `import snowmelt._snowmelt` finds.
#[pyo3::pymodule(gil_used = false)]
mod _snowmelt {
    #[pymodule_export]
    use crate::cache::Core;
    #[pymodule_export]
    use crate::cached::{CachedCall, Missed};
    #[pymodule_export]
    use crate::call_keys::CallKeys;
    #[pymodule_export]
    use crate::codecs::{
        check_config, check_name, decode, encode, lane_hash_key, parse_data_id, parse_token, print_data_id,
    };
    #[pymodule_export]
    use crate::convert::soft_load_timeout;
    #[pymodule_export]
    use crate::engine::{Begun, Engine, Mark, Writing};
    #[pymodule_export]
    use crate::hot::hasten;
    #[pymodule_export]
    use crate::http::{
        HttpKeep, HttpMeta, HttpPolicy, HttpQuestion, HttpRequest, http_failed, http_option_names,
        http_windows,
    };
    #[pymodule_export]
    use crate::invocation::Invocation;
    #[pymodule_export]
    use crate::loads::{Joined, Lease};
    #[pymodule_export]
    use crate::options::option_names;
    #[pymodule_export]
    use crate::runtime::{Pending, ending, forked, forking, shut_down, went_on};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        module.add("MISS", crate::words::miss(py)?)?;
        module.add("DUE", crate::words::due(py)?)?;
        module.add("QuickCall", crate::quick_call::class(py)?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // PyO3's list: what is for users, the package says.
        module.delattr("__all__")
    }
}
