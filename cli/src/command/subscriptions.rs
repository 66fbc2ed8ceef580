//! `tripline subscriptions`: which events rules see, as it runs.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use console::control::{Answerers, Done};
use contracts::json::{self, Mode, Object, Value};
use contracts::limits::JSON_FACE_DEPTH_MAX;
use contracts::records::ControlCommandType;
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::orders::Orders;
use crate::place::{self, Access};
use crate::schemas::Schemas;
use crate::table::{self, Cell};
use crate::view::View;
use crate::{settled, terminal};

/// The longest file of a subscription.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

pub fn run(args: args::Subscriptions, common: &Common) -> Result<(), Failure> {
    match args {
        args::Subscriptions::List(args) => list(&args, common),
        args::Subscriptions::Add(args) => add(args, common),
        args::Subscriptions::Remove(args) => remove(args, common),
    }
}

fn list(args: &args::SubscriptionsList, common: &Common) -> Result<(), Failure> {
    let config = settled::config(common, args.place.overrides())?;
    let place = place::open(&config, Access::Existing)?;
    let schemas = Schemas::of(config.registry.as_ref())?;
    let found = View::of(&place, &schemas)?.subscriptions()?;
    if common.output == Form::Json {
        let lines = found.subscriptions.iter().map(|one| json!(one).to_string() + "\n");
        return terminal::print(lines.map(|line| terminal::escaped_lines(&line).into_owned()).collect::<String>());
    }
    if found.subscriptions.is_empty() {
        terminal::complain("no subscriptions; rules that none names see the events of their own topics");
        return Ok(());
    }
    let rows = found.subscriptions.iter().map(|one| {
        let from = one.added_by.as_ref().map_or_else(|| "rule set".to_owned(), |by| format!("by {by}"));
        let from = if one.confirmed { from } else { format!("{from}?") };
        vec![
            Cell::plain(&*one.subscription_id),
            Cell::plain(&*one.watcher),
            Cell::plain(one.topic.as_deref().unwrap_or("-")),
            Cell::plain(from),
            Cell::plain(one.rules.join(", ")),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let head = ["ID", "WATCHER", "TOPIC", "FROM", "RULES"];
    terminal::print(table::render(&head, &rows, table::width(), terminal::wants_colour(&io::stdout())))
}

fn add(args: args::SubscriptionsAdd, common: &Common) -> Result<(), Failure> {
    let text = read(&args.file)?;
    let parameters = parameters(&text, args.watcher.as_deref())
        .map_err(|reason| Failure::Subscription { file: args.file.display().to_string(), reason })?;
    let id = parameters.get("subscription_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let config = settled::config(common, args.order.place.overrides())?;
    let orders = Orders::open(&config, args.order.signed)?;
    let done = orders.send(ControlCommandType::Subscribe, &parameters, args.order.reason, &Answerers::Owner)?;
    tell(common.output, &done, &id, "added")
}

fn remove(args: args::SubscriptionsRemove, common: &Common) -> Result<(), Failure> {
    let config = settled::config(common, args.order.place.overrides())?;
    let orders = Orders::open(&config, args.order.signed)?;
    let parameters = Object::new().with("subscription_id", &*args.id);
    let done = orders.send(ControlCommandType::Unsubscribe, &parameters, args.order.reason, &Answerers::Owner)?;
    tell(common.output, &done, &args.id, "removed")
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |source| Failure::File { doing: "cannot read the subscription", path: file.to_owned(), source };
    let mut text = Vec::new();
    if file == Path::new("-") {
        io::stdin().lock().take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(failed)?;
    } else {
        fs::File::open(file).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text)).map_err(failed)?;
    }
    Ok(text)
}

/// One object with everything becomes the command's members: `watcher`, `subscription_id` and `rules`, and the rest, which
/// is the subscription. Whether that is a good one is decided where rules are compiled.
fn parameters(text: &[u8], watcher: Option<&str>) -> Result<Object<'static>, String> {
    let value = json::parse(text, Mode::Strict, JSON_FACE_DEPTH_MAX).map_err(|error| error.to_string())?;
    let Value::Object(members) = value else { return Err(format!("expected an object, found {}", value.kind())) };
    let mut parameters = Object::new();
    let mut subscription = Object::new();
    for (name, value) in members.iter() {
        match name {
            "watcher" | "subscription_id" | "rules" => parameters.insert(name.to_owned(), value.to_static()),
            _ => subscription.insert(name.to_owned(), value.to_static()),
        }
    }
    if let Some(watcher) = watcher {
        parameters.insert("watcher", watcher.to_owned());
    }
    for name in ["watcher", "subscription_id", "rules"] {
        if parameters.get(name).is_none() {
            let other = if name == "watcher" { " or --watcher" } else { "" };
            return Err(format!("expected `{name}`{other}; docs/topology.md tells what a subscription is made of"));
        }
    }
    Ok(parameters.with("subscription", subscription))
}

fn tell(form: Form, done: &Done, id: &str, state: &str) -> Result<(), Failure> {
    terminal::print(match form {
        Form::Text => format!("subscription {} is {state}\n", terminal::escaped(id)),
        Form::Json => {
            let (command_id, offset) = (done.command_id.as_str(), done.offset.0);
            let line =
                json!({"subscription_id": id, "state": state, "command_id": command_id, "control_offset": offset});
            format!("{}\n", terminal::escaped(&line.to_string()))
        }
    })
}
