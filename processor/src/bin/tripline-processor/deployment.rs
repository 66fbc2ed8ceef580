//! What the service finds: cluster, topics, registry; and whether that is what was declared.
//!
//! Invariant: nothing is made or changed here. Topics and schemas are made by who runs `tripline topology apply` and
//! `tripline schemas publish`.

use std::sync::Arc;

use bus::registry::Registry;
use bus::topic::differences;
use bus::{Bus, Difference, Found};
use contracts::codec::Schemas;
use contracts::schema::BuiltIn;
use contracts::topology::Topology;
use processor::{Framings, Stage, TOPICS};

use crate::failure::Failure;

/// Holds the topics that a processor needs against what is declared: all of them must be there, with as many partitions, and
/// inputs must carry the log's own time. Other differences are the operator's, and warned of.
pub fn check(bus: &dyn Bus, topology: Option<&(String, Topology)>) -> Result<(), Failure> {
    let found = bus.topics()?;
    let of_topic = |name: &str| differences_of(name, topology, found.iter().find(|found| found.name == name));
    let (grave, slight): (Vec<Difference>, Vec<Difference>) =
        TOPICS.iter().copied().flat_map(of_topic).partition(is_grave);
    for difference in &slight {
        tracing::warn!(%difference, "a topic is not as declared");
    }
    if grave.is_empty() {
        return Ok(());
    }
    let declared = topology.map_or_else(|| "every deployment".to_owned(), |(name, _)| name.clone());
    Err(Failure::TopicsDiffer { declared, differences: grave })
}

/// Without a topology a topic has to be there, however it is.
fn differences_of(name: &str, topology: Option<&(String, Topology)>, found: Option<&Found>) -> Vec<Difference> {
    match (topology.map(|(_, topology)| topology.topic(name)), found) {
        (Some(Some(declared)), found) => differences(declared, found),
        (Some(None) | None, None) => vec![Difference::Missing { topic: name.to_owned() }],
        (Some(None) | None, Some(_)) => Vec::new(),
    }
}

fn is_grave(difference: &Difference) -> bool {
    match difference {
        Difference::Missing { .. } | Difference::Partitions { .. } => true,
        // Windows, mutes and ticks go by it, and an endpoint could forge its own.
        Difference::Setting { topic, setting, .. } => {
            *setting == "time of a record" && Stage::ALL.iter().any(|stage| stage.topic() == topic)
        }
    }
}

pub fn framings(registry: Option<&Registry>) -> Result<Framings, Failure> {
    Ok(registry.map_or_else(|| Ok(Framings::default()), Framings::registered)?)
}

pub fn lookup(registry: Option<Registry>) -> Arc<dyn Schemas + Send + Sync> {
    match registry {
        Some(registry) => Arc::new(registry),
        None => Arc::new(BuiltIn),
    }
}
