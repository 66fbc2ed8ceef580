//! The text form of rules: `rule NAME { key: value … }`. Its grammar is in `docs/rules.md`.
//!
//! Invariant: what [`print`] writes reads back as the same rule, and [`format`] changes no rule.

mod filter;
mod format;
mod layout;
mod lexer;
mod print;
mod tree;

use contracts::id::RuleId;
use contracts::nearest::nearest;

pub use format::format;
pub use print::print;

use crate::diagnostic::{Code, Diagnostics, Log, Reported, Trouble};
use crate::form::{self, Entry, Node, Origin, Written, key};
use crate::reading::{self, File, Form};
use crate::rule::Rule;
use tree::{KeyNode, RuleNode};

/// The rules of one file.
pub fn parse(name: &str, text: &str) -> Result<Vec<Rule>, Diagnostics> {
    reading::read(&[File { name, text, form: Form::Text }]).finish()
}

/// All rules of a file that can be read.
pub(crate) fn rules(log: &mut Log<'_>) -> Vec<(Rule, Origin)> {
    let nodes = tree::rules(log);
    let mut rules = Vec::new();
    for node in nodes {
        log.rule = Some(node.id.clone());
        rules.extend(rule(node, log));
    }
    log.rule = None;
    rules
}

fn rule(node: RuleNode, log: &mut Log<'_>) -> Result<(Rule, Origin), Reported> {
    let RuleNode { id, head, keys } = node;
    let (entries, known) = entries(keys, log);
    let filter = entries.iter().find(|entry| entry.key.name == "filter").map(|entry| filter(entry, log)).transpose();
    let written = Written { id: RuleId::new(id), head, entries, filter };
    let rule = form::read(written, Form::Text, log);
    known.and(rule)
}

/// Each key once; an unknown one and one that is there before are told and left out.
fn entries(keys: Vec<KeyNode>, log: &mut Log<'_>) -> (Vec<Entry>, Result<(), Reported>) {
    let mut entries: Vec<Entry> = Vec::new();
    let mut known = Ok(());
    for KeyNode { name, span, value } in keys {
        let Some(key) = key::of_name(&name) else {
            known = Err(unknown_key(&name, span, log));
            continue;
        };
        if let Some(first) = entries.iter().find(|entry| entry.key == key) {
            let trouble = Trouble::new(Code::DuplicateKey, format!("the key `{name}` stands twice"));
            let first = log.here(&first.span);
            known = Err(log.report_with(span, trouble.help("remove one of them"), "it stands here first", &first));
            continue;
        }
        entries.push(Entry { key, span, value });
    }
    (entries, known)
}

fn unknown_key(name: &str, span: std::ops::Range<usize>, log: &mut Log<'_>) -> Reported {
    let names = || key::KEYS.iter().map(|key| key.name);
    let trouble = Trouble::new(Code::UnknownKey, format!("unknown key `{name}`"));
    let trouble = match nearest(name, names()) {
        Some(near) => trouble.help(format!("did you mean `{near}`?")),
        None => trouble.expected(format!("one of {}", names().collect::<Vec<_>>().join(", "))),
    };
    log.report(span, trouble)
}

fn filter(entry: &Entry, log: &mut Log<'_>) -> Result<(crate::rule::Expr, form::Spot), Reported> {
    let node: &Node = entry.value.as_ref().map_err(|reported| *reported)?;
    let text = form::Items { form: Form::Text, log }.text(node)?;
    filter::parse(text, log)
}
