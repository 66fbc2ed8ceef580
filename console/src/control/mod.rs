//! Commands: made, put on the control topic, and waited for until whoever owns what they are about has answered.
//!
//! Invariants: answers are read from the ends that `watcher.events.v1` had before the command was written, so that none is
//! missed; a command that was written stays valid whatever becomes of the waiting, and every error after that says so; the
//! waiting ends at its deadline.
//!
//! Absent on purpose: sending again. A command id is applied once and answered once: who asks twice asks for two things.

mod answer;
mod error;

use std::fmt;
use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, BusError, Header, Offset, Partition, Reader, Row, Start, To, Until};
use contracts::avro::Framing;
use contracts::codec::{self, Schemas};
use contracts::field::{JsonObject, NotAJsonObject};
use contracts::id::CommandId;
use contracts::identity::CommandParts;
use contracts::json::Object;
use contracts::records::{ControlCommand, ControlCommandType, RuleSetPart, TelemetryEvent};
use contracts::time::Timestamp;
use contracts::topics::{CONTROL, RULE_MATCHES, RULE_SETS, TELEMETRY_EVENTS, WATCHER_EVENTS};

pub use answer::{Answer, OUTCOMES, Position, answered_command, is_refusal};
pub use error::{CommandError, Missing};

use crate::Log;
use crate::log::{deliver, partitions};

/// Through what a command goes.
#[derive(Clone, Copy)]
pub struct Desk<'l> {
    pub log: &'l dyn Log,
    pub schemas: &'l dyn Schemas,
    /// How the command is framed.
    pub framing: Framing,
}

impl fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("log", &self.log).field("framing", &self.framing).finish_non_exhaustive()
    }
}

/// Who has to answer before a command counts as carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answerers {
    /// The one task that owns what the command is about.
    Owner,
    /// Each task, by the partition that it reads.
    Tasks(Vec<Partition>),
}

/// How far the waiting has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub answered: usize,
    pub expected: usize,
}

/// A command that everybody carried out who had to.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    pub command_id: CommandId,
    /// The command's place on the control topic.
    pub offset: Offset,
    /// In the order they came.
    pub answers: Vec<Answer>,
}

/// How long a row may wait for the log to take it.
const WRITE_WITHIN: Duration = Duration::from_secs(30);

const LISTEN: BatchLimit = BatchLimit { records_max: 1_000, bytes_max: 1024 * 1024, wait: Duration::from_millis(100) };

/// A command of this content, by this person, at this time.
pub fn command(
    command: ControlCommandType,
    parameters: &Object<'_>,
    issued_by: &str,
    issued_at: Timestamp,
    reason: Option<String>,
) -> Result<ControlCommand, NotAJsonObject> {
    let parameters = JsonObject::new(parameters.text())?;
    let command_id = CommandParts { command, parameters: &parameters, issued_by, issued_at }.id();
    Ok(ControlCommand { command_id, command, parameters, issued_by: issued_by.to_owned(), issued_at, reason })
}

impl Answerers {
    /// Every task of stages one and two: who answers a `swap_rule_set`.
    pub fn every_task(log: &dyn Log) -> bus::Result<Self> {
        let mut tasks = partitions(log, TELEMETRY_EVENTS)?;
        tasks.extend(partitions(log, RULE_MATCHES)?);
        Ok(Self::Tasks(tasks))
    }

    fn count(&self) -> usize {
        match self {
            Self::Owner => 1,
            Self::Tasks(tasks) => tasks.len(),
        }
    }

    /// Who has not answered.
    fn missing(&self, answers: &[Answer]) -> Missing {
        match self {
            Self::Owner if answers.is_empty() => Missing::Owner,
            Self::Owner => Missing::Nobody,
            Self::Tasks(tasks) => {
                let has_answered = |task: &Partition| answers.iter().any(|answer| answer.is_of(task));
                let missing: Vec<_> = tasks.iter().filter(|task| !has_answered(task)).cloned().collect();
                if missing.is_empty() { Missing::Nobody } else { Missing::Tasks { missing, of: tasks.len() } }
            }
        }
    }
}

