//! JSON against the public suite of nst/JSONTestSuite, and against itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use contracts::json::{self, Error, ErrorKind, Found, Mode, Number, Object, Value};
use proptest::prelude::*;

const DEPTH_MAX: usize = 64;

/// The documents of one folder of the suite whose name begins with `prefix`, by name.
fn suite(folder: &str, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/json-parsing");
    let mut documents = Vec::new();
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name.starts_with(prefix) {
            documents.push((name, fs::read(&path).unwrap()));
        }
    }
    documents.sort();
    assert!(!documents.is_empty(), "no {prefix}* in {folder}");
    documents
}

/// What `parse` makes of a text: the value written anew, or the error.
fn outcome(text: &[u8], mode: Mode) -> String {
    match json::parse(text, mode, DEPTH_MAX) {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}

/// The documents that readers may take or refuse (`i_`) and those of `test_transform`, and what we decided.
#[test]
fn undecided_documents_are_read_as_the_table_says() {
    const AS_STRICT: &str = "as strict";
    // name, what strict mode makes of it (or a part of its error), what tolerant mode makes of it
    #[rustfmt::skip]
    let table = [
        ("i_number_double_huge_neg_exp", "[123.456e-789]", AS_STRICT),
        ("i_number_huge_exp", "[0.4e00669999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999969999999006]", AS_STRICT),
        ("i_number_neg_int_huge_exp", "[-1e+9999]", AS_STRICT),
        ("i_number_pos_double_huge_exp", "[1.5e+9999]", AS_STRICT),
        ("i_number_real_neg_overflow", "[-123123e100000]", AS_STRICT),
        ("i_number_real_pos_overflow", "[123123e100000]", AS_STRICT),
        ("i_number_real_underflow", "[123e-10000000]", AS_STRICT),
        ("i_number_too_big_neg_int", "[-123123123123123123123123123123]", AS_STRICT),
        ("i_number_too_big_pos_int", "[100000000000000000000]", AS_STRICT),
        ("i_number_very_big_negative_int", "[-237462374673276894279832749832423479823246327846]", AS_STRICT),
        ("i_object_key_lone_2nd_surrogate", r"expected a surrogate pair, found \udfaa", r#"{"�":0}"#),
        ("i_string_1st_surrogate_but_2nd_missing", r"expected a surrogate pair, found \udada", r#"["�"]"#),
        ("i_string_1st_valid_surrogate_2nd_invalid", r"expected a surrogate pair, found \ud888", r#"["�ሴ"]"#),
        ("i_string_UTF-16LE_with_BOM", "expected UTF-8, found byte 0xff", AS_STRICT),
        ("i_string_UTF-8_invalid_sequence", "expected UTF-8, found byte 0xfa", AS_STRICT),
        ("i_string_UTF8_surrogate_U+D800", "expected UTF-8, found byte 0xed", AS_STRICT),
        ("i_string_incomplete_surrogate_and_escape_valid", r"expected a surrogate pair, found \ud800", r#"["�\n"]"#),
        ("i_string_incomplete_surrogate_pair", r"expected a surrogate pair, found \udd1e", r#"["�a"]"#),
        ("i_string_incomplete_surrogates_escape_valid", r"expected a surrogate pair, found \ud800", r#"["��\n"]"#),
        ("i_string_invalid_lonely_surrogate", r"expected a surrogate pair, found \ud800", r#"["�"]"#),
        ("i_string_invalid_surrogate", r"expected a surrogate pair, found \ud800", r#"["�abc"]"#),
        ("i_string_invalid_utf-8", "expected UTF-8, found byte 0xff", AS_STRICT),
        ("i_string_inverted_surrogates_U+1D11E", r"expected a surrogate pair, found \udd1e", r#"["��"]"#),
        ("i_string_iso_latin_1", "expected UTF-8, found byte 0xe9", AS_STRICT),
        ("i_string_lone_second_surrogate", r"expected a surrogate pair, found \udfaa", r#"["�"]"#),
        ("i_string_lone_utf8_continuation_byte", "expected UTF-8, found byte 0x81", AS_STRICT),
        ("i_string_not_in_unicode_range", "expected UTF-8, found byte 0xf4", AS_STRICT),
        ("i_string_overlong_sequence_2_bytes", "expected UTF-8, found byte 0xc0", AS_STRICT),
        ("i_string_overlong_sequence_6_bytes", "expected UTF-8, found byte 0xfc", AS_STRICT),
        ("i_string_overlong_sequence_6_bytes_null", "expected UTF-8, found byte 0xfc", AS_STRICT),
        ("i_string_truncated-utf-8", "expected UTF-8, found byte 0xe0", AS_STRICT),
        ("i_string_utf16BE_no_BOM", "expected UTF-8, found byte 0xe9", AS_STRICT),
        ("i_string_utf16LE_no_BOM", "expected UTF-8, found byte 0xe9", AS_STRICT),
        ("i_structure_500_nested_arrays", "expected at most 64 nested", AS_STRICT),
        ("i_structure_UTF-8_BOM_empty_object", r"expected a value, found `\u{feff}`", AS_STRICT),
        ("number_-9223372036854775808", "[-9223372036854775808]", AS_STRICT),
        ("number_-9223372036854775809", "[-9223372036854775809]", AS_STRICT),
        ("number_1.0", "[1.0]", AS_STRICT),
        ("number_1.000000000000000005", "[1.000000000000000005]", AS_STRICT),
        ("number_1000000000000000", "[1000000000000000]", AS_STRICT),
        ("number_10000000000000000999", "[10000000000000000999]", AS_STRICT),
        ("number_1e-999", "[1E-999]", AS_STRICT),
        ("number_1e6", "[1E6]", AS_STRICT),
        ("number_9223372036854775807", "[9223372036854775807]", AS_STRICT),
        ("number_9223372036854775808", "[9223372036854775808]", AS_STRICT),
        ("object_key_nfc_nfd", "{\"\u{e9}\":\"NFC\",\"e\u{301}\":\"NFD\"}", AS_STRICT),
        ("object_key_nfd_nfc", "{\"e\u{301}\":\"NFD\",\"\u{e9}\":\"NFC\"}", AS_STRICT),
        ("object_same_key_different_values", "found `a` again", r#"{"a":2}"#),
        ("object_same_key_same_value", "found `a` again", r#"{"a":1}"#),
        ("object_same_key_unclear_values", "found `a` again", r#"{"a":-0}"#),
        ("string_1_escaped_invalid_codepoint", r"expected a surrogate pair, found \ud800", r#"["�"]"#),
        ("string_1_invalid_codepoint", "expected UTF-8, found byte 0xed", AS_STRICT),
        ("string_2_escaped_invalid_codepoints", r"expected a surrogate pair, found \ud800", r#"["��"]"#),
        ("string_2_invalid_codepoints", "expected UTF-8, found byte 0xed", AS_STRICT),
        ("string_3_escaped_invalid_codepoints", r"expected a surrogate pair, found \ud800", r#"["���"]"#),
        ("string_3_invalid_codepoints", "expected UTF-8, found byte 0xed", AS_STRICT),
        ("string_with_escaped_NULL", r#"["A\u0000B"]"#, AS_STRICT),
    ];
    let mut decided: BTreeMap<&str, (&str, &str)> =
        table.iter().map(|&(name, strict, tolerant)| (name, (strict, tolerant))).collect();
    let documents = [suite("test_parsing", "i_"), suite("test_transform", "")].concat();
    for (name, text) in documents {
        let (strict, tolerant) = decided.remove(&*name).unwrap_or_else(|| panic!("{name}: add a row"));
        let found = (outcome(&text, Mode::Strict), outcome(&text, Mode::Tolerant));
        assert!(found.0.contains(strict), "{name}, strict: {}", found.0);
        match tolerant {
            AS_STRICT => assert_eq!(found.1, found.0, "{name}, tolerant"),
            _ => assert_eq!(found.1, tolerant, "{name}, tolerant"),
        }
    }
    assert!(decided.is_empty(), "rows without a document: {decided:?}");
}

#[test]
fn documents_that_must_be_read_are_read() {
    let repeats_a_key = ["y_object_duplicated_key", "y_object_duplicated_key_and_value"];
    for (name, text) in suite("test_parsing", "y_") {
        let tolerant = json::parse(&text, Mode::Tolerant, DEPTH_MAX);
        assert!(tolerant.is_ok(), "{name}: {tolerant:?}");
        match json::parse(&text, Mode::Strict, DEPTH_MAX) {
            Err(error) if repeats_a_key.contains(&&*name) => {
                assert!(matches!(error.kind, ErrorKind::DuplicateKey { .. }), "{name}: {error}");
            }
            strict => assert_eq!(strict, tolerant, "{name}"),
        }
    }
}

#[test]
fn documents_that_are_not_json_are_refused_by_every_reader() {
    for (name, text) in suite("test_parsing", "n_") {
        for mode in [Mode::Strict, Mode::Tolerant] {
            let read = json::parse(&text, mode, DEPTH_MAX);
            assert!(read.is_err(), "{name}: {read:?}");
        }
        if let Ok(text) = str::from_utf8(&text) {
            assert!(json::check_object(text, DEPTH_MAX).is_err(), "{name}");
        }
    }
}

#[test]
fn errors_say_where_and_what() {
    let long_key = format!("{{\"{0}\":1,\"{0}\":2}}", "k".repeat(1000));
    #[rustfmt::skip]
    let table: &[(&str, usize, &str)] = &[
        ("", 0, "line 1, column 1: expected a value, found the end of the text"),
        ("{\"é\": 1,\r\n \"b\": tru }", 20, "line 2, column 10: expected `true`, found ` `"),
        ("{\"é\":\"é\" x}", 11, "line 1, column 10: expected `,` or `}`, found `x`"),
        ("[\"a\" `]", 5, "line 1, column 6: expected `,` or `]`, found '`'"),
        ("[1,\n2,\n]", 7, "line 3, column 1: expected a value, found `]`"),
        ("{'a':1}", 1, "line 1, column 2: expected a key in double quotes, found `'`"),
        ("[\"a\tb\"]", 3, "line 1, column 4: expected an escape for a control character, found `\\t`"),
        ("[[[[]]]]", 3, "line 1, column 4: expected at most 3 nested arrays and objects, found one more"),
        ("{\"b\":{\"a\":1,\"\\u0061\":2}}", 12,
         "line 1, column 13: expected each key once, found `a` again in the same object; remove one of them"),
        ("[\"\u{1F600}\\ud83d\"]", 6,
         "line 1, column 4: expected a surrogate pair, found \\ud83d alone; write both halves or \\ufffd"),
        (&long_key, 1006, &format!("found `{}…` again", "k".repeat(64))),
    ];
    for (text, offset, message) in table {
        let error = json::parse(text.as_bytes(), Mode::Strict, 3).expect_err(text);
        assert_eq!(error.offset, *offset, "{text}");
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
    let error = json::parse(b"\"\xc3\xa9\n\xff\"", Mode::Tolerant, 0).expect_err("not UTF-8");
    assert_eq!(error.to_string(), "line 2, column 1: expected UTF-8, found byte 0xff");
    let error = json::check_object("\n [{}]", 3).expect_err("an array");
    assert_eq!(error.to_string(), "line 2, column 2: expected an object, found `[`");
    assert_eq!(error.kind, unexpected("an object", '['));
}

fn unexpected(expected: &'static str, found: char) -> ErrorKind {
    let found = Found::Char(found);
    ErrorKind::Unexpected { expected, found }
}

#[test]
fn depth_is_counted_in_open_brackets() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let is_too_deep = |read: Result<_, Error>| match read {
        Ok(()) => false,
        Err(error) => matches!(error.kind, ErrorKind::TooDeep { .. }),
    };
    let parse = |text: &str, depth_max| json::parse(text.as_bytes(), Mode::Strict, depth_max).map(drop);
    assert!(!is_too_deep(parse("1", 0)));
    assert!(is_too_deep(parse("[]", 0)));
    assert!(!is_too_deep(parse(&nested(64), 64)));
    assert!(is_too_deep(parse(&nested(65), 64)));
    assert!(!is_too_deep(parse("[[],[],{\"a\":[]}]", 3)), "siblings do not add up");

    let object = |depth| format!("{{\"a\":{}}}", nested(depth));
    assert!(!is_too_deep(json::check_object(&object(63), 64)));
    assert!(is_too_deep(json::check_object(&object(64), 64)));

    // What a careless caller allows must not reach the end of the stack.
    assert!(!is_too_deep(parse(&nested(json::DEPTH_CEILING), usize::MAX)));
    assert!(is_too_deep(parse(&nested(1_000_000), usize::MAX)));
    assert!(!is_too_deep(json::check_object(&object(1_000_000), usize::MAX)));
}

#[test]
fn of_equal_keys_the_last_is_kept_in_its_place() {
    // More members than are compared pairwise, so that both ways to find equal keys are taken.
    let many: Vec<String> = (0..100).map(|n| format!("\"k{}\":{n}", n % 40)).collect();
    let kept: Vec<String> = (60..100).map(|n| format!("\"k{}\":{n}", n % 40)).collect();
    let table = [
        (r#"{"a":1,"b":2,"a":3}"#.to_owned(), r#"{"b":2,"a":3}"#.to_owned()),
        (r#"{"a":1,"\u0061":{"a":1,"a":2}}"#.to_owned(), r#"{"a":{"a":2}}"#.to_owned()),
        // Two lone surrogates both count as U+FFFD, so these keys are equal.
        (r#"{"\ud800":1,"\udfff":2}"#.to_owned(), "{\"\u{FFFD}\":2}".to_owned()),
        (format!("{{{}}}", many.join(",")), format!("{{{}}}", kept.join(","))),
    ];
    for (text, expected) in table {
        assert_eq!(outcome(text.as_bytes(), Mode::Tolerant), expected, "{text}");
        assert!(json::parse(text.as_bytes(), Mode::Strict, DEPTH_MAX).is_err(), "{text}");
    }
}

#[test]
fn the_first_key_that_repeats_is_the_one_named() {
    let mut members: Vec<String> = (0..40).map(|n| format!("\"k{n}\":0")).collect();
    members.extend(["\"k7\":0".to_owned(), "\"k3\":0".to_owned()]);
    let text = format!("{{\"before\":{{\"x\":1}},{}}}", members.join(","));
    let error = json::parse(text.as_bytes(), Mode::Strict, DEPTH_MAX).expect_err("keys repeat");
    assert_eq!(error.kind, ErrorKind::DuplicateKey { key: "k3".to_owned() });
    assert_eq!(error.offset, text.rfind("\"k3\"").unwrap());
}

#[test]
fn an_object_gives_back_its_text_until_it_is_changed() {
    let text = br#" {"a": {"b" : 1.50, "\u0063": [ ]} } "#;
    let Ok(Value::Object(mut outer)) = json::parse(text, Mode::Strict, DEPTH_MAX) else {
        panic!("an object");
    };
    let inner = outer.get("a").and_then(Value::as_object).unwrap();
    assert_eq!(inner.text(), r#"{"b" : 1.50, "\u0063": [ ]}"#);
    assert_eq!(outer.text(), r#"{"a": {"b" : 1.50, "\u0063": [ ]} }"#);
    outer.insert("d", true);
    assert_eq!(outer.text(), r#"{"a":{"b":1.50,"c":[]},"d":true}"#);
    outer.insert("a", "x");
    assert_eq!(outer.text(), r#"{"a":"x","d":true}"#);
}

#[test]
fn whole_numbers_are_those_written_as_one() {
    let table = [
        ("5", Some(5)),
        ("-0", Some(0)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("5.0", None),
        ("5e0", None),
        ("1e400", None),
    ];
    for (text, expected) in table {
        let value = json::parse(text.as_bytes(), Mode::Strict, 0).unwrap();
        assert_eq!(value.as_number().unwrap().to_i64(), expected, "{text}");
    }
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(Number::from_f64(f64::INFINITY), None);
    assert_eq!(Number::from_f64(1e21).unwrap().as_str(), "1e+21");
}

#[test]
fn compact_takes_only_whitespace_between_tokens() {
    let table = [
        (
            " { \"a b\" :\t[ 1.0 , -2E+05 ] ,\r\n\"\\u0041\\\" \\\\\" : { } } ",
            "{\"a b\":[1.0,-2E+05],\"\\u0041\\\" \\\\\":{}}",
        ),
        (" ", ""),
        ("{\"a\":1}\n", "{\"a\":1}"),
    ];
    for (text, expected) in table {
        assert_eq!(json::compact(text), expected);
    }
    assert!(matches!(json::compact("{\"a b\":\" \"}"), std::borrow::Cow::Borrowed(_)));
}

/// Any value that JSON can say, four deep.
fn values() -> impl Strategy<Value = Value<'static>> {
    values_of(prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64),
    ])
}

fn values_of(number: impl Strategy<Value = Number<'static>> + 'static) -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        // Strings of what needs an escape, at every place of a machine word.
        "[\\x00-\\x24\\\\-\\]é\u{10000}]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 24, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..24).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..24).prop_map(|members| {
                let insert = |object: Object<'static>, (key, value): (String, Value<'static>)| object.with(key, value);
                Value::from(members.into_iter().fold(Object::new(), insert))
            }),
        ]
    })
}

fn as_theirs(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.to_i64() {
            Some(whole) => whole.into(),
            None => number.to_f64().into(),
        },
        Value::String(text) => (&**text).into(),
        Value::Array(items) => items.iter().map(as_theirs).collect(),
        Value::Object(object) => object.iter().map(|(key, value)| (key.to_owned(), as_theirs(value))).collect(),
    }
}

/// Bytes that come close to JSON more often than arbitrary ones.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"a\":",
        "0",
        "-",
        "1.5",
        "e",
        "E-9",
        "true",
        "nul",
        "null",
        " ",
        "\n",
        "\\",
        "\\u",
        "\\ud800",
        "\\udc00",
        "\\n",
        "é",
        "\u{1}",
        "{\"a\":1}",
        "[[]]",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        prop::collection::vec(pieces, 0..16).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in values()) {
        let text = value.to_string();
        for mode in [Mode::Strict, Mode::Tolerant] {
            let read = json::parse(text.as_bytes(), mode, 8);
            prop_assert_eq!(read.as_ref(), Ok(&value));
        }
    }

    #[test]
    fn another_reader_reads_what_we_write(
        // serde_json reads doubles to the nearest but one; these it cannot miss.
        value in values_of(any::<i32>().prop_filter_map("finite", |n| Number::from_f64(f64::from(n) / 8.0))),
    ) {
        let theirs: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(as_theirs(&value), theirs);
    }

    #[test]
    fn compact_text_says_the_same(value in values()) {
        let theirs: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
        let spacious = serde_json::to_string_pretty(&theirs).unwrap();
        let compact = json::compact(&spacious);
        prop_assert_eq!(&*compact, &theirs.to_string());
    }

    #[test]
    fn every_reader_takes_the_same_texts(text in nearly_json()) {
        let strict = json::parse(&text, Mode::Strict, 4);
        let tolerant = json::parse(&text, Mode::Tolerant, 4);
        match strict {
            Ok(_) => prop_assert_eq!(&strict, &tolerant),
            Err(Error { kind: ErrorKind::DuplicateKey { .. } | ErrorKind::LoneSurrogate { .. }, .. }) => {}
            Err(_) => prop_assert!(tolerant.is_err()),
        }
        let is_too_deep = matches!(&strict, Err(Error { kind: ErrorKind::TooDeep { .. }, .. }));
        if !is_too_deep {
            let theirs = serde_json::from_slice::<serde_json::Value>(&text);
            prop_assert!(theirs.is_ok() || strict.is_err(), "{:?}", theirs);
            prop_assert!(theirs.is_err() || tolerant.is_ok(), "{:?}", tolerant);
        }
        if let Ok(text) = str::from_utf8(&text) {
            let is_object = matches!(tolerant, Ok(Value::Object(_)));
            prop_assert_eq!(json::check_object(text, 4).is_ok(), is_object);
            let compact = json::compact(text);
            if tolerant.is_ok() {
                prop_assert_eq!(json::parse(compact.as_bytes(), Mode::Tolerant, 4), tolerant);
            }
        }
    }
}
