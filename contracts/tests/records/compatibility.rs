//! A change that other versions cannot live with is found, by the full path of its field.

use contracts::record::Record;
use contracts::records::{Alert, DeadLetter, TelemetryEvent};
use contracts::schema::breaks;

fn check<R: Record>(from: &str, to: &str, expected: &[&str]) {
    let old = R::schema().text();
    assert!(old.contains(from), "{from}");
    let new = old.replacen(from, to, 1);
    let found: Vec<_> = breaks(old, &new).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

const TOPIC: &str = r#"    {"name": "topic", "type": "string",
      "doc": "Logical dotted topic that subscriptions match."},
"#;

#[test]
fn what_breaks_is_named_with_its_path() {
    let removed =
        "removed, and those who still read it have no default for it; keep the field, or start a _v2 of the record";
    let added =
        "added without a default, which data written before would need; give it one, or start a _v2 of the record";
    check::<TelemetryEvent>(TOPIC, "", &[&format!("`topic`: {removed}")]);
    check::<TelemetryEvent>(
        r#""name": "topic""#,
        r#""name": "subject""#,
        &[&format!("`topic`: {removed}"), &format!("`subject`: {added}")],
    );
    check::<TelemetryEvent>(
        TOPIC,
        &format!("{TOPIC}{}", TOPIC.replace("topic", "another")),
        &[&format!("`another`: {added}")],
    );
    check::<TelemetryEvent>(
        r#"{"name": "event_depth", "type": "int""#,
        r#"{"name": "event_depth", "type": "long""#,
        &["`event_depth`: its type was int and is long; keep the type, or start a _v2 of the record"],
    );
    check::<TelemetryEvent>(
        "timestamp-micros",
        "timestamp-millis",
        &[
            "`observed_at`: its type was timestampmicros and is timestampmillis; keep the type, or start a _v2 of the record",
        ],
    );
    check::<TelemetryEvent>(
        r#"{"name": "seq", "type": "long""#,
        r#"{"name": "seq", "type": ["null", "long"]"#,
        &["`stream.seq`: its type was long and is [null, long]; keep the type, or start a _v2 of the record"],
    );
}

#[test]
fn a_break_deep_inside_another_record_is_named_from_the_outside() {
    check::<Alert>(
        r#"{"name": "boot_id", "type": "string""#,
        r#"{"name": "boot_id", "type": "bytes""#,
        &[
            "`trigger_event.stream.boot_id`: its type was string and is bytes; keep the type, or start a _v2 of the record",
        ],
    );
    check::<Alert>(
        r#""name": "evidence_ref""#,
        r#""name": "evidence""#,
        &[
            "`evidence_refs`: its type was record evidence_ref and is record evidence; keep the type, or start a _v2 of the record",
        ],
    );
}

#[test]
fn an_enum_without_a_default_can_neither_lose_nor_win_a_symbol() {
    check::<TelemetryEvent>(
        r#""external", "watcher""#,
        r#""watcher""#,
        &[
            "`source_type`: symbol external was removed, and data with it has no place to go; keep the symbol, or start a _v2 of the record",
        ],
    );
    check::<TelemetryEvent>(
        r#""watcher"]"#,
        r#""watcher", "robot"]"#,
        &[
            "`source_type`: symbol robot was added to an enum without a default, so that older readers cannot read it, or start a _v2 of the record",
        ],
    );
    check::<DeadLetter>(r#""control_mismatch"]"#, r#""control_mismatch", "unsigned"]"#, &[]);
}

#[test]
fn what_others_can_live_with_is_allowed() {
    check::<TelemetryEvent>("Logical dotted topic", "The logical, dotted topic", &[]);
    check::<TelemetryEvent>(
        TOPIC,
        &format!(r#"{TOPIC}{{"name": "region", "type": ["null", "string"], "default": null, "doc": "Where."}},"#),
        &[],
    );
    let labels = r#"    {"name": "labels", "type": {"type": "map", "values": "string"}, "default": {},
      "doc": "Free text by name, at most 64 members."},
"#;
    check::<TelemetryEvent>(labels, "", &[]);
}

/// `apache-avro`'s own opinion is the second one: what it refuses, ours refuses.
#[test]
fn whatever_avro_itself_refuses_is_refused() {
    use apache_avro::Schema;
    use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
    let old = TelemetryEvent::schema().text();
    for (from, to) in [
        (TOPIC, ""),
        (r#""name": "topic""#, r#""name": "subject""#),
        (r#"{"name": "event_depth", "type": "int""#, r#"{"name": "event_depth", "type": "string""#),
        (r#""external", "watcher""#, r#""watcher""#),
        ("Logical dotted topic", "The logical, dotted topic"),
    ] {
        let new = old.replacen(from, to, 1);
        let (a, b) = (Schema::parse_str(old).unwrap(), Schema::parse_str(&new).unwrap());
        let theirs = SchemaCompatibility::mutual_read(&a, &b) == Ok(Compatibility::Full);
        assert_eq!(breaks(old, &new).unwrap().is_empty(), theirs, "{from}");
    }
}
