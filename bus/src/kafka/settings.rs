//! The settings of each kind of client, and why each is not librdkafka's default.
//!
//! Invariant: nobody sets an option elsewhere.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::connection::{KafkaConnection, Sasl, Secret, Security, Tls};
use crate::{MemberSettings, ProducerSettings};

/// How long a publication may stay open before the broker aborts it: what a dead owner holds others up for.
pub(super) const TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// What every client of this connection has.
pub(super) fn base(connection: &KafkaConnection, name: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set_log_level(RDKafkaLogLevel::Info)
        .set("bootstrap.servers", &connection.brokers)
        .set("client.id", name)
        // One value for topics, producers and consumers. The default of 1,000,000 bytes is below what a topic takes.
        .set("message.max.bytes", contracts::topics::MESSAGE_BYTES_MAX.to_string())
        // A transaction that begins right after a commit is told CONCURRENT_TRANSACTIONS and sleeps this long: 100 ms
        // by default, which is most of the time a small publication takes.
        .set("retry.backoff.ms", "1")
        // Not smaller: after broker restarts, producers with a small maximum stayed stuck more often.
        .set("retry.backoff.max.ms", "1000")
        // A broker that comes back is found within a second; the default backs off to ten.
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.keepalive.enable", "true")
        // Nagle's delay would be added to every small request of a publication.
        .set("socket.nagle.disable", "true");
    secure(&mut config, &connection.security);
    config
}

pub(super) fn producer(connection: &KafkaConnection, name: &str, settings: &ProducerSettings) -> ClientConfig {
    let mut config = base(connection, name);
    sending(&mut config);
    config
        .set("queue.buffering.max.messages", settings.buffer_records_max.max(1).to_string())
        .set("queue.buffering.max.kbytes", settings.buffer_bytes_max.div_ceil(1024).max(1).to_string())
        .set("linger.ms", settings.linger.as_millis().to_string())
        .set("message.timeout.ms", settings.patience.as_millis().max(1).to_string());
    config
}

pub(super) fn publisher(connection: &KafkaConnection, instance: &str) -> ClientConfig {
    let mut config = base(connection, instance);
    sending(&mut config);
    // `message.timeout.ms` is left alone: for a transactional producer librdkafka ties it to the transaction's.
    config
        .set("transactional.id", instance)
        .set("transaction.timeout.ms", TRANSACTION_MAX.as_millis().to_string())
        // All rows of a publication are there when it starts; nothing more will come to keep them company.
        .set("linger.ms", "0");
    config
}

/// A consumer that asks and never reads.
pub(super) fn asker(connection: &KafkaConnection, name: &str) -> ClientConfig {
    let mut config = base(connection, name);
    receiving(&mut config);
    config
}

/// A consumer that belongs to no group: it never joins this one. librdkafka assigns nothing, and tells no committed
/// offsets, without the name of a group.
pub(super) fn outsider(connection: &KafkaConnection, name: &str, group: &str) -> ClientConfig {
    let mut config = asker(connection, name);
    config.set("group.id", group);
    config
}

pub(super) fn member(connection: &KafkaConnection, settings: &MemberSettings) -> ClientConfig {
    let mut config = base(connection, settings.instance.as_str());
    receiving(&mut config);
    let session_ms = settings.session_timeout.as_millis();
    config
        .set("group.id", &settings.group)
        // Partitions that stay are never taken away in between.
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session_ms.to_string())
        .set("heartbeat.interval.ms", (session_ms / 4).max(100).to_string());
    if settings.is_static {
        config.set("group.instance.id", settings.instance.as_str());
    }
    config
}

fn sending(config: &mut ClientConfig) {
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // The partition that Java's client and `contracts::partition` compute.
        .set("partitioner", "murmur2_random")
        // Cheap, and what topics are declared with: batches are stored as they come.
        .set("compression.type", "lz4")
        // A row for a topic that does not exist is held back this long, in case it is just being made: 30 s by
        // default, which is longer than a publication may take.
        .set("topic.metadata.propagation.max.ms", "5000")
        // Fewer, larger requests when rows queue up.
        .set("batch.size", "1000000");
}

fn receiving(config: &mut ClientConfig) {
    config
        // Offsets move in publications only, with the rows they stand for.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        // The only reliable sign of an end: transaction markers leave holes, so last offset + 1 may be short of it.
        .set("enable.partition.eof", "true")
        // An offset that is gone must be an error, never a jump to an end.
        .set("auto.offset.reset", "error")
        // A resumed partition waits for the fetch that is under way: 500 ms by default.
        .set("fetch.wait.max.ms", "20")
        // When the queue was full, how soon it is looked at again: 1 s by default.
        .set("fetch.queue.backoff.ms", "5")
        // What a slow consumer can pile up, but for one answer that is under way. `pause` is no back-pressure: it drops what
        // was fetched.
        .set("queued.max.messages.kbytes", "16384")
        // Of one partition in one answer, as it is packed: unpacked it is several times as much, and each partition's
        // comes on top of the queue's bound. A larger record is fetched all the same.
        .set("max.partition.fetch.bytes", "262144")
        .set("check.crcs", "true");
}

