//! The text form: what is written reads back, and reads as it is meant.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::path::Path;

use detection::diagnostic::Code;
use detection::{json_form, text};

#[test]
fn every_rule_of_the_pack_reads_and_survives_being_printed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rules") {
            let name = path.display().to_string();
            let rules =
                text::parse(&name, &fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{error}"));
            for rule in &rules {
                let printed = text::print(rule);
                let again = text::parse("printed", &printed).unwrap_or_else(|error| panic!("{printed}\n{error}"));
                assert_eq!(again, std::slice::from_ref(rule), "{printed}");
            }
            files += 1;
        }
    }
    assert_eq!(files, 15);
}

fn documentation() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md")).unwrap()
}

/// The first indented block under a heading.
fn example(documentation: &str, heading: &str) -> String {
    let section = documentation.split_once(heading).unwrap().1;
    let lines = section.lines().skip_while(|line| !line.starts_with("    "));
    lines.take_while(|line| line.starts_with("    ")).flat_map(|line| [&line[4..], "\n"]).collect()
}

#[test]
fn the_documented_rule_is_one_rule_in_both_forms() {
    let documentation = documentation();
    let written = example(&documentation, "## The text form");
    let rules = text::parse("docs", &written).unwrap_or_else(|error| panic!("{error}"));
    let json = example(&documentation, "## The JSON form");
    let rule = json_form::rule_from_json("docs", &json).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(rules, [rule]);
    assert_eq!(text::format("docs", &written).unwrap(), written);
}

#[test]
fn every_code_is_documented() {
    let documentation = documentation();
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !documentation.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What the formatter does to layout, as a person would see it.
#[test]
fn layout_is_as_documented() {
    let messy = "# head\nrule   \"plain\"{topic:[ 'x'\n]}";
    assert!(text::format("messy", messy).is_err(), "single quotes are for filters");
    let messy = r#"# head
rule   "plain"  {   # aside
topic: [ "a.b",   # first

  "c.*" ]


  severity:high   category:policy
  alert   :   """a "quoted" word"""   # kept

  filter: "( $.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=='x'or $.b   in[1,2 ] )and not( $.c exists )and count_in_window( 60s ,by:[$.d,$.e] )>5"
}
# between
rule next{alert:"\u0041\n" suppression_window:300s}"#;
    let neat = r#"# head
rule plain { # aside
    topic: [
        "a.b", # first
        "c.*",
    ]

    severity: high
    category: policy
    alert: """a "quoted" word""" # kept

    filter: """
        ($.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa == 'x' or $.b in [1, 2])
        and not ($.c exists)
        and count_in_window(60s, by: [$.d, $.e]) > 5
    """
}

# between
rule next {
    alert: """A
"""
    suppression_window: 300s
}
"#;
    assert_eq!(text::format("messy", messy).unwrap(), neat);
}

/// Shapes that reading must survive: it may refuse them, but not fall over them.
#[test]
fn no_text_is_too_strange_to_be_refused() {
    let deep = |open: &str| format!("rule r {{ filter: \"{}\" }}", open.repeat(20_000));
    let strange = [
        String::new(),
        "\u{feff}rule".to_owned(),
        "rule r { topic: ".to_owned() + &"[".repeat(20_000),
        "rule r { parameters: ".to_owned() + &"{".repeat(20_000),
        deep("("),
        deep("not "),
        deep("len("),
        deep("$["),
        deep("sequence(1s, topic 'a' where "),
        "rule r { filter: \"$.a == \\\"\u{1F600}".to_owned(),
        "rule r { alert: \"\\ud83d\\u\" }".to_owned(),
        "\"\"\"\"\"\"\"".to_owned(),
    ];
    for text in &strange {
        assert!(text::parse("strange", text).is_err(), "{}", &text[..text.floor_char_boundary(40)]);
    }
    // The errors beyond those told are counted, and cost no more than that.
    let error = text::parse("strange", &("rule r { ".to_owned() + &",".repeat(1_000_000))).unwrap_err();
    assert_eq!(error.iter().len(), detection::diagnostic::DIAGNOSTICS_MAX);
    assert!(error.count() > 1_000_000);
    let nested = "{\"type\":\"Not\",\"condition\":".repeat(200) + "1" + &"}".repeat(200);
    assert!(json_form::rule_from_json("strange", &format!("{{\"rule_id\":\"r\",\"ast\":{nested}}}")).is_err());
}

#[test]
fn the_documentation_shows_the_fifteen_rules_as_they_are() {
    let shown = documentation();
    for packed in detection::pack::PACK {
        let indented: String = packed.text.lines().flat_map(|line| ["    ", line, "\n"]).collect();
        assert!(shown.contains(&indented), "docs/rules.md does not show {} as it is", packed.name);
    }
}
