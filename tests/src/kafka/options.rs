//! What a broker shall be like, and the settings every test broker has.

use std::collections::BTreeMap;

/// The user of the SASL listeners, for PLAIN and both SCRAM mechanisms.
pub const USER: &str = "tripline";
pub const PASSWORD: &str = "tripline-secret";

/// A way to reach the broker. All are on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// No encryption, no authentication; always there.
    Plain,
    /// TLS; the client must show a certificate of the same authority (`certificates::cached`).
    MutualTls,
    /// PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and unsecured OAUTHBEARER over plain TCP.
    Sasl,
    /// The same mechanisms over TLS; the client needs no certificate.
    SaslTls,
}

impl Listener {
    pub(super) const ALL: [Self; 4] = [Self::Plain, Self::MutualTls, Self::Sasl, Self::SaslTls];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::MutualTls => "MUTUALTLS",
            Self::Sasl => "SASL",
            Self::SaslTls => "SASLTLS",
        }
    }

    pub(super) fn protocol(self) -> &'static str {
        match self {
            Self::Plain => "PLAINTEXT",
            Self::MutualTls => "SSL",
            Self::Sasl => "SASL_PLAINTEXT",
            Self::SaslTls => "SASL_SSL",
        }
    }

    pub(super) fn has_tls(self) -> bool {
        matches!(self, Self::MutualTls | Self::SaslTls)
    }

    pub(super) fn has_sasl(self) -> bool {
        matches!(self, Self::Sasl | Self::SaslTls)
    }
}

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(super) extra_listeners: Vec<Listener>,
    pub(super) properties: BTreeMap<String, String>,
}

impl Options {
    pub fn all_listeners() -> Self {
        Self { extra_listeners: Listener::ALL[1..].to_vec(), ..Self::default() }
    }

    /// Opens one more listener.
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        if listener != Listener::Plain && !self.extra_listeners.contains(&listener) {
            self.extra_listeners.push(listener);
        }
        self
    }

    /// Sets a broker property, also one of those that test brokers have anyway.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and text are given as they are, without `&`")]
    pub fn property(mut self, name: &str, value: impl ToString) -> Self {
        self.properties.insert(name.to_owned(), value.to_string());
        self
    }
}

/// Settings of every test broker: single copies, nothing that waits for company, nothing created by mistake.
pub(super) const BASE: &[(&str, &str)] = &[
    ("process.roles", "broker,controller"),
    ("node.id", "1"),
    ("controller.listener.names", "CONTROLLER"),
    ("inter.broker.listener.name", "PLAIN"),
    ("auto.create.topics.enable", "false"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("offsets.topic.num.partitions", "4"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.num.partitions", "4"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    // The default of 10 s is what a killed owner's open transaction holds others up for, on top of its timeout.
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
    // After kill and start_again the controller waits for the dead broker's session: 9 s by default.
    ("broker.heartbeat.interval.ms", "500"),
    ("broker.session.timeout.ms", "3000"),
];
