//! Each way to secure a connection, and each way it can be wrong, against a broker that asks for it.

use std::time::{Duration, Instant};

use bus::connection::{Identity, KafkaConnection, Sasl, Secret, Security, Tls};
use bus::kafka::Kafka;
use bus::{Bus, BusError, Partition};
use testbed::certificates;
use testbed::kafka::{Broker, Listener, PASSWORD, USER};

use crate::{declared, read, row, send};

/// An error must come in this time: whoever typed the command waits for it.
const SOON: Duration = Duration::from_secs(12);

fn connect(listener: Listener, security: Security) -> bus::Result<Kafka> {
    Kafka::connect(KafkaConnection { brokers: Broker::shared().address(listener), security }, "security")
}

fn tls(identity: Option<certificates::Identity>) -> Tls {
    Tls {
        authorities: Some(certificates::cached().authority()),
        identity: identity.map(|identity| Identity {
            certificate: identity.certificate,
            key: identity.key,
            key_password: None,
        }),
    }
}

fn credentials(mechanism: fn(String, Secret) -> Sasl, password: &str) -> Sasl {
    mechanism(USER.to_owned(), Secret::new(password))
}

const PLAIN: fn(String, Secret) -> Sasl = |user, password| Sasl::Plain { user, password };
const SCRAM_256: fn(String, Secret) -> Sasl = |user, password| Sasl::ScramSha256 { user, password };
const SCRAM_512: fn(String, Secret) -> Sasl = |user, password| Sasl::ScramSha512 { user, password };

/// Makes, writes, reads and describes: every kind of client has to get in.
pub fn works(kafka: &Kafka, topic: &str) {
    kafka.create(&declared(topic, 1)).unwrap();
    send(kafka, &[row(topic, 0, "secret")]);
    assert_eq!(read(kafka, &Partition::new(topic, 0)), [(0, "secret".to_owned())]);
    assert!(kafka.topics().unwrap().iter().any(|found| found.name == topic));
    kafka.publisher(&crate::instance(topic)).unwrap();
    assert_eq!(kafka.committed(topic, &[Partition::new(topic, 0)]).unwrap(), [None]);
}

#[test]
fn every_way_of_security_works() {
    let table = [
        ("mutual-tls", Listener::MutualTls, Security::Tls(tls(Some(certificates::cached().client())))),
        ("plain", Listener::Sasl, Security::SaslPlaintext(credentials(PLAIN, PASSWORD))),
        ("scram-256", Listener::Sasl, Security::SaslPlaintext(credentials(SCRAM_256, PASSWORD))),
        ("scram-512-tls", Listener::SaslTls, Security::SaslTls(tls(None), credentials(SCRAM_512, PASSWORD))),
    ];
    for (name, listener, security) in table {
        let kafka = connect(listener, security).unwrap_or_else(|error| panic!("{name}: {error}"));
        works(&kafka, name);
    }
}

#[test]
fn what_is_wrong_with_a_connection_is_told_soon_and_without_the_secret() {
    let authority = |path| Tls { authorities: Some(path), identity: None };
    let closed = testbed::ports::free().unwrap();
    let broker = Broker::shared();
    let cases = [
        ("no-one-listens", closed.address(), Security::Plaintext, "refused"),
        ("no-such-host", "no-such-host.invalid:9092".to_owned(), Security::Plaintext, "resolve"),
        (
            "no-certificate",
            broker.address(Listener::MutualTls),
            Security::Tls(authority(certificates::cached().authority())),
            "certificate",
        ),
        (
            "a-strangers-certificate",
            broker.address(Listener::MutualTls),
            Security::Tls(tls(Some(certificates::cached().stranger()))),
            "certificate",
        ),
        (
            "an-unknown-authority",
            broker.address(Listener::SaslTls),
            Security::SaslTls(authority(certificates::cached().stranger().certificate), credentials(PLAIN, PASSWORD)),
            "certificate",
        ),
        (
            "wrong-password-plain",
            broker.address(Listener::Sasl),
            Security::SaslPlaintext(credentials(PLAIN, "hunter2")),
            "uthentication",
        ),
        (
            "wrong-password-scram",
            broker.address(Listener::Sasl),
            Security::SaslPlaintext(credentials(SCRAM_512, "hunter2")),
            "uthentication",
        ),
        (
            "no-such-file",
            broker.address(Listener::SaslTls),
            Security::Tls(authority("/no/such/file.pem".into())),
            "file",
        ),
        ("no-tls-where-it-is-asked-for", broker.address(Listener::MutualTls), Security::Plaintext, ""),
    ];
    for (name, brokers, security, expected) in cases {
        let begin = Instant::now();
        let error = Kafka::connect(KafkaConnection { brokers: brokers.clone(), security }, "security").unwrap_err();
        println!("{name}: {error} ({:?})", begin.elapsed());
        let text = error.to_string();
        assert!(text.contains(expected), "{name}: {text}");
        assert!(text.contains(&brokers), "{name} does not say where: {text}");
        assert!(!text.contains("hunter2"), "{name} tells the secret");
        assert!(begin.elapsed() < SOON, "{name} took {:?}", begin.elapsed());
        let is_denial = !matches!(name, "no-one-listens" | "no-such-host" | "no-tls-where-it-is-asked-for");
        assert_eq!(matches!(error, BusError::Denied { .. }), is_denial, "{name}: {error:?}");
    }
}
