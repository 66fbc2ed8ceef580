//! Canonical JSON and its SHA-256: every id and every dedup hash.

use contracts::canonical;
use contracts::json::{self, Mode};

use crate::figure::{Figure, nanoseconds_per_call, to_f64};

const DEPTH_MAX: usize = 64;

pub fn measure(runs: u32) -> Vec<Figure> {
    let document = document();
    let bytes = document.len();
    let megabytes_per_second = |call: &dyn Fn() -> canonical::Digest| -> Vec<f64> {
        (0..runs).map(|_| to_f64(bytes) * 1e3 / nanoseconds_per_call(call)).collect()
    };
    let value = json::parse(document.as_bytes(), Mode::Strict, DEPTH_MAX).expect("the document is JSON");
    let hashed = megabytes_per_second(&|| canonical::id(&value).expect("its numbers are exact"));
    let payload =
        megabytes_per_second(&|| canonical::payload(&document, &[], DEPTH_MAX).expect("the document is JSON").digest());
    let sha_only = megabytes_per_second(&|| canonical::Digest::of(document.as_bytes()));
    [
        ("canonical_sha256_of_parsed", hashed),
        ("parse_normalise_canonical_sha256_of_text", payload),
        ("sha256_alone", sha_only),
    ]
    .map(|(name, runs)| Figure::new(name, "MB/s", &runs).with("document_bytes", bytes))
    .into()
}

/// What a process event looks like: a few strings, a few numbers, one list, one nested object.
fn document() -> String {
    let arguments: Vec<String> = (0..12).map(|n| format!("\"--option-{n}=/usr/local/share/value-{n}\"")).collect();
    format!(
        r#"{{"process":{{"pid":41232,"ppid":1,"executable":"/usr/bin/python3.11","started":1763722800.25,"user":"svc-build"}},"command":"python3 -m build --wheel","arguments":[{}],"host":"build-07.internal.example","exit_code":null,"elevated":false}}"#,
        arguments.join(",")
    )
}
