//! The configuration for people: every key, what it came to, and who said so.

use std::fmt;

use contracts::settings::{Key, KeyState};

use super::Config;

/// What [`Config::describe`] shows.
#[derive(Debug, Clone, Copy)]
pub struct Description<'c>(&'c Config);

impl Config {
    /// Effective values with their origins. There is no secret in it: settings name the files that hold them.
    pub fn describe(&self) -> Description<'_> {
        Description(self)
    }
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.file {
            Some(file) => writeln!(f, "file: {}", file.display())?,
            None => writeln!(f, "file: none")?,
        }
        let rows: Vec<(String, &str, String)> = self.0.keys.iter().map(row).collect();
        let widths = rows
            .iter()
            .fold((0, 0), |(key, value), row| (key.max(row.0.chars().count()), value.max(row.1.chars().count())));
        for (key, value, origin) in &rows {
            writeln!(f, "{key:0$}  {value:1$}  {origin}", widths.0, widths.1)?;
        }
        Ok(())
    }
}

fn row(key: &Key) -> (String, &str, String) {
    let name = key.path.to_string();
    match &key.state {
        KeyState::Set { value, origin } => (name, value, origin.to_string()),
        KeyState::Default { value } => (name, value, "default".to_owned()),
        KeyState::Unset => (name, "-", "not set".to_owned()),
    }
}
