//! A process that is killed at any moment loses nothing it was told was kept, and leaves no half of a publication.
//!
//! This test program starts itself again as the writer, reads what that reports, and kills it after so many reports.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

const DIR: &str = "TRIPLINE_TEST_CRASH_DIR";
/// Reports after which each writer is killed: at once, soon, and amid the flow.
const KILL_AFTER: [usize; 12] = [0, 1, 2, 3, 5, 17, 60, 61, 150, 300, 301, 700];

/// What a writer goes on from: how much of each kind there is already.
struct Kept {
    sent: u64,
    published: u64,
}

#[test]
fn a_killed_process_loses_nothing_acknowledged_and_halves_no_publication() {
    let dir = tempfile::tempdir().unwrap();
    let log = two_topics(dir.path(), Options::default());
    log.create(&declared("sent", 1, Keep::Forever)).unwrap();
    drop(log);
    let mut acknowledged = Kept { sent: 0, published: 0 };
    for reports in KILL_AFTER {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "embedded::tests::crash::writer", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut seen = 0;
        // A line without its full stop was cut off: that was never reported.
        let mut note = |line: String| match line.strip_suffix(" .").and_then(|line| line.split_once(' ')) {
            Some(("sent", number)) => acknowledged.sent = number.parse::<u64>().unwrap() + 1,
            Some(("published", number)) => acknowledged.published = number.parse::<u64>().unwrap() + 1,
            _ => {}
        };
        while seen < reports {
            let line = lines.next().expect("the writer goes on until it is killed");
            seen += usize::from(line.starts_with("sent ") || line.starts_with("published "));
            note(line);
        }
        writer.kill().unwrap();
        lines.for_each(&mut note);
        writer.wait().unwrap();
        let kept = check(dir.path());
        assert!(kept.sent >= acknowledged.sent, "{} sent, {} kept", acknowledged.sent, kept.sent);
        assert!(
            kept.published >= acknowledged.published,
            "{} published, {} kept",
            acknowledged.published,
            kept.published
        );
    }
    assert!(acknowledged.sent > 0 && acknowledged.published > 0, "the writer wrote nothing");
}

/// Publication `n` is a row `n` in both partitions of `out` and the committed offset `n + 1`: they are there together or
/// not at all, and so are all before it.
fn check(dir: &Path) -> Kept {
    let log = Embedded::open(dir, Options::default()).unwrap();
    let sent = contents(&log, "sent", 0);
    assert!(sent.iter().enumerate().all(|(place, record)| record.0 == place as u64 && record.1 == place.to_string()));
    let published = committed(&log).unwrap_or(0);
    for index in [0, 1] {
        let rows: Vec<String> = contents(&log, "out", index).into_iter().map(|record| record.1).collect();
        let expected: Vec<String> = (0..published).map(|number| number.to_string()).collect();
        assert_eq!(rows, expected, "out[{index}]");
    }
    Kept { sent: sent.len() as u64, published }
}

#[test]
#[ignore = "the process that the test above kills"]
fn writer() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    let Kept { mut sent, mut published } = check(dir);
    let log = Embedded::open(dir, Options::default()).unwrap();
    let report = |kind: &str, number: u64| writeln!(std::io::stdout().lock(), "{kind} {number} .").unwrap();
    let mut producer = log
        .producer(
            &ProducerSettings { linger: Duration::from_millis(1), ..ProducerSettings::default() },
            Box::new(move |fate| report("sent", fate.result.unwrap().1.0)),
        )
        .unwrap();
    let owner = member(&log, "writer", false, PATIENT);
    let membership = owner.membership();
    let mut publisher = log.publisher(&instance("writer")).unwrap();
    loop {
        for _ in 0..7 {
            let key = sent.to_string();
            let to = To::Partition { index: 0, key: Some(key.as_bytes()) };
            producer.send(&Row { topic: "sent", to, value: Some(&[7; 300]), headers: &[] }, 0).unwrap();
            sent += 1;
        }
        let key = published.to_string();
        let row = |index| Row {
            topic: "out",
            to: To::Partition { index, key: Some(key.as_bytes()) },
            value: Some(&[9; 3_000]),
            headers: &[],
        };
        let offsets = [(Partition::new("in", 0), Offset(published + 1))];
        let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
        let publication = Publication { rows: &[row(0), row(1)], inputs };
        let outcome = publisher.publish(&publication, &mut { UNCHANGED }).unwrap();
        assert!(matches!(outcome, Outcome::Committed), "{outcome:?}");
        report("published", published);
        published += 1;
    }
}
