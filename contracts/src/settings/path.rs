//! The whole name of a key: `kafka.brokers`, `topics."alerts.v1".partitions`, `watchers[0].name`.

use std::fmt;

/// The names from the top of the file down to a key or a table. The empty path is the file itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }

    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let mut names = self.0.clone();
        names.push(name.to_owned());
        Self(names)
    }

    /// An item of a list, counted from 0.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.child(&format!("[{index}]"))
    }

    /// The path above and the last name; `None` for the file itself.
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let (last, above) = self.0.split_last()?;
        Some((Self(above.to_vec()), last))
    }

    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The environment variable that sets this key: names in capitals, joined by two underscores.
    pub fn variable(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.0.join("__").to_ascii_uppercase())
    }

    /// The key that a variable sets; `None` if its name does not begin with the prefix.
    pub fn from_variable(prefix: &str, name: &str) -> Option<Self> {
        let key = name.strip_prefix(prefix)?;
        Some(Self(key.split("__").map(str::to_ascii_lowercase).collect()))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let separator = if index == 0 || is_item(name) { "" } else { "." };
            if is_bare(name) || is_item(name) {
                write!(f, "{separator}{name}")?;
            } else {
                write!(f, "{separator}{name:?}")?;
            }
        }
        Ok(())
    }
}

/// Whether the name is a place in a list.
fn is_item(name: &str) -> bool {
    let index = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    index.is_some_and(|index| index.parse::<usize>().is_ok())
}

/// Whether TOML takes the name without quotes.
fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}
