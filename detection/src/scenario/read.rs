//! The file of cases, read.
//!
//! ```json
//! {"cases": [{"name": "…", "events": [{"topic": "…", "payload": {}, "at": "10s", "repeat": 5, "every": "1s"}], "alerts": [{}]}]}
//! ```
//!
//! An event is what `tripline send` takes. `at` is its time after the start of the case, negative for one that comes late;
//! without it, the time of the event before. `{"tick": "90s"}` is a tick, `{"command": {…}}` a command.

use std::time::Duration;

use contracts::draft::{Fill, event_from_value};
use contracts::id::EndpointId;
use contracts::json::{self, Mode, Object, Value};
use contracts::json_face::{self, JsonError};
use contracts::nearest::nearest;
use contracts::settings::parse_duration;
use contracts::time::Timestamp;

use super::{CASES_MAX, Case, ENTRIES_MAX, Entry, START_MICROS, What};

/// Nesting of a file of cases: its own, and a record's.
pub(super) const DEPTH_MAX: usize = contracts::limits::JSON_FACE_DEPTH_MAX + 8;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    #[error("expected JSON; {0}")]
    Syntax(#[from] json::Error),
    #[error("{place}: expected {expected}, found {found}")]
    Wrong { place: String, expected: &'static str, found: String },
    #[error("{place}: expected one of {expected}, found `{found}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownMember { place: String, expected: String, found: String, near: Option<String> },
    #[error("{place}: {source}")]
    Record { place: String, source: JsonError },
    #[error("{place}: expected at most {max} {what}")]
    TooMany { place: String, what: &'static str, max: usize },
}

pub fn read(text: &str) -> Result<Vec<Case<'_>>, CaseError> {
    let file = json::parse(text.as_bytes(), Mode::Tolerant, DEPTH_MAX)?;
    let file = object(file, "the file")?;
    known_members(&file, "the file", &["cases"])?;
    let cases = array(file.get("cases").cloned(), "cases")?;
    if cases.len() > CASES_MAX {
        return Err(CaseError::TooMany { place: "cases".to_owned(), what: "cases", max: CASES_MAX });
    }
    let cases = cases.into_iter().enumerate();
    cases.map(|(number, value)| case(value, &format!("cases[{number}]"))).collect()
}

fn case<'a>(value: Value<'a>, place: &str) -> Result<Case<'a>, CaseError> {
    let case = object(value, place)?;
    known_members(&case, place, &["name", "events", "alerts"])?;
    let name = case.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| wrong(&format!("{place}.name"), "a name", case.get("name")))?.to_owned();
    let place = format!("{place} ({name})");
    let mut entries = Entries::of_case();
    let events = array(case.get("events").cloned(), &format!("{place}.events"))?;
    for (number, value) in events.into_iter().enumerate() {
        entries.add(value, &format!("{place}.events[{number}]"))?;
    }
    let alerts = array(case.get("alerts").cloned(), &format!("{place}.alerts"))?;
    for (number, alert) in alerts.iter().enumerate() {
        alert.as_object().ok_or_else(|| wrong(&format!("{place}.alerts[{number}]"), "an object", Some(alert)))?;
    }
    Ok(Case { name, entries: entries.list, alerts })
}

/// Events, commands and ticks as people write them, on their way to a log.
pub(super) struct Entries {
    /// The time of the event before.
    at_micros: i64,
    /// The greatest append time so far: a log's time does not go backwards.
    appended_micros: i64,
    times: Times,
    list: Vec<Entry>,
}

/// What the time of an event without `at` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    /// That of the event before; an `observed_at` of its own is a time that an endpoint claims.
    Standing,
    /// Its own `observed_at`, so that what was recorded is appended when it happened; without one, a little later than the event
    /// before.
    Going,
}

const GOING_STEP_MICROS: i64 = 1_000;

/// More would tell nothing that fewer do not.
const TICKS_OF_SILENCE_MAX: u64 = 300;

impl Entries {
    pub fn of_case() -> Self {
        Self { at_micros: START_MICROS, appended_micros: i64::MIN, times: Times::Standing, list: Vec::new() }
    }

    pub fn of_test() -> Self {
        Self { times: Times::Going, at_micros: START_MICROS - GOING_STEP_MICROS, ..Self::of_case() }
    }

    pub fn into_vec(self) -> Vec<Entry> {
        self.list
    }

    /// Time goes on, and ticks tell of it: each second, or less often.
    pub fn add_silence(&mut self, silence: Duration) -> Result<(), CaseError> {
        let ticks = silence.as_secs().clamp(1, TICKS_OF_SILENCE_MAX);
        let from = if self.list.is_empty() { START_MICROS } else { self.appended_micros };
        let length = silence.as_micros();
        for tick in 1..=ticks {
            let passed = length * u128::from(tick) / u128::from(ticks);
            self.at_micros = from.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
            self.push("silence", |_| Ok(What::Tick))?;
        }
        Ok(())
    }

