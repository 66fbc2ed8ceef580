//! A configuration file with what variables and flags say: TOML, then lines `NAME=value` after a line `---`.
//!
//! Invariants: every outcome can be shown, and none shows what a secret file holds; what is taken describes itself with
//! a line for each key.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use bus::config::Config;
use contracts::settings::PROBLEMS_MAX;

/// What the file `secret` holds.
const SECRET: &str = "correct horse battery staple";

thread_local! {
    /// A folder with a file to be read and secrets that settings may name.
    static FOLDER: tempfile::TempDir = folder();
}

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (file, variables) = text.split_once("\n---\n").unwrap_or((text, ""));
    let config = FOLDER.with(|folder| {
        let path = folder.path().join("config.toml");
        fs::write(&path, file).expect("a file of a folder of our own");
        Config::load(Some(&path), environment(variables), Vec::new())
    });
    match config {
        Ok(config) => {
            let description = config.describe().to_string();
            assert!(description.lines().count() > config.keys.len());
            assert!(!description.contains(SECRET) && !format!("{config:?}").contains(SECRET));
        }
        Err(problems) => {
            assert!((1..=PROBLEMS_MAX).contains(&problems.iter().count()));
            assert!(!problems.to_string().contains(SECRET));
        }
    }
}

fn environment(variables: &str) -> Vec<(OsString, OsString)> {
    let home = ("HOME".into(), "/home/nobody".into());
    let set = variables.lines().filter_map(|line| line.split_once('='));
    // Variables that name a file are left out: the fuzzer would read what is on this machine.
    let set = set.filter(|(name, _)| name.starts_with("TRIPLINE_") && *name != "TRIPLINE_CONFIG");
    [home].into_iter().chain(set.map(|(name, value)| (name.into(), value.into()))).collect()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("secret", SECRET), ("ca.pem", "")] {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file of a folder of our own");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a file of our own");
    }
    folder
}
