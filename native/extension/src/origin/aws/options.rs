//! How the services are reached.

use std::time::Duration;

use http::Uri;
use thiserror::Error;

use crate::settings::AwsSettings;

/// The limit of a call to a service that has none of its own (its
/// `…_TIMEOUT_MILLIS` is 0, and always so for `DynamoDB`): nothing may hang for
/// ever.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// How the services are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsOptions {
    /// The region of whatever names none itself.
    pub region: Option<String>,
    /// Calls to one service at once; more wait, within their limit.
    pub max_connections: usize,
    /// How long fetching a parameter may take, with all attempts and with
    /// waiting for its turn.
    pub parameter_timeout: Duration,
    /// The same for a secret.
    pub secret_timeout: Duration,
    /// The same for an item.
    pub item_timeout: Duration,
    /// Endpoints in place of the regions' own, for emulators and for VPC
    /// endpoints without private DNS.
    pub endpoints: Endpoints,
    /// `AWS_USE_FIPS_ENDPOINT`.
    pub use_fips: bool,
    /// `AWS_USE_DUALSTACK_ENDPOINT`.
    pub use_dual_stack: bool,
}

/// The URL of each service's endpoint, if it is not the region's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// `AWS_ENDPOINT_URL_SSM`.
    pub ssm: Option<String>,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub secrets_manager: Option<String>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`.
    pub dynamodb: Option<String>,
}

/// A variable of the environment that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{name}={value:?} is no endpoint: give a URL like https://vpce-1.ssm.eu-west-1.vpce.amazonaws.com, or remove it"
)]
pub struct BadEndpoint {
    /// The variable.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

impl AwsOptions {
    /// What the environment says, with `variable` to read it.
    ///
    /// Variables are those of every AWS SDK: an endpoint of a service
    /// (`AWS_ENDPOINT_URL_SSM`, `AWS_ENDPOINT_URL_SECRETS_MANAGER`,
    /// `AWS_ENDPOINT_URL_DYNAMODB`) comes before `AWS_ENDPOINT_URL`, which is for
    /// all; `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` ignores both;
    /// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT` are `true` or not.
    /// The region is `AWS_REGION`, then `AWS_DEFAULT_REGION`. An empty variable is
    /// one that is not set.
    ///
    /// # Errors
    ///
    /// If an endpoint is no URL with `http` or `https`.
    pub fn from_variables(
        settings: &AwsSettings,
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, BadEndpoint> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let is_on = |name| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let ignored = is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        let endpoint = |name| {
            let names = [name, "AWS_ENDPOINT_URL"];
            let found = names.into_iter().find_map(|name| Some((name, variable(name)?)));
            found.filter(|_| !ignored).map(|(name, value)| check_endpoint(name, value)).transpose()
        };
        Ok(Self {
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
            max_connections: settings.max_connections,
            parameter_timeout: settings.parameter_timeout.unwrap_or(DEFAULT_TIMEOUT),
            secret_timeout: settings.secret_timeout.unwrap_or(DEFAULT_TIMEOUT),
            item_timeout: DEFAULT_TIMEOUT,
            endpoints: Endpoints {
                ssm: endpoint("AWS_ENDPOINT_URL_SSM")?,
                secrets_manager: endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER")?,
                dynamodb: endpoint("AWS_ENDPOINT_URL_DYNAMODB")?,
            },
            use_fips: is_on("AWS_USE_FIPS_ENDPOINT"),
            use_dual_stack: is_on("AWS_USE_DUALSTACK_ENDPOINT"),
        })
    }
}

fn check_endpoint(name: &'static str, value: String) -> Result<String, BadEndpoint> {
    let parsed = value.parse::<Uri>().ok();
    let named = |uri: &Uri| uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let usable = |uri: &Uri| named(uri) && matches!(uri.scheme_str(), Some("http" | "https"));
    if parsed.as_ref().is_some_and(usable) {
        return Ok(value);
    }
    // What stands before an `@` may be a password.
    let value = value.rsplit_once('@').map_or(value.clone(), |(_, host)| format!("…@{host}"));
    Err(BadEndpoint { name, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> AwsSettings {
        let seconds = Duration::from_secs(300);
        AwsSettings {
            port: 2773,
            enabled: true,
            size: 1000,
            max_connections: 3,
            parameter_ttl: seconds,
            secret_ttl: seconds,
            parameter_timeout: None,
            secret_timeout: Some(Duration::from_millis(150)),
            log_level: None,
        }
    }

    fn options(variables: &[(&'static str, &str)]) -> Result<AwsOptions, BadEndpoint> {
        let value =
            |name| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
        AwsOptions::from_variables(&settings(), value)
    }

    #[test]
    fn an_empty_environment_means_the_regions_own_endpoints() {
        let options = options(&[("AWS_ENDPOINT_URL", ""), ("AWS_REGION", "")]).unwrap();
        assert_eq!(options.endpoints, Endpoints::default());
        assert_eq!((options.region, options.max_connections), (None, 3));
        assert_eq!((options.parameter_timeout, options.item_timeout), (DEFAULT_TIMEOUT, DEFAULT_TIMEOUT));
        assert_eq!(options.secret_timeout, Duration::from_millis(150));
        assert!(!options.use_fips && !options.use_dual_stack);
    }

    #[test]
    fn an_endpoint_of_a_service_comes_before_that_of_all() {
        let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let found = options(&[
            all,
            ("AWS_ENDPOINT_URL_SSM", "https://ssm.example"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://secrets.example"),
        ]);
        let Endpoints { ssm, secrets_manager, dynamodb } = found.unwrap().endpoints;
        assert_eq!(ssm.as_deref(), Some("https://ssm.example"));
        assert_eq!(secrets_manager.as_deref(), Some("https://secrets.example"));
        assert_eq!(dynamodb.as_deref(), Some("http://127.0.0.1:1"));
        let found = options(&[all, ("AWS_ENDPOINT_URL_DYNAMODB", "http://[::1]:2/")]).unwrap().endpoints;
        assert_eq!(found.dynamodb.as_deref(), Some("http://[::1]:2/"));
        let ignored = options(&[all, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]);
        assert_eq!(ignored.unwrap().endpoints, Endpoints::default());
    }

    #[test]
    fn regions_and_kinds_of_endpoints_are_read() {
        let found = options(&[
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_USE_FIPS_ENDPOINT", "TRUE"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ])
        .unwrap();
        assert_eq!(found.region.as_deref(), Some("eu-west-1"));
        assert!(found.use_fips && found.use_dual_stack);
        let found = options(&[("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_REGION", "eu-west-2")]).unwrap();
        assert_eq!(found.region.as_deref(), Some("eu-west-2"));
    }

    #[test]
    fn what_is_no_url_is_named() {
        for value in ["127.0.0.1:4566", "localhost", "ftp://a", "http://", "not a url"] {
            let error = options(&[("AWS_ENDPOINT_URL", value)]).unwrap_err();
            assert_eq!(error, BadEndpoint { name: "AWS_ENDPOINT_URL", value: value.into() });
            assert!(error.to_string().contains(&format!("AWS_ENDPOINT_URL={value:?} is no endpoint")));
        }
    }

    /// Answers and logs name the endpoint.
    #[test]
    fn a_password_in_an_endpoint_is_refused_and_not_shown() {
        let error = options(&[("AWS_ENDPOINT_URL", "https://user:pass@host.example")]).unwrap_err();
        assert_eq!(error.value, "…@host.example");
        assert!(!error.to_string().contains("pass@"), "{error}");
    }
}
