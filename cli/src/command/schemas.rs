//! `tripline schemas`: what records look like, for other teams and for a registry.

use bus::registry::{Compatibility, Registry};
use contracts::records::AnyRecord;
use serde_json::{Value, json};

use crate::args::{self, Common, Form, RegistryPlace};
use crate::failure::Failure;
use crate::schemas::subjects;
use crate::settled::{self, registry_override};
use crate::terminal;

pub fn run(args: args::Schemas, common: &Common) -> Result<(), Failure> {
    match args {
        args::Schemas::Show(args) => show(args.record.as_deref(), common.output),
        args::Schemas::Check(place) => check(registry(&place, common)?.as_ref(), common.output),
        args::Schemas::Publish(place) => {
            let registry = registry(&place, common)?.ok_or(Failure::NoRegistry)?;
            publish(&registry, common.output)
        }
    }
}

fn registry(place: &RegistryPlace, common: &Common) -> Result<Option<Registry>, Failure> {
    let flags = registry_override(place.registry.as_deref()).into_iter().collect();
    let config = settled::config(common, flags)?;
    Ok(config.registry.as_ref().map(Registry::new).transpose()?)
}

fn show(record: Option<&str>, form: Form) -> Result<(), Failure> {
    let schemas = AnyRecord::schemas();
    let Some(wanted) = record else {
        return terminal::print(match form {
            Form::Text => format!("{}\n", AnyRecord::NAMES.join("\n")),
            Form::Json => format!("{}\n", json!({ "records": AnyRecord::NAMES })),
        });
    };
    let Some(schema) = schemas.iter().find(|schema| schema.name() == wanted) else {
        return Err(Failure::NoRecord { known: AnyRecord::NAMES.to_vec(), found: wanted.to_owned() });
    };
    // The schema is JSON in itself, in either form.
    terminal::print(schema.text())
}

/// What one check or publication came to.
struct Row {
    what: String,
    problem: Option<String>,
}

fn check(registry: Option<&Registry>, form: Form) -> Result<(), Failure> {
    let history = contracts::schema::check();
    let mut rows: Vec<Row> = AnyRecord::NAMES
        .iter()
        .filter(|name| !history.iter().any(|error| error.record() == **name))
        .map(|name| Row { what: format!("{name} against its history"), problem: None })
        .collect();
    rows.extend(history.iter().map(|error| Row {
        what: format!("{} against its history", error.record()),
        problem: Some(error.to_string()),
    }));
    if let Some(registry) = registry {
        for (subject, schema) in subjects() {
            let problem = match registry.compatibility(&subject, schema.text())? {
                Compatibility::Compatible => None,
                Compatibility::Incompatible(reasons) if reasons.is_empty() => Some("incompatible".to_owned()),
                Compatibility::Incompatible(reasons) => Some(reasons.join("; ")),
            };
            rows.push(Row { what: format!("{} against the registry's {subject}", schema.name()), problem });
        }
    }
    tell(&rows, "compatible", form)
}

/// A schema that is there already stays what it is: publishing twice is no harm.
fn publish(registry: &Registry, form: Form) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for (subject, schema) in subjects() {
        let id = registry.register(&subject, schema.text())?;
        rows.push(Row { what: format!("{} as {subject}, id {}", schema.name(), id.0), problem: None });
    }
    tell(&rows, "published", form)
}

fn tell(rows: &[Row], good: &str, form: Form) -> Result<(), Failure> {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| match form {
            Form::Text => match &row.problem {
                None => format!("{good}  {}\n", row.what),
                Some(problem) => format!("BROKEN  {}: {problem}\n", row.what),
            },
            Form::Json => {
                let problem: Value = row.problem.clone().into();
                format!("{}\n", json!({ "what": row.what, "good": row.problem.is_none(), "problem": problem }))
            }
        })
        .collect();
    terminal::print(lines.concat())?;
    match rows.iter().filter(|row| row.problem.is_some()).count() {
        0 => Ok(()),
        count => Err(Failure::Checks { count }),
    }
}
