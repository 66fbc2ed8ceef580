//! RFC 9535 against the suite of jsonpath-standard, and the direct way against the general one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use contracts::json::{self, DEPTH_CEILING, Mode, Object, Value};
use detection::eval::{OverBudget, Work};
use detection::jsonpath::{Fields, NESTING_MAX, PATH_BYTES_MAX, Path, PathErrorKind, Scratch};
use proptest::prelude::*;

const BUDGET: u64 = 1_000_000;

/// The suite as it was when it was copied: a case that is lost is a test that is lost.
const CASES: usize = 703;

fn parsed(text: &str) -> Value<'_> {
    json::parse(text.as_bytes(), Mode::Tolerant, DEPTH_CEILING).unwrap()
}

/// One case of the suite: what is wrong with our answer to it.
fn complaint(case: &Object<'_>) -> Option<String> {
    let selector = case.get("selector").unwrap().as_str().unwrap();
    let path = Path::parse(selector);
    if case.get("invalid_selector").is_some() {
        return path.ok().map(|path| format!("taken as {path}"));
    }
    let path = match path {
        Ok(path) => path,
        Err(error) => return Some(error.to_string()),
    };
    if Path::parse(&path.to_string()).as_ref() != Ok(&path) {
        return Some(format!("its text {path} does not mean it"));
    }
    let document = case.get("document").unwrap();
    let located = path.select_located(document, &mut Work::new(BUDGET)).unwrap();
    let (locations, values): (Vec<_>, Vec<_>) =
        located.iter().map(|(location, value)| (Value::from(location.to_string()), *value)).unzip();
    if path.select(document, &mut Work::new(BUDGET)).unwrap() != values {
        return Some("with and without locations it selects different values".to_owned());
    }
    if path.is_singular() && values.len() > 1 {
        return Some("singular, and several results".to_owned());
    }

    // Either one answer is right or any of several: then their paths stand at the same places.
    let several = |name| case.get(name).map(|value| value.as_array().unwrap().to_vec());
    let one = |name| case.get(name).map(|value| vec![value.clone()]);
    let results = several("results").or_else(|| one("result")).unwrap();
    let result_paths = several("results_paths").or_else(|| one("result_paths")).unwrap();
    let found = (Value::Array(values.into_iter().cloned().collect()), Value::Array(locations));
    let is_right = results.into_iter().zip(result_paths).any(|expected| expected == found);
    (!is_right).then(|| format!("selected {} at {}", found.0, found.1))
}

#[test]
fn every_case_of_the_suite_is_answered_as_it_says() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/jsonpath/cts.json");
    let text = std::fs::read_to_string(file).unwrap();
    let suite = parsed(&text);
    let cases = suite.as_object().unwrap().get("tests").unwrap().as_array().unwrap();
    assert_eq!(cases.len(), CASES);
    let mut complaints = Vec::new();
    for case in cases {
        let case = case.as_object().unwrap();
        if let Some(complaint) = complaint(case) {
            complaints.push(format!("{}: {complaint}\n  {}", case.get("name").unwrap(), case.get("selector").unwrap()));
        }
    }
    assert!(complaints.is_empty(), "{} of {CASES}\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn a_path_is_shown_as_the_shortest_text_that_means_it() {
    #[rustfmt::skip]
    let cases = [
        ("$", "$"),
        ("$.a.b", "$.a.b"),
        ("$['a'][\"b c\"][0]", "$.a['b c'][0]"),
        ("$ .a [ 1 ] ['x' , 2]", "$.a[1]['x', 2]"),
        ("$..a..*..[0]", "$..a..*..[0]"),
        ("$[1:],$", "error at 5"),
        ("$[1 : 5 : 2]", "$[1:5:2]"),
        ("$[:]", "$[:]"),
        ("$[::-1]", "$[::-1]"),
        ("$['it\\'s']", "$['it\\'s']"),
        ("$[\"\\u0001\\u0022\"]", "$['\\u0001\"']"),
        ("$.é", "$.é"),
        ("$['1a']", "$['1a']"),
        ("$['']", "$['']"),
        ("$[?@.a]", "$[?@.a]"),
        ("$[?(@.a && (@.b||@.c)) && !(@.d == 1e2)]", "$[?@.a && (@.b || @.c) && !(@.d == 1e2)]"),
        ("$[?!(@.a)]", "$[?!@.a]"),
        ("$[?((@.a || @.b) || @.c)]", "$[?@.a || @.b || @.c]"),
        ("$[?match(@.a,\"x.*\") || !search( @ , $.p )]", "$[?match(@.a, 'x.*') || !search(@, $.p)]"),
        ("$[?length(@.a)<count(@.*)]", "$[?length(@.a) < count(@.*)]"),
        ("$[?value(@..a)!=null]", "$[?value(@..a) != null]"),
    ];
    for (text, expected) in cases {
        let shown = match Path::parse(text) {
            Ok(path) => path.to_string(),
            Err(error) => format!("error at {}", error.offset),
        };
        assert_eq!(shown, expected, "{text}");
    }
}

