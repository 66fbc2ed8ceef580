//! What cores count while they apply records.
//!
//! Invariant: a count stands for something that was decided, never for a try: what a failed batch counted is thrown away
//! with it, and what is applied again in silence is not counted again.

use std::ops::AddAssign;

use contracts::field::Symbols;
use contracts::records::{Alert, AnyRecord, DeadLetter, DeadLetterReason, Severity};
use detection::{risk, step};

/// One count for each symbol, in the order of `ALL`.
pub type PerSeverity = [u64; <Severity as Symbols>::ALL.len()];
pub type PerReason = [u64; <DeadLetterReason as Symbols>::ALL.len()];

/// Of one record, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub detection: step::Counts,
    pub risk: risk::Counts,
    /// Alerts put into the outbox.
    pub alerts: PerSeverity,
    pub dead_letters: PerReason,
    /// Guardrail requests put into the outbox.
    pub requests: u64,
}

impl Counted {
    /// A row was put into the outbox.
    pub(crate) fn row(&mut self, record: &AnyRecord) {
        match record {
            AnyRecord::Alert(alert) => self.alert(alert),
            AnyRecord::DeadLetter(letter) => self.dead_letter(letter),
            AnyRecord::GuardrailRequest(_) => self.requests += 1,
            _ => {}
        }
    }

    fn alert(&mut self, alert: &Alert) {
        self.alerts[alert.severity.place()] += 1;
    }

    fn dead_letter(&mut self, letter: &DeadLetter) {
        self.dead_letters[letter.reason.place()] += 1;
    }
}

impl AddAssign for Counted {
    fn add_assign(&mut self, more: Self) {
        let Self { detection, risk, alerts, dead_letters, requests } = more;
        self.detection += detection;
        self.risk += risk;
        self.requests += requests;
        self.alerts.iter_mut().zip(alerts).for_each(|(sum, more)| *sum += more);
        self.dead_letters.iter_mut().zip(dead_letters).for_each(|(sum, more)| *sum += more);
    }
}
