//! Canonical JSON against the vectors of RFC 8785's author, and against a slow obvious way.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use contracts::canonical::{self, BeyondDoubles, Digest};
use contracts::json::{self, Mode, Number, Object, Value};
use proptest::prelude::*;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/jcs")
}

fn tolerant(text: &str) -> Value<'_> {
    json::parse(text.as_bytes(), Mode::Tolerant, 64).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn strict_text(value: &Value<'_>) -> Result<String, BeyondDoubles> {
    canonical::text(value).map(canonical::Text::into_string)
}

fn tolerant_text(value: &Value<'_>) -> String {
    canonical::tolerant_text(value).into_string()
}

#[test]
fn the_documents_of_rfc_8785_come_out_byte_for_byte() {
    for name in ["arrays", "french", "structures", "unicode", "values", "weird"] {
        let read = |folder: &str, ending: &str| {
            fs::read_to_string(data().join(format!("testdata/{folder}/{name}.{ending}"))).unwrap()
        };
        let (input, output, hex) = (read("input", "json"), read("output", "json"), read("outhex", "txt"));
        let value = tolerant(&input);
        let text = strict_text(&value).unwrap();
        assert_eq!(text, output, "{name}");
        // One number of one document has more digits than a double: there, and only there, the forms differ.
        let as_written = output.replace("333333333.3333333,", "333333333.33333329,");
        assert_eq!(tolerant_text(&value), as_written, "{name}");
        let bytes: Vec<u8> = hex.split_whitespace().map(|h| u8::from_str_radix(h, 16).unwrap()).collect();
        assert_eq!(text.as_bytes(), bytes, "{name}");
        assert_eq!(canonical::id(&value).unwrap(), Digest::of(&bytes), "{name}");
    }
}

#[test]
fn a_hundred_thousand_doubles_are_written_as_ecmascript_does() {
    let path = data().join("es6testfile100k.txt.gz");
    let unpacked = Command::new("gzip").arg("-dc").arg(&path).output().unwrap();
    assert!(unpacked.status.success(), "gzip -dc {}: {}", path.display(), unpacked.status);
    let lines = String::from_utf8(unpacked.stdout).unwrap();
    let mut count = 0;
    for line in lines.lines() {
        let (bits, text) = line.split_once(',').unwrap();
        let double = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
        assert_eq!(Number::from_f64(double).unwrap().as_str(), text, "{line}");
        assert_eq!(strict_text(&tolerant(text)).as_deref(), Ok(text), "{line}");
        count += 1;
    }
    assert_eq!(count, 100_000);
}

