//! The text form: what is written reads back, and reads as it is meant.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::path::Path;

use detection::text;

#[test]
fn every_rule_of_the_pack_reads_and_survives_being_printed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rules") {
            let name = path.display().to_string();
            let rules =
                text::parse(&name, &fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{error}"));
            for rule in &rules {
                let printed = text::print(rule);
                let again = text::parse("printed", &printed).unwrap_or_else(|error| panic!("{printed}\n{error}"));
                assert_eq!(again, [rule.clone()], "{printed}");
            }
            files += 1;
        }
    }
    assert_eq!(files, 15);
}
