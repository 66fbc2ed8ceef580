//! Windows that cannot be kept: without bound, of groups that cannot be told apart, or of kinds that do not combine.

use crate::jsonpath::Path;
use crate::limits::{GROUP_PATHS_MAX, SEQUENCE_STEPS_MAX, THRESHOLD_MAX, WINDOW_MS_MAX, WINDOW_TERMS_MAX};
use crate::plan::check::fault;
use crate::plan::terms::{Terms, below, find_windows};
use crate::rule::{Count, CountOf, Fault, Place, Rule, Step, Window};

pub(in crate::plan) fn check(rule: &Rule, terms: &Terms<'_>, faults: &mut Vec<Fault>) {
    for (place, window) in &terms.windows {
        check_term(window, place, faults);
    }
    check_combination(terms, faults);
    check_routed(rule, terms, faults);
    check_groups(rule, terms, faults);
}

/// The paths that a window keeps groups apart by.
pub(in crate::plan) fn by(window: &Window) -> &[Path] {
    match window {
        Window::Count(Count { by, .. }) | Window::Sequence { by, .. } | Window::Absent { by, .. } => by,
    }
}

fn check_term(window: &Window, place: &[usize], faults: &mut Vec<Fault>) {
    let here = || Place::Filter(place.to_vec());
    match window {
        Window::Count(count) => {
            check_length(count.window_ms, &here(), faults);
            if count.threshold == 0 {
                faults.push(Fault {
                    expected: Some(format!("a threshold of 1 to {THRESHOLD_MAX}")),
                    found: Some("0, which holds for no event and every event".to_owned()),
                    ..fault(here(), "a threshold of 0")
                });
            } else if count.threshold > THRESHOLD_MAX {
                faults.push(Fault {
                    expected: Some(format!("at most {THRESHOLD_MAX}")),
                    found: Some(count.threshold.to_string()),
                    ..fault(here(), "a threshold over the limit")
                });
            }
            if let CountOf::Distinct(path) = &count.of {
                check_singular(path, &here(), "the values that are counted", faults);
            }
        }
        Window::Sequence { window_ms, steps, .. } => {
            check_length(*window_ms, &here(), faults);
            if !(2..=SEQUENCE_STEPS_MAX).contains(&steps.len()) {
                faults.push(Fault {
                    expected: Some(format!("2 to {SEQUENCE_STEPS_MAX} steps")),
                    found: Some(steps.len().to_string()),
                    ..fault(here(), "a sequence of too few or too many steps")
                });
            }
            check_steps(steps, place, faults);
        }
        Window::Absent { window_ms, step, after, .. } => {
            check_length(*window_ms, &here(), faults);
            check_steps([step, after], place, faults);
        }
    }
}

fn check_steps<'r>(steps: impl IntoIterator<Item = &'r Step>, place: &[usize], faults: &mut Vec<Fault>) {
    for (child, step) in steps.into_iter().enumerate() {
        if let Some(filter) = &step.filter {
            find_windows(filter, &below(place, child), faults);
        }
    }
}

pub(super) fn check_length(window_ms: u64, place: &Place, faults: &mut Vec<Fault>) {
    if !(1..=WINDOW_MS_MAX).contains(&window_ms) {
        let found = if window_ms == 0 { "0, which is no bound".to_owned() } else { format!("{window_ms} ms") };
        faults.push(Fault {
            expected: Some(format!("1 ms to {} days", WINDOW_MS_MAX / 86_400_000)),
            found: Some(found),
            ..fault(place.clone(), "a window without bound or over the limit")
        });
    }
}

fn check_combination(terms: &Terms<'_>, faults: &mut Vec<Fault>) {
    let stands_alone = |window: &Window| !matches!(window, Window::Count(_));
    let alone = terms.windows.iter().find(|(_, window)| stands_alone(window));
    if let (Some((place, window)), 2..) = (alone, terms.windows.len()) {
        let kind = if matches!(window, Window::Sequence { .. }) { "`sequence`" } else { "`absent`" };
        faults.push(Fault {
            expected: Some("count and distinct terms together, or one sequence or absence alone".to_owned()),
            help: Some("write a rule for each".to_owned()),
            ..fault(Place::Filter(place.clone()), format!("{kind} beside another window term"))
        });
    }
    if let Some((place, _)) = terms.windows.get(WINDOW_TERMS_MAX) {
        faults.push(Fault {
            expected: Some(format!("at most {WINDOW_TERMS_MAX}")),
            found: Some(terms.windows.len().to_string()),
            ..fault(Place::Filter(place.clone()), "too many window terms")
        });
    }
    let mut windows = terms.windows.iter();
    if let Some((_, first)) = windows.next()
        && let Some((place, other)) = windows.find(|(_, window)| by(window) != by(first))
    {
        faults.push(Fault {
            expected: Some(format!("`by` as in the first window term: {}", listed(by(first)))),
            found: Some(listed(by(other))),
            help: Some("a rule has one group; write a rule for each".to_owned()),
            ..fault(Place::Filter(place.clone()), "window terms that group differently")
        });
    }
}

/// A match on its way to stage two has room for the hash of one value.
fn check_routed(rule: &Rule, terms: &Terms<'_>, faults: &mut Vec<Fault>) {
    let counts_values = |window: &Window| matches!(window, Window::Count(Count { of: CountOf::Distinct(_), .. }));
    let second = terms.windows.iter().filter(|(_, window)| counts_values(window)).nth(1);
    if let (Some((place, _)), true) = (second, rule.scope.fleet) {
        faults.push(Fault {
            expected: Some("one `distinct_in_window` at most in a rule with `scope: fleet`".to_owned()),
            help: Some("write a rule for each: a match on its way to stage two carries one value to count".to_owned()),
            ..fault(Place::Filter(place.clone()), "a second count of values in a rule that is routed")
        });
    }
}

/// A group is one value for each path, taken from the event: that is what its state is found by, in stage two as well.
fn check_groups(rule: &Rule, terms: &Terms<'_>, faults: &mut Vec<Fault>) {
    for (item, path) in rule.group_by.iter().enumerate() {
        check_singular(path, &Place::Key("group_by", Some(item)), "the group", faults);
    }
    for (place, window) in &terms.windows {
        for path in by(window) {
            check_singular(path, &Place::Filter(place.clone()), "the group", faults);
        }
    }
    let paths = rule.group_by.len() + terms.windows.first().map_or(0, |(_, window)| by(window).len());
    if paths > GROUP_PATHS_MAX {
        faults.push(Fault {
            expected: Some(format!("at most {GROUP_PATHS_MAX} paths in `group_by` and `by` together")),
            found: Some(paths.to_string()),
            ..fault(Place::Key("group_by", None), "too many paths to group by")
        });
    }
}

fn check_singular(path: &Path, place: &Place, what: &str, faults: &mut Vec<Fault>) {
    if !path.is_singular() {
        faults.push(Fault {
            expected: Some(
                "a path of names and indexes alone, such as `$.user.name`, which gives one value".to_owned(),
            ),
            found: Some(format!("`{path}`")),
            ..fault(place.clone(), format!("a path that can give several values for {what}"))
        });
    }
}

fn listed(paths: &[Path]) -> String {
    if paths.is_empty() {
        return "none".to_owned();
    }
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
}
