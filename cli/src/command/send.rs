//! `tripline send`: NDJSON in, events on `telemetry.events.v1`.
//!
//! Invariants: every bad line is reported with its number and reason; an event counts as sent only when the log said so;
//! memory is bounded whatever the input. A line that came is sent soon, even if no other follows.

mod input;
mod sender;

use std::path::PathBuf;

use bus::config::Config;
use console::intake::{Intake, Trust};
use contracts::records::TelemetryEvent;
use contracts::topics::TELEMETRY_EVENTS;
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::place::{self, Access};
use crate::schemas::Schemas;
use crate::{settled, terminal};
use input::Input;
use sender::{Sender, Tally};

#[derive(Debug)]
pub struct Send {
    form: Form,
    config: Config,
    file: PathBuf,
    strict: bool,
}

impl Send {
    pub fn settle(args: args::Send, common: &Common) -> Result<Self, Failure> {
        let config = settled::config(common, args.place.overrides())?;
        Ok(Self { form: common.output, config, file: args.file, strict: args.strict })
    }

    pub fn run(self) -> Result<(), Failure> {
        let mut input = Input::open(&self.file)?;
        let place = place::open(&self.config, Access::Existing)?;
        let framing = Schemas::of(self.config.registry.as_ref())?.framing::<TelemetryEvent>(TELEMETRY_EVENTS)?;
        let intake = Intake { endpoint_id: settled::host(), source: "send", trust: Trust::Operator, framing };
        if self.strict {
            input = self.checked(input, &intake)?;
        }
        let mut sender = Sender::new(&*place.log, &intake, input.name(), self.form)?;
        let sent = sender.send_all(input);
        let tally = sender.end();
        self.tell(&tally, &place.name)?;
        sent?;
        match tally.refused {
            0 => Ok(()),
            count => Err(Failure::Events { count, of: tally.seen(), what: "were not sent" }),
        }
    }

    /// The first of two passes: the input again, to be read from its start, if all of it is good.
    fn checked(&self, input: Input, intake: &Intake) -> Result<Input, Failure> {
        let mut input = input.rewindable()?;
        let (mut good, mut bad) = (0_u64, 0_u64);
        input.for_each_line(|line| match sender::prepare(intake, &line) {
            Ok(_) => good += 1,
            Err(refusal) => {
                bad += 1;
                sender::report(&self.file, line.number, &refusal, self.form);
            }
        })?;
        if bad > 0 {
            return Err(Failure::Events { count: bad, of: good + bad, what: "are bad, so none was sent" });
        }
        input.rewound()
    }

    fn tell(&self, tally: &Tally, log: &str) -> Result<(), Failure> {
        match self.form {
            Form::Json => terminal::print(format!(
                "{}\n",
                json!({ "sent": tally.sent, "refused": tally.refused, "unknown": tally.unknown(), "topic": TELEMETRY_EVENTS, "log": log })
            )),
            Form::Text => {
                let events = if tally.sent == 1 { "event" } else { "events" };
                terminal::complain(format!(
                    "{} {events} sent to {TELEMETRY_EVENTS}, {log}; {} refused",
                    tally.sent, tally.refused
                ));
                Ok(())
            }
        }
    }
}