/// Number text, what RFC 8785 makes of it, or `None` where that has another value.
#[test]
fn a_number_whose_value_would_change_keeps_its_text_where_values_of_others_are_hashed() {
    let long_zeros = format!("1{}e-400000", "0".repeat(400_000));
    let long_fraction = format!("0.{}1e400001", "0".repeat(400_000));
    let long_one_off = format!("1{}1e-400001", "0".repeat(400_000));
    let table = [
        ("0", Some("0")),
        ("-0", Some("0")),
        ("-0.0e7", Some("0")),
        ("0e999999999999999999999", Some("0")),
        ("5", Some("5")),
        ("-5", Some("-5")),
        ("999999999999999", Some("999999999999999")),
        ("5.0", Some("5")),
        ("50e-1", Some("5")),
        ("0.000001", Some("0.000001")),
        ("0.0000001", Some("1e-7")),
        ("1e21", Some("1e+21")),
        ("100000000000000000000", Some("100000000000000000000")),
        ("1000000000000000000000", Some("1e+21")),
        ("9007199254740992", Some("9007199254740992")),
        ("9007199254740993", None),
        ("9007199254740993.0", None),
        ("-9007199254740993", None),
        ("1152921504606846976", None),
        ("1152921504606847000", Some("1152921504606847000")),
        ("0.1", Some("0.1")),
        ("0.10", Some("0.1")),
        ("0.1000000000000000055", None),
        ("333333333.33333329", None),
        ("1e308", Some("1e+308")),
        ("1e400", None),
        ("-1e400", None),
        ("1e-400", None),
        ("1e999999999999999999999", None),
        ("1e-999999999999999999999", None),
        ("1e9223372036854775807", None),
        ("0.01e9223372036854775807", None),
        ("0.01e-9223372036854775808", None),
        ("5e-324", Some("5e-324")),
        ("4.9e-324", None),
        ("4.9406564584124654e-324", None),
        (&long_zeros, Some("1")),
        (&long_fraction, Some("1")),
        (&long_one_off, None),
    ];
    for (written, expected) in table {
        let shown = &written[..written.len().min(40)];
        let value = tolerant(written);
        assert_eq!(tolerant_text(&value), expected.unwrap_or(written), "{shown}");
        let strict = strict_text(&Value::from(vec![Value::Null, value]));
        match expected {
            Some(expected) => assert_eq!(strict, Ok(format!("[null,{expected}]")), "{shown}"),
            None if written.parse::<f64>().unwrap().is_finite() => {
                let nearest = Number::from_f64(written.parse().unwrap()).unwrap();
                assert_eq!(strict, Ok(format!("[null,{nearest}]")), "{shown}");
            }
            None => assert!(strict.unwrap_err().to_string().contains(shown), "{shown}"),
        }
    }
}

