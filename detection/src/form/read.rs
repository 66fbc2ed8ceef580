//! From keys and values to a rule: what is required, what the defaults are, and what goes together.

use std::ops::Range;

use contracts::id::RuleId;
use contracts::records::{Category, Severity};

use super::item::Items;
use super::{Entry, Node, Origin, Spot, action, leaf};
use crate::diagnostic::{Code, Log, Reported, Trouble};
use crate::limits::FILTER_DEPTH_MAX;
use crate::reading::Form;
use crate::rule::{Expr, Holdback, Rule, Scope, Storm};

/// What a form has read of a rule.
pub(crate) struct Written {
    pub id: RuleId,
    /// Where its id stands.
    pub head: Range<usize>,
    /// Each key once, those that are null left out.
    pub entries: Vec<Entry>,
    /// What became of the entry that is the filter; `None` if there is none.
    pub filter: Result<Option<(Expr, Spot)>, Reported>,
}

/// Tells of everything that is wrong, not only the first.
pub(crate) fn read(written: Written, form: Form, log: &mut Log<'_>) -> Result<(Rule, Origin), Reported> {
    let Written { id, head, entries, filter } = written;
    let mut keys = Keys { head: &head, entries: &entries, items: Items { form, log } };
    let name = keys.get("name", Items::string);
    let description = keys.get("description", Items::string);
    let enabled = keys.get("enabled", Items::boolean);
    let topics = keys.list("topic", |items, node| items.parsed(node, leaf::topic));
    let event_types = keys.list("event_type", Items::string);
    let group_by = keys.list("group_by", |items, node| items.parsed(node, leaf::path));
    let scope = keys.get("scope", scope);
    let lateness_ms = keys.get("lateness", Items::duration_ms);
    let severity = keys.required("severity", Items::symbol::<Severity>);
    let category = keys.required("category", Items::symbol::<Category>);
    let message = keys.required("alert", |items, node| items.parsed(node, leaf::template));
    let holdback = holdback(&mut keys);
    let escalate_to = keys.get("escalate_to", Items::string);
    let action = action::read(&mut keys, severity.ok(), &escalate_to);
    let attack = keys.list("attack", Items::string);
    let playbook = keys.get("playbook", Items::string);
    let confidence = keys.get("confidence", Items::share);
    let risk_weight = keys.get("risk_weight", Items::share);
    let tell_matches = keys.get("tell_matches", Items::boolean);
    let tests = keys.list("tests", Items::string);
    let (filter, spot) = filter?.unzip();
    if let (Some(filter), Some(spot)) = (&filter, &spot) {
        check_depth(filter, spot, log)?;
    }
    let defaults = Rule::new(id, severity?, category?, message?);
    let rule = Rule {
        name: name?.unwrap_or(defaults.name),
        description: description?,
        enabled: enabled?.unwrap_or(defaults.enabled),
        topics: topics?,
        event_types: event_types?,
        filter,
        group_by: group_by?,
        scope: scope?.unwrap_or_default(),
        lateness_ms: lateness_ms?.unwrap_or(defaults.lateness_ms),
        holdback: holdback?,
        action: action?,
        escalate_to: escalate_to?,
        attack: attack?,
        playbook: playbook?,
        confidence: confidence?.unwrap_or(defaults.confidence),
        risk_weight: risk_weight?.unwrap_or(defaults.risk_weight),
        tell_matches: tell_matches?.unwrap_or(defaults.tell_matches),
        tests: tests?,
        ..defaults
    };
    let origin = Origin::new(head, &entries, spot);
    Ok((rule, origin))
}

/// Counted in the tree, so that whatever one form can say the other can.
fn check_depth(filter: &Expr, spot: &Spot, log: &mut Log<'_>) -> Result<(), Reported> {
    let depth = filter.depth();
    if depth <= FILTER_DEPTH_MAX {
        return Ok(());
    }
    let trouble = Trouble::new(Code::TooDeep, "a filter that is nested too deep")
        .expected(format!("at most {FILTER_DEPTH_MAX} conditions inside each other"));
    Err(log.report(spot.span.clone(), trouble.found(depth.to_string()).help("write several rules")))
}

/// The entries of one rule, asked for by name.
pub(super) struct Keys<'k, 'l> {
    pub head: &'k Range<usize>,
    pub entries: &'k [Entry],
    pub items: Items<'k, 'l>,
}

type Found<T> = Result<Option<T>, Reported>;

