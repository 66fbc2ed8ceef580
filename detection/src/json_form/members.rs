//! Objects whose members are known by name.

use contracts::nearest::nearest;

use crate::diagnostic::{Code, Log, Reported, Trouble};
use crate::form::{Items, Member, Node, Value};
use crate::reading::Form;

/// The members of an object that holds nothing unknown. One that is null counts as absent.
pub(super) struct Members<'n> {
    node: &'n Node,
    members: &'n [Member],
}

impl<'n> Members<'n> {
    pub fn open(node: &'n Node, known: &[&str], log: &mut Log<'_>) -> Result<Self, Reported> {
        let Value::Object(members) = &node.value else {
            return Err(Items { form: Form::Json, log }.wrong_type(node, "an object", None));
        };
        let mut checked = Ok(());
        for member in members.iter().filter(|member| !known.contains(&&*member.name)) {
            checked = Err(unknown(member, known, log));
        }
        checked.map(|()| Self { node, members })
    }

    pub fn get(&self, name: &str) -> Option<&'n Node> {
        let member = self.members.iter().find(|member| member.name == name)?;
        let is_null = matches!(&member.node.value, Value::Word(word) if word == "null");
        (!is_null).then_some(&member.node)
    }

    pub fn required(&self, name: &str, log: &mut Log<'_>) -> Result<&'n Node, Reported> {
        self.present(name, self.get(name), log)
    }

    /// A value to compare with, for which null is one.
    pub fn comparand(&self, name: &str, log: &mut Log<'_>) -> Result<&'n Node, Reported> {
        self.present(name, self.written(name), log)
    }

    /// Also one that is null.
    pub fn written(&self, name: &str) -> Option<&'n Node> {
        let member = self.members.iter().find(|member| member.name == name);
        member.map(|member| &member.node)
    }

    fn present(&self, name: &str, node: Option<&'n Node>, log: &mut Log<'_>) -> Result<&'n Node, Reported> {
        node.ok_or_else(|| {
            let trouble = Trouble::new(Code::MissingKey, format!("missing member `{name}`"));
            let brace = self.node.span.start..self.node.span.start + 1;
            log.report(brace, trouble.help(format!("add `{name}` to the object")))
        })
    }
}

pub(super) fn unknown(member: &Member, known: &[&str], log: &mut Log<'_>) -> Reported {
    let trouble = Trouble::new(Code::UnknownKey, format!("unknown member `{}`", member.name));
    let trouble = match nearest(&member.name, known.iter().copied()) {
        Some(near) => trouble.help(format!("did you mean `{near}`?")),
        None => trouble.expected(format!("one of {}", known.join(", "))),
    };
    log.report(member.span.clone(), trouble)
}
