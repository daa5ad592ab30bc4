use std::format;
use std::string::{String, ToString};
use std::time::Duration;
use std::vec::Vec;

use super::Setting::{Fields, Flag, List, Nothing, Number, Other, Text};
use super::*;
use crate::Share;

fn refusal<T: core::fmt::Debug>(result: Result<T, ConfigError>) -> String {
    let error = result.unwrap_err();
    assert!(!error.remedy.is_empty());
    error.to_string()
}

const MILLISECONDS: Units = Units::Milliseconds;
const SECONDS: Units = Units::Seconds;

#[test]
fn durations_have_units() {
    for (text, millis) in [
        ("250ms", 250),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("1.5h", 5_400_000),
        ("2d", 172_800_000),
        ("1h30m", 5_400_000),
        (" 1 h  30 m ", 5_400_000),
        ("1d2h3m4s5ms", 93_784_005),
        ("1.5s", 1_500),
        ("0", 0),
        ("0s", 0),
        ("4294967295ms", 4_294_967_295),
        ("7ms", 7),
    ] {
        for units in [MILLISECONDS, SECONDS] {
            let read = duration("max_lag", &Text(text), units);
            assert_eq!(read, Ok(Duration::from_millis(millis)), "{text:?}");
        }
    }
}

#[test]
fn a_duration_that_is_none_is_refused() {
    for text in [
        "",
        " ",
        "s",
        "-5s",
        "+5s",
        "5S",
        "5M",
        "5MS",
        "5x",
        "5 minutes",
        "1e3s",
        "NaN",
        "inf",
        "infs",
        "1..5s",
        ".5s",
        "5.s",
        "1,5s",
        "5s5",
        "30m1h",
        "5s5s",
        "1h 30",
        "٣s",
        "1ħ",
        "999999999999999999999d",
    ] {
        let error = refusal(duration("max_lag", &Text(text), MILLISECONDS));
        assert!(error.contains("option `max_lag`") && error.contains(r#""250ms""#), "{error}");
    }
}

#[test]
fn a_text_without_a_unit_is_asked_for_one() {
    for (text, number) in [("30", "30"), (" 1.5 ", "1.5"), ("5000", "5000"), ("0.0", "0.0")] {
        for units in [MILLISECONDS, SECONDS] {
            let error = refusal(duration("max_lag", &Text(text), units));
            assert!(error.contains(&format!(r#"write "{number}ms" or "{number}s""#)), "{error}");
        }
    }
}

#[test]
fn a_bare_number_is_in_the_hosts_unit() {
    for (number, units, millis) in [
        (0.0, MILLISECONDS, 0),
        (-0.0, MILLISECONDS, 0),
        (1000.0, MILLISECONDS, 1000),
        (86_400_000.0, MILLISECONDS, 86_400_000),
        (0.0, SECONDS, 0),
        (0.25, SECONDS, 250),
        (30.0, SECONDS, 30_000),
    ] {
        assert_eq!(duration("ttl", &Number(number), units), Ok(Duration::from_millis(millis)), "{number}");
    }
}

#[test]
fn few_milliseconds_are_asked_whether_seconds_were_meant() {
    for (number, shown) in [(30.0, "30"), (999.0, "999"), (0.5, "0.5"), (1.0, "1")] {
        let error = refusal(duration("ttl", &Number(number), MILLISECONDS));
        assert_eq!(
            error,
            format!(
                r#"option `ttl` is {shown}: is it {shown} ms or {shown} s? write "{shown}ms" or "{shown}s""#
            )
        );
    }
}

#[test]
fn a_number_that_is_no_time_is_refused() {
    for number in [-1.0, -0.001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        for units in [MILLISECONDS, SECONDS] {
            let error = refusal(duration("ttl", &Number(number), units));
            assert!(error.contains("give a duration such as"), "{error}");
        }
    }
    assert!(refusal(duration("ttl", &Flag(true), SECONDS)).contains("is true"));
    assert!(refusal(duration("ttl", &Other("Date"), SECONDS)).contains("of type Date"));
}

#[test]
fn sizes_have_units_or_are_whole() {
    for (text, bytes) in [
        ("64mb", 64 << 20),
        ("64MB", 64 << 20),
        (" 64 MiB ", 64 << 20),
        ("1gb", 1 << 30),
        ("1gib", 1 << 30),
        ("512kb", 512 << 10),
        ("512kib", 512 << 10),
        ("10b", 10),
        ("1.5mb", 3 << 19),
        ("1.1kb", 1126),
        ("0b", 0),
    ] {
        assert_eq!(size("max_weight", &Text(text)), Ok(bytes), "{text:?}");
    }
    for (number, bytes) in [(0.0, 0), (1.0, 1), (1e15, 1_000_000_000_000_000)] {
        assert_eq!(size("max_weight", &Number(number)), Ok(bytes));
    }
    for text in ["", "64", "mb", "-1mb", "1tb", "1 mb x", "1e3kb", "99999999999999999999gb", "64m"] {
        assert!(refusal(size("max_weight", &Text(text))).contains(r#""64mb""#), "{text}");
    }
    for number in [-1.0, 0.5, f64::NAN, f64::INFINITY, 18_446_744_073_709_551_616.0] {
        assert!(refusal(size("max_weight", &Number(number))).contains("whole number"), "{number}");
    }
}

#[test]
fn counts_are_whole_numbers_that_fit() {
    let mut config = Config::default();
    for (option, most) in [("lanes", 65_535.0), ("page_records", 4_294_967_295.0), ("give_up_records", 1e15)]
    {
        config.set(option, &Number(most), MILLISECONDS).unwrap();
    }
    assert_eq!((config.lanes, config.page_records), (Some(65_535), u32::MAX));
    assert_eq!(config.give_up_records, 1_000_000_000_000_000);
    for (option, over) in [("lanes", 65_536.0), ("page_records", 4_294_967_296.0), ("lanes", 1e18)] {
        let error = refusal(config.set(option, &Number(over), MILLISECONDS));
        assert!(error.contains("too large"), "{error}");
    }
    for setting in
        [Number(0.5), Number(-1.0), Number(f64::NAN), Number(f64::INFINITY), Flag(true), Other("x")]
    {
        assert!(
            refusal(config.set("max_entries", &setting, SECONDS)).contains("whole number"),
            "{setting:?}"
        );
    }
    let error = refusal(config.set("max_entries", &Text("100"), SECONDS));
    assert_eq!(error, r#"option `max_entries` is "100": give a number, without quotes"#);
    assert_eq!(config.max_entries, 10_000, "what is refused changes nothing");
}

#[test]
fn a_share_is_a_number_between_nothing_and_all() {
    assert_eq!(share("refresh_ahead", &Number(0.5)), Ok(Share::new(0.5).unwrap()));
    for setting in [Number(0.0), Number(1.0), Number(-0.5), Number(f64::NAN), Text("0.5"), Flag(true)] {
        assert!(refusal(share("refresh_ahead", &setting)).contains("between 0 and 1"), "{setting:?}");
    }
}

#[test]
fn a_soft_timeout_beyond_the_hard_one_is_told_of_it() {
    let mut config = Config::default();
    config.set("soft_load_timeout", &Text("31s"), SECONDS).unwrap();
    let error = config.validate().unwrap_err();
    assert_eq!((error.option.as_ref(), error.value.as_str()), ("soft_load_timeout", "31s"));
    assert!(error.remedy.contains("`load_timeout`, which is 30s"), "{error}");
    config.set("load_timeout", &Text("31s"), SECONDS).unwrap();
    assert_eq!(config.validate(), Ok(()));
}

#[test]
fn words_are_chosen_from_a_list() {
    let mut config = Config::default();
    config.set("namespace", &Text("shop"), SECONDS).unwrap();
    config.set("on_undecodable", &Text("flush"), SECONDS).unwrap();
    config.set("record_format", &Text("scache"), SECONDS).unwrap();
    assert_eq!((config.namespace.as_str(), config.on_undecodable), ("shop", OnUndecodable::Flush));
    assert_eq!(config.record_format, RecordFormat::Scache);
    for setting in [Text("Flush"), Text(""), Number(1.0), Flag(true)] {
        let error = refusal(config.set("on_undecodable", &setting, SECONDS));
        assert!(error.ends_with(r#"give "skip" or "flush""#), "{error}");
    }
    let error = refusal(config.set("record_format", &Text("json"), SECONDS));
    assert_eq!(error, r#"option `record_format` is "json": give "snowmelt" or "scache""#);
    assert!(refusal(config.set("namespace", &Number(7.0), SECONDS)).contains("give a text"));
}

fn users() -> Setting<'static> {
    Fields(Vec::from([("table".into(), Text("users")), ("key".into(), Text("users/{pk}"))]))
}

/// A value that each option takes, and its field afterwards.
fn example(name: &str) -> (Setting<'static>, fn(&Config) -> String) {
    match name {
        "ttl" => (Text("61s"), |c| format!("{:?} {:?}", c.ttl_min, c.ttl_max)),
        "ttl_min" => (Text("61s"), |c| format!("{:?}", c.ttl_min)),
        "ttl_max" => (Text("61s"), |c| format!("{:?}", c.ttl_max)),
        "catch_up_every" => (Text("61s"), |c| format!("{:?}", c.catch_up_every)),
        "max_lag" => (Text("61s"), |c| format!("{:?}", c.max_lag)),
        "margin" => (Text("61s"), |c| format!("{:?}", c.margin)),
        "settle" => (Text("61s"), |c| format!("{:?}", c.settle)),
        "retention" => (Text("61s"), |c| format!("{:?}", c.retention)),
        "catch_up_budget" => (Text("61s"), |c| format!("{:?}", c.catch_up_budget)),
        "call_timeout" => (Text("61s"), |c| format!("{:?}", c.call_timeout)),
        "load_timeout" => (Text("61s"), |c| format!("{:?}", c.load_timeout)),
        "soft_load_timeout" => (Text("61s"), |c| format!("{:?}", c.soft_load_timeout)),
        "stale_while_revalidate" => (Text("61s"), |c| format!("{:?}", c.stale_while_revalidate)),
        "stale_if_error" => (Text("61s"), |c| format!("{:?}", c.stale_if_error)),
        "refresh_ahead" => (Number(0.5), |c| format!("{:?}", c.refresh_ahead)),
        "negative_ttl" => (Text("61s"), |c| format!("{:?}", c.negative_ttl)),
        "max_entries" => (Number(77.0), |c| c.max_entries.to_string()),
        "max_weight" => (Number(77.0), |c| c.max_weight.to_string()),
        "max_leases" => (Number(77.0), |c| c.max_leases.to_string()),
        "max_fences" => (Number(77.0), |c| c.max_fences.to_string()),
        "lanes" => (Number(77.0), |c| format!("{:?}", c.lanes)),
        "namespace" => (Text("77"), |c| c.namespace.clone()),
        "on_undecodable" => (Text("flush"), |c| format!("{:?}", c.on_undecodable)),
        "record_format" => (Text("scache"), |c| format!("{:?}", c.record_format)),
        "source" => (Fields(Vec::from([("dynamodb".into(), users())])), |c| format!("{:?}", c.sources)),
        "keys_as_tags" => (Flag(true), |c| c.keys_as_tags.to_string()),
        "give_up_records" => (Number(77.0), |c| c.give_up_records.to_string()),
        "give_up_bytes" => (Number(77.0), |c| c.give_up_bytes.to_string()),
        "page_records" => (Number(77.0), |c| c.page_records.to_string()),
        other => panic!("no example for {other}"),
    }
}

#[test]
fn every_option_sets_its_own_field_and_no_other() {
    let read =
        |config: &Config| -> Vec<_> { NAMES.iter().map(|name| (*name, example(name).1(config))).collect() };
    let before = read(&Config::default());
    for name in NAMES {
        let mut config = Config::default();
        config.set(name, &example(name).0, SECONDS).unwrap();
        for ((option, before), (_, after)) in before.iter().zip(read(&config)) {
            let is_ttl = (*name == "ttl" && option.starts_with("ttl"))
                || (*option == "ttl" && name.starts_with("ttl"));
            assert_eq!(*before != after, option == name || is_ttl, "{name} {option}: {before} {after}");
        }
    }
}

#[test]
fn an_option_without_a_value_is_refused() {
    for name in NAMES {
        for units in [MILLISECONDS, SECONDS] {
            let error = refusal(Config::default().set(name, &Nothing, units));
            let said = format!("option `{name}` is given without a value: leave it out to have the default");
            assert_eq!(error, said);
        }
    }
}

#[test]
fn what_is_wrong_with_a_value_may_be_its_type() {
    let wrong_type =
        |option, setting| Config::default().set(option, &setting, SECONDS).unwrap_err().wrong_type;
    for option in NAMES {
        let lists = [List(Vec::new()), Fields(Vec::new())];
        for setting in [Flag(true), Nothing, Other("list")].into_iter().chain(lists) {
            let is_of_type = match *option {
                "keys_as_tags" => matches!(setting, Flag(_)),
                "source" => matches!(setting, List(_) | Fields(_)),
                _ => false,
            };
            assert!(is_of_type || wrong_type(option, setting.clone()), "{option} {setting:?}");
        }
    }
    for option in ["namespace", "on_undecodable", "record_format"] {
        assert!(wrong_type(option, Number(1.0)), "{option}");
    }
    for option in ["ttl", "max_lag", "max_weight", "max_entries"] {
        assert!(!wrong_type(option, Number(-1.0)) && !wrong_type(option, Text("x")), "{option}");
    }
    assert!(!wrong_type("on_undecodable", Text("x")));
}

#[test]
fn an_option_that_does_not_exist_is_refused() {
    for name in ["stream", "segments", "Ttl", "ttl ", "maxLag", ""] {
        let error = Config::default().set(name, &Text("1s"), SECONDS).unwrap_err();
        assert_eq!((error.option.as_ref(), error.value.as_str()), (name, "unknown"));
    }
}
