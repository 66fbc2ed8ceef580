//! A rule as text.

use std::time::Duration;

use contracts::settings::show_duration;

use super::lexer::{RAW_QUOTE, is_word};
use super::{filter, format};
use crate::form::{Output, write};
use crate::rule::Rule;

/// A rule as [`format`](super::format) would leave it; keys that have their default are left out.
pub fn print(rule: &Rule) -> String {
    let mut text = format!("rule {} {{\n", name(rule.id.as_str()));
    for (key, output, is_default) in write(rule) {
        if !is_default {
            text.extend([key.name, ": ", &value(&output), "\n"]);
        }
    }
    text.push_str("}\n");
    format::laid_out(&text)
}

pub(super) fn name(id: &str) -> String {
    let begins_word = id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins_word && id.chars().all(is_word) { id.to_owned() } else { quoted(id) }
}

fn value(output: &Output<'_>) -> String {
    let list = |items: Vec<String>| match <[String; 1]>::try_from(items) {
        Ok([only]) => only,
        Err(items) => format!("[{}]", items.join(", ")),
    };
    match output {
        Output::Text(text) => quoted(text),
        Output::Texts(texts) => list(texts.iter().map(|text| quoted(text)).collect()),
        Output::Word(word) | Output::Action(word, _) => (*word).to_owned(),
        Output::Words(words) => list(words.iter().map(|word| (*word).to_owned()).collect()),
        Output::Bool(value) => value.to_string(),
        Output::Milliseconds(ms) => show_duration(Duration::from_millis(*ms)),
        Output::Number(number) => number.clone(),
        Output::Object(object) => object.as_str().to_owned(),
        Output::Filter(filter) => quoted(&filter.map(filter::print).unwrap_or_default()),
    }
}

/// A string in the quotes that leave it most readable.
pub(super) fn quoted(text: &str) -> String {
    let needs_escapes = text.contains(['"', '\\']) || text.contains(char::is_control);
    if !needs_escapes {
        return format!("\"{text}\"");
    }
    let can_be_raw = !text.contains(RAW_QUOTE) && !text.contains(|c: char| c.is_control() && c != '\n');
    if can_be_raw {
        return format!("{RAW_QUOTE}{text}{RAW_QUOTE}");
    }
    let mut out = String::new();
    contracts::json::write_string(&mut out, text);
    out
}
