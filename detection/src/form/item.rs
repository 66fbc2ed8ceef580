//! Values of keys, each kind by its own rule, in both forms.

use contracts::fault::Faults;
use contracts::field::{JsonObject, Millionths, Symbols};
use contracts::json;
use contracts::nearest::nearest;
use contracts::record::Field as _;
use contracts::settings::parse_duration;

use super::{Node, Text, Value, leaf};
use crate::diagnostic::{Code, Log, Reported, Trouble};
use crate::reading::Form;

/// Reads values that stand in one file.
#[derive(Debug)]
pub(crate) struct Items<'i, 'l> {
    pub form: Form,
    pub log: &'i mut Log<'l>,
}

impl Items<'_, '_> {
    pub fn text<'n>(&mut self, node: &'n Node) -> Result<&'n Text, Reported> {
        match &node.value {
            Value::Text(text) => Ok(text),
            Value::Word(word) if self.form == Form::Text => {
                let help = format!("write it in quotes: \"{word}\"");
                Err(self.wrong_type(node, "a string", Some(&help)))
            }
            _ => Err(self.wrong_type(node, "a string", None)),
        }
    }

    pub fn string(&mut self, node: &Node) -> Result<String, Reported> {
        self.parsed(node, |text| match text {
            "" => Err(Trouble::new(Code::Empty, "an empty string").expected("some text")),
            text => Ok(text.to_owned()),
        })
    }

    /// A string with a syntax of its own.
    pub fn parsed<T>(&mut self, node: &Node, parse: impl FnOnce(&str) -> Result<T, Trouble>) -> Result<T, Reported> {
        let text = self.text(node)?;
        parse(&text.value).map_err(|trouble| {
            let span = trouble.within.as_ref().map_or_else(|| node.span.clone(), |within| text.span(within));
            self.log.report(span, trouble)
        })
    }

    /// One or a list. An empty list says nothing, which in JSON is how a default may be written.
    pub fn list<T>(
        &mut self,
        node: &Node,
        mut item: impl FnMut(&mut Self, &Node) -> Result<T, Reported>,
    ) -> Result<Vec<T>, Reported> {
        match &node.value {
            Value::List(items) if items.is_empty() && self.form == Form::Text => {
                let trouble = Trouble::new(Code::Empty, "an empty list").expected("one or more");
                Err(self.log.report(node.span.clone(), trouble.help("leave the key out for its default")))
            }
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|node| item(self, node)).collect();
                items.into_iter().collect()
            }
            _ => Ok(vec![item(self, node)?]),
        }
    }

    /// One of a fixed set of names.
    pub fn choice<T: Copy>(&mut self, node: &Node, choices: &[(&'static str, T)]) -> Result<T, Reported> {
        let (form, names) = (self.form, || choices.iter().map(|(name, _)| *name));
        let expected = format!("one of {}", names().collect::<Vec<_>>().join(", "));
        let found = match (&node.value, form) {
            (Value::Word(word), Form::Text) => word,
            (Value::Text(text), Form::Json) => &text.value,
            (Value::Text(text), Form::Text) => {
                let help = format!("write it without quotes: {}", text.value);
                return Err(self.wrong_type(node, &expected, Some(&help)));
            }
            _ => return Err(self.wrong_type(node, &expected, None)),
        };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| name == found) {
            return Ok(*choice);
        }
        let trouble = Trouble::new(Code::UnknownWord, format!("unknown word `{found}`")).expected(expected);
        let trouble = match nearest(found, names()) {
            Some(name) => trouble.help(format!("did you mean `{name}`?")),
            None => trouble,
        };
        Err(self.log.report(node.span.clone(), trouble))
    }

    pub fn symbol<T: Symbols>(&mut self, node: &Node) -> Result<T, Reported> {
        let choices: Vec<_> = T::SYMBOLS.iter().copied().zip(T::ALL.iter().copied()).collect();
        self.choice(node, &choices)
    }

    pub fn boolean(&mut self, node: &Node) -> Result<bool, Reported> {
        match &node.value {
            Value::Word(word) if word == "true" => Ok(true),
            Value::Word(word) if word == "false" => Ok(false),
            _ => Err(self.wrong_type(node, "true or false", None)),
        }
    }

    pub fn duration_ms(&mut self, node: &Node) -> Result<u64, Reported> {
        let Value::Number(number) = &node.value else {
            return Err(self.wrong_type(node, self.duration_expected(), self.duration_hint(node).as_deref()));
        };
        duration_ms(number, self.form).map_err(|trouble| self.log.report(node.span.clone(), trouble))
    }

    fn duration_expected(&self) -> &'static str {
        match self.form {
            Form::Text => DURATION,
            Form::Json => MILLISECONDS,
        }
    }

    fn duration_hint(&self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) if self.form == Form::Text && parse_duration(&text.value).is_some() => {
                Some(format!("write it without quotes: {}", text.value))
            }
            _ => None,
        }
    }

    pub fn count(&mut self, node: &Node) -> Result<u32, Reported> {
        const EXPECTED: &str = "a whole number";
        match &node.value {
            Value::Number(number) => number.parse().map_err(|_| self.wrong_type(node, EXPECTED, None)),
            _ => Err(self.wrong_type(node, EXPECTED, None)),
        }
    }

    pub fn share(&mut self, node: &Node) -> Result<Millionths, Reported> {
        const EXPECTED: &str = "a number from 0 to 1 with up to six decimals";
        let number = match &node.value {
            Value::Number(number) => json::Number::parse(number.as_str()),
            _ => None,
        };
        let share = number.and_then(|number| Millionths::read_json(&number.into(), &mut Faults::default()));
        share.ok_or_else(|| self.wrong_type(node, EXPECTED, None))
    }

    /// An object as the file has it, in its canonical spelling.
    pub fn object(&mut self, node: &Node) -> Result<JsonObject, Reported> {
        let source = &self.log.file.text[node.span.clone()];
        if !matches!(node.value, Value::Object(_)) {
            return Err(self.wrong_type(node, "a JSON object", None));
        }
        leaf::json(source, contracts::limits::JSON_DEPTH_MAX)
            .map(|value| JsonObject::new(leaf::object(&value)).expect("invariant: it was parsed within the depth"))
            .map_err(|trouble| {
                let within = trouble.within.clone().unwrap_or(0..source.len());
                self.log.report(node.span.start + within.start..node.span.start + within.end, trouble)
            })
    }

    pub fn wrong_type(&mut self, node: &Node, expected: &str, help: Option<&str>) -> Reported {
        let trouble = Trouble::new(Code::WrongType, "a value of the wrong type").expected(expected).found(node.kind());
        let trouble = match help {
            Some(help) => trouble.help(help),
            None => trouble,
        };
        self.log.report(node.span.clone(), trouble)
    }
}

const DURATION: &str = "a duration such as 250ms, 60s, 10m, 12h or 7d";
const MILLISECONDS: &str = "a whole number of milliseconds";

/// A time as a form writes it, in milliseconds.
pub(crate) fn duration_ms(number: &str, form: Form) -> Result<u64, Trouble> {
    let wrong = |expected: &str| {
        Trouble::new(Code::BadDuration, "not a duration").expected(expected).found(format!("`{number}`"))
    };
    match form {
        Form::Json => number.parse().map_err(|_| wrong(MILLISECONDS)),
        Form::Text => {
            let duration = parse_duration(number).and_then(|duration| u64::try_from(duration.as_millis()).ok());
            duration.ok_or_else(|| match number.parse::<u64>() {
                Ok(_) => wrong(DURATION).help(format!("write the unit, too: {number}s")),
                Err(_) => wrong(DURATION).help("a whole number and one unit: write 90m, not 1.5h or 1h30m"),
            })
        }
    }
}
