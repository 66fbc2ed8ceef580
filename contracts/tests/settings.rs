//! Settings beyond single diagnostics: which layer wins, what reads back, what must hold for any text.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::time::{Duration, Instant};

use contracts::settings::{
    self, FILE_BYTES_MAX, Input, KeyState, Origin, Override, PROBLEMS_MAX, Source, parse_duration, parse_size,
    show_duration, show_size,
};
use proptest::prelude::*;

const FLAG: &str = "--count";

fn count(file: Option<&str>, variable: Option<&str>, flag: Option<&str>) -> (u32, KeyState) {
    let file = file.map(|text| Source::new("f.toml", text, Path::new("/etc/f")));
    let variable = variable.and_then(|value| Override::from_variable("TRIPLINE_", "TRIPLINE_A__COUNT", value));
    let flag = flag.map(|value| Override::from_flag(FLAG, ["a", "count"], value));
    let overrides = variable.into_iter().chain(flag).collect();
    let input = Input { file, overrides, variable_prefix: Some("TRIPLINE_") };
    let read = settings::read(&input, |root| root.table("a").integer("count", 0..=9_u32).or(7)).unwrap();
    (read.value, read.keys[0].state.clone())
}

#[test]
fn flags_win_over_variables_and_those_over_the_file() {
    let in_file = Some("\n[a]\ncount = 1");
    let set = |value: &str, origin| KeyState::Set { value: value.to_owned(), origin };
    let file = set("1", Origin::File { name: "f.toml".to_owned(), line: 3 });
    let variable = set("2", Origin::Variable("TRIPLINE_A__COUNT".to_owned()));
    let flag = set("3", Origin::Flag(FLAG.to_owned()));
    assert_eq!(count(None, None, None), (7, KeyState::Default { value: "7".to_owned() }));
    assert_eq!(count(in_file, None, None), (1, file));
    assert_eq!(count(in_file, Some("2"), None), (2, variable.clone()));
    assert_eq!(count(None, Some("2"), None), (2, variable));
    assert_eq!(count(in_file, Some("2"), Some("3")), (3, flag));
}

#[test]
fn a_path_in_the_file_is_relative_to_the_file_and_any_other_to_nothing() {
    let path = |text: &str, flag: Option<&str>| {
        let file = Some(Source::new("f.toml", text, Path::new("/etc/tripline")));
        let overrides = flag.map(|value| Override::from_flag("--p", ["p"], value)).into_iter().collect();
        let input = Input { file, overrides, variable_prefix: None };
        settings::read(&input, |root| root.path("p").required()).unwrap().value.display().to_string()
    };
    assert_eq!(path("p = 'ca.pem'", None), "/etc/tripline/ca.pem");
    assert_eq!(path("p = '/ca.pem'", None), "/ca.pem");
    assert_eq!(path("p = 'ca.pem'", Some("mine.pem")), "mine.pem");
}

#[test]
fn only_loopback_addresses_pass() {
    let cases = [
        ("127.0.0.1:80", true),
        ("127.9.9.9:0", true),
        ("[::1]:80", true),
        ("0.0.0.0:80", false),
        ("[::]:80", false),
        ("10.0.0.1:80", false),
        ("[::ffff:127.0.0.1]:80", false),
        ("localhost:80", false),
        ("127.0.0.1", false),
        ("127.0.0.1:65536", false),
    ];
    for (address, passes) in cases {
        let text = format!("listen = '{address}'");
        let read = settings::read(&Input::file("f", &text), |root| root.loopback_address("listen").required());
        assert_eq!(read.is_ok(), passes, "{address}");
    }
}

#[test]
fn quantities_are_a_whole_number_and_a_unit() {
    for text in
        ["", "5", "s", "5 s", "-5s", "+5s", "1.5s", "5S", "5sec", "99999999999999999999s", "213503982335d", "٣s"]
    {
        assert_eq!(parse_duration(text), None, "{text:?}");
    }
    for text in ["", "5", "KiB", "5 KiB", "5KB", "5k", "5kib", "-1B", "16777216TiB", "99999999999999999999B"] {
        assert_eq!(parse_size(text), None, "{text:?}");
    }
    assert_eq!(parse_duration("7d"), Some(Duration::from_hours(168)));
    assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
    assert_eq!(parse_size("512KiB"), Some(512 * 1024));
    assert_eq!((show_duration(Duration::ZERO), show_size(0)), ("0ms".to_owned(), "0B".to_owned()));
    assert_eq!((show_duration(Duration::from_mins(90)), show_size(1 << 20)), ("90m".to_owned(), "1MiB".to_owned()));
}

