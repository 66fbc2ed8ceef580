//! The kinds of errors, by names that stay from version to version.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $Code:ident = $name:literal,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])* $Code,)+
        }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$Code,)+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Code => $name,)+
                }
            }
        }
    };
}

codes! {
    /// Something else was expected here.
    Syntax = "syntax",
    UnbalancedQuote = "unbalanced-quote",
    BadEscape = "bad-escape",
    UnknownKey = "unknown-key",
    /// A word that is none of those which may stand here.
    UnknownWord = "unknown-word",
    UnknownFunction = "unknown-function",
    UnknownOperator = "unknown-operator",
    WrongType = "wrong-type",
    BadPath = "bad-path",
    BadRegex = "bad-regex",
    /// A regular expression that only an engine which tries again and again could search for.
    BacktrackingRegex = "backtracking-regex",
    BadDuration = "bad-duration",
    BadTopic = "bad-topic",
    /// A set, a list or a name without anything in it.
    Empty = "empty",
    DuplicateKey = "duplicate-key",
    DuplicateRule = "duplicate-rule",
    MissingKey = "missing-key",
    /// Each key may stand, together they may not.
    Conflict = "conflict",
    MissingWindow = "missing-window",
    TooDeep = "too-deep",
    TooLarge = "too-large",
    /// Of a test: an event that cannot be fed.
    BadEvent = "bad-event",
    /// The rule reads well, and cannot run.
    Meaning = "meaning",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
