//! What the read model says, and commands about it.
//!
//! Invariant: a command that is answered with 200 is carried out, and whoever asks the model from then on sees it.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::ErrorKind;
use contracts::avro::Framing;
use contracts::field::Symbols;
use contracts::json::{self, Mode, Object, Value};
use contracts::limits::JSON_FACE_DEPTH_MAX;
use contracts::records::{ControlCommandType, Severity};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc as channel;

use super::records::Chunks;
use super::{Api, Problem, body};
use crate::control::{self, Answerers, CommandError, Desk, Done};
use crate::explain::{self, ExplainError};
use crate::follower::FoldError;
use crate::model::{ALERTS_MAX, AlertFilter, Model, NoAlert, StatusFilter};
use crate::wire::view::{AlertStatus, ChangeJson, Commanded};
use crate::wire::{JSON_TYPE, NDJSON_TYPE};

/// Alerts of one answer where nobody says how many.
const ALERTS_DEFAULT: usize = 100;
/// How long whoever watches waits for news before it hears that somebody is there: an empty line.
const WATCH: Duration = Duration::from_millis(500);
const LINES_WAITING_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertsQuery {
    rule: Option<String>,
    severity: Option<String>,
    endpoint: Option<String>,
    status: Option<String>,
    since: Option<String>,
    limit: Option<usize>,
}

type Queried = Result<Query<AlertsQuery>, QueryRejection>;

pub async fn alerts(State(api): State<Api>, query: Queried) -> Result<Response, Problem> {
    let filter = filter(query)?;
    Ok(body::json(&api.ask(move |model| model.alerts(&filter)).await?))
}

pub async fn alert(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Problem> {
    let detail = api.ask(move |model| model.alert(&id)).await??;
    let explained = api.with_log(move |log| explain::explain(log, &BuiltIn, detail)).await?;
    Ok(([(header::CONTENT_TYPE, JSON_TYPE)], Body::from(explained.to_json())).into_response())
}

pub async fn rules(State(api): State<Api>) -> Result<Response, Problem> {
    let now = (api.now)();
    Ok(body::json(&api.ask(move |model| model.rules(now)).await?))
}

pub async fn subscriptions(State(api): State<Api>) -> Result<Response, Problem> {
    Ok(body::json(&api.ask(Model::subscriptions).await?))
}

pub async fn stats(State(api): State<Api>) -> Result<Response, Problem> {
    Ok(body::json(&api.ask(Model::stats).await?))
}

/// Changes as they come, one object a line, for as long as the client listens.
pub async fn watch(State(api): State<Api>, query: Queried) -> Result<Response, Problem> {
    let filter = filter(query)?;
    let permit = api.stream()?;
    let (lines, waiting) = channel::channel::<Bytes>(LINES_WAITING_MAX);
    let (follower, closing) = (api.follower.clone(), api.closing.clone());
    // From here on, not from when the thread gets to it.
    let mut next = follower.next_change();
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        while !*closing.borrow() && !lines.is_closed() {
            let news = follower.changes(next, WATCH);
            next = news.next;
            let mut text: String = news.changes.iter().filter(|change| filter.takes_change(change)).map(line).collect();
            if text.is_empty() {
                text.push('\n');
            }
            if lines.blocking_send(text.into()).is_err() {
                return;
            }
        }
    });
    Ok(([(header::CONTENT_TYPE, NDJSON_TYPE)], Body::new(Chunks::new(waiting))).into_response())
}

fn line(change: &ChangeJson) -> String {
    serde_json::to_string(change).expect("invariant: a change is JSON") + "\n"
}

fn filter(query: Queried) -> Result<AlertFilter, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let limit = query.limit.unwrap_or(ALERTS_DEFAULT);
    if limit > ALERTS_MAX {
        return Err(Problem::invalid(format!("`limit`: expected at most {ALERTS_MAX}, found {limit}")));
    }
    Ok(AlertFilter {
        rule_id: query.rule,
        severity: query.severity.as_deref().map(severity).transpose()?,
        endpoint_id: query.endpoint,
        status: status(query.status.as_deref().unwrap_or("active"))?,
        since: query.since.as_deref().map(time("since")).transpose()?,
        limit,
    })
}

fn severity(text: &str) -> Result<Severity, Problem> {
    let known = Severity::SYMBOLS.join(", ");
    Severity::from_symbol(text)
        .ok_or_else(|| Problem::invalid(format!("`severity`: expected one of {known}, found {text:?}")))
}

fn status(text: &str) -> Result<Option<StatusFilter>, Problem> {
    let known = AlertStatus::ALL.into_iter().find(|known| known.as_str() == text);
    match (text, known) {
        (_, Some(status)) => Ok(Some(StatusFilter::Only(status))),
        ("active", None) => Ok(Some(StatusFilter::Active)),
        ("all", None) => Ok(None),
        _ => {
            let message = format!("`status`: expected active, open, acknowledged, resolved or all, found {text:?}");
            Err(Problem::invalid(message))
        }
    }
}

fn time(name: &'static str) -> impl Fn(&str) -> Result<Timestamp, Problem> {
    move |text| text.parse().map_err(|error| Problem::invalid(format!("`{name}`: {error}")))
}

/// Who commands where a request does not say.
const BY_DEFAULT: &str = "http";

/// The members of a command's body: `by`, `reason`, and those that are the command's own.
struct Asked {
    by: String,
    reason: Option<String>,
    own: Object<'static>,
}

