//! The call that a hit replaces: `GetParameter` by the AWS SDK for Rust, over a
//! kept connection to moto.

use std::time::Instant;

use aws_sdk_ssm::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls;
use test_servers::Moto;

const CALLS: usize = 300;

/// The median of the calls, in microseconds.
pub(crate) fn get_parameter() -> f64 {
    let moto = Moto::shared();
    moto.put_parameter("/app/database", "SecureString", "postgres://user:password@database.internal:5432");
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(moto.endpoint())
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"))
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https())
        .build();
    let client = aws_sdk_ssm::Client::from_conf(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut took: Vec<f64> = runtime.block_on(async {
        let mut took = Vec::new();
        for _ in 0..CALLS {
            let begun = Instant::now();
            let call = client.get_parameter().name("/app/database").with_decryption(true);
            call.send().await.expect("moto answers");
            took.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        took
    });
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}
