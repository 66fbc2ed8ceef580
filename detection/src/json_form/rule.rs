//! A whole rule: the members of an object become keys, and keys members.

use contracts::id::RuleId;
use contracts::json::{Number, Object, Value};

use super::members::unknown;
use super::{ast, members::Members};
use crate::diagnostic::{Log, Reported};
use crate::form::key::{ACTION, ALERT, KEYS, of_member};
use crate::form::{self, Entry, Items, Member, Node, Origin, Output, Written};
use crate::reading::Form;
use crate::rule::Rule;

const ID: &str = "rule_id";

pub(super) fn read(node: &Node, log: &mut Log<'_>) -> Result<(Rule, Origin), Reported> {
    let form::Value::Object(members) = &node.value else {
        return Err(Items { form: Form::Json, log }.wrong_type(node, "a rule, which is an object", None));
    };
    let id = Members::open(node, &members.iter().map(|member| &*member.name).collect::<Vec<_>>(), log)
        .and_then(|members| members.required(ID, log))
        .and_then(|node| Ok((Items { form: Form::Json, log }.string(node)?, node.span.clone())));
    log.rule = id.as_ref().ok().map(|(id, _)| id.clone());
    let mut entries = Vec::new();
    let known = add_entries(members, None, &mut entries, log);
    let filter = entries.iter().find(|entry| entry.key.name == "filter").map(|entry| filter(entry, log));
    let (id, head) = id?;
    let filter = filter.transpose().map(Option::flatten);
    let written = Written { id: RuleId::new(id), head, entries, filter };
    let rule = form::read(written, Form::Json, log);
    log.rule = None;
    known.and(rule)
}

/// The members of one object as keys, those of the two objects inside a rule with them.
fn add_entries(
    members: &[Member],
    group: Option<&'static str>,
    entries: &mut Vec<Entry>,
    log: &mut Log<'_>,
) -> Result<(), Reported> {
    let mut known = Ok(());
    for member in members {
        let is_null = matches!(&member.node.value, form::Value::Word(word) if word == "null");
        let inner = [ALERT, ACTION].into_iter().find(|inner| group.is_none() && *inner == member.name);
        match (of_member(group, &member.name), inner, &member.node.value) {
            (Some(_), ..) if is_null => {}
            (Some(key), ..) => {
                entries.push(Entry { key, span: member.span.clone(), value: Ok(member.node.clone()) });
            }
            (None, Some(inner), form::Value::Object(members)) => {
                known = known.and(add_entries(members, Some(inner), entries, log));
            }
            (None, Some(_), _) => {
                known = Err(Items { form: Form::Json, log }.wrong_type(&member.node, "an object", None));
            }
            (None, None, _) if group.is_none() && member.name == ID => {}
            (None, None, _) => {
                let mut names: Vec<&str> = KEYS.iter().filter(|key| key.group == group).map(|key| key.member).collect();
                if group.is_none() {
                    names.extend([ID, ALERT, ACTION]);
                }
                known = Err(unknown(member, &names, log));
            }
        }
    }
    known
}

type Filter = Option<(crate::rule::Expr, form::Spot)>;

fn filter(entry: &Entry, log: &mut Log<'_>) -> Result<Filter, Reported> {
    let node = entry.value.as_ref().map_err(|reported| *reported)?;
    ast::read(node, log)
}

pub(super) fn write(rule: &Rule) -> Object<'static> {
    let mut object = Object::new().with(ID, rule.id.as_str().to_owned());
    let (mut alert, mut action) = (Object::new(), Object::new());
    for (key, output, _) in form::write(rule) {
        let target = match key.group {
            Some(ALERT) => &mut alert,
            Some(_) => &mut action,
            None => &mut object,
        };
        target.insert(key.member, value(&output));
    }
    object.with(ALERT, alert).with(ACTION, action)
}

fn value(output: &Output<'_>) -> Value<'static> {
    let list = |texts: Vec<String>| texts.into_iter().map(Value::from).collect::<Vec<_>>().into();
    match output {
        Output::Text(text) => (*text).to_owned().into(),
        Output::Texts(texts) => list(texts.clone()),
        Output::Word(word) | Output::Action(_, word) => (*word).into(),
        Output::Words(words) => list(words.iter().map(|word| (*word).to_owned()).collect()),
        Output::Bool(value) => (*value).into(),
        Output::Milliseconds(ms) => Number::from(*ms).into(),
        Output::Number(number) => {
            Number::parse(number.clone()).expect("invariant: counts and shares are written as numbers").into()
        }
        Output::Object(object) => object.value().to_static(),
        Output::Filter(filter) => ast::write(*filter).into(),
    }
}
