//! Filters in their canonical spacing, as strings of the file.

use super::filter::{self, Kind, Token};
use super::format::{INDENT, LINE_CHARS_MAX};
use super::lexer::RAW_QUOTE;
use super::print::quoted;

/// Words that a parenthesis may follow and that are no functions.
const BEFORE_PARENTHESIS: [&str; 4] = ["and", "or", "not", "where"];

/// `None` if it has no tokens to lay out.
pub(super) fn filter(filter: &str) -> Option<String> {
    let tokens = filter::tokens(filter).ok()?;
    let lines = lines(filter, &tokens);
    let line = quoted(&lines.join(" "));
    let length = INDENT.len() + "filter: ".len() + line.chars().count();
    let broken = lines.join(&format!("\n{INDENT}{INDENT}"));
    let can_be_broken = lines.len() > 1 && !broken.contains(RAW_QUOTE) && !broken.contains('\r');
    // Raw on one line is hard to read where the text itself ends with a quote.
    let is_readable = length <= LINE_CHARS_MAX && !line.starts_with(RAW_QUOTE);
    if is_readable || !can_be_broken {
        return Some(line);
    }
    Some(format!("{RAW_QUOTE}\n{INDENT}{INDENT}{broken}\n{INDENT}{RAW_QUOTE}"))
}

/// Where it may be broken: before each `and` and `or` that is in no parentheses.
fn lines(filter: &str, tokens: &[Token]) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut depth = 0_usize;
    let mut before: Option<&Token> = None;
    for token in tokens.iter().filter(|token| !matches!(token.kind, Kind::End)) {
        let source = &filter[token.span.clone()];
        let joins = depth == 0 && matches!(token.kind, Kind::Word) && ["and", "or"].contains(&source);
        if joins && before.is_some() {
            lines.push(String::new());
        } else if before.is_some_and(|before| is_apart(filter, before, token)) {
            push(&mut lines, " ");
        }
        match &token.kind {
            Kind::Punctuation('(' | '[') => depth += 1,
            Kind::Punctuation(')' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        match &token.kind {
            Kind::Text(text) => push(&mut lines, &filter::quoted(&text.value)),
            _ => push(&mut lines, source),
        }
        before = Some(token);
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

fn is_apart(filter: &str, before: &Token, token: &Token) -> bool {
    match (&before.kind, &token.kind) {
        (Kind::Punctuation('(' | '['), _) | (_, Kind::Punctuation(')' | ']' | ',' | ':')) => false,
        (Kind::Word, Kind::Punctuation('(')) => BEFORE_PARENTHESIS.contains(&&filter[before.span.clone()]),
        _ => true,
    }
}
