//! The formatter: one key a line, strings in the quotes that leave them most readable, filters broken before `and` and `or`
//! where they are long. Comments, the order of keys and single blank lines stay.
//!
//! Invariant: works on tokens and changes none of them but in how strings are quoted, so no rule can change its meaning; and
//! what it wrote it leaves as it is.

use super::lexer::{Kind, Token, tokens};
use super::print::{name, quoted};
use super::{layout, tree};
use crate::diagnostic::{Diagnostics, Log};
use crate::form::{Quoted, leaf};
use crate::reading::{File, Form};

/// Lines are broken beyond this many characters, where they can be.
pub(super) const LINE_CHARS_MAX: usize = 100;

pub(super) const INDENT: &str = "    ";

/// A file in its canonical spacing and quoting; refused if its keys and values cannot be told apart.
pub fn format(name: &str, text: &str) -> Result<String, Diagnostics> {
    let file = File { name, text, form: Form::Text };
    let mut diagnostics = Diagnostics::default();
    tree::rules(&mut Log::new(&file, 0, &mut diagnostics));
    if diagnostics.is_empty() { Ok(laid_out(text)) } else { Err(diagnostics.sorted()) }
}

/// `text` is made of rules that can be told apart.
pub(super) fn laid_out(text: &str) -> String {
    let mut layout = Layout { text, tokens: tokens(text), at: 0, out: String::new(), between: Between::Start };
    layout.file();
    layout.out
}

/// What the line to come follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    /// The beginning of the file or of a block: no blank line.
    Start,
    /// A blank line if there was one.
    Lines,
    /// A rule that ended: always a blank line.
    Rules,
}

struct Layout<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    out: String,
    between: Between,
}

impl Layout<'_> {
    fn file(&mut self) {
        loop {
            self.comments("");
            if self.tokens[self.at].kind == Kind::End {
                return;
            }
            self.rule();
        }
    }

    /// `rule NAME {` to `}`.
    fn rule(&mut self) {
        let blank = self.tokens[self.at].after_blank_line;
        let mut aside = Vec::new();
        self.next(&mut aside);
        let id = self.next(&mut aside);
        let id = match id.kind {
            Kind::Text(quoted) => name(&self.string(&id, quoted)),
            _ => self.source(&id).to_owned(),
        };
        self.next(&mut aside);
        self.line("", blank, &aside, &format!("rule {id} {{"));
        self.between = Between::Start;
        loop {
            self.comments(INDENT);
            if self.tokens[self.at].is('}') {
                break;
            }
            self.key();
        }
        self.at += 1;
        self.between = Between::Start;
        self.line("", false, &[], "}");
        self.between = Between::Rules;
    }

    fn key(&mut self) {
        let blank = self.tokens[self.at].after_blank_line;
        let mut aside = Vec::new();
        let key = self.next(&mut aside);
        let key = self.source(&key).to_owned();
        self.next(&mut aside);
        let value = self.value(&key, &mut aside);
        self.line(INDENT, blank, &aside, &format!("{key}: {value}"));
    }

    fn value(&mut self, key: &str, aside: &mut Vec<String>) -> String {
        let token = self.next(aside);
        match token.kind {
            Kind::Text(quotes) if key == "filter" => {
                let filter = self.string(&token, quotes);
                layout::filter(&filter).unwrap_or_else(|| quoted(&filter))
            }
            Kind::Text(quotes) => quoted(&self.string(&token, quotes)),
            Kind::Punctuation('[') => self.list(key),
            Kind::Punctuation('{') => self.object(&token),
            _ => self.source(&token).to_owned(),
        }
    }

    /// After its `[`. On one line, unless it is too long or has comments.
    fn list(&mut self, key: &str) -> String {
        let mut items: Vec<String> = Vec::new();
        let mut lines = String::new();
        let mut has_comments = false;
        loop {
            let token = self.tokens[self.at].clone();
            match token.kind {
                Kind::Comment => {
                    has_comments = true;
                    self.at += 1;
                    let comment = self.source(&token).trim_end();
                    if token.starts_line || lines.is_empty() {
                        lines.extend(["\n", INDENT, INDENT, comment]);
                    } else {
                        lines.extend([" ", comment]);
                    }
                }
                Kind::Punctuation(']') => break,
                Kind::Punctuation(',') => self.at += 1,
                _ => {
                    let item = self.value("", &mut Vec::new());
                    lines.extend(["\n", INDENT, INDENT, &item, ","]);
                    items.push(item);
                }
            }
        }
        self.at += 1;
        let line = format!("[{}]", items.join(", "));
        let fits = INDENT.len() + key.len() + 2 + line.chars().count() <= LINE_CHARS_MAX;
        if has_comments || !fits { format!("[{lines}\n{INDENT}]") } else { line }
    }

    /// From its `{`. JSON as JSON is written; what is no JSON stays.
    fn object(&mut self, open: &Token) -> String {
        let mut depth = 1;
        while depth > 0 {
            let token = &self.tokens[self.at];
            depth += usize::from(token.is('{'));
            depth -= usize::from(token.is('}'));
            self.at += 1;
        }
        let source = &self.text[open.span.start..self.tokens[self.at - 1].span.end];
        leaf::json(source, contracts::limits::JSON_DEPTH_MAX)
            .map_or_else(|_| source.to_owned(), |value| value.to_string())
    }

    /// Comments on lines of their own.
    fn comments(&mut self, indent: &str) {
        while self.tokens[self.at].kind == Kind::Comment {
            let token = self.tokens[self.at].clone();
            self.at += 1;
            let comment = self.source(&token).trim_end().to_owned();
            self.line(indent, token.after_blank_line, &[], &comment);
        }
    }

    /// The next token that is no comment; comments where none can stay go `aside`.
    fn next(&mut self, aside: &mut Vec<String>) -> Token {
        loop {
            let token = self.tokens[self.at].clone();
            self.at += 1;
            if token.kind != Kind::Comment {
                return token;
            }
            aside.push(self.source(&token).trim_end().to_owned());
        }
    }

    /// Writes a line, the comments that were found within it before it, and the one that follows it behind it.
    fn line(&mut self, indent: &str, blank: bool, aside: &[String], content: &str) {
        let wants_blank = match self.between {
            Between::Start => false,
            Between::Lines => blank,
            Between::Rules => true,
        };
        self.between = Between::Lines;
        if wants_blank {
            self.out.push('\n');
        }
        for comment in aside {
            self.out.extend([indent, comment, "\n"]);
        }
        self.out.push_str(indent);
        self.out.push_str(content);
        let behind = &self.tokens[self.at.min(self.tokens.len() - 1)];
        if behind.kind == Kind::Comment && !behind.starts_line && !content.starts_with('#') {
            let comment = self.text[behind.span.clone()].trim_end();
            self.out.extend([" ", comment]);
            self.at += 1;
        }
        self.out.push('\n');
    }

    fn source(&self, token: &Token) -> &str {
        &self.text[token.span.clone()]
    }

    fn string(&self, token: &Token, quotes: Quoted) -> String {
        let content = token.content();
        let text = quotes.read(&self.text[content.clone()], content.start);
        text.map_or_else(
            |_| unreachable!("invariant: strings that cannot be read are refused before"),
            |text| text.value,
        )
    }
}
