//! `schemas/`, written from the declarations of the records.
//!
//! Released versions under `schemas/history/` are among what is written, and the same as before: they are declared, too.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use contracts::schema;

use crate::error::Error;

/// Writes what differs. Fails when what was written would break a reader of a released version.
pub fn bless() -> Result<ExitCode, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let mut changed = 0;
    for file in schema::files() {
        let path = root.join(&file.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == file.text) {
            continue;
        }
        let folder = path.parent().expect("invariant: a file below schemas/ has a parent");
        fs::create_dir_all(folder).map_err(testbed::Error::file("create", folder))?;
        fs::write(&path, &file.text).map_err(testbed::Error::file("write", &path))?;
        println!("schemas/{}", file.path);
        changed += 1;
    }
    println!("{changed} changed; review with `git diff schemas/`");
    let broken = schema::check();
    for error in &broken {
        eprintln!("error: {error}");
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
