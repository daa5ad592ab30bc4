//! From variables and files to [`Settings`].

use std::path::PathBuf;
use std::time::Duration;

use snowmelt_core::StreamSpec;

use super::environment::{Environment, Reader};
use super::error::{Problems, SettingsError, shown};
use super::variables::{COMPAT, CONFIG_DIR, HTTP_PORT, PORT, PREFETCH, REQUIRE_TOKEN, STREAM, TTL};
use super::{LambdaSettings, Settings, Token, aws, files, go, options, variables};

/// What a configuration says.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The token that requests must show where one is asked for.
    pub token: Token,
    /// What is worth a line in the log and no error: what was configured and
    /// has no effect.
    pub notes: Vec<String>,
}

/// Reads the variables, and the configuration files that they point to.
///
/// # Errors
///
/// If anything is wrong, with all that is.
pub fn load(environment: &Environment) -> Result<Loaded, SettingsError> {
    let mut problems = Problems::default();
    let mut reader = Reader::new(environment, &mut problems);
    let mut notes = variables::check(environment, &mut reader);
    let mut settings = from_variables(&mut reader);
    let token = Token::new(environment);
    if settings.require_token && !token.is_set() {
        let remedy = "there is no token to ask for: set AWS_SESSION_TOKEN, as Lambda does, or leave it out";
        reader.refuse(REQUIRE_TOKEN, "is true", remedy);
    }
    if !token.is_set() {
        notes.push(format!(
            "AWS_SESSION_TOKEN, which Lambda sets, is not set: port {} refuses every request",
            settings.aws.port
        ));
    }
    if settings.port == settings.aws.port {
        let remedy = format!("{HTTP_PORT} is the same: give two different ports");
        reader.refuse(PORT, format!("is {}", settings.port), remedy);
    }
    let folder = folder(environment, &mut reader);
    let listed = files::read(&folder, settings.lambda.region.as_deref(), &mut problems);
    problems.check()?;
    (settings.parameters, settings.items, settings.tables) = (listed.parameters, listed.items, listed.tables);
    notes.extend(listed.notes);
    Ok(Loaded { settings, token, notes })
}

/// What Lambda says alone: a broken configuration has to be reported
/// somewhere.
///
/// # Errors
///
/// If that is wrong, too.
pub fn lambda(environment: &Environment) -> Result<LambdaSettings, SettingsError> {
    let mut problems = Problems::default();
    let lambda = aws::lambda(&mut Reader::new(environment, &mut problems));
    problems.check().map(|()| lambda)
}

fn from_variables(reader: &mut Reader<'_>) -> Settings {
    let (stream, has_stream) = stream(reader);
    let ttl = "give a duration as Go writes them, such as 90s, 3m, 24h or 1h30m; 0 keeps nothing";
    Settings {
        stream,
        config: options::config(reader),
        port: aws::port(reader, PORT, 4000),
        compat_demo: reader
            .read(COMPAT, false, "give demo, or leave it out", |text| (text == "demo").then_some(true)),
        require_token: reader.read(REQUIRE_TOKEN, false, aws::FLAG, go::boolean),
        ttl: reader.read(TTL, Duration::from_secs(3600), ttl, |text| go::duration(text).map(lifetime)),
        prefetch: reader.read(PREFETCH, false, aws::FLAG, go::boolean),
        parameters: Vec::new(),
        items: Vec::new(),
        tables: Vec::new(),
        aws: aws::aws(reader, has_stream),
        lambda: aws::lambda(reader),
    }
}

/// The demo takes what is over at once for expired, and keeps everything else
/// for as long as it runs; the core knows no lifetime beyond 49 days.
fn lifetime(nanoseconds: i64) -> Duration {
    let lifetime = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0));
    lifetime.min(Duration::from_secs(aws::LONGEST))
}

/// The stream as it was given, and whether that is one.
fn stream(reader: &mut Reader<'_>) -> (String, bool) {
    let Some(text) = reader.text(STREAM) else {
        let remedy = "give the stream's name or ARN, or `none` to cache without one: entries then live for their TTL, \
                      and nothing tells of a change";
        reader.refuse(STREAM, "is not set, or empty", remedy);
        return (String::new(), true);
    };
    match text.parse::<StreamSpec>() {
        Ok(spec) => (text.to_owned(), spec != StreamSpec::None),
        Err(error) => {
            reader.refuse(STREAM, format!("is {}", shown(text)), error.remedy);
            (String::new(), true)
        }
    }
}

/// Where the configuration files are. One that was named has to be there.
fn folder(environment: &Environment, reader: &mut Reader<'_>) -> PathBuf {
    if let Some(folder) = reader.text(CONFIG_DIR) {
        if !PathBuf::from(folder).is_dir() {
            let remedy =
                "give a folder that there is, such as /opt/config, or leave it out for the function's own";
            reader.refuse(CONFIG_DIR, format!("is {}", shown(folder)), remedy);
        }
        return folder.into();
    }
    environment.text("LAMBDA_TASK_ROOT").unwrap_or("/var/task").into()
}
