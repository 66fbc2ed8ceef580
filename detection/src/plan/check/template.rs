//! Fields of an alert's text that no alert of the rule could fill in.

use crate::plan::check::fault;
use crate::plan::check::windows::by;
use crate::rule::{Fault, Place, Rule, Template, Window};

pub(in crate::plan) fn check(rule: &Rule, windows: &[Window], faults: &mut Vec<Fault>) {
    let here = || Place::Key("alert", None);
    let template = match Template::parse(&rule.message) {
        Ok(template) => template,
        Err(error) => return faults.push(fault(here(), error.to_string())),
    };
    let counts = windows.iter().any(|window| matches!(window, Window::Count(_)));
    if template.names_count() && !counts {
        faults.push(Fault {
            expected: Some("a count or a distinct term in the filter".to_owned()),
            found: Some("none, so that there is nothing to count".to_owned()),
            help: Some("take `{count}` away, or write `{{count}}` for the text itself".to_owned()),
            ..fault(here(), "`{count}` in the alert of a rule that does not count")
        });
    }
    let is_grouped = !rule.group_by.is_empty()
        || windows.first().is_some_and(|window| !by(window).is_empty())
        || rule.scope.session
        || rule.scope.thread;
    if template.names_group() && !is_grouped {
        faults.push(Fault {
            expected: Some("`group_by`, a `by`, or a scope of session or thread".to_owned()),
            help: Some("take `{group}` away, or say what to group by".to_owned()),
            ..fault(here(), "`{group}` in the alert of a rule without groups")
        });
    }
}
