//! Response: what is asked of actuators, what they did, and what people command.

use super::alert::EvidenceRef;
use crate::canonical::Digest;
use crate::field::{Depth, JsonObject, Millionths, SignedMillionths};
use crate::id::{ActionId, AlertId, CommandId, EndpointId, EventId, RequestId, RuleId};
use crate::record::{record, symbols};
use crate::time::Timestamp;

record! {
    /// The intent of one guardrail action.
    pub struct GuardrailRequest as "guardrail_request_v1" {
        /// SHA-256 over what makes the request this one.
        request_id: RequestId,
        /// The alert it answers.
        alert_id: AlertId,
        /// The event that triggered the alert.
        trigger_event_id: EventId,
        /// The rule that raised it.
        rule_id: RuleId,
        /// The response policy the requester knew; the actuator resolves what is absent.
        policy_version: Option<i64>,
        /// Where the action is to have its effect; the record's key.
        endpoint_id: EndpointId,
        /// Which action.
        action_type: String,
        /// The text of a JSON object with the action's parameters.
        parameters: JsonObject,
        /// The playbook the action is a part of.
        playbook: Option<PlaybookRef>,
        /// The playbook's step.
        cacao_step_id: Option<String>,
        /// The RE&CT technique of the step.
        rect_technique_id: Option<String>,
        /// How sure the requester is, in millionths.
        confidence: Millionths,
        /// What supports the request.
        evidence_refs: Vec<EvidenceRef>,
        /// Limits the action runs under.
        constraints: Constraints,
        /// When it was asked; for a rule's request the time of the trigger.
        requested_at: Timestamp,
        /// `rule:` and a rule's id, or a person.
        requested_by: String,
        /// After this it must not be executed.
        not_after: Option<Timestamp>,
        /// SSH signature of a person.
        signature: Option<String>,
        /// True if nothing may be touched.
        dry_run: bool,
        /// Depth of the event that led to the request.
        depth: Depth,
    }
}

record! {
    /// A playbook as it stood when it was chosen.
    pub struct PlaybookRef as "playbook_ref" {
        /// Its CACAO id.
        id: String,
        /// When its author last changed it.
        modified: Timestamp,
        /// SHA-256 of its canonical JSON.
        digest: Digest,
    }
}

record! {
    /// Limits of an action. An action that needs one refuses by name to run without it.
    pub struct Constraints as "constraints" {
        /// How long it may take, in milliseconds.
        timeout_ms: Option<i64>,
        /// Share of one processor, in percent.
        cpu_percent: Option<i32>,
        /// Memory, in bytes.
        memory_bytes: Option<i64>,
        /// Processes and threads.
        tasks_max: Option<i32>,
    }
}

record! {
    /// The result of one guardrail action; refusals and dry runs have one, too.
    pub struct GuardrailAction as "guardrail_action_v1" {
        /// SHA-256 over what makes the action this one.
        action_id: ActionId,
        /// The request it answers.
        request_id: RequestId,
        /// The alert behind the request.
        alert_id: AlertId,
        /// The rule behind the alert.
        rule_id: RuleId,
        /// Where it had its effect; the record's key.
        endpoint_id: EndpointId,
        /// Which action.
        action_type: String,
        /// What it was done to.
        target: String,
        /// How it ended.
        status: ActionStatus,
        /// How it ended, for people.
        result_message: String,
        /// What it left as evidence.
        evidence_refs: Vec<EvidenceRef>,
        /// What undoes it.
        rollback_ref: Option<String>,
        /// The playbook's step.
        cacao_step_id: String,
        /// The RE&CT technique of the step, or an id of our own where RE&CT has none.
        rect_technique_id: String,
        /// The policy that decided; 0 if there was none.
        policy_version: i64,
        /// SHA-256 of the policy that decided; empty if there was none.
        policy_digest: String,
        /// Every gate and its verdict, also when refused.
        gates: Vec<Gate>,
        /// When its evaluation began.
        started_at: Timestamp,
        /// When it had ended.
        ended_at: Timestamp,
        /// True if nothing was touched.
        dry_run: bool,
        /// True if the effect was read back.
        verified: bool,
        /// Its place in the audit chain.
        audit: AuditRef,
        /// A person's judgement, for tuning.
        outcome_label: Option<OutcomeLabel>,
        /// What it did to the endpoint's users.
        impact_summary: Option<String>,
        /// By how much the rule's confidence should change, in millionths.
        confidence_delta: Option<SignedMillionths>,
    }
}

symbols! {
    /// How an action ended; skipped is never success.
    pub enum ActionStatus as "action_status" {
        Success = "success",
        Failed = "failed",
        Skipped = "skipped",
    }
}

record! {
    /// One gate's judgement.
    pub struct Gate as "gate" {
        /// The gate's name.
        gate: String,
        /// Whether it let the request pass.
        verdict: GateVerdict,
        /// What it asks for.
        expected: String,
        /// What it saw.
        found: String,
    }
}