impl<'k, 'l> Keys<'k, 'l> {
    pub fn entry(&self, name: &str) -> Option<&'k Entry> {
        self.entries.iter().find(|entry| entry.key.name == name)
    }

    pub fn get<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Items<'k, 'l>, &Node) -> Result<T, Reported>,
    ) -> Found<T> {
        let Some(entry) = self.entry(name) else { return Ok(None) };
        let node = entry.value.as_ref().map_err(|reported| *reported)?;
        read(&mut self.items, node).map(Some)
    }

    pub fn list<T>(
        &mut self,
        name: &str,
        item: impl FnMut(&mut Items<'k, 'l>, &Node) -> Result<T, Reported>,
    ) -> Result<Vec<T>, Reported> {
        Ok(self.get(name, |items, node| items.list(node, item))?.unwrap_or_default())
    }

    fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Items<'k, 'l>, &Node) -> Result<T, Reported>,
    ) -> Result<T, Reported> {
        self.get(name, read)?.ok_or_else(|| self.missing(name, self.head.clone()))
    }

    /// A key that has to be there because of what stands at `span`.
    pub fn missing(&mut self, name: &str, span: Range<usize>) -> Reported {
        let shown = self.shown(name);
        let trouble = Trouble::new(Code::MissingKey, format!("missing key `{shown}`"));
        self.items.log.report(span, trouble.help(format!("add `{shown}` to the rule")))
    }

    /// The key as the form at hand calls it.
    pub fn shown(&self, name: &str) -> String {
        let key = super::key::of_name(name).expect("invariant: it is one of the keys");
        match (self.items.form, key.group) {
            (Form::Text, _) => key.name.to_owned(),
            (Form::Json, None) => key.member.to_owned(),
            (Form::Json, Some(group)) => format!("{group}.{}", key.member),
        }
    }
}

fn holdback(keys: &mut Keys<'_, '_>) -> Result<Holdback, Reported> {
    let dedup_window_ms = keys.get("dedup_window", Items::duration_ms);
    let dedup_by = keys.list("dedup_by", |items, node| items.parsed(node, leaf::path));
    let dedup_ignore = keys.list("dedup_ignore", Items::string);
    let suppression_window_ms = keys.get("suppression_window", Items::duration_ms);
    let storm = storm(keys);
    Ok(Holdback {
        dedup_window_ms: dedup_window_ms?.unwrap_or(Holdback::default().dedup_window_ms),
        dedup_by: dedup_by?,
        dedup_ignore: dedup_ignore?,
        suppression_window_ms: suppression_window_ms?,
        storm: storm?,
    })
}

fn storm(keys: &mut Keys<'_, '_>) -> Found<Storm> {
    let alerts_max = keys.get("max_alerts_per_window", Items::count);
    let window_ms = keys.get("window", Items::duration_ms);
    match (alerts_max?, window_ms?) {
        (None, None) => Ok(None),
        (Some(alerts_max), Some(window_ms)) => Ok(Some(Storm { alerts_max, window_ms })),
        (Some(_), None) => Err(keys.lonely("max_alerts_per_window", "window", Code::MissingWindow)),
        (None, Some(_)) => Err(keys.lonely("window", "max_alerts_per_window", Code::MissingKey)),
    }
}

impl Keys<'_, '_> {
    /// One of two keys that only stand together.
    fn lonely(&mut self, present: &'static str, absent: &'static str, code: Code) -> Reported {
        let (present_shown, absent_shown) = (self.shown(present), self.shown(absent));
        let span = self.entry(present).map_or_else(|| self.head.clone(), |entry| entry.span.clone());
        let trouble = Trouble::new(code, format!("`{present_shown}` without `{absent_shown}`"))
            .expected("both: so many alerts in so long a time")
            .help(format!("add `{absent_shown}`"));
        self.items.log.report(span, trouble)
    }
}

/// The parts of a scope, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Endpoint,
    Session,
    Thread,
    Fleet,
}

fn scope(items: &mut Items<'_, '_>, node: &Node) -> Result<Scope, Reported> {
    const PARTS: [(&str, Part); 4] =
        [("endpoint", Part::Endpoint), ("session", Part::Session), ("thread", Part::Thread), ("fleet", Part::Fleet)];
    let parts = items.list(node, |items, node| items.choice(node, &PARTS))?;
    let has = |part| parts.contains(&part);
    if has(Part::Endpoint) && has(Part::Fleet) {
        let trouble = Trouble::new(Code::Conflict, "a scope that is one endpoint and the fleet")
            .expected("`endpoint`, where each has a state of its own, or `fleet`, over all of them together");
        return Err(items.log.report(node.span.clone(), trouble));
    }
    Ok(Scope { fleet: has(Part::Fleet), session: has(Part::Session), thread: has(Part::Thread) })
}
