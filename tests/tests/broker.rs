//! The broker of the testbed does what tests of other crates rely on. `kcat` is the client throughout.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use testbed::certificates;
use testbed::kafka::{self, Broker, Listener, Options, PASSWORD, USER};
use testbed::kcat;

/// Topics are made by the broker on first use here: these tests have no admin client.
fn options() -> Options {
    Options::default().property("auto.create.topics.enable", true).property("num.partitions", 1)
}

fn produce(bootstrap: &str, topic: &str, text: &str) {
    kcat::run(
        &["-P", "-b", bootstrap, "-t", topic, "-X", "acks=all", "-X", "allow.auto.create.topics=true"],
        text.as_bytes(),
    );
}

fn consume(bootstrap: &str, topic: &str) -> String {
    let bytes = kcat::run(&["-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q"], b"");
    String::from_utf8(bytes).unwrap()
}

#[test]
fn records_survive_stop_kill_and_pause() {
    let mut broker = Broker::start(options());
    let bootstrap = broker.bootstrap();
    produce(&bootstrap, "t", "one\n");

    broker.stop();
    kcat::try_run(&["-L", "-b", &bootstrap, "-m", "1"], b"").expect_err("a stopped broker must not answer");
    broker.start_again();
    produce(&bootstrap, "t", "two\n");

    broker.kill();
    kcat::try_run(&["-L", "-b", &bootstrap, "-m", "1"], b"").expect_err("a killed broker must not answer");
    broker.start_again();
    produce(&bootstrap, "t", "three\n");

    broker.pause();
    kcat::try_run(&["-L", "-b", &bootstrap, "-m", "1"], b"").expect_err("a paused broker must not answer");
    broker.resume_process();
    assert_eq!(consume(&bootstrap, "t"), "one\ntwo\nthree\n");
    assert_eq!(broker.bootstrap(), bootstrap, "ports are kept for the broker's whole life");
}

#[test]
fn tls_lets_in_a_client_of_our_authority_and_nobody_else() {
    let broker = Broker::start(options().listener(Listener::MutualTls));
    let address = broker.address(Listener::MutualTls);
    let certificates = certificates::cached();
    let list = |identity| try_list(&address, &kcat::mutual_tls(&certificates, &identity));

    list(certificates.client()).expect("the client's certificate is signed by the authority");
    list(certificates.stranger()).expect_err("a stranger's certificate must be refused");
    try_list(&address, &[]).expect_err("plain TCP must be refused");
    let without = kcat::mutual_tls(&certificates, &certificates.client());
    let trust_only: Vec<_> = without[..4].to_vec();
    try_list(&address, &trust_only).expect_err("a client without a certificate must be refused");
}

#[test]
fn every_sasl_mechanism_takes_the_right_password_and_no_other() {
    let broker = Broker::start(options().listener(Listener::Sasl).listener(Listener::SaslTls));
    let plain = broker.address(Listener::Sasl);
    try_list(&plain, &kcat::sasl_plain(PASSWORD)).expect("PLAIN with the right password");
    try_list(&plain, &kcat::sasl_plain("wrong")).expect_err("PLAIN with a wrong password");

    for (listener, mechanism) in [(Listener::Sasl, "SCRAM-SHA-256"), (Listener::SaslTls, "SCRAM-SHA-512")] {
        let list = |password| scram_list(&broker, listener, mechanism, password);
        list(PASSWORD).unwrap_or_else(|error| panic!("{mechanism}: {error}"));
        let refused = list("wrong").expect_err("a wrong password must be refused").to_string();
        assert!(refused.contains("SaslAuthenticationException"), "{mechanism}: {refused}");
    }
}

/// Lists the topics with Kafka's own client.
fn scram_list(broker: &Broker, listener: Listener, mechanism: &str, password: &str) -> Result<(), testbed::Error> {
    let (protocol, trust) = match listener {
        Listener::SaslTls => ("SASL_SSL", certificates::cached().authority().display().to_string()),
        _ => ("SASL_PLAINTEXT", String::new()),
    };
    let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
    let settings = format!(
        "security.protocol={protocol}\nsasl.mechanism={mechanism}\n\
         sasl.jaas.config={module} required username=\"{USER}\" password=\"{password}\";\n\
         ssl.truststore.type=PEM\nssl.truststore.location={trust}\n"
    );
    let file = broker.folder().join("client.properties");
    std::fs::write(&file, settings).unwrap();
    let file = file.display().to_string();
    let address = broker.address(listener);
    let arguments = ["--bootstrap-server", &address, "--command-config", &file, "--list"];
    kafka::tool("org.apache.kafka.tools.TopicCommand", &arguments).map(drop)
}

fn try_list(bootstrap: &str, security: &[String]) -> Result<(), testbed::Error> {
    let mut arguments = vec!["-L", "-b", bootstrap, "-m", "3"];
    arguments.extend(security.iter().map(String::as_str));
    kcat::try_run(&arguments, b"").map(drop)
}

#[test]
fn a_shared_broker_is_the_same_for_every_test_and_has_every_listener() {
    let broker = Broker::shared();
    assert_eq!(broker.bootstrap(), Broker::shared().bootstrap());
    for listener in [Listener::Plain, Listener::MutualTls, Listener::Sasl, Listener::SaslTls] {
        assert!(broker.address(listener).starts_with("127.0.0.1:"));
    }
    try_list(&broker.bootstrap(), &[]).unwrap();
}