#[test]
fn a_payload_is_hashed_without_what_differs_each_time() {
    let table = [
        // (payload, also ignored, what is hashed)
        (r#"{"b":1,"a":"x"}"#, &[][..], r#"{"a":"x","b":1}"#),
        (
            r#"{"timestamp":1,"time":1,"ts":1,"seq":1,"sequence":1,"event_id":1,"trace_id":1,"span_id":1,"request_id":1,"a":1}"#,
            &[],
            r#"{"a":1}"#,
        ),
        (r#"{"a":[{"ts":1,"b":{"seq":{"c":1}}},"ts"]}"#, &[], r#"{"a":[{"b":{}},"ts"]}"#),
        (r#"{"Time":1,"timestamps":2,"t\u0073":3}"#, &[], r#"{"Time":1,"timestamps":2}"#),
        (r#"{"pid":1,"p":{"pid":2,"ppid":3}}"#, &["pid"], r#"{"p":{"ppid":3}}"#),
        (r#"{"a":"\ud800","a":"\udc00\ud83d\ude00"}"#, &[], "{\"a\":\"\u{FFFD}\u{1F600}\"}"),
        (r#"{"n":[1e400,9007199254740993,1.0,1E2]}"#, &[], r#"{"n":[1e400,9007199254740993,1,100]}"#),
    ];
    for (payload, ignore, expected) in table {
        let text = canonical::payload(payload, ignore, 64).unwrap();
        assert_eq!(text.as_str(), expected, "{payload}");
        assert_eq!(text.digest(), Digest::of(expected.as_bytes()), "{payload}");
    }
    assert!(canonical::payload("{", &[], 64).is_err());
}

#[test]
fn an_object_of_canonical_parts_is_what_the_whole_would_be() {
    let whole = tolerant(r#"{"\ud83d\ude00":[1,{"b":2,"a":"x"}],"\ufb33":"y","a":1e400}"#);
    let parts = whole.as_object().unwrap().iter().map(|(key, value)| (key, canonical::tolerant_text(value)));
    assert_eq!(canonical::object(parts).as_str(), tolerant_text(&whole));
    assert_eq!(canonical::object([]).as_str(), "{}");
    let text = |text| canonical::tolerant_text(&tolerant(text));
    assert_eq!(canonical::object([("a", text("1")), ("b", text("2")), ("a", text("3"))]).as_str(), r#"{"a":3,"b":2}"#);
}

#[test]
fn digests_are_sha_256_in_lower_case() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::of(b"").to_string(), empty);
    assert_eq!(Digest::of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(empty.parse(), Ok(Digest::of(b"")));
    let id = canonical::id(&Object::new().with("b", 1).with("a", "x").into()).unwrap();
    assert_eq!(id, Digest::of(br#"{"a":"x","b":1}"#));
    for bad in [
        &empty[1..],
        &format!("{empty}00"),
        &empty.to_uppercase(),
        &empty.replace('e', "é"),
        &empty.replace('e', "g"),
        "",
    ] {
        let error = bad.parse::<Digest>().expect_err(bad);
        assert!(error.to_string().starts_with("expected "), "{error}");
    }
}

/// The slow obvious way: keys as UTF-16, whole numbers and short fractions by Rust's own formatting.
fn oracle(value: &serde_json::Value) -> String {
    fn quoted(text: &str) -> String {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' => out += "\\\"",
                '\\' => out += "\\\\",
                '\u{8}' => out += "\\b",
                '\t' => out += "\\t",
                '\n' => out += "\\n",
                '\u{c}' => out += "\\f",
                '\r' => out += "\\r",
                '\0'..='\u{1f}' => write!(out, "\\u{:04x}", u32::from(c)).unwrap(),
                _ => out.push(c),
            }
        }
        out + "\""
    }
    match value {
        serde_json::Value::String(text) => quoted(text),
        serde_json::Value::Array(items) => format!("[{}]", items.iter().map(oracle).collect::<Vec<_>>().join(",")),
        serde_json::Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| key.encode_utf16().collect::<Vec<u16>>());
            let members = sorted.into_iter().map(|(key, value)| format!("{}:{}", quoted(key), oracle(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// Keys whose order by UTF-8 and by UTF-16 differs are as frequent as others.
const KEYS: &str = "[a-c\u{e9}\u{d7ff}\u{e000}\u{fb33}\u{ffff}\u{10000}\u{1f600}\u{10ffff}\"\n]{0,3}";

fn common_values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        (-(1_i64 << 53)..=1 << 53).prop_map(serde_json::Value::from),
        any::<i32>().prop_map(|n| serde_json::Value::from(f64::from(n) + 0.5)),
        any::<String>().prop_map(serde_json::Value::from),
        "[\\x00-\\x24\\\\-\\]é\u{10000}]{0,20}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 64, 24, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..24).prop_map(serde_json::Value::from),
            prop::collection::btree_map(KEYS, inner, 0..24).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// The same value with the members of each object in an order that `seed` decides.
fn shuffled<'a>(value: &Value<'a>, seed: u64) -> Value<'a> {
    match value {
        Value::Array(items) => items.iter().map(|item| shuffled(item, seed)).collect::<Vec<_>>().into(),
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(key, _)| Digest::of(format!("{seed}{key}").as_bytes()));
            let insert =
                |object: Object<'a>, (key, value): (&str, _)| object.with(key.to_owned(), shuffled(value, seed));
            members.into_iter().fold(Object::new(), insert).into()
        }
        other => other.clone(),
    }
}

/// JSON as others may send it: equal keys, keys spelled in two ways, lone surrogates, numbers beyond a double.
fn payload_texts() -> impl Strategy<Value = String> {
    let keys = [
        "a",
        "\\u0061",
        "b",
        "ts",
        "t\\u0073",
        "trace_id",
        "pid",
        "\u{e000}",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\udfff",
        "\\n",
        "",
    ];
    let leaves = ["null", "true", "1", "1.0", "1e400", "9007199254740993", r#""""#, r#""\ud800\u0041\n""#, r#"",""#];
    let leaf = prop::sample::select(leaves.to_vec()).prop_map(str::to_owned);
    let value = leaf.prop_recursive(4, 64, 24, move |inner| {
        let members = prop::collection::vec((prop::sample::select(keys.to_vec()), inner.clone()), 0..24);
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(|items| format!("[{}]", items.join(" , "))),
            members.prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    value.prop_map(|value| format!(r#"{{"payload":{value}}}"#))
}

/// What a dedup hash sees, by way of the tree.
fn without_volatile<'a>(value: &Value<'a>, ignore: &[&str]) -> Value<'a> {
    match value {
        Value::Array(items) => items.iter().map(|item| without_volatile(item, ignore)).collect::<Vec<_>>().into(),
        Value::Object(object) => {
            let is_kept = |key: &str| !canonical::is_volatile(key) && !ignore.contains(&key);
            let kept = object.iter().filter(|(key, _)| is_kept(key));
            let insert = |object: Object<'a>, (key, value): (&str, _)| {
                object.with(key.to_owned(), without_volatile(value, ignore))
            };
            kept.fold(Object::new(), insert).into()
        }
        other => other.clone(),
    }
}

/// Decimals near doubles, where what RFC 8785 writes is often not what was written.
fn number_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?",
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
    ]
}

/// A decimal written out in full, the obvious way to compare: sign, digits before and after the point.
fn expanded(text: &str) -> (bool, String, String) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap();
    let (sign, magnitude) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let zeros = "0".repeat(1100);
    let digits = format!("{zeros}{whole}{fraction}{zeros}");
    let point = i32::try_from(zeros.len() + whole.len()).unwrap() + exponent;
    let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap());
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    (sign && !(whole.is_empty() && fraction.is_empty()), whole.to_owned(), fraction.to_owned())
}

proptest! {
    #[test]
    fn the_obvious_way_gives_the_same_text(theirs in common_values()) {
        let text = theirs.to_string();
        let ours = tolerant(&text);
        prop_assert_eq!(strict_text(&ours), Ok(oracle(&theirs)));
    }

    #[test]
    fn neither_order_nor_whitespace_nor_a_second_pass_changes_the_text(
        theirs in common_values(),
        seed: u64,
    ) {
        let text = theirs.to_string();
        let ours = tolerant(&text);
        let once = strict_text(&ours).unwrap();
        prop_assert_eq!(strict_text(&shuffled(&ours, seed)), Ok(once.clone()));
        prop_assert_eq!(strict_text(&tolerant(&once)), Ok(once.clone()));
        let pretty = serde_json::to_string_pretty(&theirs).unwrap();
        prop_assert_eq!(strict_text(&tolerant(&pretty)), Ok(once.clone()));
    }

    #[test]
    fn a_number_is_kept_exactly_if_the_double_has_another_value(written in number_text()) {
        let value = tolerant(&written);
        let double: f64 = written.parse().unwrap();
        let rfc8785 = Number::from_f64(double).map(|number| number.as_str().to_owned());
        prop_assert_eq!(strict_text(&value).ok(), rfc8785.clone());
        let exact = rfc8785.filter(|text| expanded(text) == expanded(&written));
        let once = tolerant_text(&value);
        prop_assert_eq!(&once, exact.as_ref().unwrap_or(&written));
        prop_assert_eq!(tolerant_text(&tolerant(&once)), once.clone());
    }

    #[test]
    fn a_payload_is_hashed_as_its_tree_would_be(text in payload_texts()) {
        let ignore = ["pid", "\u{1f600}"];
        let expected = tolerant_text(&without_volatile(&tolerant(&text), &ignore));
        let found = canonical::payload(&text, &ignore, 64).unwrap();
        prop_assert_eq!(found.as_str(), expected);
    }

    #[test]
    fn a_payload_is_refused_only_where_it_is_not_json(text in "[{}\\[\\]\",:a0-1\\\\ \n]{0,24}", depth_max in 0_usize..4) {
        let parsed = json::parse(text.as_bytes(), Mode::Tolerant, depth_max);
        prop_assert_eq!(canonical::payload(&text, &[], depth_max).err(), parsed.err());
    }
}
