//! For machines: one JSON object a line, each with the same members in the same order.

use contracts::json::{self, Object, Value};

use super::{Diagnostic, Diagnostics, Mark, Position};

impl Diagnostics {
    /// Those listed; a last line says how many more there are, if any.
    pub fn to_json_lines(&self) -> String {
        let mut out = String::new();
        let objects = self.list.iter().map(Diagnostic::to_object);
        let more = (self.unlisted > 0).then(|| Object::new().with("unlisted", number(self.unlisted)));
        for object in objects.chain(more) {
            json::write(&mut out, &object.into());
            out.push('\n');
        }
        out
    }
}

impl Diagnostic {
    /// `file`, `line`, `column`, `end`, `rule`, `code`, `message`, `expected`, `found`, `help`, `also`; what there is none of is
    /// null.
    pub fn to_object(&self) -> Object<'_> {
        let also = self.also.as_deref();
        place(&self.mark)
            .with("rule", text(self.rule.as_deref()))
            .with("code", self.code.as_str())
            .with("message", &*self.message)
            .with("expected", text(self.expected.as_deref()))
            .with("found", text(self.found.as_deref()))
            .with("help", text(self.help.as_deref()))
            .with("also", also.map_or(Value::Null, |(label, mark)| place(mark).with("message", &**label).into()))
    }
}

fn place(mark: &Mark) -> Object<'_> {
    let Position { line, column } = mark.start;
    let end = Object::new().with("line", number(mark.end.line)).with("column", number(mark.end.column));
    Object::new().with("file", &*mark.file).with("line", number(line)).with("column", number(column)).with("end", end)
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Null, Value::from)
}

fn number(count: usize) -> Value<'static> {
    Value::Number(u64::try_from(count).unwrap_or(u64::MAX).into())
}
