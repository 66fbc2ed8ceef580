//! Bad settings and exactly what a person is told about them. `BLESS=1` accepts new texts.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contracts::settings::{self, Input, Override, Problems, Reported, Source, Table};
use contracts::topology::Topology;

/// A reader with a key of every type.
fn every_type(root: &Table<'_>) -> Result<impl Sized + use<>, Reported> {
    let name = root.text("name").required();
    let count = root.integer("count", 1..=64_u32).or(4);
    let ratio = root.integer("ratio", i64::MIN..=i64::MAX).optional();
    let fresh = root.boolean("fresh").or(false);
    let wait = root.duration("wait", Duration::from_millis(250)..=Duration::from_hours(1)).optional();
    let room = root.size("room", 1024..=1 << 30).or(1 << 20);
    let place = root.path("place").optional();
    let hosts = root.parsed_list("hosts", "`host:port`", parse_host, String::clone).optional();
    let colour = root.word("colour", &[("red", 1), ("green", 2), ("blue", 3)]).or(1);
    let listen = root.loopback_address("listen").optional();
    let mode = root.parsed("mode", "a mode", |_| Ok(()), |()| String::new()).optional();
    let secret = root.path("password_file").optional();
    let inner = root.table("inner");
    let depth = inner.integer("depth", 0..=10_u16).or(1);
    Ok((name?, count?, ratio?, fresh?, wait?, room?, place?, hosts?, colour?, listen?, mode?, secret?, depth?))
}

fn parse_host(text: &str) -> Result<String, Option<String>> {
    text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).map(|_| text.to_owned()).ok_or(None)
}

fn problems(input: &Input<'_>) -> Problems {
    settings::read(input, every_type).err().unwrap()
}

/// Every `.toml` in the folder against the `.txt` beside it.
fn check_folder(folder: &str, problems_of: impl Fn(&str, &str) -> Problems) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics").join(folder);
    let mut inputs: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "no cases in {}", folder.display());
    for path in inputs {
        let name = path.file_name().unwrap().to_str().unwrap();
        let problems = problems_of(name, &fs::read_to_string(&path).unwrap());
        testbed::golden::check(&path.with_extension("txt"), &format!("{problems}\n"));
    }
}

#[test]
fn bad_settings_are_explained() {
    check_folder("settings", |name, text| problems(&Input::file(name, text)));
}

#[test]
fn bad_topologies_are_explained() {
    check_folder("topology", |name, text| Topology::parse(name, text).unwrap_err());
}

#[test]
fn bad_variables_and_flags_are_explained_by_their_own_names() {
    let variables = [
        ("TRIPLINE_COUNT", "many"),
        ("TRIPLINE_FRESH", "yes"),
        ("TRIPLINE_WAIT", "5"),
        ("TRIPLINE_HOSTS", "a:1, b"),
        ("TRIPLINE_INNER", "hunter2"),
        ("TRIPLINE_INNER__DEPTH", "11"),
        ("TRIPLINE_INNER__DEPHT", "hunter2"),
        ("TRIPLINE_INNER_DEPTH", "1"),
        ("TRIPLINE_", "hunter2"),
        ("TRIPLINE_ROOM", ""),
    ];
    let mut overrides: Vec<Override> =
        variables.iter().filter_map(|(name, value)| Override::from_variable("TRIPLINE_", name, value)).collect();
    overrides.push(Override::from_flag("--listen", ["listen"], "10.0.0.1:80"));
    let file = Source::new("config.toml", "count = \"three\"\ncolour = \"pink\"", Path::new(""));
    let input = Input { file: Some(file), overrides, variable_prefix: Some("TRIPLINE_") };
    let problems = problems(&input);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics/overrides.txt");
    testbed::golden::check(&golden, &format!("{problems}\n"));
}
