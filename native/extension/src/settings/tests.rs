//! Each variable: default, range, and what is said of a wrong one.

use std::time::Duration;

use super::*;

mod readme;
mod tables;

/// What there must be, and nothing else.
const LEAST: [(&str, &str); 3] = [
    ("SNOWMELT_STREAM", "memory:settings"),
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
    // None of the configuration files is there.
    ("LAMBDA_TASK_ROOT", "/nonexistent"),
];

fn environment(variables: &[(&str, &str)]) -> Environment {
    LEAST.iter().chain(variables).copied().collect()
}

fn read(variables: &[(&str, &str)]) -> Settings {
    load(&environment(variables)).unwrap_or_else(|error| panic!("{variables:?}: {error}")).settings
}

fn error(variables: &[(&str, &str)]) -> String {
    load(&environment(variables)).expect_err("it is wrong").to_string()
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let settings = read(&[]);
    assert_eq!(settings.stream, "memory:settings");
    assert_eq!((settings.port, settings.aws.port), (4000, 2773));
    assert!(!settings.compat_demo && !settings.require_token && !settings.prefetch && settings.aws.enabled);
    assert_eq!(settings.ttl, Duration::from_secs(3600));
    assert_eq!((settings.aws.size, settings.aws.max_connections), (1000, 3));
    assert_eq!(settings.aws.parameter_ttl, Duration::from_secs(300));
    assert_eq!(settings.aws.secret_ttl, Duration::from_secs(300));
    assert_eq!((settings.aws.parameter_timeout, settings.aws.secret_timeout), (None, None));
    assert_eq!(settings.aws.log_level, Some(tracing::Level::INFO));
    assert_eq!(settings.config, Config::default());
    assert_eq!(settings.config.max_weight, 64 << 20, "a process beside a function has a bound");
    assert!(settings.parameters.is_empty() && settings.items.is_empty() && settings.tables.is_empty());
    let lambda =
        LambdaSettings { runtime_api: "127.0.0.1:9001".into(), managed_instances: false, region: None };
    assert_eq!(settings.lambda, lambda);
}

#[test]
fn variables_say_what_they_mean() {
    let settings = read(&[
        ("SNOWMELT_STREAM", " arn:aws:kinesis:eu-west-1:123456789012:stream/orders "),
        ("SNOWMELT_PORT", "4001"),
        ("SNOWMELT_COMPAT", "demo"),
        ("SNOWMELT_REQUIRE_TOKEN", "true"),
        ("AWS_SESSION_TOKEN", "IQoJ"),
        ("CACHE_EXTENSION_TTL", "1h30m"),
        ("CACHE_EXTENSION_INIT_STARTUP", "T"),
        ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "65535"),
        ("PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", "FALSE"),
        ("PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", "0"),
        ("PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS", "1"),
        ("PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL", "NONE"),
        ("SSM_PARAMETER_STORE_TTL", "86400"),
        ("SECRETS_MANAGER_TTL", "0"),
        ("SSM_PARAMETER_STORE_TIMEOUT_MILLIS", "1500"),
        ("SECRETS_MANAGER_TIMEOUT_MILLIS", "0"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances"),
        ("AWS_REGION", "eu-west-1"),
    ]);
    assert_eq!(settings.stream, "arn:aws:kinesis:eu-west-1:123456789012:stream/orders");
    assert_eq!((settings.port, settings.aws.port), (4001, 65535));
    assert!(settings.compat_demo && settings.require_token && settings.prefetch && !settings.aws.enabled);
    assert_eq!(settings.ttl, Duration::from_secs(5400));
    assert_eq!((settings.aws.size, settings.aws.max_connections), (0, 1));
    assert_eq!(settings.aws.parameter_ttl, Duration::from_secs(86_400));
    assert_eq!(settings.aws.secret_ttl, Duration::ZERO);
    assert_eq!(settings.aws.parameter_timeout, Some(Duration::from_millis(1500)));
    assert_eq!((settings.aws.secret_timeout, settings.aws.log_level), (None, None));
    assert!(settings.lambda.managed_instances);
    assert_eq!(settings.lambda.region.as_deref(), Some("eu-west-1"));
}

