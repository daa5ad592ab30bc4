//! Plain data, as bindings convert it.

use snowmelt_http::plain::{self, fields, header_map};
use snowmelt_http::{How, Reason};

#[test]
fn every_byte_of_a_value_comes_back() {
    let text: String = (0..=255).filter(|byte| *byte >= 32 && *byte != 127).map(char::from).collect();
    let given =
        vec![("x-a".to_owned(), text), ("x-a".to_owned(), "\t".to_owned()), ("b".to_owned(), String::new())];
    let map = header_map(given.iter().map(|(name, value)| (name, value))).expect("sound fields");
    assert_eq!(map.len(), 3);
    let mut back = fields(&map);
    back.sort_by_key(|(name, _)| std::cmp::Reverse(name.clone()));
    assert_eq!(back, given);
}

#[test]
fn a_field_that_cannot_be_sent_is_named() {
    for (name, value) in
        [("x a", "1"), ("", "1"), ("x\u{fc}", "1"), ("x", "a\r\nb: c"), ("x", "\u{100}"), ("x", "\0")]
    {
        let error = header_map([("ok", "1"), (name, value)]).expect_err(name);
        assert_eq!(error.name, name);
        assert!(
            error.to_string().starts_with(&format!("the header field {name:?} cannot be sent:")),
            "{error}"
        );
    }
    let long = "\n".repeat(1000);
    assert_eq!(header_map([(&long, "")]).expect_err("no name").name.len(), 64);
}

#[test]
fn more_fields_than_a_map_holds_are_an_error() {
    let names = (0..40_000).map(|number| (format!("x-{number}"), ""));
    assert!(header_map(names).is_err());
}

#[test]
fn words_are_read_back_and_tell_each_other_apart() {
    let mut words: Vec<_> = Reason::ALL.iter().map(|reason| reason.word()).collect();
    for reason in Reason::ALL {
        assert_eq!(plain::reason(reason.word()), Some(*reason));
    }
    words.sort_unstable();
    assert!(words.windows(2).all(|pair| pair[0] != pair[1]));
    for how in [How::Hit, How::Miss, How::Stale, How::Coalesced, How::Bypass] {
        assert_eq!(plain::how(how.word()), Some(how));
    }
    assert_eq!((plain::reason("?"), plain::how("?")), (None, None));
}

#[test]
fn a_stored_meta_that_is_damaged_is_refused() {
    let text = r#"{"status":200,"headers":[["a b","1"]],"born_ms":0,"age":0,"ttl":1000}"#;
    let meta: plain::Meta = serde_json::from_str(text).expect("its shape is sound");
    assert_eq!(snowmelt_http::Meta::try_from(&meta).expect_err("a name with a space").name, "a b");
    let text = r#"{"status":200,"headers":[],"born_ms":0,"age":0,"ttl":1,"vary":{"names":["\n"],"key":""}}"#;
    let meta: plain::Meta = serde_json::from_str(text).expect("its shape is sound");
    assert!(snowmelt_http::Meta::try_from(&meta).is_err());
}
