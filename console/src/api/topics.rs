//! Topics: what there is, what they hold, and making them as declared.

use axum::extract::{Query, Request, State};
use axum::response::Response;
use bus::{BusError, Extent, Partition};
use contracts::topics::Declared;
use serde::Deserialize;

use super::{Api, Problem, body};
use crate::Log;
use crate::wire::JSON_TYPE;
use crate::wire::json::{Applied, ExtentJson, Extents, Topics, Topology};

pub async fn list(State(api): State<Api>) -> Result<Response, Problem> {
    let found = api.with_log(|log| log.topics()).await?;
    Ok(body::json(&Topics { topics: found.iter().map(Into::into).collect() }))
}

pub async fn apply(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let body = body::whole(&api, request, JSON_TYPE).await?;
    let topology: Topology = serde_json::from_slice(&body).map_err(|error| Problem::invalid(error.to_string()))?;
    let declared: Vec<Declared> = topology.topics.into_iter().map(Into::into).collect();
    let differences = api.with_log(move |log| log.apply(&declared)).await?;
    Ok(body::json(&Applied { differences: differences.iter().map(ToString::to_string).collect() }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtentsQuery {
    topic: Option<String>,
}

pub async fn extents(
    State(api): State<Api>,
    query: Result<Query<ExtentsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let extents = api.with_log(move |log| extents_of(log, query.topic.as_deref())).await?;
    Ok(body::json(&Extents { extents }))
}

fn extents_of(log: &dyn Log, topic: Option<&str>) -> bus::Result<Vec<ExtentJson>> {
    let topics = log.topics()?;
    let chosen: Vec<_> = topics.iter().filter(|found| topic.is_none_or(|topic| topic == found.name)).collect();
    if let (Some(topic), true) = (topic, chosen.is_empty()) {
        return Err(BusError::UnknownTopic { topic: topic.to_owned() });
    }
    let partitions =
        chosen.iter().flat_map(|found| (0..found.partitions.get()).map(|index| Partition::new(&found.name, index)));
    partitions
        .map(|partition| {
            let Extent { earliest, end } = log.extent(&partition)?;
            let topic = partition.topic.to_string();
            Ok(ExtentJson { topic, partition: partition.index, earliest: earliest.0, end: end.0 })
        })
        .collect()
}
