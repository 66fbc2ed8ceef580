//! Text on its way to a person: what a record says must not steer the terminal that shows it.
//!
//! Invariant: no control character of a record, and none that turns the direction of text, leaves this process raw, on
//! any output. Colours are ours alone.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use crate::failure::Failure;

/// Whether `c` could steer a terminal: C0, DEL, C1, and the marks that reorder text (Trojan Source).
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with what steers written as JSON writes it, `\u001b`: inside a JSON text it stays the same JSON.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, steers)
}

/// The same for messages of several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, |c| c != '\n' && steers(c))
}

fn escaped_but(text: &str, escapes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&escapes) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if escapes(c) {
            // All of them are of the basic plane, so that one unit of UTF-16 says it.
            write!(shown, "\\u{:04x}", u32::from(c)).expect("invariant: a String takes text");
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether this output gets colours.
pub fn wants_colour(output: &impl IsTerminal) -> bool {
    output.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes to standard output; a reader who left ends the command quietly.
pub fn print(text: impl AsRef<str>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes()).and_then(|()| out.flush()).map_err(of_output)
}

/// Writes a line to standard error. Where nobody can hear it, there is nobody to tell that either.
pub fn complain(line: impl AsRef<str>) {
    drop(writeln!(io::stderr().lock(), "{}", escaped_lines(line.as_ref())));
}

pub fn of_output(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::Io { doing: "write to standard output", source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_comes_through() {
        let cases = [
            ("plain text, äöü, 漢字, \u{1f600}", "plain text, äöü, 漢字, \u{1f600}"),
            ("\x1b[2J", "\\u001b[2J"),
            ("\u{9b}31m", "\\u009b31m"),
            ("a\rb\nc\td\x07\x7f", "a\\u000db\\u000ac\\u0009d\\u0007\\u007f"),
            ("user\u{202e}txt.exe", "user\\u202etxt.exe"),
            ("\u{feff}bom", "\\ufeffbom"),
        ];
        for (text, expected) in cases {
            assert_eq!(escaped(text), expected);
        }
        assert_eq!(escaped_lines("one\ntwo\x1b"), "one\ntwo\\u001b");
    }

    #[test]
    fn an_escaped_json_text_is_the_same_json() {
        let text = "{\"k\":\"a\u{9b}b\u{202e}\u{7f}\"}";
        let before: serde_json::Value = serde_json::from_str(text).unwrap();
        let after: serde_json::Value = serde_json::from_str(&escaped(text)).unwrap();
        assert_eq!(before, after);
        assert_ne!(escaped(text), text);
    }
}
