//! Tools of others, which share no line with ours. Kafka only.

use bus::{Partition, Start};

use crate::order::text_keys;
use crate::seen::{instance_of, keyed, publish_rows, read, read_topic, send, texts};
use crate::world::{World, shared_broker};

/// Where the keys of a topic of 7 partitions landed.
fn landed(world: &World, topic: &str) -> Vec<(String, u32)> {
    let seen = read_topic(world.bus(), topic, 7);
    let mut landed: Vec<_> =
        seen.into_iter().map(|s| (String::from_utf8(s.key.unwrap()).unwrap(), s.partition.index)).collect();
    landed.sort();
    landed
}

fn lines() -> String {
    text_keys().flat_map(|(key, _)| [key, "\tv\n"]).collect()
}

pub fn the_java_client_librdkafka_and_we_put_each_key_in_the_same_partition(world: &World) {
    let broker = shared_broker().bootstrap();
    let topics = ["ours", "kcat", "java"].map(|who| world.topic(who, 7));
    let [ours, by_kcat, by_java] = &topics;
    send(world.bus(), &text_keys().map(|(key, _)| keyed(ours, key, "v")).collect::<Vec<_>>());
    let kcat = ["-P", "-b", &broker, "-t", by_kcat, "-K", "\t", "-X", "topic.partitioner=murmur2_random"];
    testbed::kcat::run(&kcat, lines().as_bytes());
    let console = ["--bootstrap-server", &broker, "--topic", by_java];
    let keys = ["--property", "parse.key=true", "--property", "key.separator=\t"];
    let class = "org.apache.kafka.tools.ConsoleProducer";
    testbed::kafka::tool_with_input(class, &[&console[..], &keys].concat(), lines().as_bytes()).unwrap();

    let mut wanted: Vec<_> = text_keys().map(|(key, partition)| (key.to_owned(), partition)).collect();
    wanted.sort();
    for topic in &topics {
        assert_eq!(landed(world, topic), wanted, "{topic}");
    }
}

pub fn kcat_reads_what_was_published_and_not_what_was_aborted(world: &World) {
    let broker = shared_broker().bootstrap();
    let topic = world.topic("out", 1);
    crate::seen::abort_rows(world.bus(), &world.name("p"), &[crate::seen::row(&topic, 0, "aborted")]);
    let mut publisher = world.bus().publisher(&instance_of(&world.name("p"))).unwrap();
    crate::seen::committed(&publish_rows(&mut *publisher, &[keyed(&topic, "key", "value")]));
    let read_by_kcat = testbed::kcat::run(
        &["-C", "-b", &broker, "-t", &topic, "-e", "-q", "-f", "%p %k=%s\n", "-X", "isolation.level=read_committed"],
        b"",
    );
    assert_eq!(String::from_utf8_lossy(&read_by_kcat), "0 key=value\n");
    assert_eq!(texts(&read(world.bus(), &Partition::new(&topic, 0), Start::Earliest)), ["value"]);
}
