//! What a process logs about itself, and how it is written.
//!
//! Invariant: what is logged is decided before any configuration is read, so that reading it can be logged.

/// Says what a process logs, where no flag does.
pub const LOG_VARIABLE: &str = "TRIPLINE_LOG";

/// The flag that every program has for it.
const FLAG: &str = "--log";

/// How a service writes its own log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogForm {
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// What is logged, as it was spelt, and who is told if that means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter {
    pub setter: &'static str,
    pub text: String,
}

impl LogFilter {
    /// The flag wins over the variable, the variable over what the program does unasked. An empty variable says nothing.
    pub fn of(flag: Option<&str>, variable: Option<String>, default: &str) -> Self {
        let variable = variable.filter(|text| !text.is_empty());
        let (setter, text) = match (flag, variable) {
            (Some(flag), _) => (FLAG, flag.to_owned()),
            (None, Some(variable)) => (LOG_VARIABLE, variable),
            (None, None) => (LOG_VARIABLE, default.to_owned()),
        };
        Self { setter, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_wins_over_the_variable_and_an_empty_variable_says_nothing() {
        let cases = [
            (Some("bus=debug"), Some("info"), (FLAG, "bus=debug")),
            (Some(""), Some("info"), (FLAG, "")),
            (None, Some("info"), (LOG_VARIABLE, "info")),
            (None, Some(""), (LOG_VARIABLE, "warn")),
            (None, None, (LOG_VARIABLE, "warn")),
        ];
        for (flag, variable, (setter, text)) in cases {
            let expected = LogFilter { setter, text: text.to_owned() };
            assert_eq!(LogFilter::of(flag, variable.map(str::to_owned), "warn"), expected, "{flag:?}, {variable:?}");
        }
    }
}
