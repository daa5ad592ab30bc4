//! Which region a call goes to.

/// The region of an ARN: `arn:partition:service:region:account:…`.
pub(super) fn of_arn<'a>(name: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = name.split(':');
    let (arn, _partition) = (parts.next()?, parts.next()?);
    let of_service = arn == "arn" && parts.next()? == service;
    parts.next().filter(|region| of_service && !region.is_empty())
}

/// Whether a text can be a region's name. It becomes part of a host name and
/// may come from a request: nothing else may pass.
pub(super) fn is_region(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (4..=32).contains(&name.len())
        && name.bytes().all(valid)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_the_service_have_regions() {
        let parameter = "arn:aws:ssm:eu-west-1:1:parameter/a:b";
        assert_eq!(of_arn(parameter, "ssm"), Some("eu-west-1"));
        assert_eq!(of_arn("arn:aws-cn:ssm:cn-north-1:1:parameter/a", "ssm"), Some("cn-north-1"));
        for name in
            ["", "a", "/a/b", "arn", "arn:aws", "arn:aws:ssm", "arn:aws:ssm::1:parameter/a", "x:aws:ssm:r:1"]
        {
            assert_eq!(of_arn(name, "ssm"), None, "{name}");
        }
        assert_eq!(of_arn(parameter, "secretsmanager"), None);
    }

    #[test]
    fn only_names_of_regions_pass() {
        for region in ["eu-west-1", "us-gov-east-1", "ap-southeast-5", "us-iso-east-1"] {
            assert!(is_region(region), "{region}");
        }
        for name in
            ["", "eu", "evil.example", "eu-west-1/", "EU-WEST-1", "a@b-c", "-eu-1", "eu-1-", "localhost:80"]
        {
            assert!(!is_region(name), "{name}");
        }
        assert!(!is_region(&"a".repeat(33)));
    }
}