symbols! {
    /// A gate fails closed: what it cannot judge it refuses.
    pub enum GateVerdict as "gate_verdict" {
        Passed = "passed",
        Refused = "refused",
    }
}

record! {
    /// A line of the audit chain.
    pub struct AuditRef as "audit_ref" {
        /// Its number.
        seq: i64,
        /// Its SHA-256.
        hash: Digest,
        /// The SHA-256 of the line before.
        prev_hash: Digest,
    }
}

symbols! {
    /// What an alert or an action turned out to be.
    pub enum OutcomeLabel as "outcome_label" {
        /// True positive.
        Tp = "tp",
        /// False positive.
        Fp = "fp",
        NeedsTuning = "needs_tuning",
    }
}

record! {
    /// A person's judgement of an alert or an action. It proposes changes and never makes one.
    pub struct Outcome as "outcome_v1" {
        /// Names the judgement.
        outcome_id: crate::id::OutcomeId,
        /// The rule that is judged; the record's key.
        rule_id: RuleId,
        /// The alert that is judged.
        alert_id: Option<AlertId>,
        /// The action that is judged.
        action_id: Option<ActionId>,
        /// The judgement.
        outcome_label: OutcomeLabel,
        /// What it did to the endpoint's users.
        impact_summary: Option<String>,
        /// By how much the rule's confidence should change, in millionths.
        confidence_delta: Option<SignedMillionths>,
        /// Who judged.
        labelled_by: String,
        /// When.
        labelled_at: Timestamp,
    }
}

record! {
    /// What a person commands an actuator. Signed; spent once.
    pub struct GuardrailCommand as "guardrail_command_v1" {
        /// Names the command.
        command_id: CommandId,
        /// What to do.
        command: GuardrailCommandType,
        /// Whose actuator is meant; the record's key.
        endpoint_id: EndpointId,
        /// What it is about: an action, a lease or a state.
        subject: String,
        /// SHA-256 over the action, its parameters and the policy the person saw.
        digest: Digest,
        /// The text of a JSON object with the command's parameters.
        parameters: JsonObject,
        /// Makes the signature worth one use.
        nonce: String,
        /// After this it is void.
        not_after: Timestamp,
        /// Who commands.
        issued_by: String,
        /// When.
        issued_at: Timestamp,
        /// SSH signature of that person.
        signature: String,
    }
}

symbols! {
    /// What a person can command an actuator.
    pub enum GuardrailCommandType as "guardrail_command_type" {
        Approve = "approve",
        Deny = "deny",
        Undo = "undo",
        Renew = "renew",
        SetState = "set_state",
    }
}

record! {
    /// A claim on the fleet's budget of actions; the order on its one partition decides.
    pub struct BudgetReservation as "budget_reservation_v1" {
        /// The request it is for.
        request_id: RequestId,
        /// Where the action would have its effect.
        endpoint_id: EndpointId,
        /// Which action.
        action_type: String,
        /// When it was claimed.
        reserved_at: Timestamp,
        /// The actuator that claims.
        instance: String,
    }
}

record! {
    /// A response policy as its signers released it.
    pub struct ResponsePolicy as "response_policy_v1" {
        /// The policy's name; the record's key.
        name: String,
        /// Grows with each release.
        version: i64,
        /// SHA-256 of the body.
        digest: Digest,
        /// The document, exactly as it was signed.
        body: String,
        /// SSH signature of the body.
        signature: String,
        /// Who signed.
        signed_by: String,
    }
}

record! {
    /// Where an endpoint stands, as its actuator keeps it.
    pub struct EndpointState as "endpoint_state_v1" {
        /// The endpoint; the record's key.
        endpoint_id: EndpointId,
        /// Its state.
        state: EndpointCondition,
        /// Since when.
        since: Timestamp,
        /// Why it is in this state.
        reason: String,
        /// Who or what changed it.
        changed_by: String,
        /// Its containment: the highest of the live leases.
        level: ContainmentLevel,
        /// The actions whose leases are live.
        open_leases: Vec<ActionId>,
    }
}

symbols! {
    /// The states of an endpoint, from calm to worst.
    pub enum EndpointCondition as "endpoint_condition" {
        BaselineOk = "BASELINE_OK",
        MonitoredExpectedDrift = "MONITORED_EXPECTED_DRIFT",
        IocConfirmed = "IOC_CONFIRMED",
        PolicyViolationConfirmed = "POLICY_VIOLATION_CONFIRMED",
        IncidentOpen = "INCIDENT_OPEN",
    }
}

symbols! {
    /// How far an endpoint is cut off.
    pub enum ContainmentLevel as "containment_level" {
        None = "none",
        Soft = "soft",
        Medium = "medium",
        Hard = "hard",
    }
}
