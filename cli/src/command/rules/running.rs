//! `tripline rules enable|disable|mute`: what people say of a rule that runs.

use std::time::Duration;

use bus::config::Config;
use console::control::{Answerers, Done};
use contracts::json::Object;
use contracts::records::ControlCommandType;
use contracts::settings::parse_duration;
use contracts::time::Timestamp;
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::orders::Orders;
use crate::{settled, terminal};

/// A rule on or off, on the log that is configured.
pub fn switch(args: args::RulesSwitch, what: ControlCommandType, common: &Common) -> Result<(), Failure> {
    let config = settled::config(common, args.order.place.overrides())?;
    let orders = Orders::open(&config, args.order.signed)?;
    let parameters = Object::new().with("rule_id", &*args.rule);
    let done = orders.send(what, &parameters, args.order.reason, &Answerers::Owner)?;
    let state = if what == ControlCommandType::EnableRule { "on" } else { "off" };
    tell(common.output, &done, &args.rule, state, None)
}

pub fn mute(args: args::RulesMute, common: &Common) -> Result<(), Failure> {
    let length = parse_duration(&args.length).ok_or_else(|| {
        let reason = format!("expected a duration such as 30m, 2h or 1d, found {:?}", args.length);
        Failure::Flag { flag: "--for", reason }
    })?;
    let until = after(settled::now(), length);
    let config: Config = settled::config(common, args.order.place.overrides())?;
    let orders = Orders::open(&config, args.order.signed)?;
    let mut parameters = Object::new().with("rule_id", &*args.rule).with("until", until.to_string());
    for (name, value) in [("group_key", args.group), ("endpoint_id", args.endpoint)] {
        if let Some(value) = value {
            parameters.insert(name, value);
        }
    }
    let done = orders.send(ControlCommandType::Mute, &parameters, args.order.reason, &Answerers::Owner)?;
    let state = if length.is_zero() { "no longer muted" } else { "muted" };
    tell(common.output, &done, &args.rule, state, (!length.is_zero()).then_some(until))
}

fn after(now: Timestamp, length: Duration) -> Timestamp {
    let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_add(micros)).unwrap_or(Timestamp::MAX)
}

fn tell(form: Form, done: &Done, rule: &str, state: &str, until: Option<Timestamp>) -> Result<(), Failure> {
    terminal::print(match form {
        Form::Text => {
            let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
            format!("{} is {state}{until}\n", terminal::escaped(rule))
        }
        Form::Json => {
            let until = until.map(|until| until.to_string());
            let (command_id, offset) = (done.command_id.as_str(), done.offset.0);
            let line = json!({
                "rule_id": rule, "state": state, "until": until, "command_id": command_id, "control_offset": offset,
            });
            format!("{}\n", terminal::escaped(&line.to_string()))
        }
    })
}