fn secure(config: &mut ClientConfig, security: &Security) {
    let protocol = match security {
        Security::Plaintext => "plaintext",
        Security::Tls(tls) => {
            encrypt(config, tls);
            "ssl"
        }
        Security::SaslPlaintext(sasl) => {
            authenticate(config, sasl);
            "sasl_plaintext"
        }
        Security::SaslTls(tls, sasl) => {
            encrypt(config, tls);
            authenticate(config, sasl);
            "sasl_ssl"
        }
    };
    config.set("security.protocol", protocol);
}

fn encrypt(config: &mut ClientConfig, tls: &Tls) {
    if let Some(authorities) = &tls.authorities {
        config.set("ssl.ca.location", authorities.display().to_string());
    }
    if let Some(identity) = &tls.identity {
        config
            .set("ssl.certificate.location", identity.certificate.display().to_string())
            .set("ssl.key.location", identity.key.display().to_string());
        if let Some(password) = &identity.key_password {
            config.set("ssl.key.password", password.reveal());
        }
    }
}

fn authenticate(config: &mut ClientConfig, sasl: &Sasl) {
    let mut user = |mechanism: &str, user: &str, password: &Secret| {
        config.set("sasl.mechanism", mechanism).set("sasl.username", user).set("sasl.password", password.reveal());
    };
    match sasl {
        Sasl::Plain { user: name, password } => user("PLAIN", name, password),
        Sasl::ScramSha256 { user: name, password } => user("SCRAM-SHA-256", name, password),
        Sasl::ScramSha512 { user: name, password } => user("SCRAM-SHA-512", name, password),
        // Tokens come from `TokenSource`: librdkafka's own OIDC client needs libcurl, which this build does without.
        Sasl::OauthBearer { .. } => {
            config.set("sasl.mechanism", "OAUTHBEARER");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Instance;

    fn connection() -> KafkaConnection {
        KafkaConnection { brokers: "127.0.0.1:1".to_owned(), security: Security::Plaintext }
    }

    fn membership(is_static: bool) -> MemberSettings {
        MemberSettings {
            group: "group".to_owned(),
            instance: Instance::new("one").unwrap(),
            is_static,
            topics: Vec::new(),
            session_timeout: Duration::from_secs(6),
        }
    }

    #[test]
    fn settings_against_the_traps_are_what_they_were_measured_to_be() {
        let producer = producer(&connection(), "name", &ProducerSettings::default());
        let publisher = publisher(&connection(), "one");
        let member = member(&connection(), &membership(true));
        let reader = outsider(&connection(), "name", "name");
        for config in [&producer, &publisher, &member, &reader] {
            check(
                config,
                &[("retry.backoff.ms", "1"), ("retry.backoff.max.ms", "1000"), ("message.max.bytes", "2097152")],
            );
        }
        for config in [&producer, &publisher] {
            check(config, &[("enable.idempotence", "true"), ("acks", "all"), ("partitioner", "murmur2_random")]);
        }
        check(&publisher, &[("transactional.id", "one"), ("transaction.timeout.ms", "10000")]);
        assert_eq!(publisher.get("message.timeout.ms"), None);
        for config in [&member, &reader] {
            let expected = [
                ("fetch.wait.max.ms", "20"),
                ("fetch.queue.backoff.ms", "5"),
                ("queued.max.messages.kbytes", "16384"),
                ("max.partition.fetch.bytes", "262144"),
                ("auto.offset.reset", "error"),
                ("isolation.level", "read_committed"),
                ("enable.auto.commit", "false"),
                ("enable.partition.eof", "true"),
            ];
            check(config, &expected);
        }
        let expected = [
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("group.instance.id", "one"),
            ("session.timeout.ms", "6000"),
        ];
        check(&member, &expected);
        assert_eq!(super::member(&connection(), &membership(false)).get("group.instance.id"), None);
    }

    fn check(config: &ClientConfig, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert_eq!(config.get(name), Some(*value), "{name}");
        }
        config.create_native_config().expect("librdkafka knows every setting");
    }

    #[test]
    fn each_kind_of_security_sets_what_librdkafka_needs_and_shows_no_secret() {
        let user = || ("me".to_owned(), Secret::new("hunter2"));
        let tls = Tls { authorities: Some("ca.pem".into()), identity: None };
        let (name, password) = user();
        let plain = Sasl::Plain { user: name, password };
        let (name, password) = user();
        let scram = Sasl::ScramSha512 { user: name, password };
        let table = [
            (Security::Plaintext, "plaintext", None),
            (Security::Tls(tls.clone()), "ssl", None),
            (Security::SaslPlaintext(plain), "sasl_plaintext", Some("PLAIN")),
            (Security::SaslTls(tls, scram), "sasl_ssl", Some("SCRAM-SHA-512")),
        ];
        for (security, protocol, mechanism) in table {
            let config = base(&KafkaConnection { security, ..connection() }, "name");
            assert_eq!(config.get("security.protocol"), Some(protocol));
            assert_eq!(config.get("sasl.mechanism"), mechanism);
            assert!(!format!("{config:?}").contains("hunter2"), "{protocol}");
        }
    }
}
