//! Rows for people: columns as wide as what is in them, the last one cut where the terminal ends.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use crate::terminal::escaped;

/// Of a terminal that does not say.
const WIDTH_DEFAULT: usize = 80;
/// Narrower than this nothing is cut further.
const LAST_MIN: usize = 16;

/// A cell, and the code of its colour if it has one.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    colour: Option<&'static str>,
}

impl Cell {
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), colour: None }
    }

    pub fn coloured(text: impl Into<String>, colour: &'static str) -> Self {
        Self { text: text.into(), colour: Some(colour) }
    }

    fn shown(&self) -> String {
        escaped(&self.text).into_owned()
    }
}

/// How wide lines may be: `COLUMNS`, else what the terminal says; what goes elsewhere is not cut.
pub fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    said.unwrap_or_else(|| {
        let out = std::io::stdout();
        if !out.is_terminal() {
            return usize::MAX;
        }
        let columns = rustix::termios::tcgetwinsize(&out).map_or(0, |size| size.ws_col);
        if columns == 0 { WIDTH_DEFAULT } else { columns.into() }
    })
}

pub fn render(head: &[&str], rows: &[Vec<Cell>], width: usize, has_colour: bool) -> String {
    let mut widths: Vec<usize> = head.iter().map(|name| name.chars().count()).collect();
    for row in rows {
        for (known, cell) in widths.iter_mut().zip(row) {
            *known = (*known).max(cell.shown().chars().count());
        }
    }
    let before: usize = widths.iter().take(widths.len().saturating_sub(1)).map(|width| width + 2).sum();
    let last_max = width.saturating_sub(before).max(LAST_MIN);
    let mut out = String::new();
    let heads: Vec<Cell> = head.iter().map(|name| Cell::plain(*name)).collect();
    for row in std::iter::once(&heads).chain(rows) {
        line(&mut out, row, &widths, last_max, has_colour);
    }
    out
}

fn line(out: &mut String, row: &[Cell], widths: &[usize], last_max: usize, has_colour: bool) {
    let mut text = String::new();
    for (place, cell) in row.iter().enumerate() {
        let is_last = place + 1 == row.len();
        let shown = if is_last { cut(&cell.shown(), last_max) } else { cell.shown() };
        let padding = if is_last { 0 } else { widths[place] + 2 - shown.chars().count() };
        match cell.colour.filter(|_| has_colour) {
            Some(colour) => write!(text, "\x1b[{colour}m{shown}\x1b[0m").expect("invariant: a String takes text"),
            None => text.push_str(&shown),
        }
        text.push_str(&" ".repeat(padding));
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

pub fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_and_lines_end_where_the_terminal_does() {
        let rows = vec![
            vec![
                Cell::coloured("high", "31"),
                Cell::plain("a rule"),
                Cell::plain("a text that is longer than the line"),
            ],
            vec![Cell::plain("low"), Cell::plain("r"), Cell::plain("steers\x1b[2J")],
        ];
        let plain = "SEV   RULE    MESSAGE\nhigh  a rule  a text that is l…\nlow   r       steers\\u001b[2J\n";
        assert_eq!(render(&["SEV", "RULE", "MESSAGE"], &rows, 31, false), plain);
        let coloured = render(&["SEV", "RULE", "MESSAGE"], &rows, 31, true);
        assert_eq!(coloured.replace("\x1b[31m", "").replace("\x1b[0m", ""), plain);
        assert_ne!(coloured, plain);
    }
}
