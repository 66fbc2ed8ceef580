//! Events as anybody's program posts them: NDJSON, filled in and checked line by line.
//!
//! Invariant: every line that is not blank has its result. Good lines are stored although others are bad.

use axum::extract::{Request, State};
use axum::response::Response;
use bus::ErrorKind;
use contracts::avro::Framing;
use contracts::time::Timestamp;

use super::{Api, Problem, body};
use crate::Log;
use crate::intake::{Intake, Prepared, Refusal, Trust};
use crate::log::deliver;
use crate::wire::json::{Accepted, ErrorJson, LineOutcome, LineResult};
use crate::wire::{NDJSON_TYPE, ROWS_MAX};

pub async fn accept(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let body = body::whole(&api, request, NDJSON_TYPE).await?;
    let intake = Intake {
        endpoint_id: api.endpoint_id.clone(),
        source: "http",
        trust: Trust::Anybody,
        framing: Framing::SingleObject,
    };
    let (now, within) = ((api.now)(), api.bounds.log_within);
    let accepted = api.with_log(move |log| {
        let lines = prepare(&intake, &body, now)?;
        let results = store(log, lines, within)?;
        let refused = results.iter().filter(|result| matches!(result.outcome, LineOutcome::Refused { .. })).count();
        Ok::<_, Problem>(Accepted { accepted: (results.len() - refused) as u64, refused: refused as u64, results })
    });
    Ok(body::json(&accepted.await?))
}

type Line = (u64, Result<Prepared, Refusal>);

fn prepare(intake: &Intake, body: &[u8], now: Timestamp) -> Result<Vec<Line>, Problem> {
    let lines = (1..).zip(body.split(|byte| *byte == b'\n'));
    let lines: Vec<(u64, &[u8])> = lines.filter(|(_, line)| !line.trim_ascii().is_empty()).collect();
    if lines.len() > ROWS_MAX {
        return Err(Problem::too_many(lines.len()));
    }
    Ok(lines.into_iter().map(|(number, line)| (number, intake.prepare(line, number, now))).collect())
}

fn store(log: &dyn Log, lines: Vec<Line>, within: std::time::Duration) -> Result<Vec<LineResult>, Problem> {
    let good: Vec<&Prepared> = lines.iter().filter_map(|(_, line)| line.as_ref().ok()).collect();
    let headers: Vec<_> = good.iter().map(|prepared| prepared.headers()).collect();
    let rows: Vec<_> = good.iter().zip(&headers).map(|(prepared, headers)| prepared.row(headers)).collect();
    let mut fates = deliver(log, &rows, within)?.into_iter();
    let results = lines.into_iter().map(|(line, prepared)| {
        let outcome = match prepared {
            Ok(prepared) => match fates.next().expect("invariant: a fate for each row") {
                Ok((partition, offset)) => LineOutcome::Stored {
                    event_id: prepared.event_id.as_str().to_owned(),
                    partition: partition.index,
                    offset: offset.0,
                },
                Err(error) => LineOutcome::Refused { error: ErrorJson::new(error.kind(), &error) },
            },
            Err(refusal) => LineOutcome::Refused { error: ErrorJson::new(ErrorKind::Invalid, &refusal) },
        };
        LineResult { line, outcome }
    });
    Ok(results.collect())
}
