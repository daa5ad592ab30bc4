//! What holds for any request and any response.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::{collection::vec, option, sample::select};
use snowmelt_http::{
    Answer, Ask, Body, How, Keep, Match, Meta, Options, Policy, Query, Question, Reason, Request,
    ResponseHead, Ttl, Verdict,
};

/// What is stored in no case, said once more.
const NEVER: &[&str] = &[
    "authentication-info",
    "clear-site-data",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "retry-after",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const NEVER_PREFIXES: &[&str] =
    &["access-control-", "ratelimit", "x-ratelimit", "rate-limit", "x-rate-limit"];

/// A key's bound: its URL, five parts of 64 bytes and their names, 16 variants.
const LONGEST_KEY: usize = 8 * 1024;

#[derive(Clone, Debug)]
struct Asked {
    method: String,
    scheme: String,
    host: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    custom: Option<String>,
}

impl Asked {
    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            body: self.body.as_deref().map_or(Body::None, Body::Read),
            custom: self.custom.as_deref(),
        }
    }
}

/// Names that mean something to the policy, and others.
fn header_name() -> impl Strategy<Value = String> {
    let known = [
        NEVER,
        &[
            "access-control-allow-origin",
            "age",
            "authorization",
            "cache-control",
            "cache-status",
            "cache-tag",
            "content-length",
            "content-range",
            "content-type",
            "cookie",
            "date",
            "etag",
            "expires",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "last-modified",
            "pragma",
            "range",
            "ratelimit-policy",
            "surrogate-key",
            "vary",
            "x-a",
            "x-cache",
            "x-ratelimit-limit",
        ],
    ]
    .concat();
    prop_oneof![8 => select(known).prop_map(str::to_owned), 1 => Just("vary".to_owned()), 1 => "[a-z-]{1,12}"]
}

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "*",
        "0",
        "\"",
        "\"a\"",
        "W/\"a\"",
        ", ",
        ",",
        "=",
        "max-age",
        "s-maxage=60",
        "max-age=60",
        "public",
        "Private",
        "no-store",
        "no-cache",
        "must-revalidate",
        "only-if-cached",
        "min-fresh=5",
        "\\",
        "stale-while-revalidate=99999999999999999999",
        "18446744073709551615",
        "x-a",
        "cookie",
        "connection",
        "Mon, 21 Sep 2026 14:14:20 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "gzip",
    ];
    let word = select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    prop_oneof![4 => vec(word, 0..6).prop_map(|words| words.concat()), 1 => vec(any::<u8>(), 0..80)]
}

fn header_map(most: usize) -> impl Strategy<Value = HeaderMap> {
    vec((header_name(), header_value()), 0..most).prop_map(|fields| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(&value)) {
                headers.append(name, value);
            }
        }
        headers
    })
}

/// What mostly ends it before anything is stored is left out of most.
fn tame_map(most: usize) -> impl Strategy<Value = HeaderMap> {
    const WILD: &[&str] = &[
        "age",
        "cache-control",
        "content-length",
        "content-range",
        "if-match",
        "pragma",
        "range",
        "transfer-encoding",
        "upgrade",
    ];
    (header_map(most), prop::bool::weighted(0.9)).prop_map(|(mut headers, tame)| {
        for name in WILD.iter().filter(|_| tame) {
            headers.remove(*name);
        }
        headers
    })
}

/// Few letters, so that two of them are often the same, or nearly.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![6 => "[ab/?&=#~% :é]{0,6}", 1 => "[a?]{505,520}", 1 => any::<String>()]
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => Just("GET".to_owned()),
        6 => select(vec!["GET", "HEAD", "POST", "QUERY"]).prop_map(str::to_owned),
        1 => select(vec!["PUT", "get", "DELETE"]).prop_map(str::to_owned),
        1 => any::<String>()
    ]
}

fn scheme() -> impl Strategy<Value = String> {
    prop_oneof![6 => select(vec!["http", "https", "HTTPS"]).prop_map(str::to_owned), 1 => text()]
}

fn host() -> impl Strategy<Value = String> {
    let hosts = ["a", "A", "ab", "a:80", "a:443", "a:8", "b.example", ""];
    prop_oneof![6 => select(hosts.to_vec()).prop_map(str::to_owned), 1 => text()]
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![3 => text().prop_map(|text| format!("/{text}")), 1 => text()]
}

prop_compose! {
    fn asked()(
        method in method(),
        scheme in scheme(),
        host in host(),
        path in path(),
        query in option::of(text()),
        headers in tame_map(8),
        body in option::weighted(0.1, vec(any::<u8>(), 0..40)),
        custom in option::weighted(0.2, text()),
    ) -> Asked {
        Asked { method, scheme, host, path, query, headers, body, custom }
    }
}