async fn asked(api: &Api, request: Request, own: &[&'static str]) -> Result<Asked, Problem> {
    let body = body::whole(api, request, JSON_TYPE).await?;
    let wrong = |reason: String| Problem::invalid(format!("the body: {reason}"));
    let value = json::parse(&body, Mode::Strict, JSON_FACE_DEPTH_MAX).map_err(|error| wrong(error.to_string()))?;
    let members = value.as_object().ok_or_else(|| wrong(format!("expected an object, found {}", value.kind())))?;
    let known: Vec<&str> = ["by", "reason"].into_iter().chain(own.iter().copied()).collect();
    if let Some((name, _)) = members.iter().find(|(name, _)| !known.contains(name)) {
        return Err(wrong(format!("expected {}, found {name:?}", known.join(", "))));
    }
    let text = |name: &'static str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone().into_owned())),
        Some(other) => Err(wrong(format!("`{name}`: expected a string, found {}", other.kind()))),
    };
    let (by, reason) = (text("by")?.unwrap_or_else(|| BY_DEFAULT.to_owned()), text("reason")?);
    let mut parameters = Object::new();
    for name in own {
        if let Some(value) = members.get(name) {
            parameters.insert(*name, value.to_static());
        }
    }
    Ok(Asked { by, reason, own: parameters })
}

pub async fn acknowledge(api: State<Api>, id: Path<String>, request: Request) -> Result<Response, Problem> {
    about_alert(api, id, request, ControlCommandType::Acknowledge).await
}

pub async fn resolve(api: State<Api>, id: Path<String>, request: Request) -> Result<Response, Problem> {
    about_alert(api, id, request, ControlCommandType::Resolve).await
}

async fn about_alert(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
    what: ControlCommandType,
) -> Result<Response, Problem> {
    let asked = asked(&api, request, &[]).await?;
    let detail = api.ask(move |model| model.alert(&id)).await??;
    let explained = api.with_log(move |log| explain::explain(log, &BuiltIn, detail)).await?;
    let own = explained.parameters().to_static();
    send(api, what, Asked { own, ..asked }).await
}

pub async fn enable(api: State<Api>, rule: Path<String>, request: Request) -> Result<Response, Problem> {
    about_rule(api, rule, request, ControlCommandType::EnableRule, &[]).await
}

pub async fn disable(api: State<Api>, rule: Path<String>, request: Request) -> Result<Response, Problem> {
    about_rule(api, rule, request, ControlCommandType::DisableRule, &[]).await
}

pub async fn mute(api: State<Api>, rule: Path<String>, request: Request) -> Result<Response, Problem> {
    about_rule(api, rule, request, ControlCommandType::Mute, &["until", "group_key", "endpoint_id"]).await
}

async fn about_rule(
    State(api): State<Api>,
    Path(rule): Path<String>,
    request: Request,
    what: ControlCommandType,
    own: &[&'static str],
) -> Result<Response, Problem> {
    let mut asked = asked(&api, request, own).await?;
    asked.own.insert("rule_id", rule);
    send(api, what, asked).await
}

pub async fn subscribe(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let asked = asked(&api, request, &["watcher", "subscription_id", "subscription", "rules"]).await?;
    send(api, ControlCommandType::Subscribe, asked).await
}

pub async fn unsubscribe(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let mut asked = asked(&api, request, &[]).await?;
    asked.own.insert("subscription_id", id);
    send(api, ControlCommandType::Unsubscribe, asked).await
}

async fn send(api: Api, what: ControlCommandType, asked: Asked) -> Result<Response, Problem> {
    let (now, within) = ((api.now)(), api.bounds.log_within);
    let Asked { by, reason, own } = asked;
    let command =
        control::command(what, &own, &by, now, reason).map_err(|error| Problem::invalid(error.to_string()))?;
    let done = api.with_log(move |log| {
        let desk = Desk { log, schemas: &BuiltIn, framing: Framing::SingleObject };
        desk.send(&command, &Answerers::Owner, within, &mut |_| ())
    });
    Ok(body::json(&commanded(&done.await?)))
}

fn commanded(done: &Done) -> Commanded {
    let answer = done.answers.first();
    Commanded {
        command_id: done.command_id.as_str().to_owned(),
        control_offset: done.offset.0,
        outcome: answer.map(|answer| answer.event.event_type.clone()).unwrap_or_default(),
    }
}

impl From<NoAlert> for Problem {
    fn from(error: NoAlert) -> Self {
        let (status, kind) = match error {
            NoAlert::Unknown { .. } => (StatusCode::NOT_FOUND, ErrorKind::Unknown),
            NoAlert::Several { .. } => (StatusCode::CONFLICT, ErrorKind::Conflict),
        };
        Self::new(status, kind, error.to_string())
    }
}

impl From<ExplainError> for Problem {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Log(error) => error.into(),
            ExplainError::Gone { .. } => Self::new(StatusCode::GONE, ErrorKind::Gone, error.to_string()),
            ExplainError::Record { ref source, .. } => {
                Self::new(StatusCode::BAD_GATEWAY, ErrorKind::Protocol, format!("{error}: {source}"))
            }
        }
    }
}

impl From<FoldError> for Problem {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Log(error) => error.into(),
            FoldError::Schema(_) => Self::new(StatusCode::BAD_GATEWAY, ErrorKind::Protocol, error.to_string()),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let (status, kind) = match &error {
            CommandError::Encoding(_) => (StatusCode::BAD_REQUEST, ErrorKind::Invalid),
            CommandError::Refused { .. } => (StatusCode::CONFLICT, ErrorKind::Conflict),
            CommandError::Log(_)
            | CommandError::Unanswered { .. }
            | CommandError::Left { .. }
            | CommandError::Deaf { .. } => (StatusCode::SERVICE_UNAVAILABLE, ErrorKind::Unavailable),
        };
        match error {
            CommandError::Log(error) => error.into(),
            error => Self::new(status, kind, error.to_string()),
        }
    }
}