#[test]
fn the_cores_options_are_the_cores() {
    let settings = read(&[
        ("SNOWMELT_MAX_LAG", "30s"),
        ("SNOWMELT_CATCH_UP_EVERY", "1ms"),
        ("SNOWMELT_TTL", "1h30m"),
        ("SNOWMELT_MAX_ENTRIES", "500"),
        ("SNOWMELT_MAX_WEIGHT", "1.5mb"),
        ("SNOWMELT_GIVE_UP_BYTES", "1048576"),
        ("SNOWMELT_NAMESPACE", "12"),
        ("SNOWMELT_LANES", "4"),
        ("SNOWMELT_ON_UNDECODABLE", "flush"),
        ("SNOWMELT_RECORD_FORMAT", "scache"),
    ]);
    let mut config = Config::default();
    config.max_lag = Duration::from_secs(30);
    config.catch_up_every = Duration::from_millis(1);
    (config.ttl_min, config.ttl_max) = (Duration::from_secs(5400), Duration::from_secs(5400));
    (config.max_entries, config.max_weight) = (500, 3 << 19);
    config.give_up_bytes = 1 << 20;
    (config.namespace, config.lanes) = ("12".into(), Some(4));
    config.on_undecodable = snowmelt_core::OnUndecodable::Flush;
    config.record_format = snowmelt_core::RecordFormat::Scache;
    assert_eq!(settings.config, config);
}

