//! Which topics a rule or a subscription means.

use std::fmt;
use std::str::FromStr;

/// `a.b`, `a.*`, `*.b` or `*`. A `*` stands for one segment or more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicPattern {
    All,
    Exact(String),
    /// What stands before `*`, its dot included.
    Prefix(String),
    /// What stands after `*`, its dot included.
    Suffix(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a topic such as `a.b`, `a.*`, `*.b` or `*`, found {found:?}")]
pub struct TopicPatternError {
    pub found: String,
}

impl TopicPattern {
    pub fn matches(&self, topic: &str) -> bool {
        match self {
            Self::All => true,
            Self::Exact(exact) => exact == topic,
            Self::Prefix(prefix) => topic.len() > prefix.len() && topic.starts_with(&**prefix),
            Self::Suffix(suffix) => topic.len() > suffix.len() && topic.ends_with(&**suffix),
        }
    }
}

impl FromStr for TopicPattern {
    type Err = TopicPatternError;

    fn from_str(text: &str) -> Result<Self, TopicPatternError> {
        let wrong = || TopicPatternError { found: text.to_owned() };
        let is_plain =
            |text: &str| !text.is_empty() && !text.contains('*') && text.split('.').all(|part| !part.is_empty());
        if text == "*" {
            return Ok(Self::All);
        }
        if let Some(start) = text.strip_suffix(".*") {
            return if is_plain(start) { Ok(Self::Prefix(format!("{start}."))) } else { Err(wrong()) };
        }
        if let Some(end) = text.strip_prefix("*.") {
            return if is_plain(end) { Ok(Self::Suffix(format!(".{end}"))) } else { Err(wrong()) };
        }
        if is_plain(text) { Ok(Self::Exact(text.to_owned())) } else { Err(wrong()) }
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Exact(exact) => f.write_str(exact),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}
