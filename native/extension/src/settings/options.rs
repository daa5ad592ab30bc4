//! The core's options, from `SNOWMELT_MAX_LAG` and the like. What they mean is
//! the core's to say: nothing is decided here but that a variable is a text.

use snowmelt_core::options::{Setting, Units};
use snowmelt_core::{Config, ConfigError};

use super::environment::Reader;
use super::error::shown;
use super::variables::{of_option, options};

pub(super) fn config(reader: &mut Reader<'_>) -> Config {
    let mut config = Config::default();
    let mut sound = true;
    for option in options() {
        let variable = of_option(option);
        let Some(text) = reader.text(&variable) else { continue };
        if let Err(error) = set(&mut config, option, text) {
            sound = false;
            reader.refuse(&variable, format!("is {}", shown(text)), in_variables(&error.remedy));
        }
    }
    if sound && let Err(error) = config.validate() {
        let variable = of_option(&error.option);
        reader.refuse(&variable, format!("is {}", error.value), in_variables(&error.remedy));
    }
    if config.catch_up_every.is_zero() {
        reader.refuse(&of_option("catch_up_every"), "is 0", ONCE_EACH);
    }
    config
}

/// Elsewhere 0 means once in each invocation.
const ONCE_EACH: &str = "a request can come before the extension has heard of its invocation, so that it cannot catch \
                         up once in each: give a duration such as 1ms, which is shorter than any freeze";

/// Variables are texts, and the core asks for numbers where it counts.
fn set(config: &mut Config, option: &str, text: &str) -> Result<(), ConfigError> {
    let units = Units::Milliseconds;
    let as_text = match config.set(option, &Setting::Text(text), units) {
        // What takes this text is a duration: a number without a unit stays
        // refused there, since nobody knows which one was meant.
        Err(error) if Config::default().set(option, &Setting::Text("0s"), units).is_ok() => {
            return Err(error);
        }
        Err(error) => error,
        Ok(()) => return Ok(()),
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits).unwrap_or(f64::NAN);
    config.set(option, &Setting::Number(number), units).map_err(|error| {
        // A choice between words is of no number's type.
        if error.wrong_type { as_text } else { error }
    })
}

/// A remedy that names options, with the variables in their place.
fn in_variables(remedy: &str) -> String {
    let remedy = remedy.replace(", or a number of milliseconds", "").replace(" without quotes", "");
    options().fold(remedy, |remedy, option| remedy.replace(&format!("`{option}`"), &of_option(option)))
}
