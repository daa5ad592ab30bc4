//! Options out of another language.

use std::time::Duration;

use http::HeaderName;
use snowmelt_core::options::{duration, flag, one_of, refused, size, text, unknown};
use snowmelt_core::{ConfigError, Setting, Units};

use super::{Options, Query, Ttl};

/// The options that [`Options::set`] knows.
pub const NAMES: &[&str] = &[
    "ttl",
    "methods",
    "query",
    "drop_query",
    "key_headers",
    "key_body",
    "max_body",
    "tag_headers",
    "send_tags",
    "store_5xx",
    "drop_headers",
    "coalesce_only",
    "ignore_request_directives",
    "ignore_authorization",
    "ignore_cookies",
    "invalidate_unsafe",
    "stale_while_revalidate",
    "stale_if_error",
    "status_header",
];

impl Options {
    /// Sets the option of that name, one of [`NAMES`], as
    /// [`Config::set`](snowmelt_core::Config::set) does those of a cache. Whether it fits with the others is
    /// for [`validate`](Self::validate) to say.
    ///
    /// `ttl` is a duration, or an object of statuses (`404`), classes (`4xx`) and `default`, with a
    /// duration for each. `key_body` is a size or false. Lists may be one text.
    ///
    /// # Errors
    ///
    /// If there is no such option or it cannot have this value; then nothing was changed.
    pub fn set(&mut self, option: &str, setting: &Setting<'_>, units: Units) -> Result<(), ConfigError> {
        let Some(&option) = NAMES.iter().find(|name| **name == option) else {
            return Err(unknown(option, NAMES));
        };
        match option {
            "ttl" => self.ttl = ttl(setting, units)?,
            "stale_while_revalidate" => self.stale_while_revalidate = duration(option, setting, units)?,
            "stale_if_error" => self.stale_if_error = duration(option, setting, units)?,
            "query" => {
                let choices = [("ordered", Query::Ordered), ("sorted", Query::Sorted)];
                self.query = one_of(option, setting, &choices)?;
            }
            "methods" => self.methods = texts(option, setting)?,
            "drop_query" => self.drop_query = texts(option, setting)?,
            "key_body" => {
                self.key_body =
                    if *setting == Setting::Flag(false) { None } else { Some(size(option, setting)?) };
            }
            "max_body" => self.max_body = size(option, setting)?,
            "key_headers" => self.key_headers = names(option, setting)?,
            "tag_headers" => self.tag_headers = names(option, setting)?,
            "drop_headers" => self.drop_headers = names(option, setting)?,
            _ => *self.flag(option)? = flag(option, setting)?,
        }
        Ok(())
    }

    fn flag(&mut self, option: &str) -> Result<&mut bool, ConfigError> {
        Ok(match option {
            "send_tags" => &mut self.send_tags,
            "store_5xx" => &mut self.store_5xx,
            "coalesce_only" => &mut self.coalesce_only,
            "ignore_request_directives" => &mut self.ignore_request_directives,
            "ignore_authorization" => &mut self.ignore_authorization,
            "ignore_cookies" => &mut self.ignore_cookies,
            "invalidate_unsafe" => &mut self.invalidate_unsafe,
            "status_header" => &mut self.status_header,
            _ => return Err(unknown(option, NAMES)),
        })
    }
}

fn ttl(setting: &Setting<'_>, units: Units) -> Result<Ttl, ConfigError> {
    let Setting::Fields(fields) = setting else {
        return Ok(Ttl::of(duration("ttl", setting, units)?));
    };
    let mut table = Ttl::none();
    for (name, setting) in fields {
        let ttl = duration("ttl", setting, units).map_err(|mut error| {
            error.option = format!("ttl.{name}").into();
            error
        })?;
        table = entry(table, name, ttl)?;
    }
    Ok(table)
}

/// `404`, `4xx` or `default`.
fn entry(table: Ttl, name: &str, ttl: Duration) -> Result<Ttl, ConfigError> {
    let class = name.strip_suffix("xx").and_then(|class| class.parse().ok());
    match (name, class, name.parse()) {
        ("default", ..) => Ok(table.all_others(ttl)),
        (_, Some(class @ 2..=5), _) => Ok(table.class(class, ttl)),
        (_, _, Ok(status @ 200..=599)) => Ok(table.status(status, ttl)),
        _ => {
            let remedy = "name a status from 200 to 599, a class such as `4xx`, or `default`";
            Err(ConfigError::new(
                format!("ttl.{}", name.chars().take(64).collect::<String>()),
                "unknown",
                remedy,
            ))
        }
    }
}

/// A list of texts, or one.
fn texts(option: &'static str, setting: &Setting<'_>) -> Result<Vec<String>, ConfigError> {
    match setting {
        Setting::List(items) => items.iter().map(|item| Ok(text(option, item)?.to_owned())).collect(),
        Setting::Text(text) => Ok(vec![(*text).to_owned()]),
        _ => Err(refused(option, setting, "give a text or a list of them").of_wrong_type()),
    }
}

/// A list of header names, or one.
fn names(option: &'static str, setting: &Setting<'_>) -> Result<Vec<HeaderName>, ConfigError> {
    let name = |name: String| {
        let remedy = "give the name of a header, such as \"accept-language\", or a list of them";
        name.parse().map_err(|_| ConfigError::new(option, format!("{name:?}"), remedy))
    };
    texts(option, setting)?.into_iter().map(name).collect()
}
