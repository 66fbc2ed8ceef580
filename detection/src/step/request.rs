//! A rule whose action is a guardrail's asks for it: the intent, which an actuator judges by its policy.
//!
//! Absent on purpose: what the actuator resolves from its own policy and playbooks, and limits of the action; one that needs
//! a limit refuses by name to run without it.

use contracts::field::JsonObject;
use contracts::id::{EndpointId, EventId};
use contracts::identity::RequestParts;
use contracts::records::{AlertAction, Constraints, GuardrailRequest};
use contracts::topics::GUARDRAIL_REQUESTS;

use super::alert::Raised;
use super::effects::Row;
use super::round::{Match, Round};
use super::watcher::timestamp;

/// Publishes the request of an alert, if its rule asks for a guardrail action.
pub(crate) fn propose(round: &mut Round<'_, '_>, matched: &Match<'_>, raised: &Raised) {
    if let AlertAction::Guardrail { action_type, parameters } = &matched.rule.rule.action {
        let request = request(matched, raised, action_type, parameters);
        let key = request.endpoint_id.to_string();
        round.out.rows.push(Row { topic: GUARDRAIL_REQUESTS, key, record: request.into() });
    }
}

fn request(matched: &Match<'_>, raised: &Raised, action_type: &str, parameters: &JsonObject) -> GuardrailRequest {
    let rule = &matched.rule.rule;
    let requested_by = format!("rule:{}", rule.id);
    let parts = RequestParts {
        action_type,
        alert_id: &raised.alert_id,
        parameters,
        requested_at: timestamp(matched.triggered_at),
        requested_by: &requested_by,
    };
    GuardrailRequest {
        request_id: parts.id(),
        alert_id: raised.alert_id.clone(),
        trigger_event_id: EventId::new(matched.event.event_id)
            .expect("invariant: the length was checked when the id was read"),
        rule_id: rule.id.clone(),
        policy_version: None,
        endpoint_id: EndpointId::new(matched.event.endpoint_id),
        action_type: action_type.to_owned(),
        parameters: parameters.clone(),
        playbook: None,
        cacao_step_id: None,
        rect_technique_id: None,
        confidence: rule.confidence,
        evidence_refs: raised.evidence_refs.clone(),
        constraints: Constraints { timeout_ms: None, cpu_percent: None, memory_bytes: None, tasks_max: None },
        requested_at: parts.requested_at,
        requested_by,
        not_after: None,
        signature: None,
        dry_run: false,
        depth: matched.event.event_depth,
    }
}
