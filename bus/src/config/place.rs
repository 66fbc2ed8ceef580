//! Where configuration comes from: the environment, and the file it or a flag names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use contracts::settings::{FILE_BYTES_MAX, Override, Problems};

use super::{VARIABLE_PREFIX, is_apart};
use crate::connection::{S3Credentials, Secret};

/// Names the configuration file.
pub(super) const CONFIG_VARIABLE: &str = "TRIPLINE_CONFIG";

/// Where a file for the whole machine lies.
const SYSTEM_FILE: &str = "/etc/tripline/config.toml";

/// The environment as it was given; nothing is asked of the process.
#[derive(Debug)]
pub(super) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// The file to read, read: the one named by the flag, else by the variable, else the user's, else the machine's. One
    /// that was named must be there; of the others the first that exists counts.
    pub(super) fn file(&self, flag: Option<&Path>) -> Result<Option<(PathBuf, String)>, Problems> {
        if let Some(named) = flag.map(Path::to_owned).or_else(|| self.path(CONFIG_VARIABLE)) {
            let text = read(&named).map_err(|error| unreadable(&named, &error))?;
            return Ok(Some((named, text)));
        }
        let user = self.directory("XDG_CONFIG_HOME", ".config").map(|config| config.join("tripline/config.toml"));
        for path in user.into_iter().chain([PathBuf::from(SYSTEM_FILE)]) {
            match read(&path) {
                Ok(text) => return Ok(Some((path, text))),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(unreadable(&path, &error)),
            }
        }
        Ok(None)
    }

    /// What the variables set.
    pub(super) fn overrides(&self) -> Result<Vec<Override>, Problems> {
        let mut overrides = Vec::new();
        for (name, value) in &self.0 {
            let Some(name) = name.to_str().filter(|name| !is_apart(name)) else { continue };
            match value.to_str() {
                Some(value) => overrides.extend(Override::from_variable(VARIABLE_PREFIX, name, value)),
                None if !name.starts_with(VARIABLE_PREFIX) => {}
                None => return Err(Problems::unreadable_variable(name, "it is not UTF-8 text")),
            }
        }
        Ok(overrides)
    }

    /// `tripline` in the user's data directory, if the environment says where that is.
    pub(super) fn data_dir(&self) -> Option<PathBuf> {
        self.directory("XDG_DATA_HOME", ".local/share").map(|data| data.join("tripline"))
    }

    /// Under the names that all tools of S3 know.
    pub(super) fn s3_credentials(&self) -> Option<S3Credentials> {
        let text = |name: &str| Some(self.0.get(&OsString::from(name))?.to_str()?.trim().to_owned());
        let text = |name| text(name).filter(|text| !text.is_empty());
        Some(S3Credentials {
            access_key: text("AWS_ACCESS_KEY_ID")?,
            secret_key: Secret::new(text("AWS_SECRET_ACCESS_KEY")?),
            session_token: text("AWS_SESSION_TOKEN").map(Secret::new),
        })
    }

    /// A directory of the XDG base directory specification, which ignores relative ones.
    fn directory(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let named = self.path(variable).filter(|path| path.is_absolute());
        named.or_else(|| self.path("HOME").map(|home| home.join(below_home)))
    }

    fn path(&self, variable: &str) -> Option<PathBuf> {
        self.0.get(&OsString::from(variable)).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problems {
    Problems::unreadable(path.display().to_string(), error.to_string())
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX as u64 {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    fs::read_to_string(path)
}
