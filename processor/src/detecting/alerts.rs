//! Risk: alerts of `alerts.v1`.

use bus::Record;
use contracts::codec;
use contracts::records::Alert;
use detection::risk;
use detection::view::View;

use super::rows::{push_all, push_letter};
use super::{Detecting, refuse};
use crate::core::{Core, CoreError};
use crate::outbox::Rows;
use crate::task::TaskId;

#[derive(Debug)]
pub(super) struct Alerts {
    shared: Detecting,
    id: TaskId,
}

impl Alerts {
    pub fn new(shared: Detecting, id: TaskId) -> Self {
        Self { shared, id }
    }
}

impl Core for Alerts {
    fn apply(&mut self, record: &Record<'_>, view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError> {
        let (of, framings) = ((self.id, record), &*self.shared.framings);
        let alert: Alert = match codec::decode(record.value.unwrap_or_default(), &*self.shared.schemas) {
            Ok(alert) => alert,
            Err(error) => return push_letter(refuse(self.id, record, &error)?, of, framings, rows),
        };
        let input = risk::Input { appended_at: record.appended_at, alert: &alert };
        let effects = risk::step(&self.shared.risk, view, &input);
        rows.counted.risk += effects.counts;
        push_all(&effects.rows, of, framings, rows)
    }
}
