//! Which variables there are.

use snowmelt_core::options::{self, NAMES};

use super::environment::{Environment, Reader};

pub(super) const STREAM: &str = "SNOWMELT_STREAM";
pub(super) const PORT: &str = "SNOWMELT_PORT";
pub(super) const COMPAT: &str = "SNOWMELT_COMPAT";
pub(super) const REQUIRE_TOKEN: &str = "SNOWMELT_REQUIRE_TOKEN";
pub(super) const CONFIG_DIR: &str = "SNOWMELT_CONFIG_DIR";
pub(super) const TTL: &str = "CACHE_EXTENSION_TTL";
pub(super) const PREFETCH: &str = "CACHE_EXTENSION_INIT_STARTUP";
pub(super) const HTTP_PORT: &str = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT";
pub(super) const CACHE_ENABLED: &str = "PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED";
pub(super) const CACHE_SIZE: &str = "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE";
pub(super) const MAX_CONNECTIONS: &str = "PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS";
pub(super) const LOG_LEVEL: &str = "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL";
pub(super) const PARAMETER_TTL: &str = "SSM_PARAMETER_STORE_TTL";
pub(super) const SECRET_TTL: &str = "SECRETS_MANAGER_TTL";
pub(super) const PARAMETER_TIMEOUT: &str = "SSM_PARAMETER_STORE_TIMEOUT_MILLIS";
pub(super) const SECRET_TIMEOUT: &str = "SECRETS_MANAGER_TIMEOUT_MILLIS";

/// The extension's own.
const OWN: [&str; 5] = [STREAM, PORT, COMPAT, REQUIRE_TOKEN, CONFIG_DIR];

/// Those of the extensions that this one replaces.
const THEIRS: [&str; 11] = [
    TTL,
    PREFETCH,
    HTTP_PORT,
    CACHE_ENABLED,
    CACHE_SIZE,
    MAX_CONNECTIONS,
    LOG_LEVEL,
    PARAMETER_TTL,
    SECRET_TTL,
    PARAMETER_TIMEOUT,
    SECRET_TIMEOUT,
];

/// How the variables of this extension and of the core's options begin.
const PREFIX: &str = "SNOWMELT_";
/// How those of the others begin: an unknown one may be a newer version's, and
/// is told without being refused.
const THEIR_PREFIXES: [&str; 2] = ["CACHE_EXTENSION_", "PARAMETERS_SECRETS_EXTENSION_"];

/// Options of the core that the extension itself decides: its keys and its
/// tables are what they are.
const DECIDED: [&str; 7] = [
    "source",
    "keys_as_tags",
    // An answer does not say that it is old, so that none is.
    "soft_load_timeout",
    "stale_while_revalidate",
    "stale_if_error",
    "refresh_ahead",
    "negative_ttl",
];

/// Options of the core that variables set, in the core's order.
pub(super) fn options() -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied().filter(|name| !DECIDED.contains(name))
}

/// The variable of an option of the core.
pub(super) fn of_option(option: &str) -> String {
    format!("{PREFIX}{}", option.to_ascii_uppercase())
}

/// Every variable that sets something.
pub fn variables() -> Vec<String> {
    let fixed = OWN.iter().chain(&THEIRS).map(|name| (*name).to_owned());
    fixed.chain(options().map(of_option)).collect()
}

/// Refuses variables that look like ours and are not: a misspelt bound is no
/// bound. Returns what is worth a line in the log about those of others.
pub(super) fn check(environment: &Environment, reader: &mut Reader<'_>) -> Vec<String> {
    let known = variables();
    let ours: Vec<&str> = known.iter().map(String::as_str).filter(|name| name.starts_with(PREFIX)).collect();
    let mut notes = Vec::new();
    for name in environment.names() {
        if known.iter().any(|known| known == name) {
            continue;
        }
        if DECIDED.iter().any(|option| of_option(option) == name) {
            reader.refuse(name, "cannot be set", "leave it out: the extension itself decides it");
        } else if name.starts_with(PREFIX) {
            let error = options::unknown(name, &ours);
            reader.refuse(&error.option, format!("is {}", error.value), error.remedy);
        } else if let Some(prefix) = THEIR_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
            let among: Vec<&str> = THEIRS.into_iter().filter(|name| name.starts_with(prefix)).collect();
            let error = options::unknown(name, &among);
            notes.push(format!("{} is {}, and has no effect: {}", error.option, error.value, error.remedy));
        }
    }
    notes
}
