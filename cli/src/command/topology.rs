//! `tripline topology`: what a deployment's file says, and making it so.

mod check;

use bus::topic::differences;
use bus::{BusError, Difference};
use contracts::topology::Topology;
use serde_json::{Value, json};

use crate::args::{self, Common, Drawing, Form};
use crate::failure::Failure;
use crate::place::{self, Access, Place};
use crate::settled::Deployment;
use crate::{settled, terminal};

pub fn run(args: args::Topology, common: &Common) -> Result<(), Failure> {
    match args {
        args::Topology::Check(args) => check::run(&args, common),
        args::Topology::Graph(args) => {
            let deployment = read(&args.topology, common)?;
            graph(&deployment.topology, args.format, common.output)
        }
        args::Topology::Apply(args) => apply(&args, common),
    }
}

fn read(args: &args::TopologyFile, common: &Common) -> Result<Deployment, Failure> {
    let config = settled::config(common, Vec::new())?;
    settled::topology(args.file.as_deref(), &config)
}

fn graph(topology: &Topology, drawing: Drawing, form: Form) -> Result<(), Failure> {
    let drawn = match drawing {
        Drawing::Plain => topology.plain(),
        Drawing::Dot => topology.dot(),
    };
    terminal::print(match form {
        Form::Text => drawn,
        Form::Json => format!("{}\n", json!({ "topology": topology.name, "graph": drawn })),
    })
}

fn apply(args: &args::TopologyApply, common: &Common) -> Result<(), Failure> {
    let config = settled::config(common, args.place.overrides())?;
    let topology = settled::topology(args.topology.file.as_deref(), &config)?.topology;
    let place = place::open(&config, if args.dry_run { Access::Existing } else { Access::Create })?;
    if args.dry_run {
        return preview(&place, &topology, common.output);
    }
    let mended = place.log.apply(&topology.topics)?;
    tell(&place, &topology, &mended, "mended", common.output)
}

/// What [`apply`] would do or refuse.
fn preview(place: &Place, topology: &Topology, form: Form) -> Result<(), Failure> {
    let found = place.log.topics()?;
    let differences: Vec<_> = topology
        .topics
        .iter()
        .flat_map(|declared| differences(declared, found.iter().find(|found| found.name == declared.name)))
        .collect();
    tell(place, topology, &differences, "differs", form)?;
    for difference in &differences {
        if let Difference::Partitions { topic, declared, found, .. } = difference {
            let (topic, declared, found) = (topic.clone(), declared.get(), found.get());
            return Err(BusError::PartitionsFixed { topic, declared, found }.into());
        }
    }
    match differences.len() {
        0 => Ok(()),
        count => Err(Failure::Checks { count }),
    }
}

fn tell(
    place: &Place,
    topology: &Topology,
    differences: &[Difference],
    state: &str,
    form: Form,
) -> Result<(), Failure> {
    let topics = topology.topics.len();
    match form {
        Form::Text if differences.is_empty() => {
            terminal::print(format!("{}: all {topics} topics are as declared\n", place.name))
        }
        Form::Text => {
            let lines: Vec<_> = differences.iter().map(|difference| format!("{state}  {difference}\n")).collect();
            terminal::print(format!("{}: {topics} topics declared\n{}", place.name, lines.concat()))
        }
        Form::Json => {
            let differences: Vec<Value> = differences.iter().map(difference_json).collect();
            terminal::print(format!(
                "{}\n",
                json!({ "log": place.name, "topics": topics, "state": state, "differences": differences })
            ))
        }
    }
}

fn difference_json(difference: &Difference) -> Value {
    match difference {
        Difference::Missing { topic } => json!({ "topic": topic, "what": "missing" }),
        Difference::Partitions { topic, declared, found, .. } => {
            json!({ "topic": topic, "what": "partitions", "declared": declared, "found": found })
        }
        Difference::Setting { topic, setting, declared, found } => {
            json!({ "topic": topic, "what": setting, "declared": declared, "found": found })
        }
    }
}
