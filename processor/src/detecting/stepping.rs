//! A task of detection, one record at a time: what both stages share once they know what the record is.
//!
//! Invariant: commands are taken in the order of the control topic, each once, and only where the input says so.

use std::sync::Arc;

use bus::Record;
use contracts::records::DeadLetterReason;
use detection::parts::JoinError;
use detection::plan::Plan;
use detection::step::{self, Input, What, step};
use detection::view::View;

use super::rows::{push_all, push_letter};
use super::{Detecting, letter};
use crate::control::{ControlError, Given, Marker};
use crate::core::{CoreError, Standing};
use crate::outbox::Rows;
use crate::task::TaskId;

#[derive(Debug)]
pub(super) struct Stepping {
    pub shared: Detecting,
    pub id: TaskId,
    pub task: step::Task,
    pub plan: Arc<Plan>,
    /// The place on the control topic of the last command in force.
    pub passed: i64,
}

impl Stepping {
    /// Applies a record: its rows, and a dead letter beside them if detection refused it.
    pub fn apply(
        &mut self,
        what: What<'_>,
        record: &Record<'_>,
        view: &mut View<'_>,
        rows: &mut Rows,
    ) -> Result<(), CoreError> {
        let (of, framings) = ((self.id, record), &*self.shared.framings);
        let input = Input { task: self.task, appended_at: record.appended_at, what };
        let effects = step(&self.plan, view, &input);
        if let Some(plan) = effects.plan {
            self.plan = self.shared.plans.only(plan);
        }
        rows.counted.detection += effects.counts;
        push_all(&effects.rows, of, framings, rows)?;
        match effects.refused {
            Some(refused) => push_letter(letter(of, DeadLetterReason::Invalid, refused), of, framings, rows),
            None => Ok(()),
        }
    }

    pub fn standing(&self) -> Standing {
        Standing { passed: self.passed, rule_set: self.plan.set.digest }
    }

    /// A marker: the next command takes effect here. One for any other is passed over: it says again what was said.
    pub fn mark(
        &mut self,
        payload: &str,
        record: &Record<'_>,
        view: &mut View<'_>,
        rows: &mut Rows,
    ) -> Result<(), CoreError> {
        let of = (self.id, record);
        let marker = match Marker::read(payload) {
            Ok(marker) => marker,
            Err(why) => {
                return push_letter(letter(of, DeadLetterReason::Invalid, why), of, &self.shared.framings, rows);
            }
        };
        let next = self.next(marker.control_offset)?;
        let Some(next) = next.filter(|next| next.offset == marker.control_offset) else { return Ok(()) };
        if next.marker() != marker {
            let why = format!(
                "expected the digest {} of the command at offset {} of the control topic, found {}",
                next.digest, next.offset, marker.digest
            );
            let letter = letter(of, DeadLetterReason::ControlMismatch, why);
            return push_letter(letter, of, &self.shared.framings, rows);
        }
        self.obey(&next, record, view, rows)
    }

    /// What was in force where a match was found is in force here before the match is taken.
    pub fn catch_up(
        &mut self,
        control_offset: i64,
        record: &Record<'_>,
        view: &mut View<'_>,
        rows: &mut Rows,
    ) -> Result<(), CoreError> {
        while self.passed < control_offset {
            let next = self.next(control_offset)?;
            let Some(next) = next.filter(|next| next.offset <= control_offset) else { break };
            self.obey(&next, record, view, rows)?;
        }
        Ok(())
    }

    fn next(&self, there: i64) -> Result<Option<Arc<Given>>, CoreError> {
        if there <= self.passed {
            return Ok(None);
        }
        let next = self.shared.control.next_after(self.passed, there);
        next.map_err(|source| CoreError::Control { task: self.id, source })
    }

    fn obey(
        &mut self,
        given: &Given,
        record: &Record<'_>,
        view: &mut View<'_>,
        rows: &mut Rows,
    ) -> Result<(), CoreError> {
        let offset = given.offset;
        match &given.command {
            Ok(command) => {
                let set = match given.wants_set().map(|digest| self.shared.control.set(digest)) {
                    None | Some(Err(ControlError::Set { source: JoinError::Missing { .. }, .. })) => None,
                    Some(Ok(set)) => Some(Ok(set)),
                    Some(Err(ControlError::Set { source, .. })) => Some(Err(source.to_string())),
                    Some(Err(source)) => return Err(CoreError::Control { task: self.id, source }),
                };
                let set = set.as_ref().map(|set| set.as_deref().map_err(String::as_str));
                self.apply(What::Command(step::Command { offset, command, set }), record, view, rows)?;
            }
            Err(letter) => {
                self.apply(What::NoCommand { offset }, record, view, rows)?;
                if self.task.is_first() {
                    push_letter((**letter).clone(), (self.id, record), &self.shared.framings, rows)?;
                }
            }
        }
        self.passed = offset;
        Ok(())
    }
}
