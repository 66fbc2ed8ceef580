//! What people say of an agent as a whole. The task of the agent's endpoint keeps it.

use contracts::json::Object;

use super::Order;
use crate::step::round::Round;
use crate::step::row::{Part, Row as _, row};
use crate::step::watcher::Outcome;
use crate::view::View;
use crate::view::keys::Key;
use crate::view::value::{Malformed, Reader, Writer};

const TAG: u8 = 0x36;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentStatus {
    Active,
    Probation,
    Blocked,
}

row! {
    struct Agent version 1 {
        status: AgentStatus,
    }
}

pub(super) fn set_status(round: &mut Round<'_, '_>, order: Order<'_>, agent_id: &str, status: AgentStatus) {
    round.view.put(&key(agent_id), Agent { status }.to_row());
    let more = Object::new().with("status", status.as_str());
    order.tell(round, None, Outcome::AgentStatusChanged, agent_id, None, more);
}

impl AgentStatus {
    pub const ALL: [Self; 3] = [Self::Active, Self::Probation, Self::Blocked];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Probation => "PROBATION",
            Self::Blocked => "BLOCKED",
        }
    }

    /// As last commanded; active if nobody said otherwise.
    pub fn of(view: &mut View<'_>, agent_id: &str) -> Self {
        view.read(&key(agent_id), Agent::from_row).map_or(Self::Active, |agent| agent.status)
    }
}

impl Part for AgentStatus {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte(*self as u8);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let found = from.byte()?;
        Self::ALL.into_iter().find(|status| *status as u8 == found).ok_or_else(|| from.expected("an agent's status"))
    }
}

fn key(agent_id: &str) -> Key {
    let mut key = Key::tagged(TAG);
    key.text(agent_id);
    key
}
