//! Commands of the operator to whoever runs: signed with a name, sent, and waited for with what a person sees meanwhile.
//!
//! Invariant: nobody is waited for who cannot be there. While this process alone has the log open, a command is left for the
//! next processor, and that is said.

use std::time::Duration;

use bus::config::Config;
use console::control::{self, Answerers, Desk, Done};
use contracts::avro::Framing;
use contracts::canonical::Digest;
use contracts::json::Object;
use contracts::records::{ControlCommand, ControlCommandType, RuleSetPart};
use contracts::topics::{CONTROL, RULE_SETS};
use detection::parts;
use detection::rule::RuleSet;

use crate::failure::Failure;
use crate::place::{self, Access, Place, Writers};
use crate::progress::Progress;
use crate::schemas::Schemas;
use crate::settled;

/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A rule set that all tasks have taken.
#[derive(Debug)]
pub struct Swapped {
    pub digest: Digest,
    pub done: Done,
}

#[derive(Debug)]
pub struct Orders {
    pub place: Place,
    pub schemas: Schemas,
    framing: Framing,
    issued_by: String,
}

impl Orders {
    /// `signed` is whose name commands carry; without it the one who is logged in.
    pub fn open(config: &Config, signed: Option<String>) -> Result<Self, Failure> {
        let place = place::open(config, Access::Existing)?;
        Self::over(place, Schemas::of(config.registry.as_ref())?, signed)
    }

    pub fn over(place: Place, schemas: Schemas, signed: Option<String>) -> Result<Self, Failure> {
        if signed.as_ref().is_some_and(|signed| signed.trim().is_empty()) {
            let reason = "expected a name, found none; without --as the one who is logged in signs".to_owned();
            return Err(Failure::Flag { flag: "--as", reason });
        }
        let framing = schemas.framing::<ControlCommand>(CONTROL)?;
        Ok(Self { place, schemas, framing, issued_by: signed.unwrap_or_else(settled::user) })
    }

    /// Sends a command and waits for everybody who has to answer.
    pub fn send(
        &self,
        what: ControlCommandType,
        parameters: &Object<'_>,
        reason: Option<String>,
        answerers: &Answerers,
    ) -> Result<Done, Failure> {
        let command = control::command(what, parameters, &self.issued_by, settled::now(), reason);
        let command = command.map_err(Failure::Parameters)?;
        let desk = self.desk();
        if self.place.writers == Writers::OnlyWe {
            return Ok(desk.leave(&command)?);
        }
        let mut progress = Progress::new();
        let done = desk.send(&command, answerers, PATIENCE, &mut |so_far| progress.waiting(so_far));
        progress.end();
        Ok(done?)
    }

    /// Makes a rule set the one that runs, in every task: first its parts, then the command that names it.
    pub fn swap(&self, set: &RuleSet, reason: Option<String>) -> Result<Swapped, Failure> {
        let (digest, parts) = parts::split(set)?;
        self.desk().publish(&parts, self.schemas.framing::<RuleSetPart>(RULE_SETS)?)?;
        let parameters = Object::new().with("digest", digest.to_string());
        let everybody = Answerers::every_task(&*self.place.log)?;
        let done = self.send(ControlCommandType::SwapRuleSet, &parameters, reason, &everybody)?;
        Ok(Swapped { digest, done })
    }

    fn desk(&self) -> Desk<'_> {
        Desk { log: &*self.place.log, schemas: &self.schemas, framing: self.framing }
    }
}