#[test]
fn an_error_says_where_and_what_was_expected() {
    #[rustfmt::skip]
    let cases = [
        ("a.b", "path, byte 0: expected `$` at the start of a path, found `a`"),
        ("", "path, byte 0: expected `$` at the start of a path, found the end of the text"),
        ("$.", "path, byte 2: expected a name or `*` after `.`, found the end of the text"),
        ("$.é.1", "path, byte 5: expected a name or `*` after `.`, found `1`"),
        ("$.a-b", "path, byte 3: expected `.`, `[` or the end of the path, found `-`"),
        ("$..", "path, byte 3: expected a name, `*` or `[` after `..`, found the end of the text"),
        ("$[a]", "path, byte 2: expected a name in quotes, an index, a slice, `*` or `?`, found `a`"),
        ("$[0", "path, byte 3: expected `,` or `]`, found the end of the text"),
        ("$['a]", "path, byte 5: expected `'` at the end of the string, found the end of the text"),
        ("$[9007199254740992]", "path, byte 2: expected a whole number between -(2^53 - 1) and 2^53 - 1"),
        ("$['\\ud800']", "path, byte 3: expected a surrogate pair, found \\ud800 alone; write both halves or \\ufffd"),
        ("$[?@.a = 1]", "path, byte 7: expected `,` or `]`, found `=`"),
        ("$[?lenght(@.a) > 1]", "path, byte 3: expected one of the functions length, count, match, search, value, found another; did you mean `length`?"),
        ("$[?length(@.a, 1) > 1]", "path, byte 3: expected the arguments of `length(value)`, found 2"),
        ("$[?length(@.*) > 1]", "path, byte 10: expected one value, found a path that may give several"),
        ("$[?length(@.a)]", "path, byte 3: expected what is true or false, found a call that gives a value; compare it with something"),
        ("$[?1 == match(@, 'a')]", "path, byte 8: expected one value, found a call that is true or false itself"),
        ("$[?count(1) == 1]", "path, byte 9: expected a path, found a value"),
    ];
    for (text, expected) in cases {
        assert_eq!(Path::parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn a_prefix_ends_where_the_path_ends() {
    let cases = [
        ("$.a.b == 1", "$.a.b"),
        ("$.a in [1]", "$.a"),
        ("$.a) and", "$.a"),
        ("$.a [0] > 1", "$.a [0]"),
        ("$[?@.a == 1]=='x'", "$[?@.a == 1]"),
        ("$", "$"),
    ];
    for (text, expected) in cases {
        let (path, length) = Path::parse_prefix(text).unwrap();
        assert_eq!(&text[..length], expected);
        assert_eq!(Path::parse(expected), Ok(path));
    }
}

/// What the direct way reads of `paths` from `text` differs from what the general one selects: `None` if it does not.
fn difference(paths: &[Path], text: &str, scratch: &mut Scratch) -> Option<String> {
    let document = parsed(text);
    let fields = Fields::new(paths.iter().map(|path| path.as_singular().unwrap()));
    let readings = fields.read(text, scratch).unwrap();
    paths.iter().find_map(|path| {
        let slot = fields.slot(&path.as_singular().unwrap()).unwrap();
        let direct = readings.get(slot).to_value();
        let general = path.select(&document, &mut Work::new(BUDGET)).unwrap().first().copied();
        (direct.as_ref() != general).then(|| format!("{path} of {text}: {direct:?} and {general:?}"))
    })
}

#[test]
fn the_direct_way_reads_what_the_table_says() {
    const MISSING: &str = "missing";
    #[rustfmt::skip]
    let cases = [
        (r#"{"a":1}"#, "$.a", "1"),
        (r#"{"a":1}"#, "$", r#"{"a":1}"#),
        (" [ 1 , 2 ] ", "$", "[1,2]"),
        (r#" "x" "#, "$", r#""x""#),
        (r#"{"a":{"b":[10,20,{"c":null}]}}"#, "$.a.b[2].c", "null"),
        (r#"{"a":{"b":[10,20,{"c":null}]}}"#, "$.a.b[3]", MISSING),
        (r#"{"a":[1]}"#, "$.a.b", MISSING),
        (r#"{"a":{"0":1}}"#, "$.a[0]", MISSING),
        (r#"{"\u0061":1}"#, "$.a", "1"),
        (r#"{"c\u006fmmand":"\u0072m -rf"}"#, "$.command", r#""rm -rf""#),
        (r#"{"\ud800":1}"#, "$['\u{fffd}']", "1"),
        (r#"{"\ud83d\ude00":1}"#, "$['😀']", "1"),
        // Of equal keys the last counts, with all that is below it.
        (r#"{"a":1,"a":2}"#, "$.a", "2"),
        (r#"{"a":1,"\u0061":2}"#, "$.a", "2"),
        (r#"{"a":{"b":1},"a":2}"#, "$.a.b", MISSING),
        (r#"{"a":{"b":1},"a":{"c":2}}"#, "$.a.b", MISSING),
        (r#"{"a":{"b":[1,2]},"a":{"b":[3]}}"#, "$.a.b[1]", MISSING),
        (r#"{"a":{"b":1,"b":{}},"a":{"b":null}}"#, "$.a.b", "null"),
    ];
    for (text, path, expected) in cases {
        let path = Path::parse(path).unwrap();
        let fields = Fields::new([path.as_singular().unwrap()]);
        let mut scratch = Scratch::default();
        let readings = fields.read(text, &mut scratch).unwrap();
        let slot = readings.get(fields.slot(&path.as_singular().unwrap()).unwrap());
        assert_eq!(slot.to_value().map_or(MISSING.to_owned(), |value| value.to_string()), expected, "{path} of {text}");
        assert_eq!(slot.is_missing(), expected == MISSING, "{path} of {text}");
        assert_eq!(difference(&[path], text, &mut scratch), None);
    }
}

#[test]
fn what_is_not_json_is_not_read() {
    let path = Path::parse("$.a").unwrap();
    let fields = Fields::new([path.as_singular().unwrap()]);
    for text in ["", "{", r#"{"a":1"#, r#"{"a":1}}"#, r#"{"a":01}"#, r#"{"a":1,}"#, r#"{"b":"\x"}"#] {
        assert!(fields.read(text, &mut Scratch::default()).is_err(), "{text}");
    }
}

/// Texts of values whose objects repeat keys, spell them in several ways, and have blanks in between.
fn texts() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec![
        "null",
        "true",
        "false",
        "0",
        "-1.50e+3",
        r#""""#,
        r#""x""#,
        r#""\u0078\n""#,
        r#""\ud800""#,
        r#""a\"b\\""#,
        "{}",
        "[ ]",
    ]);
    let key = prop::sample::select(vec![
        r#""a""#,
        r#""a""#,
        r#""\u0061""#,
        r#""b""#,
        r#""\u0062""#,
        r#""\ud800""#,
        r#""\ufffd""#,
        r#""c.d""#,
        r#""""#,
    ]);
    let blank = prop::sample::select(vec!["", "", " ", "\n\t"]);
    scalar.prop_map(str::to_owned).prop_recursive(4, 60, 5, move |inner| {
        let item = (blank.clone(), inner.clone(), blank.clone())
            .prop_map(|(before, item, after)| before.to_owned() + &item + after);
        let member =
            (key.clone(), blank.clone(), item.clone()).prop_map(|(key, blank, item)| format!("{key}{blank}:{item}"));
        prop_oneof![
            1 => prop::collection::vec(item, 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            3 => prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

fn singular_paths() -> impl Strategy<Value = Vec<Path>> {
    let step = prop::sample::select(vec![".a", ".a", ".b", "['\\ufffd']", "['c.d']", "['']", "[0]", "[1]"]);
    let path =
        prop::collection::vec(step, 0..4).prop_map(|steps| Path::parse(&format!("${}", steps.concat())).unwrap());
    prop::collection::vec(path, 1..8)
}

/// Texts of paths; some are none.
fn path_texts() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec![
        ".a",
        "..b",
        ".*",
        "..*",
        "[0]",
        "[-1]",
        "[1:]",
        "[::-2]",
        "['a', \"b\"]",
        "[?@.a]",
        "[?@ > 1]",
        " [ 0 , * ]",
        "[?!$..b]",
        "[?length(@)==1]",
        "[?@.a==@.b||@[0]!='x'&&count(@.*)<2]",
        "[?(@.a||@.b)&&match(@.b,'[a-z]')]",
        "[?value(@..a)==null]",
    ]);
    let noise =
        prop::sample::select(vec!["", "", "", "", "", "[", "]", "(", "?", "'", "&&", "\u{e9}", "!", "1e", "\\"]);
    prop::collection::vec((step, noise), 0..5)
        .prop_map(|parts| parts.into_iter().fold("$".to_owned(), |text, (step, noise)| text + step + noise))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_direct_way_reads_what_the_general_one_selects(paths in singular_paths(), first in texts(), second in texts()) {
        let mut scratch = Scratch::default();
        for text in [first, second] {
            prop_assert_eq!(difference(&paths, &text, &mut scratch), None);
        }
    }

    #[test]
    fn any_text_is_a_path_or_an_error_inside_of_it(text in path_texts()) {
        match Path::parse(&text) {
            Ok(path) => prop_assert_eq!(Path::parse(&path.to_string()), Ok(path)),
            Err(error) => prop_assert!(text.is_char_boundary(error.offset), "{} of {}", error, text),
        }
    }

    /// The location of a value, taken as a path, selects that value and no other.
    #[test]
    fn a_location_is_a_path_to_its_value(text in texts(), path in path_texts()) {
        let document = parsed(&text);
        let Ok(path) = Path::parse(&path) else { return Ok(()) };
        for (location, value) in path.select_located(&document, &mut Work::new(BUDGET)).unwrap() {
            let again = Path::parse(&location.to_string()).unwrap();
            prop_assert!(again.is_singular());
            let found = again.select(&document, &mut Work::new(BUDGET)).unwrap();
            prop_assert_eq!(found.len(), 1);
            prop_assert!(std::ptr::eq(found[0], value));
        }
    }

    /// A budget is enough or it is not, and what is left says how much was spent.
    #[test]
    fn the_same_evaluation_costs_the_same(text in texts(), path in path_texts()) {
        let document = parsed(&text);
        let Ok(path) = Path::parse(&path) else { return Ok(()) };
        let mut work = Work::new(BUDGET);
        let values = path.select(&document, &mut work).unwrap();
        let cost = BUDGET - work.left();
        prop_assert_eq!(path.select(&document, &mut Work::new(cost)), Ok(values));
        if cost > 0 {
            prop_assert_eq!(path.select(&document, &mut Work::new(cost - 1)), Err(OverBudget));
        }
    }
}

#[test]
fn an_evaluation_ends_with_its_budget() {
    let many = format!("[{}]", vec!["[0,1,2,3,4,5,6,7,8,9]"; 100].join(","));
    let deep = "[".repeat(DEPTH_CEILING) + &"]".repeat(DEPTH_CEILING);
    let wide = format!("{{{}}}", (0..2000).map(|n| format!(r#""k{n}":{n}"#)).collect::<Vec<_>>().join(","));
    let regex = r#"{"p":"(x+x+)+y","v":["xxxx","xxxx","xxxx","xxxx","xxxx","xxxx","xxxx","xxxx","xxxx","xxxx"]}"#;
    let cases = [
        ("$.*[?$..*]", &*many),
        ("$..*..*..*", &deep),
        ("$[?@ == $.k1999]", &wide),
        ("$[?$ == $]", &wide),
        ("$.v[?search(@, $.p)]", regex),
    ];
    for (path, text) in cases {
        let document = parsed(text);
        let path = Path::parse(path).unwrap();
        assert_eq!(path.select(&document, &mut Work::new(100_000)), Err(OverBudget), "{path}");
    }
}

#[test]
fn a_path_is_bounded() {
    let nested = |depth: usize| format!("$[?{}@{}]", "(".repeat(depth), ")".repeat(depth));
    assert!(Path::parse(&nested(NESTING_MAX - 1)).is_ok());
    assert_eq!(Path::parse(&nested(NESTING_MAX)).unwrap_err().kind, PathErrorKind::TooDeep);
    let filters = "$".to_owned() + &"[?@".repeat(NESTING_MAX + 1);
    assert_eq!(Path::parse(&filters).unwrap_err().kind, PathErrorKind::TooDeep);
    let long = |bytes: usize| "$.".to_owned() + &"a".repeat(bytes - 2);
    assert!(Path::parse(&long(PATH_BYTES_MAX)).is_ok());
    assert_eq!(Path::parse(&long(PATH_BYTES_MAX + 1)).unwrap_err().kind, PathErrorKind::TooLong);
}

/// `.` and classes as RFC 9485 has them, and not as the engine below.
#[test]
fn regular_expressions_of_paths_are_i_regexps() {
    #[rustfmt::skip]
    let cases = [
        ("[a&&b]", "&", true),
        ("[a&&b]+", "a&b", true),
        ("[x~~y]", "~", true),
        ("a|b", "ab", false),
        (".", "\r", false),
        (".", "\u{2028}", true),
        ("[.]", "x", false),
        ("\\p{Lu}+", "ÄB", true),
        // None at all: no error, and no match.
        ("(", "(", false),
        ("(?=a)", "", false),
        ("a{1000000}", "a", false),
    ];
    for (expression, text, expected) in cases {
        let path = Path::parse("$.texts[?match(@, $.expression)]").unwrap();
        let document: Value =
            Object::new().with("texts", vec![Value::from(text)]).with("expression", expression).into();
        let found = path.select(&document, &mut Work::new(BUDGET)).unwrap();
        assert_eq!(found.len() == 1, expected, "{expression} and {text:?}");
    }
}
