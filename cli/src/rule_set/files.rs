//! Files of rules: those named, those in directories named or that a pattern names, and the pack that is part of the program.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use contracts::topology::{RuleSource, Watcher};
use detection::limits::RULE_FILE_BYTES_MAX;
use detection::pack::{PACK, Packed};
use detection::reading::{File, Form};

use crate::failure::Failure;

/// Read, not yet understood.
#[derive(Debug)]
pub struct Files {
    files: Vec<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    name: String,
    text: String,
    form: Form,
    /// What it is in the pack, if it is of the pack.
    packed: Option<&'static Packed>,
}

const CASES: &str = ".cases.json";

impl Files {
    /// Those at these paths; the pack if there are none.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut files = Self { files: Vec::new() };
        if paths.is_empty() {
            files.add_pack();
        }
        for path in paths {
            files.add(path)?;
        }
        Ok(files)
    }

    /// Those that the watchers of a topology name, and which of them are each watcher's.
    pub fn of_watchers(watchers: &[Watcher], directory: &Path) -> Result<(Self, Vec<Range<usize>>), Failure> {
        let mut files = Self { files: Vec::new() };
        let mut ranges = Vec::new();
        for watcher in watchers {
            let start = files.len();
            for source in &watcher.rules {
                match source {
                    RuleSource::BuiltIn => files.add_pack(),
                    RuleSource::Files(path) => files.add_named(&directory.join(path))?,
                }
            }
            ranges.push(start..files.len());
        }
        Ok((files, ranges))
    }

    fn add_pack(&mut self) {
        self.files.extend(PACK.iter().map(|packed| Loaded {
            name: packed.name.to_owned(),
            text: packed.text.to_owned(),
            form: Form::Text,
            packed: Some(packed),
        }));
    }

    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        let mut found = Vec::new();
        collect(path, &mut found)?;
        for (path, form) in found {
            self.files.push(load(&path, form)?);
        }
        Ok(())
    }

    /// A path, or a pattern with `*` in its last part.
    fn add_named(&mut self, path: &Path) -> Result<(), Failure> {
        let pattern = path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains('*'));
        let Some(pattern) = pattern else { return self.add(path) };
        let matching = entries(path.parent().unwrap_or(Path::new("")))?.into_iter().filter(|entry| {
            let name = entry.file_name().and_then(|name| name.to_str());
            form_of(entry).is_some() && name.is_some_and(|name| matches(pattern, name))
        });
        let matching: Vec<_> = matching.collect();
        if matching.is_empty() {
            return Err(Failure::NoRules { path: path.to_owned() });
        }
        matching.iter().try_for_each(|path| self.add(path))
    }

    pub fn sources(&self) -> Vec<File<'_>> {
        self.files.iter().map(|file| File { name: &file.name, text: &file.text, form: file.form }).collect()
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// For messages.
    pub fn what(&self) -> String {
        match &*self.files {
            files if files.iter().all(|file| file.packed.is_some()) => "the rules that come with tripline".to_owned(),
            [only] => only.name.clone(),
            files => format!("{} files", files.len()),
        }
    }

    /// The text of a file of cases that a rule of the file names.
    pub fn cases(&self, file: usize, named: &str) -> Result<(String, String), Failure> {
        let rules = &self.files[file];
        if let Some(packed) = rules.packed {
            return Ok((packed.name.replace(".rules", CASES), packed.cases.to_owned()));
        }
        let path = Path::new(&rules.name).parent().unwrap_or(Path::new("")).join(named);
        let text = read_text(&path, "cannot read the cases")?;
        Ok((path.display().to_string(), text))
    }
}

/// Whether each `*` of the pattern can stand for some part of the name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name
            .strip_prefix(start)
            .is_some_and(|name| (0..=name.len()).any(|end| name.is_char_boundary(end) && matches(rest, &name[end..]))),
    }
}

/// Files of the text form, as `fmt` wants them.
pub fn text_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        collect(path, &mut found)?;
    }
    Ok(found.into_iter().filter(|(_, form)| *form == Form::Text).map(|(path, _)| path).collect())
}

/// Directories are walked in the order of their names, so that two machines tell the same in the same order.
fn collect(path: &Path, found: &mut Vec<(PathBuf, Form)>) -> Result<(), Failure> {
    let failed = |source| Failure::File { doing: "cannot read the rules", path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        let form = form_of(path).ok_or_else(|| Failure::NoRules { path: path.to_owned() })?;
        found.push((path.to_owned(), form));
        return Ok(());
    }
    let before = found.len();
    for entry in entries(path)?.iter().filter(|entry| form_of(entry).is_some() || entry.is_dir()) {
        if entry.is_dir() && fs::read_dir(entry).map_err(failed)?.next().is_none() {
            continue;
        }
        match collect(entry, found) {
            Err(Failure::NoRules { .. }) => {}
            other => other?,
        }
    }
    if found.len() == before { Err(Failure::NoRules { path: path.to_owned() }) } else { Ok(()) }
}

/// What a directory holds, in the order of the names.
pub fn entries(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |source| Failure::File { doing: "cannot read the rules", path: directory.to_owned(), source };
    // The parent of a name alone is the directory of the command.
    let read = if directory == Path::new("") { Path::new(".") } else { directory };
    let entries = fs::read_dir(read).map_err(failed)?;
    let entries = entries.map(|entry| entry.map(|entry| directory.join(entry.file_name())));
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(failed)?;
    entries.sort();
    Ok(entries)
}

fn form_of(path: &Path) -> Option<Form> {
    match path.extension()?.to_str()? {
        "rules" => Some(Form::Text),
        "json" if !path.to_string_lossy().ends_with(CASES) => Some(Form::Json),
        _ => None,
    }
}

fn load(path: &Path, form: Form) -> Result<Loaded, Failure> {
    let text = read_text(path, "cannot read the rules")?;
    Ok(Loaded { name: path.display().to_string(), text, form, packed: None })
}

pub fn read_text(path: &Path, doing: &'static str) -> Result<String, Failure> {
    let failed = |source| Failure::File { doing, path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > RULE_FILE_BYTES_MAX as u64 {
        let reason = format!("expected at most {RULE_FILE_BYTES_MAX} bytes, found {length}");
        return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, reason)));
    }
    fs::read_to_string(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_part_of_a_name_and_for_none() {
        let cases = [
            ("*.rules", "a.rules", true),
            ("*.rules", ".rules", true),
            ("*.rules", "a.rules.json", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ä*ö", "ä漢ö", true),
            ("**", "", true),
            ("plain", "plain", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
