//! What librdkafka and the broker do unless told otherwise, each seen once and not again.

use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use bus::{
    Aborted, Batch, Bus, BusError, Inputs, Offset, Outcome, Ownership, Partition, Polled, ProducerSettings,
    Publication, Start, Until,
};
use contracts::topics::{Compression, Keep};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use testbed::kafka::Broker;

use crate::{PATIENCE, declared, instance, joined, kafka, limit, read, row, send};

/// A client of plain librdkafka, for what our own does not offer.
fn raw() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", Broker::shared().bootstrap());
    config
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

#[test]
fn a_publication_right_after_another_waits_for_no_back_off_and_no_delivery() {
    let kafka = kafka();
    kafka.create(&declared("quick-in", 1)).unwrap();
    kafka.create(&declared("quick-out", 1)).unwrap();
    send(&kafka, &[row("quick-in", 0, "x")]);
    let member = joined(&kafka, "quick", &["quick-in"], 1);
    let mut publisher = kafka.publisher(&instance("quick")).unwrap();
    let membership = member.membership();
    let rows: Vec<_> = (0..10).map(|_| row("quick-out", 0, "alert")).collect();
    let offsets = [(Partition::new("quick-in", 0), Offset(1))];
    let publication = Publication { rows: &rows, inputs: Some(Inputs { membership: &membership, offsets: &offsets }) };
    let took = (0..21).map(|_| {
        let begin = Instant::now();
        let outcome = publisher.publish(&publication, &mut || Ownership::Unchanged).unwrap();
        assert!(matches!(outcome, Outcome::Committed), "{outcome:?}");
        begin.elapsed()
    });
    let median = median(took.collect());
    // Each of the two traps costs 100 ms.
    assert!(median < Duration::from_millis(80), "a publication takes {median:?}");
}

#[test]
fn a_resumed_partition_flows_without_waiting_for_the_brokers_half_second() {
    let kafka = kafka();
    kafka.create(&declared("resumed", 1)).unwrap();
    let partition = [Partition::new("resumed", 0)];
    let mut member = joined(&kafka, "resumed", &["resumed"], 1);
    let mut batch = Batch::default();
    let mut took = Vec::new();
    for number in 0..7 {
        // To the end, so that a fetch is waiting at the broker when the partition is paused.
        let end = Instant::now() + PATIENCE;
        while batch.ends().is_empty() && Instant::now() < end {
            member.poll(&mut batch, &limit()).unwrap();
        }
        member.pause(&partition).unwrap();
        send(&kafka, &[row("resumed", 0, "x")]);
        let begin = Instant::now();
        member.resume(&partition).unwrap();
        while batch.is_empty() {
            assert_eq!(member.poll(&mut batch, &limit()).unwrap(), Polled::Batch);
        }
        assert_eq!(batch.records().next().unwrap().offset, Offset(number));
        took.push(begin.elapsed());
        batch.clear();
    }
    let median = median(took);
    assert!(median < Duration::from_millis(250), "a resumed partition takes {median:?}");
}

#[test]
fn ends_are_told_of_each_topic_of_a_member_although_librdkafka_names_none() {
    let kafka = kafka();
    for topic in ["ends-a", "ends-b"] {
        kafka.create(&declared(topic, 1)).unwrap();
    }
    send(&kafka, &[row("ends-a", 0, "1"), row("ends-a", 0, "2"), row("ends-b", 0, "3")]);
    // A hole at the end of each: the marker of a transaction, and aborted rows before it.
    let mut publisher = kafka.publisher(&instance("ends")).unwrap();
    let rows = [row("ends-a", 0, "4"), row("ends-b", 0, "5")];
    let mut publish =
        |ownership| publisher.publish(&Publication { rows: &rows, inputs: None }, &mut move || ownership).unwrap();
    assert!(matches!(publish(Ownership::Unchanged), Outcome::Committed));
    assert!(matches!(publish(Ownership::Changed), Outcome::Aborted(Aborted::OwnershipChanged)));
    let mut member = joined(&kafka, "ends", &["ends-a", "ends-b"], 2);
    let (mut batch, mut ended, begin) = (Batch::default(), Vec::new(), Instant::now());
    while ended.len() < 2 {
        assert!(begin.elapsed() < PATIENCE, "only {ended:?} of two partitions ended");
        member.poll(&mut batch, &limit()).unwrap();
        for partition in batch.ends() {
            let end = kafka.extent(partition).unwrap().end;
            assert_eq!(member.position(partition).unwrap(), end, "{partition} was not read to its end");
            if !ended.contains(partition) {
                ended.push(partition.clone());
            }
        }
    }
}