#[test]
fn a_wrong_option_of_the_core_is_refused_in_the_cores_words() {
    for (name, value, text) in [
        ("MAX_LAG", "30", r#"is "30": is it 30 ms or 30 s? write "30ms" or "30s""#),
        ("MAX_LAG", "5000", r#"is "5000": is it 5000 ms or 5000 s? write "5000ms" or "5000s""#),
        ("MAX_LAG", "soon", r#"is "soon": give a duration such as "250ms", "30s", "5m", "1h30m" or "2d""#),
        ("MAX_ENTRIES", "many", r#"is "many": give a whole number that is not negative"#),
        ("MAX_ENTRIES", "-1", r#"is "-1": give a whole number that is not negative"#),
        ("MAX_ENTRIES", "0", "is 0: use a number from 1 to 2147483648"),
        ("LANES", "70000", r#"is "70000": it is too large; give a smaller number"#),
        (
            "MAX_WEIGHT",
            "64 potatoes",
            r#"is "64 potatoes": give a whole number, or a text with a unit such as "512kb", "64mb" or "1gb""#,
        ),
        ("ON_UNDECODABLE", "1", r#"is "1": give "skip" or "flush""#),
        ("RECORD_FORMAT", "xml", r#"is "xml": give "snowmelt" or "scache""#),
        (
            "CATCH_UP_EVERY",
            "0",
            "is 0: a request can come before the extension has heard of its invocation, so that it cannot catch up \
             once in each: give a duration such as 1ms, which is shorter than any freeze",
        ),
        ("CATCH_UP_EVERY", "1h", "is 3600s: use a duration from 0ns to 10s"),
        ("RETENTION", "1m", "is 60s: make it longer than SNOWMELT_MARGIN + SNOWMELT_SETTLE"),
    ] {
        let name = format!("SNOWMELT_{name}");
        let mut variables = vec![(name.as_str(), value)];
        if name == "SNOWMELT_RETENTION" {
            variables.push(("SNOWMELT_MARGIN", "2m"));
        }
        assert_eq!(error(&variables), format!("{name} {text}"));
    }
}

const PORT: &str = "give a port from 1 to 65535";
const SECONDS: &str = "give a whole number of seconds from 0 to 4294967";

/// Variables, values that they cannot have, and the remedy.
const WRONG: &[(&str, &[&str], &str)] = &[
    ("SNOWMELT_PORT", &["0", "65536", "x", "-1", "4000.0"], PORT),
    ("SNOWMELT_COMPAT", &["Demo", "1"], "give demo, or leave it out"),
    ("SNOWMELT_REQUIRE_TOKEN", &["yes", "2"], "give true or false"),
    (
        "CACHE_EXTENSION_TTL",
        &["60", "1d", "soon"],
        "give a duration as Go writes them, such as 90s, 3m, 24h or 1h30m; 0 keeps nothing",
    ),
    ("CACHE_EXTENSION_INIT_STARTUP", &["on", "tRUE"], "give true or false"),
    ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &["0", "65536", "x"], PORT),
    ("PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", &["enabled"], "give true or false"),
    ("PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", &["1001", "-1", "x"], "give a whole number from 0 to 1000"),
    (
        "PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS",
        &["0", "4294967296"],
        "give a whole number from 1 to 4294967295",
    ),
    ("PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL", &["trace"], "give debug, info, warn, error or none"),
    ("SSM_PARAMETER_STORE_TTL", &["-1", "4294968", "5m"], SECONDS),
    ("SECRETS_MANAGER_TTL", &["-1", "4294968", "5m"], SECONDS),
    (
        "SSM_PARAMETER_STORE_TIMEOUT_MILLIS",
        &["-1", "1s", "4294967296"],
        "give a whole number of milliseconds from 0 to 4294967295",
    ),
    ("SECRETS_MANAGER_TIMEOUT_MILLIS", &["x"], "give a whole number of milliseconds from 0 to 4294967295"),
];

#[test]
fn a_wrong_variable_is_told_with_its_range() {
    for (name, wrong, remedy) in WRONG.iter().copied() {
        for wrong in wrong {
            assert_eq!(error(&[(name, wrong)]), format!("{name} is {wrong:?}: {remedy}"));
        }
        // What is empty is not set.
        read(&[(name, "")]);
    }
}

#[test]
fn every_level_is_one_in_any_case() {
    for (text, level) in [
        ("debug", Some(tracing::Level::DEBUG)),
        ("Info", Some(tracing::Level::INFO)),
        ("WARN", Some(tracing::Level::WARN)),
        ("eRRor", Some(tracing::Level::ERROR)),
        ("none", None),
    ] {
        assert_eq!(read(&[("PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL", text)]).aws.log_level, level, "{text}");
    }
}

#[test]
fn a_stream_must_be_given() {
    let remedy = "give the stream's name or ARN, or `none` to cache without one: entries then live for their TTL, and \
                  nothing tells of a change";
    for variables in [&[][..], &[("SNOWMELT_STREAM", "")], &[("SNOWMELT_STREAM", "  ")]] {
        let all = LEAST[1..].iter().chain(variables).copied();
        let error = load(&all.collect()).unwrap_err();
        assert_eq!(error.to_string(), format!("SNOWMELT_STREAM is not set, or empty: {remedy}"));
    }
    let error = error(&[("SNOWMELT_STREAM", "undefined")]);
    assert!(error.starts_with(r#"SNOWMELT_STREAM is "undefined": the usual cause is"#), "{error}");
    assert_eq!(read(&[("SNOWMELT_STREAM", "none")]).stream, "none");
}

#[test]
fn without_a_stream_awss_bounds_hold() {
    let none = ("SNOWMELT_STREAM", "none");
    for name in ["SSM_PARAMETER_STORE_TTL", "SECRETS_MANAGER_TTL"] {
        let remedy = "give a whole number of seconds from 0 to 300, or name a stream, which makes longer ones safe, in \
                      SNOWMELT_STREAM";
        assert_eq!(error(&[none, (name, "301")]), format!("{name} is \"301\": {remedy}"));
        read(&[none, (name, "300")]);
        read(&[(name, "301")]);
    }
    // The demo has no bound.
    assert_eq!(read(&[none, ("CACHE_EXTENSION_TTL", "24h")]).ttl, Duration::from_secs(86_400));
}

#[test]
fn a_lifetime_that_is_over_at_once_keeps_nothing() {
    for (text, seconds) in
        [("0", 0), ("0s", 0), ("-5m", 0), ("90s", 90), ("2000h", 4_294_967), ("2562047h", 4_294_967)]
    {
        assert_eq!(read(&[("CACHE_EXTENSION_TTL", text)]).ttl, Duration::from_secs(seconds), "{text}");
    }
}

#[test]
fn a_misspelt_variable_is_told_which_was_meant() {
    for (name, text) in [
        ("SNOWMELT_MAX_LAGG", "is unknown: did you mean `SNOWMELT_MAX_LAG`?"),
        ("SNOWMELT_MAXLAG", "is unknown: did you mean `SNOWMELT_MAX_LAG`?"),
        ("SNOWMELT_STREM", "is unknown: did you mean `SNOWMELT_STREAM`?"),
        ("SNOWMELT_KEYS_AS_TAGS", "cannot be set: leave it out: the extension itself decides it"),
        ("SNOWMELT_SOURCE", "cannot be set: leave it out: the extension itself decides it"),
    ] {
        assert_eq!(error(&[(name, "1")]), format!("{name} {text}"));
    }
    let error = error(&[("SNOWMELT_COLOUR", "blue")]);
    let all = "SNOWMELT_COLOUR is unknown: there are `SNOWMELT_STREAM`, `SNOWMELT_PORT`, `SNOWMELT_COMPAT`, ";
    assert!(error.starts_with(all) && error.ends_with("`SNOWMELT_PAGE_RECORDS`"), "{error}");
}

#[test]
fn an_unknown_variable_of_the_others_is_told_and_no_error() {
    let unknown = [("PARAMETERS_SECRETS_EXTENSION_CACHE_SIZES", "7"), ("PATH", "/bin"), ("SNOWMELTING", "1")];
    let loaded = load(&environment(&unknown)).unwrap();
    let note = "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZES is unknown, and has no effect: did you mean \
                `PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE`?";
    assert_eq!(
        loaded.notes,
        [note, "AWS_SESSION_TOKEN, which Lambda sets, is not set: port 2773 refuses every request"]
    );
    let with_token = [unknown[0], ("AWS_SESSION_TOKEN", "IQoJ")];
    assert_eq!(load(&environment(&with_token)).unwrap().notes, [note]);
}

#[test]
fn two_ports_are_two() {
    let text =
        "SNOWMELT_PORT is 2773: PARAMETERS_SECRETS_EXTENSION_HTTP_PORT is the same: give two different ports";
    assert_eq!(error(&[("SNOWMELT_PORT", "2773")]), text);
}

#[test]
fn a_token_that_is_asked_for_has_to_be_there() {
    let text = "SNOWMELT_REQUIRE_TOKEN is true: there is no token to ask for: set AWS_SESSION_TOKEN, as Lambda does, or \
                leave it out";
    assert_eq!(error(&[("SNOWMELT_REQUIRE_TOKEN", "1")]), text);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_no_token() {
    let variables = [
        ("SNOWMELT_PORT", "x"),
        ("SNOWMELT_MAX_LAG", "y"),
        ("SECRETS_MANAGER_TTL", "z"),
        ("AWS_SESSION_TOKEN", "marker-session"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "marker-container"),
    ];
    let environment = environment(&variables);
    let error = load(&environment).unwrap_err();
    let places: Vec<String> = error.problems().iter().map(|problem| problem.place.to_string()).collect();
    assert_eq!(places, ["SNOWMELT_MAX_LAG", "SNOWMELT_PORT", "SECRETS_MANAGER_TTL"]);
    assert!(!format!("{error} {error:?} {environment:?}").contains("marker"));
    let loaded = load(&environment_of(&variables[3..])).unwrap();
    assert!(!format!("{loaded:?}").contains("marker"));
}

fn environment_of(variables: &[(&str, &str)]) -> Environment {
    environment(variables)
}

#[test]
fn lambda_has_to_be_there() {
    let error =
        load(&[("SNOWMELT_STREAM", "none"), ("LAMBDA_TASK_ROOT", "/nonexistent")].into_iter().collect());
    let text = "AWS_LAMBDA_RUNTIME_API is not set: Lambda sets it for what it starts from /opt/extensions; elsewhere \
                give the host and the port of an emulator's Extensions API";
    assert_eq!(error.unwrap_err().to_string(), text);
    // To report what is wrong with the rest, it is there alone.
    let alone: Environment = [("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")].into_iter().collect();
    assert_eq!(lambda(&alone).unwrap().runtime_api, "127.0.0.1:9001");
    assert_eq!(lambda(&Environment::default()).unwrap_err().to_string(), text);
}

#[cfg(unix)]
#[test]
fn what_is_no_unicode_is_told() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let least = LEAST.map(|(name, value)| (name, OsString::from(value)));
    let wrong = ("SNOWMELT_NAMESPACE", OsString::from_vec(vec![b'a', 0xff]));
    let error = load(&least.into_iter().chain([wrong]).collect()).unwrap_err();
    assert_eq!(error.to_string(), "SNOWMELT_NAMESPACE is no Unicode text: leave out what is no character");
}

#[test]
fn long_values_are_cut() {
    let error = error(&[("SNOWMELT_COMPAT", &"é".repeat(10_000))]);
    let text = format!("SNOWMELT_COMPAT is \"{}\"…: give demo, or leave it out", "é".repeat(64));
    assert_eq!(error, text);
}

#[test]
fn a_folder_that_was_named_has_to_be_there() {
    let text = "SNOWMELT_CONFIG_DIR is \"/nonexistent/config\": give a folder that there is, such as /opt/config, or \
                leave it out for the function's own";
    assert_eq!(error(&[("SNOWMELT_CONFIG_DIR", "/nonexistent/config")]), text);
}
