//! Which stream is meant, and where it is: names, ARNs, regions, endpoints.

use snowmelt_core::StreamAddress;
use thiserror::Error;

/// A stream could not be addressed with what was configured.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StreamConfigError {
    /// No stream was named, or by a value that stands for "nothing" in some
    /// language.
    #[error(
        "no Kinesis stream given (the value is {given:?}): the usual cause is an environment variable that is not set; \
         give the stream's name or its ARN"
    )]
    NoStream {
        /// The value as given.
        given: String,
    },
    /// The value is neither a stream name nor a stream ARN.
    #[error("{given:?} is neither the name nor the ARN of a Kinesis stream: {reason}")]
    InvalidStream {
        /// The value as given.
        given: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The stream's ARN names one region, the configuration another.
    #[error(
        "the stream's ARN is in region {in_arn}, but {source_of} says {configured}: correct one of the two, or set the \
         option `region` to {in_arn} if a stream of another region is meant"
    )]
    RegionMismatch {
        /// The ARN's region.
        in_arn: String,
        /// The other region.
        configured: String,
        /// Where the other region was found.
        source_of: &'static str,
    },
    /// No region is configured and none can be read from an ARN.
    #[error("no AWS region: set AWS_REGION, or the option `region`, or give the stream by its ARN")]
    NoRegion,
    /// The endpoint is not an absolute HTTP URL.
    #[error(
        "the Kinesis endpoint {given:?} from {source_of} is not a URL that starts with http:// or https://"
    )]
    InvalidEndpoint {
        /// The value as given.
        given: String,
        /// Where it was found.
        source_of: &'static str,
    },
}

/// A stream's name, and its ARN if that is how it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(StreamAddress);

impl Address {
    /// Reads a name or an ARN.
    pub(super) fn parse(given: &str) -> Result<Self, StreamConfigError> {
        if stands_for_nothing(given.trim()) {
            return Err(StreamConfigError::NoStream { given: given.into() });
        }
        let parsed = StreamAddress::parse(given);
        parsed.map(Self).map_err(|reason| StreamConfigError::InvalidStream { given: given.into(), reason })
    }

    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// The name to give in a request; none for a stream given by its ARN.
    pub(super) fn stream_name(&self) -> Option<String> {
        if self.0.arn.is_some() { None } else { Some(self.0.name.clone()) }
    }

    /// The ARN to give in a request, if the stream was given by it.
    pub(super) fn stream_arn(&self) -> Option<String> {
        self.0.arn.as_ref().map(|arn| arn.text.clone())
    }
}