prop_compose! {
    fn options()(
        flags in any::<[bool; 8]>(),
        ttl in option::of(0..100_000_u64),
        sorted in any::<bool>(),
        dropped in vec("[ab*]{0,2}", 0..2),
        max_body in prop_oneof![Just(0_u64), Just(10), Just(1 << 20)],
        window in 0..100_000_u64,
    ) -> Options {
        let mut options = Options::default();
        let [coalesce_only, ignore_directives, ignore_cookies, send_tags, store_5xx, status, keyed, posts] = flags;
        options.coalesce_only = coalesce_only;
        options.ignore_request_directives = ignore_directives;
        options.ignore_cookies = ignore_cookies;
        options.ignore_authorization = ignore_cookies;
        options.invalidate_unsafe = ignore_cookies;
        options.send_tags = send_tags;
        options.store_5xx = store_5xx;
        options.status_header = status;
        options.ttl = ttl.map_or(Ttl::none(), |ttl| Ttl::of(Duration::from_millis(ttl)).class(4, Duration::from_secs(1)));
        options.query = if sorted { Query::Sorted } else { Query::Ordered };
        options.drop_query = dropped;
        options.max_body = max_body;
        options.stale_if_error = Duration::from_millis(window);
        if keyed {
            options.key_headers = vec![HeaderName::from_static("x-a"), HeaderName::from_static("cookie")];
        }
        if posts {
            options.methods = ["GET", "HEAD", "POST", "QUERY"].map(Into::into).into();
            options.key_body = Some(20);
        }
        options
    }
}

/// What two requests have to have in common for one key, by default.
fn identity(asked: &Asked) -> (String, String, String, String, Option<String>, Option<String>) {
    let method = if asked.method == "HEAD" { "GET" } else { &asked.method };
    let scheme = asked.scheme.to_ascii_lowercase();
    let port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => "\0",
    };
    let host = asked.host.to_ascii_lowercase();
    let host = host.strip_suffix(port).unwrap_or(&host).to_owned();
    let path = if asked.path.is_empty() { "/" } else { &asked.path };
    (method.to_owned(), scheme, host, path.to_owned(), asked.query.clone(), asked.custom.clone())
}

fn look(policy: &Policy, asked: &Asked) -> Option<Question> {
    match policy.ask(&asked.request()) {
        Ask::Look(question) => Some(question),
        Ask::Bypass(_) => None,
    }
}

