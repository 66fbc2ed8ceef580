//! `tripline alerts`: what was raised, what became of it, and what people say of it.
//!
//! Invariant: an id is looked up before a command names it; what a command carries beside the id is the alert's own.

mod show;
mod watch;

use std::io;

use bus::config::Config;
use console::control::Answerers;
use console::explain;
use console::model::{AlertFilter, StatusFilter};
use console::wire::view::{AlertStatus, AlertSummary};
use contracts::field::Symbols;
use contracts::records::{ControlCommandType, Severity};
use contracts::settings::parse_duration;
use contracts::time::Timestamp;
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::orders::Orders;
use crate::place::{self, Access};
use crate::schemas::Schemas;
use crate::table::{self, Cell};
use crate::view::View;
use crate::{settled, terminal};

pub fn run(args: args::Alerts, common: &Common) -> Result<(), Failure> {
    match args {
        args::Alerts::List(args) => list(&args, common),
        args::Alerts::Show(args) => show::run(&args, common),
        args::Alerts::Watch(args) => watch::run(&args, common),
        args::Alerts::Ack(args) => tell(args, ControlCommandType::Acknowledge, "acknowledged", common),
        args::Alerts::Resolve(args) => tell(args, ControlCommandType::Resolve, "resolved", common),
    }
}

fn list(args: &args::AlertsList, common: &Common) -> Result<(), Failure> {
    let filter = AlertFilter {
        status: status(args.status),
        since: args.since.as_deref().map(since).transpose()?,
        limit: args.limit,
        ..filter(&args.chosen)
    };
    let config = settled::config(common, args.place.overrides())?;
    let place = place::open(&config, Access::Existing)?;
    let schemas = Schemas::of(config.registry.as_ref())?;
    let alerts = View::of(&place, &schemas)?.alerts(&filter)?;
    if common.output == Form::Json {
        let lines = alerts.alerts.iter().map(|alert| json!(alert).to_string() + "\n");
        return terminal::print(lines.map(|line| terminal::escaped_lines(&line).into_owned()).collect::<String>());
    }
    if alerts.alerts.is_empty() {
        terminal::complain(format!("no alerts; {} were raised in all", alerts.seen));
        return Ok(());
    }
    let has_colour = terminal::wants_colour(&io::stdout());
    let rows: Vec<Vec<Cell>> = alerts.alerts.iter().map(row).collect();
    terminal::print(table::render(&HEAD, &rows, table::width(), has_colour))?;
    let shown = alerts.alerts.len() as u64;
    if shown < alerts.found {
        terminal::complain(format!("{shown} of {}; --limit shows more", alerts.found));
    }
    if alerts.kept < alerts.seen {
        terminal::complain(format!("the newest {} of {} alerts were looked at", alerts.kept, alerts.seen));
    }
    if alerts.alerts.iter().any(|alert| !alert.confirmed) {
        terminal::complain("? asked for, and no processor's answer is on the log");
    }
    Ok(())
}

const HEAD: [&str; 6] = ["ID", "RAISED", "SEVERITY", "STATUS", "RULE", "ENDPOINT: MESSAGE"];

/// Enough of an id to be one of a kind among thousands; where it is not, whoever uses it is told.
const ID_CHARS: usize = 8;

/// `01-31 12:00` of a short time.
const MINUTES_CHARS: usize = 11;

fn row(alert: &AlertSummary) -> Vec<Cell> {
    vec![
        Cell::plain(short_id(&alert.alert_id)),
        Cell::plain(short_time(&alert.raised_at).chars().take(MINUTES_CHARS).collect::<String>()),
        Cell::coloured(&*alert.severity, colour(&alert.severity)),
        Cell::plain(shown_status(alert)),
        Cell::plain(&*alert.rule_id),
        Cell::plain(format!("{}: {}", alert.endpoint_id, alert.message)),
    ]
}

fn short_id(id: &str) -> String {
    id.chars().take(ID_CHARS).collect()
}

/// `01-31 12:00:00` of `2026-01-31T12:00:00.000000Z`.
fn short_time(time: &str) -> String {
    time.get(5..19).map_or_else(|| time.to_owned(), |time| time.replace('T', " "))
}

fn shown_status(alert: &AlertSummary) -> String {
    let status = match alert.status {
        AlertStatus::Open if alert.escalations > 0 => "escalated",
        AlertStatus::Acknowledged => "acked",
        status => status.as_str(),
    };
    if alert.confirmed { status.to_owned() } else { format!("{status}?") }
}

fn colour(severity: &str) -> &'static str {
    match severity {
        "critical" => "1;31",
        "high" => "31",
        "medium" => "33",
        _ => "2",
    }
}

fn filter(chosen: &args::AlertsChosen) -> AlertFilter {
    AlertFilter {
        rule_id: chosen.rule.clone(),
        severity: chosen.severity.map(|severity| Severity::SYMBOLS[severity as usize]).and_then(Severity::from_symbol),
        endpoint_id: chosen.endpoint.clone(),
        status: None,
        since: None,
        limit: 0,
    }
}

fn status(status: args::AlertsStatus) -> Option<StatusFilter> {
    match status {
        args::AlertsStatus::Active => Some(StatusFilter::Active),
        args::AlertsStatus::Open => Some(StatusFilter::Only(AlertStatus::Open)),
        args::AlertsStatus::Acknowledged => Some(StatusFilter::Only(AlertStatus::Acknowledged)),
        args::AlertsStatus::Resolved => Some(StatusFilter::Only(AlertStatus::Resolved)),
        args::AlertsStatus::All => None,
    }
}

/// A time, or how long ago.
fn since(text: &str) -> Result<Timestamp, Failure> {
    if let Some(ago) = parse_duration(text) {
        let micros = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
        return Ok(Timestamp::from_micros(settled::now().micros().saturating_sub(micros)).unwrap_or(Timestamp::MIN));
    }
    text.parse().map_err(|_| {
        let reason =
            format!("expected how long ago, such as 2h, or a time such as 2026-01-31T12:00:00Z, found {text:?}");
        Failure::Flag { flag: "--since", reason }
    })
}

/// Acknowledges or resolves: all ids are looked up before anything is sent.
fn tell(args: args::AlertsTold, what: ControlCommandType, done: &str, common: &Common) -> Result<(), Failure> {
    let config: Config = settled::config(common, args.order.place.overrides())?;
    let orders = Orders::open(&config, args.order.signed)?;
    let view = View::of(&orders.place, &orders.schemas)?;
    let details = args.ids.iter().map(|id| view.alert(id)).collect::<Result<Vec<_>, _>>()?;
    let log = &*orders.place.log;
    let explained = details.into_iter().map(|detail| explain::explain(log, &orders.schemas, detail));
    for explained in explained.collect::<Result<Vec<_>, _>>()? {
        let sent = orders.send(what, &explained.parameters(), args.order.reason.clone(), &Answerers::Owner)?;
        let id = explained.alert.alert_id.as_str();
        terminal::print(match common.output {
            Form::Text => {
                let summary = &explained.detail.summary;
                let told = format!("{} is {done}: {} on {}", short_id(id), summary.rule_id, summary.endpoint_id);
                terminal::escaped(&told).into_owned() + "\n"
            }
            Form::Json => {
                let (command_id, offset) = (sent.command_id.as_str(), sent.offset.0);
                let line = json!({"alert_id": id, "state": done, "command_id": command_id, "control_offset": offset});
                format!("{line}\n")
            }
        })?;
    }
    Ok(())
}
