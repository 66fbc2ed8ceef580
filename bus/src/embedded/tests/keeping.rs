//! Retention, compaction and the search for a time, each beside a slow and obvious way to the same answer.

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

/// Opens a log whose clock says what `now` holds, with no maintenance but the test's own.
fn by_hand(dir: &Path, now: &Arc<AtomicI64>) -> Embedded {
    let now = now.clone();
    let clock = Arc::new(move || Timestamp::from_micros(now.load(Ordering::SeqCst)).unwrap());
    let options =
        Options { clock, maintenance_interval: None, tombstone_keep: Duration::from_secs(100), ..Options::default() };
    Embedded::open(dir, options).unwrap()
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

fn offsets(log: &Embedded, index: u32) -> Vec<u64> {
    contents(log, "t", index).iter().map(|record| record.0).collect()
}

#[test]
fn retention_by_age_removes_reports_and_never_gives_an_offset_twice() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let log = by_hand(dir.path(), &now);
    log.create(&declared("t", 2, Keep::For(Duration::from_secs(10)))).unwrap();
    for second in 0..20 {
        now.store(second * SECOND, Ordering::SeqCst);
        send(&log, "t", &[(0, None, Some("x"))]);
    }
    let mut behind = log.read(&[(Partition::new("t", 0), Start::Earliest)], Until::Forever).unwrap();
    log.maintain(at(19 * SECOND)).unwrap();
    assert_eq!(offsets(&log, 0), (9..20).collect::<Vec<_>>(), "appended at 9 s and later");
    let gone = behind.next(&mut Batch::default(), &BatchLimit::default()).unwrap_err();
    assert!(matches!(gone, BusError::OffsetGone { wanted: Offset(0), earliest: Offset(9), .. }), "{gone}");
    let gone = log.read(&[(Partition::new("t", 0), Start::At(Offset(8)))], Until::End).unwrap_err();
    assert!(matches!(gone, BusError::OffsetGone { wanted: Offset(8), earliest: Offset(9), .. }), "{gone}");

    log.maintain(at(100 * SECOND)).unwrap();
    drop((log, behind));
    now.store(5 * SECOND, Ordering::SeqCst);
    let log = by_hand(dir.path(), &now);
    let extent = log.extent(&Partition::new("t", 0)).unwrap();
    assert_eq!(extent, Extent { earliest: Offset(20), end: Offset(20) });
    assert_eq!(send(&log, "t", &[(0, None, Some("x"))]), [20]);
    let mut reader = log.read(&[(Partition::new("t", 0), Start::Earliest)], Until::End).unwrap();
    let mut batch = Batch::default();
    reader.next(&mut batch, &BatchLimit::default()).unwrap();
    let time = batch.records().next().unwrap().appended_at;
    assert_eq!(time, at(19 * SECOND), "the clock went back; the partition's time does not, even over a start");
}

#[test]
fn a_member_behind_retention_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let log = by_hand(dir.path(), &now);
    log.create(&declared("in", 1, Keep::For(Duration::from_secs(10)))).unwrap();
    send(&log, "in", &[(0, None, Some("x")), (0, None, Some("y"))]);
    let mut member = member(&log, "a", false, PATIENT);
    let Polled::Assigned(all) = news(&mut member) else { panic!("the only member owns all") };
    member.accept(&[(all[0].clone(), Offset(0))]).unwrap();
    log.maintain(at(60 * SECOND)).unwrap();
    member.resume(&all).unwrap();
    let gone = member.poll(&mut Batch::default(), &BatchLimit::default()).unwrap_err();
    assert!(matches!(gone, BusError::OffsetGone { wanted: Offset(0), earliest: Offset(2), .. }), "{gone}");
}

#[test]
fn retention_by_size_keeps_no_more_than_it_may_and_no_less_than_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let log = by_hand(dir.path(), &Arc::new(AtomicI64::new(0)));
    let bound = 10_000;
    let keep = Keep::For(Duration::from_hours(1));
    log.create(&Declared { keep_bytes_max: Some(bound), ..declared("t", 1, keep) }).unwrap();
    let value = "v".repeat(83);
    let row = (0, None, Some(value.as_str()));
    send(&log, "t", &[row; 250]);
    log.maintain(at(0)).unwrap();
    // 83 bytes of value and 17 before it: 100 records fill the bound exactly.
    assert_eq!(offsets(&log, 0), (150..250).collect::<Vec<_>>());
}