fn check_stored(meta: &Meta, response: &HeaderMap) {
    for name in meta.headers().keys().map(HeaderName::as_str) {
        assert!(!NEVER.contains(&name), "{name} is stored");
        assert!(!NEVER_PREFIXES.iter().any(|prefix| name.starts_with(prefix)), "{name} is stored");
        // What the policy itself says of the response is no field of the connection's.
        let own = ["age", "cache-status", "content-length", "date", "etag", "x-cache"].contains(&name);
        let named = response.get_all("connection").iter().any(|line| {
            line.as_bytes()
                .split(|byte| *byte == b',')
                .any(|item| item.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
        });
        assert!(own || !named, "{name} is of the connection, and is stored");
    }
}

fn check_answer(asked: &Asked, meta: &Meta, answer: &Answer, how: How) {
    let not_modified = answer.status == 304;
    assert!(not_modified || answer.status == meta.status());
    assert!(!answer.with_body || !(not_modified || asked.method == "HEAD"));
    assert!(!not_modified || !answer.headers.contains_key("content-length"));
    assert!(how == How::Miss || answer.headers.contains_key("age"));
    for name in answer.headers.keys() {
        assert!(
            answer.headers.get_all(name).iter().count() == meta.headers().get_all(name).iter().count().max(1)
        );
    }
}

fn check_keep(
    policy: &Policy,
    asked: &Asked,
    question: &Question,
    keep: Keep,
    head: &ResponseHead<'_>,
    now: u64,
) {
    assert_eq!(keep.ttl.is_zero(), policy.options().coalesce_only);
    assert!(keep.tags.len() <= 256 && keep.tags.iter().all(|tag| (1..=1024).contains(&tag.len())));
    let Ok(meta) = policy.seal(keep, b"hello") else { return };
    check_stored(&meta, head.headers);
    assert!(meta.weight(5) > 5 + meta.headers().len() as u64);
    match policy.matches(&asked.request(), question, &meta, now) {
        Match::Other(key) => panic!("its own response is of another variant: {key}"),
        Match::Yes | Match::TooOld => {}
    }
    for how in [How::Hit, How::Miss, How::Stale, How::Coalesced, How::Bypass] {
        for now in [now, 0, now.saturating_add(100_000), u64::MAX] {
            check_answer(asked, &meta, &policy.answer(&asked.request(), question, &meta, how, now), how);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn different_requests_never_share_a_key(one in asked(), other in asked()) {
        let policy = Policy::new(Options::default()).expect("the defaults fit");
        let keys = look(&policy, &one).zip(look(&policy, &other));
        if let Some((one_asks, other_asks)) = keys {
            prop_assert_eq!(one_asks.key == other_asks.key, identity(&one) == identity(&other), "{}", one_asks.key);
        }
    }

    #[test]
    fn near_requests_never_share_a_key(one in asked(), path in path(), query in option::of(text()), host in host()) {
        let policy = Policy::new(Options::default()).expect("the defaults fit");
        let with = |path: &str, query: &Option<String>, host: &str| Asked {
            method: "GET".into(),
            headers: HeaderMap::new(),
            body: None,
            path: path.into(),
            query: query.clone(),
            host: host.into(),
            ..one.clone()
        };
        let all = [
            with(&one.path, &one.query, &one.host),
            with(&path, &one.query, &one.host),
            with(&one.path, &query, &one.host),
            with(&one.path, &one.query, &host),
            with(&format!("{}?{}", one.path, query.as_deref().unwrap_or_default()), &None, &one.host),
            with(&format!("{}{}", one.host, one.path), &one.query, ""),
        ];
        for (index, one) in all.iter().enumerate() {
            for other in &all[..index] {
                if let Some((one_asks, other_asks)) = look(&policy, one).zip(look(&policy, other)) {
                    prop_assert_eq!(one_asks.key == other_asks.key, identity(one) == identity(other), "{}", one_asks.key);
                }
            }
        }
    }

    #[test]
    fn nothing_panics_and_nothing_forbidden_is_stored(
        options in options(),
        asked in asked(),
        reader in asked(),
        status in prop_oneof![4 => select(vec![200_u16, 204, 301, 304, 404, 500]), 1 => any::<u16>()],
        mut response in tame_map(12),
        lifetime in any::<bool>(),
        now in prop_oneof![4 => Just(1_790_000_000_000_u64), 1 => any::<u64>()],
    ) {
        let policy = Policy::new(options).expect("they fit");
        let request = asked.request();
        let _ = policy.wants_body(&request);
        let _ = policy.invalidates(&request, status);
        if lifetime {
            response.insert("cache-control", HeaderValue::from_static("public, max-age=60"));
        }
        let question = look(&policy, &asked);
        let mut passed = response.clone();
        let _ = policy.pass(&request, question.as_ref(), Reason::Status, status, &mut passed);
        let Some(question) = question else { return Ok(()) };
        prop_assert!(question.key.len() <= LONGEST_KEY);
        let head = ResponseHead { status, headers: &response, ttl: None };
        if let Verdict::Keep(keep) = policy.judge(&request, &question, &head, now) {
            if let (Ok(meta), Some(asks)) = (policy.seal(keep.clone(), b"hello"), look(&policy, &reader))
                && let Match::Other(key) = policy.matches(&reader.request(), &asks, &meta, now)
            {
                prop_assert!(key.len() <= LONGEST_KEY && key.starts_with(&asks.key) && key != asks.key);
            }
            check_keep(&policy, &asked, &question, keep, &head, now);
        }
    }

    #[test]
    fn a_sorted_query_has_one_key(names in proptest::collection::btree_set("[a-c]{1,3}", 1..6), seed in any::<usize>()) {
        let mut options = Options::default();
        options.query = Query::Sorted;
        let policy = Policy::new(options).expect("they fit");
        let key = |names: &[&String]| {
            let query = names.iter().map(|name| format!("{name}=1")).collect::<Vec<_>>().join("&");
            let headers = HeaderMap::new();
            let request = Request {
                method: "GET", scheme: "https", host: "a", path: "/", query: Some(&query), headers: &headers,
                body: Body::None, custom: None,
            };
            match policy.ask(&request) {
                Ask::Look(question) => question.key,
                Ask::Bypass(reason) => panic!("{reason:?}"),
            }
        };
        let mut turned: Vec<&String> = names.iter().collect();
        let sorted = key(&turned);
        let by = seed % turned.len();
        turned.rotate_left(by);
        prop_assert_eq!(key(&turned), sorted);
    }
}

/// Most generated responses must be stored, or the properties above say little.
#[test]
fn the_generators_reach_what_is_stored() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut stored, mut varied) = (0, 0);
    for _ in 0..1000 {
        let asked = asked().new_tree(&mut runner).expect("a request").current();
        let mut response = tame_map(12).new_tree(&mut runner).expect("a response").current();
        response.insert("cache-control", HeaderValue::from_static("public, max-age=60"));
        let policy = Policy::new(Options::default()).expect("the defaults fit");
        let Some(question) = look(&policy, &asked) else { continue };
        let head = ResponseHead { status: 200, headers: &response, ttl: None };
        if let Verdict::Keep(keep) = policy.judge(&asked.request(), &question, &head, 1_790_000_000_000) {
            stored += 1;
            varied += usize::from(policy.seal(keep, b"hello").is_ok_and(|meta| meta.vary().is_some()));
        }
    }
    assert!(stored > 250 && varied > 15, "{stored} stored, {varied} with variants");
}