    pub fn add(&mut self, value: Value<'_>, place: &str) -> Result<(), CaseError> {
        let mut members = object(value, place)?;
        if let Some(tick) = take(&mut members, "tick") {
            known_members(&members, place, &["tick"])?;
            self.at_micros = START_MICROS + offset_micros(&tick, &format!("{place}.tick"))?;
            return self.push(place, |_| Ok(What::Tick));
        }
        let at = take(&mut members, "at");
        if self.times == Times::Going && at.is_none() {
            self.at_micros = self.at_micros.saturating_add(GOING_STEP_MICROS);
        }
        if let Some(at) = at {
            self.at_micros = START_MICROS + offset_micros(&at, &format!("{place}.at"))?;
        }
        if let Some(command) = take(&mut members, "command") {
            known_members(&members, place, &["command", "at"])?;
            let command = json_face::from_value(&command);
            let command = command.map_err(|source| CaseError::Record { place: place.to_owned(), source })?;
            return self.push(place, |_| Ok(What::Command(Box::new(command))));
        }
        let repeat = take(&mut members, "repeat").map_or(Ok(1), |repeat| {
            let count = repeat.as_number().and_then(json::Number::to_i64).filter(|count| *count > 0);
            count.ok_or_else(|| wrong(&format!("{place}.repeat"), "a whole number above 0", Some(&repeat)))
        })?;
        let every = take(&mut members, "every");
        let every = every.map_or(Ok(0), |every| offset_micros(&every, &format!("{place}.every")))?;
        for time in 0..repeat {
            self.at_micros += if time > 0 { every } else { 0 };
            let event = members.clone();
            self.push(place, |fill| {
                event_from_value(Value::Object(event), fill).map(|event| What::Event(Box::new(event)))
            })?;
        }
        Ok(())
    }

    fn push(&mut self, place: &str, what: impl FnOnce(&Fill<'_>) -> Result<What, JsonError>) -> Result<(), CaseError> {
        if self.list.len() == ENTRIES_MAX {
            return Err(CaseError::TooMany { place: place.to_owned(), what: "events", max: ENTRIES_MAX });
        }
        let time = |micros| {
            Timestamp::from_micros(micros).map_err(|_| CaseError::Wrong {
                place: place.to_owned(),
                expected: "a time in the years 0000 to 9999",
                found: "one beyond".to_owned(),
            })
        };
        let now = time(self.at_micros)?;
        let endpoint_id = EndpointId::new("host-1");
        let number = self.list.len() as u64;
        let fill = Fill { endpoint_id: &endpoint_id, now, source: "case", place: number };
        let what = what(&fill).map_err(|source| CaseError::Record { place: place.to_owned(), source })?;
        if let (Times::Going, What::Event(event)) = (self.times, &what) {
            self.at_micros = event.observed_at.micros();
        }
        self.appended_micros = self.appended_micros.max(self.at_micros);
        self.list.push(Entry { appended_at: time(self.appended_micros)?, what });
        Ok(())
    }
}

/// `10s`, `-500ms`.
fn offset_micros(value: &Value<'_>, place: &str) -> Result<i64, CaseError> {
    let micros = value.as_str().and_then(|text| {
        let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let micros = i64::try_from(parse_duration(text)?.as_micros()).ok()?;
        // Halved, so that no sum of two overflows.
        (micros < i64::MAX / 4).then_some(sign * micros)
    });
    micros.ok_or_else(|| wrong(place, "a time such as \"10s\" (units ms, s, m, h, d)", Some(value)))
}

fn take<'a>(members: &mut Object<'a>, name: &str) -> Option<Value<'a>> {
    let value = members.get(name).cloned()?;
    *members = std::mem::take(members)
        .into_iter()
        .filter(|(key, _)| key != name)
        .fold(Object::new(), |rest, (key, value)| rest.with(key, value));
    Some(value)
}

fn known_members(members: &Object<'_>, place: &str, known: &[&str]) -> Result<(), CaseError> {
    match members.iter().find(|(name, _)| !known.contains(name)) {
        None => Ok(()),
        Some((found, _)) => Err(CaseError::UnknownMember {
            place: place.to_owned(),
            expected: known.join(", "),
            found: found.to_owned(),
            near: nearest(found, known.iter().copied()).map(str::to_owned),
        }),
    }
}

fn object<'a>(value: Value<'a>, place: &str) -> Result<Object<'a>, CaseError> {
    match value {
        Value::Object(members) => Ok(members),
        other => Err(wrong(place, "an object", Some(&other))),
    }
}

fn array<'a>(value: Option<Value<'a>>, place: &str) -> Result<Vec<Value<'a>>, CaseError> {
    match value {
        Some(Value::Array(items)) => Ok(items),
        other => Err(wrong(place, "a list", other.as_ref())),
    }
}

fn wrong(place: &str, expected: &'static str, found: Option<&Value<'_>>) -> CaseError {
    let found = found.map_or("nothing", Value::kind).to_owned();
    CaseError::Wrong { place: place.to_owned(), expected, found }
}
