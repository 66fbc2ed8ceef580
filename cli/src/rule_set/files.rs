//! Files of rules: those named, those in directories named, or the pack that is part of the program.

use std::fs;
use std::path::{Path, PathBuf};

use detection::limits::RULE_FILE_BYTES_MAX;
use detection::pack::PACK;
use detection::reading::{File, Form};

use crate::failure::Failure;

/// Read, not yet understood.
pub struct Files {
    files: Vec<Loaded>,
    is_pack: bool,
}

struct Loaded {
    name: String,
    text: String,
    form: Form,
}

const CASES: &str = ".cases.json";

impl Files {
    pub fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        if paths.is_empty() {
            let files = PACK.iter().map(|packed| Loaded {
                name: packed.name.to_owned(),
                text: packed.text.to_owned(),
                form: Form::Text,
            });
            return Ok(Self { files: files.collect(), is_pack: true });
        }
        let mut found = Vec::new();
        for path in paths {
            collect(path, &mut found)?;
        }
        let files = found.into_iter().map(|(path, form)| load(&path, form)).collect::<Result<_, _>>()?;
        Ok(Self { files, is_pack: false })
    }

    pub fn sources(&self) -> Vec<File<'_>> {
        self.files.iter().map(|file| File { name: &file.name, text: &file.text, form: file.form }).collect()
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// For messages.
    pub fn what(&self) -> String {
        match (self.is_pack, &*self.files) {
            (true, _) => "the rules that come with tripline".to_owned(),
            (false, [only]) => only.name.clone(),
            (false, files) => format!("{} files", files.len()),
        }
    }

    /// The text of a file of cases that a rule of the file names.
    pub fn cases(&self, file: usize, named: &str) -> Result<(String, String), Failure> {
        let rules = &self.files[file].name;
        if self.is_pack {
            let packed = &PACK[file];
            return Ok((packed.name.replace(".rules", CASES), packed.cases.to_owned()));
        }
        let path = Path::new(rules).parent().unwrap_or(Path::new("")).join(named);
        let text = read_text(&path, "cannot read the cases")?;
        Ok((path.display().to_string(), text))
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
    let entries = fs::read_dir(path).map_err(failed)?;
    let mut inside =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    inside.sort();
    let before = found.len();
    for entry in inside.iter().filter(|entry| form_of(entry).is_some() || entry.is_dir()) {
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

fn form_of(path: &Path) -> Option<Form> {
    match path.extension()?.to_str()? {
        "rules" => Some(Form::Text),
        "json" if !path.to_string_lossy().ends_with(CASES) => Some(Form::Json),
        _ => None,
    }
}

fn load(path: &Path, form: Form) -> Result<Loaded, Failure> {
    let text = read_text(path, "cannot read the rules")?;
    Ok(Loaded { name: path.display().to_string(), text, form })
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
