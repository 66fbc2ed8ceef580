//! What happens to a pipeline, made from numbers alone: events of some endpoints, ticks and commands, each at its time.

use std::sync::Arc;

use contracts::avro::Framing;
use contracts::codec;
use contracts::draft::{Fill, event_from_json};
use contracts::field::JsonObject;
use contracts::id::{CommandId, EndpointId};
use contracts::records::{ControlCommand, ControlCommandType};
use contracts::time::Timestamp;
use detection::plan::Plan;

use crate::quick::{self, PAYLOADS, TOPICS};

/// The rule whose state lies in the second stage.
pub const ROUTED: &str = "fleet_count";

const ENDPOINTS: usize = 7;

pub struct Happening {
    pub at: Timestamp,
    pub what: What,
}

pub enum What {
    /// Key and value.
    Event(String, Vec<u8>),
    /// On every partition.
    Tick,
    /// Marked on every partition.
    Command(Vec<u8>),
}

/// Numbers that look random and are the same everywhere: a linear congruence, its high bits.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

pub fn script(seed: u64, length: usize) -> Vec<Happening> {
    let mut numbers = Numbers(seed);
    let mut seq = [0; ENDPOINTS];
    let mut micros = 1_767_225_600_000_000;
    let happening = |place: usize| {
        // Now and then nothing happens for a while.
        micros += if numbers.below(8) == 0 { numbers.below(70_000_000) } else { numbers.below(900_000) };
        let now = micros.cast_signed();
        let at = Timestamp::from_micros(now).unwrap();
        if numbers.below(6) == 0 {
            return Happening { at, what: What::Tick };
        }
        if numbers.below(20) == 0 {
            return Happening { at, what: What::Command(command(place, at, &mut numbers)) };
        }
        let endpoint = numbers.below(ENDPOINTS as u64);
        let late = if numbers.below(4) == 0 { numbers.below(80_000_000) } else { 0 };
        let stream = &mut seq[usize::try_from(endpoint).unwrap()];
        *stream += if numbers.below(30) == 0 { 2 } else { 1 };
        let text = format!(
            r#"{{"topic":"{}","payload":{},"stream":{{"boot_id":"b","seq":{stream}}}}}"#,
            numbers.pick(&TOPICS),
            numbers.pick(&PAYLOADS)
        );
        let endpoint_id = EndpointId::new(format!("host-{endpoint}"));
        let observed_at = Timestamp::from_micros(now - late.cast_signed()).unwrap();
        let fill = Fill { endpoint_id: &endpoint_id, now: observed_at, source: "test", place: place as u64 };
        let mut value = Vec::new();
        codec::encode(&event_from_json(text.as_bytes(), &fill).unwrap(), Framing::SingleObject, &mut value).unwrap();
        Happening { at, what: What::Event(endpoint_id.as_str().to_owned(), value) }
    };
    (0..length).map(happening).collect()
}

/// Switches a rule, or mutes it for a while.
fn command(place: usize, now: Timestamp, numbers: &mut Numbers) -> Vec<u8> {
    let rule = numbers.pick(&["quick_count", "quick_distinct", "quick_absence", "pii_email", ROUTED]);
    let commands = [ControlCommandType::DisableRule, ControlCommandType::EnableRule, ControlCommandType::Mute];
    let command = numbers.pick(&commands);
    let until = Timestamp::from_micros(now.micros() + 20_000_000).unwrap();
    let parameters = match command {
        ControlCommandType::Mute => format!(r#"{{"rule_id":"{rule}","until":"{until}"}}"#),
        _ => format!(r#"{{"rule_id":"{rule}"}}"#),
    };
    let command = ControlCommand {
        command_id: CommandId::new(format!("command-{place}")),
        command,
        parameters: JsonObject::new(parameters).unwrap(),
        issued_by: "ann".to_owned(),
        issued_at: now,
        reason: None,
    };
    let mut value = Vec::new();
    codec::encode(&command, Framing::SingleObject, &mut value).unwrap();
    value
}

pub fn plan() -> Arc<Plan> {
    quick::plan(&[quick::ROUTED])
}
