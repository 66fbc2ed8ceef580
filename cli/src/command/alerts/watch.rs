//! `tripline alerts watch`: alerts as they are raised, and what becomes of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use console::follower::Follower;
use console::model::AlertFilter;
use console::wire::view::ChangeJson;
use console::{Client, Log};

use super::{colour, filter, short_id, short_time};
use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::place::{self, Access, Writers};
use crate::schemas::Schemas;
use crate::{settled, table, terminal};

/// How long one look at the model waits.
const LOOK: Duration = Duration::from_millis(500);

pub fn run(args: &args::AlertsWatch, common: &Common) -> Result<(), Failure> {
    let filter = filter(&args.chosen);
    let config = settled::config(common, args.place.overrides())?;
    let place = place::open(&config, Access::Existing)?;
    if place.writers == Writers::OnlyWe {
        return Err(Failure::NothingToFollow { name: place.name });
    }
    let has_colour = terminal::wants_colour(&io::stdout());
    let mut tell = |change: &ChangeJson| -> Result<(), Failure> {
        if !filter.takes_change(change) {
            return Ok(());
        }
        terminal::print(match common.output {
            Form::Json => {
                let line = serde_json::to_string(change).expect("invariant: a change is JSON");
                terminal::escaped(&line).into_owned() + "\n"
            }
            Form::Text => text(change, has_colour),
        })
    };
    // Said once nothing more is missed.
    let begins = || {
        if common.output == Form::Text {
            terminal::complain(format!("watching {}; Ctrl-C ends it", place.name));
        }
    };
    if let Some(client) = &place.api {
        return served(client, &filter, begins, &mut tell);
    }
    let schemas = Schemas::of(config.registry.as_ref())?;
    followed(Arc::clone(&place.log), schemas, begins, &mut tell)
}

type Tell<'t> = &'t mut dyn FnMut(&ChangeJson) -> Result<(), Failure>;

fn served(client: &Client, filter: &AlertFilter, begins: impl Fn(), tell: Tell<'_>) -> Result<(), Failure> {
    let mut changes = client.watch(filter)?;
    begins();
    loop {
        tell(&changes.next_change()?)?;
    }
}

fn followed(log: Arc<dyn Log>, schemas: Schemas, begins: impl Fn(), tell: Tell<'_>) -> Result<(), Failure> {
    let follower = Follower::start(log, &(Arc::new(schemas) as _));
    let follower = follower.map_err(|source| Failure::Io { doing: "start the threads that read", source })?;
    // What was there before is taken in, and not told.
    follower.ask(|_| ())?;
    let mut next = follower.next_change();
    begins();
    loop {
        let news = follower.changes(next, LOOK);
        next = news.next;
        for change in &news.changes {
            tell(change)?;
        }
    }
}

fn text(change: &ChangeJson, has_colour: bool) -> String {
    let at = change.at.as_deref().map(short_time).unwrap_or_default();
    let id = change.alert_id.as_deref().map(short_id).unwrap_or_default();
    let who = change.who.as_deref().unwrap_or("nobody");
    let what = match (&*change.what, change.count) {
        ("raised", _) => "raised".to_owned(),
        ("escalated", _) => format!("escalated to {who}"),
        ("held_back", Some(count)) => format!("{count} repeats held back"),
        ("missed", Some(count)) => return format!("{count} changes came too fast to be shown\n"),
        (what, _) => format!("{what} by {who}"),
    };
    let Some(alert) = &change.alert else {
        return terminal::escaped(&format!("{at}  {id}  {what}")).into_owned() + "\n";
    };
    let (dye, plain) =
        if has_colour { (format!("\x1b[{}m", colour(&alert.severity)), "\x1b[0m") } else { (String::new(), "") };
    let said = format!("{what}: {} on {}: {}", alert.rule_id, alert.endpoint_id, alert.message);
    let head = format!("{at}  {id}  {:8}  ", terminal::escaped(&alert.severity));
    let said = terminal::escaped(&said).into_owned();
    let room = table::width().saturating_sub(head.chars().count()).max(40);
    format!("{at}  {id}  {dye}{:8}{plain}  {}\n", terminal::escaped(&alert.severity), table::cut(&said, room))
}