#[test]
fn a_file_over_the_limit_is_refused_unread_and_one_at_the_limit_is_read_quickly() {
    let read = |text: &str| settings::read(&Input::file("f.toml", text), |_| Ok(()));
    let comment = format!("#{}", "x".repeat(FILE_BYTES_MAX - 1));
    assert!(read(&comment).is_ok());
    let over = read(&format!("{comment}x")).unwrap_err().to_string();
    assert_eq!(over, "f.toml: cannot be read: it has 1048577 bytes, 1048576 are taken");
    for hostile in ["= ", "=\n", "a", "[", "\"", "[a]\n", "a.", "x=[{", "\u{e9}=", "'''", "a=1\n", "\\u"] {
        let text = hostile.repeat(FILE_BYTES_MAX / hostile.len());
        let start = Instant::now();
        let problems = read(&text).unwrap_err();
        assert!(problems.iter().count() <= PROBLEMS_MAX);
        assert!(!problems.to_string().is_empty());
        let took = start.elapsed();
        assert!(took < Duration::from_secs(20), "{hostile:?} took {took:?}");
    }
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let lines: Vec<String> = (0..250).map(|index| format!("key_{index} = 1")).collect();
    let text = lines.join("\n");
    let problems = settings::read(&Input::file("f.toml", &text), |_| Ok(())).unwrap_err();
    assert_eq!((problems.iter().count(), problems.count()), (PROBLEMS_MAX, 250));
    assert!(problems.to_string().ends_with("\nand 150 more"), "{problems}");
}

/// Text that is nearly TOML, so that more than its syntax is wrong.
fn nearly_toml() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("name".to_owned()),
        Just("inner".to_owned()),
        Just(" = ".to_owned()),
        Just("\n".to_owned()),
        Just("[inner]\n".to_owned()),
        Just("[[inner]]\n".to_owned()),
        Just("{ a = 1 }".to_owned()),
        Just("[1, 'é', ".to_owned()),
        Just("]".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("password = ".to_owned()),
        Just("\r\n".to_owned()),
        "[a-z]{1,4}",
        "[0-9]{1,3}",
        "\\PC{0,3}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics_and_every_refusal_says_where(text in nearly_toml()) {
        let result = settings::read(&Input::file("f.toml", &text), |root| {
            let name = root.text("name").required();
            let inner = root.table("inner");
            let items = inner.parsed_list("items", "words", |text| Ok(text.to_owned()), String::clone).optional();
            Ok((name?, items?))
        });
        if let Err(problems) = result {
            prop_assert!(problems.count() > 0);
            for problem in problems.iter() {
                prop_assert!(problem.to_string().starts_with("f.toml:"), "{}", problem);
            }
        }
    }

    #[test]
    fn a_duration_reads_back_as_it_was_shown(millis in 0..u64::MAX) {
        let duration = Duration::from_millis(millis);
        prop_assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
    }

    #[test]
    fn a_size_reads_back_as_it_was_shown(bytes in any::<u64>()) {
        prop_assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_never_shown(
        key in prop::sample::select(vec!["password", "sasl_password", "Secret", "client-secret", "api_token"]),
        before in prop::sample::select(vec!["", "name = 5\n", "[inner]\n", "x = { ", "= "]),
        after in prop::sample::select(vec!["\"", "", "'", "\" }", "\"\n]"]),
        secret in "HUNTER[a-z0-9!#@]{6,20}",
    ) {
        let text = format!("{before}{key} = \"{secret}{after}\n");
        let problems = settings::read(&Input::file("f.toml", &text), |root| root.text("name").required()).unwrap_err();
        prop_assert!(!problems.to_string().contains("HUNTER"), "{}", problems);
    }
}
