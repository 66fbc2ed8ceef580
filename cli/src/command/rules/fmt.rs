//! `tripline rules fmt`: the text form in its canonical spacing.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use detection::text;
use serde_json::json;

use crate::args::{self, Form};
use crate::failure::Failure;
use crate::rule_set::files::{read_text, text_files};
use crate::rule_set::tell;
use crate::terminal;

pub fn run(args: &args::RulesFmt, form: Form) -> Result<(), Failure> {
    if let [only] = &*args.paths
        && only == Path::new("-")
    {
        return standard_input(form);
    }
    let mut changed = Vec::new();
    for path in text_files(&args.paths)? {
        let name = path.display().to_string();
        let before = read_text(&path, "cannot read the rules")?;
        let after = text::format(&name, &before).map_err(|diagnostics| tell(&diagnostics, form))?;
        if after == before {
            continue;
        }
        if !args.check {
            replace(&path, &after)?;
        }
        changed.push(name);
    }
    report(&changed, args.check, form)?;
    match changed.len() {
        count if args.check && count > 0 => Err(Failure::Checks { count }),
        _ => Ok(()),
    }
}

fn report(changed: &[String], check: bool, form: Form) -> Result<(), Failure> {
    let state = if check { "would change" } else { "formatted" };
    terminal::print(match form {
        Form::Text => changed.iter().flat_map(|name| [state, "  ", name, "\n"]).collect(),
        Form::Json => format!("{}\n", json!({ "state": state, "files": changed })),
    })
}

/// Whole or not at all: a full disk must not cost a rule.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |source| Failure::File { doing: "cannot write the rules", path: path.to_owned(), source };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).map_err(failed)
}

fn standard_input(form: Form) -> Result<(), Failure> {
    let mut before = String::new();
    let limit = detection::limits::RULE_FILE_BYTES_MAX as u64 + 1;
    io::stdin()
        .take(limit)
        .read_to_string(&mut before)
        .map_err(|source| Failure::Io { doing: "read standard input", source })?;
    terminal::print(text::format("-", &before).map_err(|diagnostics| tell(&diagnostics, form))?)
}
