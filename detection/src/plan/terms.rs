//! A filter's top level taken apart: the conditions on an event, and the window terms that count the events.
//!
//! Invariant: the filter holds exactly if all conditions and all windows hold, and no condition holds a window.

use crate::rule::{Expr, Fault, Place, Window};

use super::check::fault;

/// Each term with its place in the filter.
#[derive(Debug, Default)]
pub(super) struct Terms<'r> {
    pub conditions: Vec<(Vec<usize>, &'r Expr)>,
    pub windows: Vec<(Vec<usize>, &'r Window)>,
}

impl<'r> Terms<'r> {
    pub fn of(filter: Option<&'r Expr>, faults: &mut Vec<Fault>) -> Self {
        let mut terms = Self::default();
        if let Some(filter) = filter {
            terms.add(filter, Vec::new(), faults);
        }
        terms
    }

    fn add(&mut self, expr: &'r Expr, place: Vec<usize>, faults: &mut Vec<Fault>) {
        match expr {
            Expr::And(items) => {
                for (child, item) in items.iter().enumerate() {
                    self.add(item, below(&place, child), faults);
                }
            }
            Expr::Window(window) => self.windows.push((place, window)),
            condition => {
                find_windows(condition, &place, faults);
                self.conditions.push((place, condition));
            }
        }
    }
}

/// Window terms where none may stand: under `or` and `not`, and in the steps of other windows.
pub(super) fn find_windows(expr: &Expr, place: &[usize], faults: &mut Vec<Fault>) {
    match expr {
        Expr::And(items) | Expr::Or(items) => {
            for (child, item) in items.iter().enumerate() {
                find_windows(item, &below(place, child), faults);
            }
        }
        Expr::Not(item) => find_windows(item, &below(place, 0), faults),
        Expr::Window(_) => faults.push(Fault {
            expected: Some("window terms at the top level of the filter, joined by `and`".to_owned()),
            help: Some("write a rule of its own for it".to_owned()),
            ..fault(Place::Filter(place.to_vec()), "a window term inside another term")
        }),
        Expr::Compare { .. } | Expr::Matches { .. } | Expr::In { .. } | Expr::Exists(_) | Expr::Holds { .. } => {}
    }
}

pub(super) fn below(place: &[usize], child: usize) -> Vec<usize> {
    place.iter().copied().chain([child]).collect()
}
