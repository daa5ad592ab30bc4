use super::*;
use crate::origin::{Attribute, Item};

fn item(members: impl IntoIterator<Item = (&'static str, Attribute)>) -> Item {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|&text| text.to_owned()).collect()
}

fn number(text: &str) -> Attribute {
    Attribute::Number(text.to_owned())
}

fn everything() -> Item {
    let inner =
        item([("b", Attribute::Bool(false)), ("a", Attribute::List(vec![Attribute::Null, number("-0")]))]);
    item([
        ("text", Attribute::String("quote \" and é\n".into())),
        ("number", number("12345678901234567890123456789012345678")),
        ("binary", Attribute::Binary(vec![0, 255, 16])),
        ("bool", Attribute::Bool(true)),
        ("null", Attribute::Null),
        ("map", Attribute::Map(inner)),
        ("list", Attribute::List(Vec::new())),
        ("strings", Attribute::Strings(texts(&["b", "é", "a"]))),
        ("numbers", Attribute::Numbers(texts(&["10", "-3", "2.50", "1E+2"]))),
        ("binaries", Attribute::Binaries(vec![vec![1, 2], vec![0], Vec::new()])),
    ])
}

fn text(written: Result<Vec<u8>, ItemError>) -> String {
    String::from_utf8(written.unwrap()).unwrap()
}

#[test]
fn every_type_has_a_plain_form() {
    let expected = concat!(
        r#"{"binaries":["","AA==","AQI="],"binary":"AP8Q","bool":true,"list":[],"#,
        r#""map":{"a":[null,-0],"b":false},"null":null,"number":12345678901234567890123456789012345678,"#,
        r#""numbers":[-3,2.50,10,1E+2],"strings":["a","b","é"],"text":"quote \" and é\n"}"#,
    );
    assert_eq!(text(plain(&everything())), expected);
    assert_eq!(text(plain(&Item::new())), "{}");
}

#[test]
fn every_type_has_a_typed_form() {
    let expected = concat!(
        r#"{"binaries":{"BS":["AQI=","AA==",""]},"binary":{"B":"AP8Q"},"bool":{"BOOL":true},"list":{"L":[]},"#,
        r#""map":{"M":{"a":{"L":[{"NULL":true},{"N":"-0"}]},"b":{"BOOL":false}}},"null":{"NULL":true},"#,
        r#""number":{"N":"12345678901234567890123456789012345678"},"numbers":{"NS":["10","-3","2.50","1E+2"]},"#,
        r#""strings":{"SS":["b","é","a"]},"text":{"S":"quote \" and é\n"}}"#,
    );
    assert_eq!(text(typed(&everything())), expected);
    assert_eq!(text(typed(&Item::new())), "{}");
}

#[test]
fn sets_are_the_same_text_in_whatever_order_they_come() {
    let set = |all: &[&str]| text(plain(&item([("set", Attribute::Numbers(texts(all)))])));
    assert_eq!(set(&["1", "20", "3"]), set(&["20", "3", "1"]));
}

#[test]
fn what_is_no_number_is_an_error_that_does_not_show_it() {
    for bad in [
        "", "secret", "NaN", "+1", "01", "1.", ".5", " 1", "1 ", "1,2", "\"1\"", "-", "1e", "0x10", "٣",
        "1\n",
    ] {
        let shown = plain(&item([("n", number(bad))])).unwrap_err().to_string();
        assert!(shown.contains("no JSON number") && !shown.contains("secret"), "{bad:?}: {shown}");
        let set = item([("n", Attribute::Numbers(texts(&["1", bad])))]);
        assert!(plain(&set).is_err(), "{bad:?}");
    }
    for good in ["0", "-0", "1.50", "1E+126", "9.9e-130", "-12345678901234567890.123456789012345678"] {
        assert_eq!(text(plain(&item([("n", number(good))]))), format!("{{\"n\":{good}}}"));
    }
}

fn nested(levels: usize, in_lists: bool) -> Item {
    let wrap =
        |inner| if in_lists { Attribute::List(vec![inner]) } else { Attribute::Map(item([("m", inner)])) };
    item([("n", (0..levels).fold(Attribute::Null, |inner, _| wrap(inner)))])
}

#[test]
fn depth_is_bounded() {
    for in_lists in [true, false] {
        let deep = nested(MAX_DEPTH, in_lists);
        assert!(plain(&deep).is_ok() && typed(&deep).is_ok());
        let deeper = nested(MAX_DEPTH + 1, in_lists);
        for error in [plain(&deeper).unwrap_err(), typed(&deeper).unwrap_err()] {
            assert!(error.to_string().contains("64 levels"), "{error}");
        }
    }
}