#[test]
fn committed_offsets_wait_for_a_transaction_that_is_open_on_them() {
    let kafka = kafka();
    kafka.create(&declared("stable", 1)).unwrap();
    send(&kafka, &[row("stable", 0, "x")]);
    let consumer: BaseConsumer = raw().set("group.id", "stable").create().unwrap();
    let producer: BaseProducer = raw().set("transactional.id", "stable").create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let mut offsets = rdkafka::TopicPartitionList::new();
    offsets.add_partition_offset("stable", 0, rdkafka::Offset::Offset(1)).unwrap();
    producer.send_offsets_to_transaction(&offsets, &consumer.group_metadata().unwrap(), PATIENCE).unwrap();
    let partition = [Partition::new("stable", 0)];
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| (kafka.committed("stable", &partition).unwrap(), Instant::now()));
        // Long enough for an answer that does not wait; the order of the two times is what is checked.
        let committed_after = Instant::now() + Duration::from_millis(700);
        while Instant::now() < committed_after {
            producer.poll(Duration::from_millis(50));
        }
        let committing = Instant::now();
        producer.commit_transaction(PATIENCE).unwrap();
        let (answer, answered) = asking.join().unwrap();
        assert_eq!(answer, [Some(Offset(1))], "an unstable offset was answered");
        assert!(answered > committing, "answered while the transaction was open");
    });
}

#[test]
fn a_row_too_large_is_refused_before_a_transaction_is_open_and_spends_nothing() {
    let kafka = kafka();
    kafka.create(&declared("refused", 1)).unwrap();
    let mut publisher = kafka.publisher(&instance("refused")).unwrap();
    let huge = "x".repeat(2 * 1024 * 1024);
    let rows = [row("refused", 0, "small"), row("refused", 0, &huge)];
    let answer = publisher.publish(&Publication { rows: &rows, inputs: None }, &mut || Ownership::Unchanged);
    assert!(matches!(answer, Err(BusError::TooLarge { .. })), "{answer:?}");
    let again = publisher.publish(&Publication { rows: &rows[..1], inputs: None }, &mut || Ownership::Unchanged);
    assert!(matches!(again, Ok(Outcome::Committed)), "{again:?}");
    // Twice the default limits of librdkafka and of a topic: the settings reach both.
    let large = "x".repeat(1_990_000);
    let rows = [row("refused", 0, &large)];
    let outcome = publisher.publish(&Publication { rows: &rows, inputs: None }, &mut || Ownership::Unchanged);
    assert!(matches!(outcome, Ok(Outcome::Committed)), "{outcome:?}");
}

#[test]
fn altering_a_topic_leaves_what_others_set() {
    let kafka = kafka();
    kafka.create(&declared("altered", 1)).unwrap();
    let admin: AdminClient<DefaultClientContext> = raw().create().unwrap();
    // All that this call does not name goes back to its default, which is the trap.
    let foreign = AlterConfig::new(ResourceSpecifier::Topic("altered")).set("segment.ms", "123456");
    wait(admin.alter_configs([&foreign], &AdminOptions::new()));
    let wanted = bus_declared_with(Keep::For(Duration::from_hours(2)), Compression::Zstd);
    kafka.alter(&wanted).unwrap();
    let found = kafka.topics().unwrap().into_iter().find(|found| found.name == "altered").unwrap();
    assert_eq!(bus::topic::differences(&wanted, Some(&found)), []);
    let described = wait(admin.describe_configs([&ResourceSpecifier::Topic("altered")], &AdminOptions::new()));
    let described = described.into_iter().next().unwrap().unwrap();
    assert_eq!(described.get("segment.ms").unwrap().value.as_deref(), Some("123456"), "a foreign setting was reset");
}

