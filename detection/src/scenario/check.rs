//! A case against what came of it.

use std::fmt::Write as _;

use contracts::json::{self, Mode, Object, Value};
use contracts::json_face;
use contracts::limits::JSON_FACE_DEPTH_MAX;
use contracts::records::{Alert, AnyRecord};

use super::{Case, Rig, difference};

/// What cases may say of an alert beside its own fields: the endpoint of its event, and `occurrences` by the name that rules
/// have for it.
pub(super) const SHORT_NAMES: [&str; 2] = ["endpoint_id", "count"];

/// In lines for people, what came of a case otherwise than it expects: none if the rig raised its alerts, in their order, and no
/// others.
pub fn failure(case: &Case<'_>, rig: &Rig) -> Option<String> {
    let raised: Vec<&Alert> = rig.alerts().collect();
    let mut why = String::new();
    if raised.len() != case.alerts.len() {
        writeln!(why, "expected {}, raised {}", counted(case.alerts.len()), raised.len()).expect(TAKES);
    }
    let first = case.alerts.iter().zip(&raised).enumerate().find_map(|(number, (expected, alert))| {
        let text = json_face::to_json(*alert);
        let difference = difference(expected, &found(alert, &text))?;
        Some(format!("alert {}:\n{difference}\n", number + 1))
    });
    why.extend(first);
    if why.is_empty() {
        return None;
    }
    for missing in case.alerts.iter().skip(raised.len()) {
        writeln!(why, "not raised: {missing}").expect(TAKES);
    }
    for alert in raised {
        let Alert { message, rule_id, trigger_event: event, .. } = alert;
        let details = rig.rows.iter().find_map(|row| compared(&row.record, alert)).unwrap_or_default();
        writeln!(why, "raised: {message} ({rule_id} on {}, event {}{details})", event.endpoint_id, event.event_id)
            .expect(TAKES);
    }
    Some(why)
}

const TAKES: &str = "invariant: a String takes text";

fn counted(alerts: usize) -> String {
    if alerts == 1 { "1 alert".to_owned() } else { format!("{alerts} alerts") }
}

/// The alert as a case names its parts. `text` is its JSON.
fn found<'t>(alert: &Alert, text: &'t str) -> Value<'t> {
    let found = json::parse(text.as_bytes(), Mode::Tolerant, JSON_FACE_DEPTH_MAX).expect("invariant: we wrote it");
    let Value::Object(found) = found else { unreachable!("invariant: a record is an object") };
    let [endpoint_id, count] = SHORT_NAMES;
    let endpoint = alert.trigger_event.endpoint_id.as_str().to_owned();
    found.with(endpoint_id, endpoint).with(count, alert.occurrences).into()
}

/// What the rule compared when it raised the alert, as `rule.matched` tells it.
fn compared(record: &AnyRecord, alert: &Alert) -> Option<String> {
    let AnyRecord::TelemetryEvent(event) = record else { return None };
    if event.event_type != "rule.matched" || event.causation_id.as_ref() != Some(&alert.trigger_event.event_id) {
        return None;
    }
    let payload = json::parse(event.payload.as_str().as_bytes(), Mode::Tolerant, JSON_FACE_DEPTH_MAX).ok()?;
    let details = payload.as_object()?.get("match_details").filter(|details| *details != &Object::new().into())?;
    Some(format!("; compared {details}"))
}