#[test]
fn a_topic_whose_retention_is_shortened_obeys_at_the_next_maintenance() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(0));
    let log = by_hand(dir.path(), &now);
    log.create(&declared("t", 1, Keep::Forever)).unwrap();
    send(&log, "t", &[(0, None, Some("x")); 3]);
    log.maintain(at(1_000 * SECOND)).unwrap();
    assert_eq!(offsets(&log, 0), [0, 1, 2]);
    log.alter(&declared("t", 1, Keep::For(Duration::from_secs(1)))).unwrap();
    log.maintain(at(1_000 * SECOND)).unwrap();
    assert_eq!(offsets(&log, 0), Vec::<u64>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// The oracle: a map from key to its newest record; a tombstone goes once it is old, unless it is the last record.
    #[test]
    fn compaction_keeps_the_newest_of_each_key_at_its_offset(
        rounds in proptest::collection::vec(proptest::collection::vec((0..6u8, any::<bool>()), 0..30), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(0));
        let log = by_hand(dir.path(), &now);
        log.create(&declared("t", 1, Keep::NewestOfKey)).unwrap();
        let mut newest = std::collections::BTreeMap::new();
        let mut last = 0;
        for round in &rounds {
            for (key, is_tombstone) in round {
                let key = key.to_string();
                let value = (!is_tombstone).then_some("v");
                last = send(&log, "t", &[(0, Some(&key), value)])[0];
                newest.insert(key, (last, value));
            }
            log.maintain(at(50 * SECOND)).unwrap();
            let mut expected: Vec<u64> = newest.values().map(|(offset, _)| *offset).collect();
            expected.sort_unstable();
            prop_assert_eq!(offsets(&log, 0), expected);
        }
        log.maintain(at(200 * SECOND)).unwrap();
        let stays = |(offset, value): &&(u64, Option<&str>)| value.is_some() || *offset == last;
        let mut expected: Vec<u64> = newest.values().filter(stays).map(|(offset, _)| *offset).collect();
        expected.sort_unstable();
        prop_assert_eq!(offsets(&log, 0), expected.clone());
        drop(log);
        let log = by_hand(dir.path(), &now);
        log.maintain(at(200 * SECOND)).unwrap();
        prop_assert_eq!(offsets(&log, 0), expected);
        let next = if newest.is_empty() { 0 } else { last + 1 };
        prop_assert_eq!(send(&log, "t", &[(0, Some("k"), None)]), [next]);
    }

    /// The oracle looks at every record.
    #[test]
    fn the_offset_of_a_time_is_that_of_the_first_record_not_before_it(
        times in proptest::collection::vec(0..50i64, 0..40),
        wanted in 0..60i64,
        from in 0..60i64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(0));
        let log = by_hand(dir.path(), &now);
        log.create(&declared("t", 1, Keep::For(Duration::from_micros(1)))).unwrap();
        let mut appended = Vec::new();
        for time in times {
            now.store(time, Ordering::SeqCst);
            send(&log, "t", &[(0, None, Some("x"))]);
            appended.push(appended.last().copied().unwrap_or(0).max(time));
        }
        log.maintain(at(from)).unwrap();
        let kept = |time: &i64| *time >= from - 1;
        let expected = appended.iter().position(|time| kept(time) && *time >= wanted).unwrap_or(appended.len());
        prop_assert_eq!(log.offset_at(&Partition::new("t", 0), at(wanted)).unwrap(), Offset(expected as u64));
    }
}

#[test]
fn a_record_without_a_key_is_refused_where_keys_decide() {
    let dir = tempfile::tempdir().unwrap();
    let log = by_hand(dir.path(), &Arc::new(AtomicI64::new(0)));
    log.create(&declared("t", 1, Keep::NewestOfKey)).unwrap();
    let mut producer = log.producer(&ProducerSettings::default(), Box::new(|_| {})).unwrap();
    let row = Row { topic: "t", to: To::Partition { index: 0, key: None }, value: Some(b"x"), headers: &[] };
    assert!(matches!(producer.send(&row, 0), Err(BusError::KeyMissing { .. })));
}
