//! A rule's head and its times: what is over a limit, or could never do what its author wrote it for.

use crate::limits::{MESSAGE_BYTES_MAX, WINDOW_MS_MAX};
use crate::plan::check::fault;
use crate::plan::check::windows::check_length;
use crate::rule::{Fault, Holdback, Place, Rule};

pub(in crate::plan) fn check(rule: &Rule, playbooks: Option<&[String]>, faults: &mut Vec<Fault>) {
    check_holdback(&rule.holdback, faults);
    if rule.lateness_ms > WINDOW_MS_MAX {
        faults.push(over("lateness", rule.lateness_ms));
    }
    if rule.message.len() > MESSAGE_BYTES_MAX {
        faults.push(Fault {
            expected: Some(format!("at most {MESSAGE_BYTES_MAX} bytes")),
            found: Some(rule.message.len().to_string()),
            ..fault(Place::Key("alert", None), "an alert text over the limit")
        });
    }
    if let (Some(playbook), Some(known)) = (&rule.playbook, playbooks)
        && !known.contains(playbook)
    {
        let known = known.iter().map(String::as_str);
        faults.push(super::unknown(Place::Key("playbook", None), "playbook", playbook, known));
    }
}

fn check_holdback(holdback: &Holdback, faults: &mut Vec<Fault>) {
    if holdback.dedup_window_ms > WINDOW_MS_MAX {
        faults.push(over("dedup_window", holdback.dedup_window_ms));
    }
    if let Some(window_ms) = holdback.suppression_window_ms {
        check_length(window_ms, &Place::Key("suppression_window", None), faults);
    }
    if let Some(storm) = holdback.storm {
        check_length(storm.window_ms, &Place::Key("window", None), faults);
        if storm.alerts_max == 0 {
            faults.push(Fault {
                expected: Some("at least 1".to_owned()),
                found: Some("0".to_owned()),
                help: Some("write `enabled: false` to keep a rule quiet".to_owned()),
                ..fault(Place::Key("max_alerts_per_window", None), "a rule that could never alert")
            });
        }
    }
}

fn over(key: &'static str, found_ms: u64) -> Fault {
    Fault {
        expected: Some(format!("at most {} days", WINDOW_MS_MAX / 86_400_000)),
        found: Some(format!("{found_ms} ms")),
        ..fault(Place::Key(key, None), "a time over the limit")
    }
}