fn bus_declared_with(keep: Keep, compression: Compression) -> contracts::topics::Declared {
    contracts::topics::Declared { keep, compression, ..declared("altered", 1) }
}

/// rdkafka's admin futures end on a thread of their own: looking again now and then is enough for a test.
fn wait<T>(future: impl Future<Output = rdkafka::error::KafkaResult<T>>) -> T {
    let mut future = std::pin::pin!(future);
    let end = Instant::now() + PATIENCE;
    loop {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return answer.unwrap();
        }
        assert!(Instant::now() < end, "no answer");
        std::thread::yield_now();
    }
}

#[test]
fn a_header_whose_name_is_not_text_costs_its_record_the_headers_and_nobody_the_process() {
    let kafka = kafka();
    kafka.create(&declared("headers", 1)).unwrap();
    // rdkafka writes names as text only; kcat hands on the bytes of its argument.
    let header = std::ffi::OsStr::from_bytes(b"na\xFFme=value");
    let mut kcat = std::process::Command::new("kcat")
        .args(["-b", &Broker::shared().bootstrap(), "-P", "-t", "headers", "-p", "0", "-H"])
        .arg(header)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut kcat.stdin.take().unwrap(), b"poison").unwrap();
    assert!(kcat.wait().unwrap().success());
    send(&kafka, &[row("headers", 0, "after")]);
    let seen = read(&kafka, &Partition::new("headers", 0));
    assert_eq!(seen, [(0, "poison".to_owned()), (1, "after".to_owned())]);
}

#[test]
fn every_fate_is_told_once_also_of_rows_that_were_on_their_way_at_the_end() {
    let kafka = kafka();
    kafka.create(&declared("fates", 1)).unwrap();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (sink, teller) = (told.clone(), std::thread::current().id());
    let sink = Box::new(move |fate: bus::Fate| {
        assert_eq!(std::thread::current().id(), teller, "told on another thread");
        sink.lock().unwrap().push(fate.tag);
    });
    let settings = ProducerSettings { linger: Duration::from_secs(5), ..ProducerSettings::default() };
    let mut producer = kafka.producer(&settings, sink).unwrap();
    for tag in 0..1_000 {
        producer.send(&row("fates", 0, "x"), tag).unwrap();
    }
    drop(producer);
    let mut told = std::mem::take(&mut *told.lock().unwrap());
    told.sort_unstable();
    assert_eq!(told, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn a_reader_of_several_topics_reads_each_to_the_end_it_had() {
    let kafka = kafka();
    let mut from = Vec::new();
    for topic in ["several-a", "several-b", "several-c"] {
        kafka.create(&declared(topic, 2)).unwrap();
        send(&kafka, &[row(topic, 0, "1"), row(topic, 1, "2"), row(topic, 1, "3")]);
        from.extend((0..2).map(|index| (Partition::new(topic, index), Start::Earliest)));
    }
    let mut reader = kafka.read(&from, Until::End).unwrap();
    send(&kafka, &[row("several-b", 1, "later")]);
    let (mut batch, mut seen) = (Batch::default(), 0);
    while reader.next(&mut batch, &limit()).unwrap() == bus::Progress::More {
        assert!(batch.records().all(|record| record.value != Some(b"later")), "beyond the end that was fixed");
        seen += batch.len();
    }
    assert_eq!(seen, 9);
}