/// What JavaScript, Python, Go and shells make of a variable that is not set.
fn stands_for_nothing(text: &str) -> bool {
    ["", "undefined", "null", "none", "nil", "<nil>", "nan", "[object object]"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

/// Chooses the region: the option, else the environment's, else the ARN's.
///
/// An option or environment that contradicts the ARN is an error rather than a
/// choice, since a request signed for one region is refused by the other. The
/// option is the way to say that a stream of another region is meant.
pub(super) fn choose_region(
    address: &Address,
    option: Option<&str>,
    environment: Option<(&'static str, &str)>,
) -> Result<String, StreamConfigError> {
    let configured = option.map(|region| ("the option `region`", region)).or(environment);
    let in_arn = address.0.region();
    match (in_arn, configured) {
        (Some(arn), Some((source_of, other))) if arn != other => {
            Err(StreamConfigError::RegionMismatch { in_arn: arn.into(), configured: other.into(), source_of })
        }
        (Some(region), _) | (None, Some((_, region))) => Ok(region.into()),
        (None, None) => Err(StreamConfigError::NoRegion),
    }
}

/// Accepts an absolute HTTP URL.
pub(super) fn check_endpoint(source_of: &'static str, url: &str) -> Result<String, StreamConfigError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(url.into()),
        _ => Err(StreamConfigError::InvalidEndpoint { given: url.into(), source_of }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders.v2";

    #[test]
    fn a_name_is_sent_as_a_name_and_an_arn_as_an_arn() {
        let by_name = Address::parse(" orders.v2 ").unwrap();
        assert_eq!((by_name.stream_name(), by_name.stream_arn()), (Some("orders.v2".into()), None));
        let by_arn = Address::parse(ARN).unwrap();
        assert_eq!((by_arn.stream_name(), by_arn.stream_arn()), (None, Some(ARN.into())));
        assert_eq!(by_arn.name(), by_name.name(), "tokens are the same either way");
    }

    #[test]
    fn other_partitions_have_arns_too() {
        for partition in ["aws-cn", "aws-us-gov", "aws-iso-b"] {
            let arn = ARN.replacen("aws", partition, 1);
            assert_eq!(Address::parse(&arn).unwrap().name(), "orders.v2");
        }
    }

    #[test]
    fn an_unset_variable_is_recognised() {
        for given in ["", "  ", "undefined", "null", "None", "nil", "NaN", "[object Object]"] {
            let error = Address::parse(given).unwrap_err();
            assert_eq!(error, StreamConfigError::NoStream { given: given.into() });
            assert!(error.to_string().contains("environment variable that is not set"), "{error}");
        }
    }

    #[test]
    fn what_is_no_stream_is_told_why() {
        let consumer = format!("{ARN}/consumer/x:1");
        for (given, word) in [
            ("${STREAM}", "letters, digits"),
            ("memory:orders", "letters, digits"),
            ("https://kinesis.eu-west-1.amazonaws.com", "letters, digits"),
            ("arn:aws:sqs:eu-west-1:123456789012:orders", "another service"),
            ("arn:aws:kinesis:eu-west-1:123456789012:orders", "has the form"),
            ("arn:aws:kinesis:eu-west-1:123456789012:stream/", "has the form"),
            ("arn:aws:kinesis::123456789012:stream/orders", "has the form"),
            ("arn:aws:kinesis:eu-west-1:1234:stream/orders", "has the form"),
            ("arn:aws:kinesis", "has the form"),
            (consumer.as_str(), "fan-out consumer"),
        ] {
            let error = Address::parse(given).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains(given), "{error}");
        }
        assert!(Address::parse(&"x".repeat(129)).is_err());
    }

    #[test]
    fn the_region_comes_from_the_option_the_environment_or_the_arn() {
        let name = Address::parse("orders").unwrap();
        let arn = Address::parse(ARN).unwrap();
        let env = Some(("AWS_REGION", "us-east-1"));
        assert_eq!(choose_region(&name, None, env).unwrap(), "us-east-1");
        assert_eq!(choose_region(&name, Some("eu-west-3"), env).unwrap(), "eu-west-3");
        assert_eq!(choose_region(&arn, None, None).unwrap(), "eu-west-1");
        assert_eq!(choose_region(&arn, Some("eu-west-1"), env).unwrap(), "eu-west-1");
        assert_eq!(choose_region(&name, None, None), Err(StreamConfigError::NoRegion));
    }

    #[test]
    fn a_contradiction_names_both_regions() {
        let arn = Address::parse(ARN).unwrap();
        let error = choose_region(&arn, None, Some(("AWS_REGION", "us-east-1"))).unwrap_err().to_string();
        assert!(error.contains("eu-west-1") && error.contains("AWS_REGION says us-east-1"), "{error}");
        assert!(choose_region(&arn, Some("us-east-2"), None).is_err());
    }

    #[test]
    fn an_endpoint_is_an_absolute_url() {
        assert!(check_endpoint("AWS_ENDPOINT_URL", "http://127.0.0.1:4567").is_ok());
        for bad in ["", "localhost:4567", "https://", "http:///x", "ftp://x"] {
            assert!(check_endpoint("AWS_ENDPOINT_URL", bad).is_err(), "{bad}");
        }
    }
}