impl Desk<'_> {
    /// Writes a command and waits until all of `answerers` answered, at most `within`. `told` hears how far that is, at least
    /// ten times a second.
    pub fn send(
        &self,
        command: &ControlCommand,
        answerers: &Answerers,
        within: Duration,
        told: &mut dyn FnMut(Waiting),
    ) -> Result<Done, CommandError> {
        let mut events = self.listen()?;
        let offset = self.write(command)?;
        let sent = Sent { command_id: &command.command_id, offset };
        let until = Instant::now() + within;
        let mut answers = Vec::new();
        loop {
            told(Waiting { answered: answers.len(), expected: answerers.count() });
            let missing = answerers.missing(&answers);
            if missing == Missing::Nobody {
                return sent.judged(answers);
            }
            let wait = LISTEN.wait.min(until.saturating_duration_since(Instant::now()));
            if wait.is_zero() {
                return Err(sent.unanswered(missing, within));
            }
            let heard = self.hear(&mut *events, &command.command_id, wait);
            answers.extend(heard.map_err(|source| sent.deaf(source))?);
        }
    }

    /// Writes a command where nobody can answer: always ends with [`CommandError::Left`], or worse.
    pub fn leave(&self, command: &ControlCommand) -> Result<Done, CommandError> {
        let offset = self.write(command)?;
        Err(CommandError::Left { command_id: command.command_id.clone(), offset })
    }

    /// Puts the parts of a rule set onto the log, before the command that names it.
    pub fn publish(&self, parts: &[RuleSetPart], framing: Framing) -> Result<(), CommandError> {
        let headers = [Header { name: "content-type", value: codec::CONTENT_TYPE.as_bytes() }];
        let mut encoded = Vec::with_capacity(parts.len());
        for part in parts {
            let mut value = Vec::new();
            codec::encode(part, framing, &mut value)?;
            encoded.push((format!("{}/{}", part.digest, part.part), value));
        }
        let rows: Vec<Row<'_>> = encoded
            .iter()
            .map(|(key, value)| Row {
                topic: RULE_SETS,
                to: To::Key(key.as_bytes()),
                value: Some(value),
                headers: &headers,
            })
            .collect();
        for fate in deliver(self.log, &rows, WRITE_WITHIN)? {
            fate?;
        }
        Ok(())
    }

    fn listen(&self) -> bus::Result<Box<dyn Reader>> {
        let partitions: Vec<u32> =
            partitions(self.log, WATCHER_EVENTS)?.iter().map(|partition| partition.index).collect();
        self.log.read(WATCHER_EVENTS, &partitions, Start::End, Until::Forever)
    }

    fn write(&self, command: &ControlCommand) -> Result<Offset, CommandError> {
        let mut value = Vec::new();
        codec::encode(command, self.framing, &mut value)?;
        let headers = [Header { name: "content-type", value: codec::CONTENT_TYPE.as_bytes() }];
        let to = To::Partition { index: 0, key: None };
        let row = Row { topic: CONTROL, to, value: Some(&value), headers: &headers };
        let fate = deliver(self.log, &[row], WRITE_WITHIN)?.pop().expect("invariant: a fate for the row");
        Ok(fate?.1)
    }

    fn hear(&self, events: &mut dyn Reader, command_id: &CommandId, wait: Duration) -> bus::Result<Vec<Answer>> {
        let mut batch = Batch::default();
        events.next(&mut batch, &BatchLimit { wait, ..LISTEN })?;
        let values = batch.records().filter_map(|record| record.value);
        // What cannot be read is no answer; that it cannot is told where topics are read whole.
        let events = values.filter_map(|value| codec::decode::<TelemetryEvent>(value, self.schemas).ok());
        Ok(events.filter_map(|event| Answer::to(command_id, event)).collect())
    }
}

/// A command that is on the control topic.
#[derive(Clone, Copy)]
struct Sent<'c> {
    command_id: &'c CommandId,
    offset: Offset,
}

impl Sent<'_> {
    fn judged(self, answers: Vec<Answer>) -> Result<Done, CommandError> {
        let refusals = answers.iter().filter(|answer| answer.refusal().is_some()).count();
        if let Some((answer, reason)) = answers.iter().find_map(|answer| Some((answer, answer.refusal()?))) {
            return Err(CommandError::Refused {
                command_id: self.command_id.clone(),
                subject: answer.subject().unwrap_or_default(),
                reason,
                by: refusals,
                of: answers.len(),
            });
        }
        Ok(Done { command_id: self.command_id.clone(), offset: self.offset, answers })
    }

    fn unanswered(self, missing: Missing, waited: Duration) -> CommandError {
        CommandError::Unanswered { command_id: self.command_id.clone(), offset: self.offset, missing, waited }
    }

    fn deaf(self, source: BusError) -> CommandError {
        CommandError::Deaf { command_id: self.command_id.clone(), offset: self.offset, source: Box::new(source) }
    }
}
