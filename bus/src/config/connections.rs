//! The tables `[kafka]` and `[registry]`.
//!
//! Invariant: a key that has no effect beside the others is a contradiction, not ignored: who sets a password believes
//! that it is used.

use contracts::settings::{Field, Reported, Table};
use contracts::topology::LogKind;

use super::secret::{private_key, readable, secret};
use crate::connection::{Identity, KafkaConnection, RegistryConnection, Sasl, Secret, Security, Tls};

/// The words of `kafka.security`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layers {
    tls: bool,
    sasl: bool,
}

const SECURITY: [(&str, Layers); 4] = [
    ("plaintext", Layers { tls: false, sasl: false }),
    ("tls", Layers { tls: true, sasl: false }),
    ("sasl-plaintext", Layers { tls: false, sasl: true }),
    ("sasl-tls", Layers { tls: true, sasl: true }),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Password(Exchange),
    OauthBearer,
}

/// How a password is shown to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exchange {
    Plain,
    ScramSha256,
    ScramSha512,
}

const MECHANISMS: [(&str, Mechanism); 4] = [
    ("plain", Mechanism::Password(Exchange::Plain)),
    ("scram-sha-256", Mechanism::Password(Exchange::ScramSha256)),
    ("scram-sha-512", Mechanism::Password(Exchange::ScramSha512)),
    ("oauthbearer", Mechanism::OauthBearer),
];

/// The cluster, if that is the log. All of the table is checked even if it is not.
pub(super) fn kafka(table: &Table<'_>, bus: Result<LogKind, Reported>) -> Result<Option<KafkaConnection>, Reported> {
    let brokers = table.parsed_list("brokers", "`host:port`", parse_broker, String::clone);
    let brokers = match bus {
        Ok(LogKind::Kafka) => brokers.required().map(Some),
        _ => brokers.optional(),
    };
    let layers = table.word("security", &SECURITY).or(SECURITY[0].1);
    let tls = tls(table, layers);
    let sasl = sasl(table, layers);
    let (brokers, tls, sasl) = (brokers?, tls?, sasl?);
    let security = match (layers?, sasl) {
        (Layers { tls: false, .. }, None) => Security::Plaintext,
        (Layers { tls: true, .. }, None) => Security::Tls(tls),
        (Layers { tls: false, .. }, Some(sasl)) => Security::SaslPlaintext(sasl),
        (Layers { tls: true, .. }, Some(sasl)) => Security::SaslTls(tls, sasl),
    };
    let is_wanted = bus? == LogKind::Kafka;
    Ok(brokers.filter(|_| is_wanted).map(|brokers| KafkaConnection { brokers: brokers.join(","), security }))
}

fn tls(kafka: &Table<'_>, layers: Result<Layers, Reported>) -> Result<Tls, Reported> {
    let table = kafka.table("tls");
    let authorities = readable(&table, "authorities");
    let certificate = readable(&table, "certificate");
    let key = private_key(&table, "key");
    let key_password = secret(&table, "key_password_file");
    if !layers?.tls && table.is_present() {
        return Err(
            kafka.contradiction("tls", "it has no effect: `kafka.security` is none of \"tls\" and \"sasl-tls\"")
        );
    }
    let identity = match (certificate?, key?, key_password?) {
        (Some(certificate), Some(key), key_password) => Some(Identity { certificate, key, key_password }),
        (None, None, None) => None,
        (Some(_), None, _) => return Err(table.contradiction("certificate", "it needs `kafka.tls.key` beside it")),
        (None, Some(_), _) => return Err(table.contradiction("key", "it needs `kafka.tls.certificate` beside it")),
        (None, None, Some(_)) => {
            return Err(table.contradiction("key_password_file", "there is no `kafka.tls.key` that it would open"));
        }
    };
    Ok(Tls { authorities: authorities?, identity })
}

fn sasl(kafka: &Table<'_>, layers: Result<Layers, Reported>) -> Result<Option<Sasl>, Reported> {
    let table = kafka.table("sasl");
    let mechanism = table.word("mechanism", &MECHANISMS);
    let user = table.text("user").optional();
    let password = secret(&table, "password_file");
    let token_endpoint = address(&table, "token_endpoint").optional();
    let client_id = table.text("client_id").optional();
    let client_secret = secret(&table, "client_secret_file");
    let scope = table.text("scope").optional();
    if !layers?.sasl {
        if table.is_present() {
            let message = "it has no effect: `kafka.security` is none of \"sasl-plaintext\" and \"sasl-tls\"";
            return Err(kafka.contradiction("sasl", message));
        }
        return Ok(None);
    }
    let mechanism = mechanism.required()?;
    let needs = |key: &str| {
        table.contradiction("mechanism", format!("\"{}\" needs `kafka.sasl.{key}` beside it", mechanism.word()))
    };
    match mechanism {
        Mechanism::Password(exchange) => {
            let unused = unused(&table, mechanism, &["token_endpoint", "client_id", "client_secret_file", "scope"]);
            let user = user?.ok_or_else(|| needs("user"));
            let password = password?.ok_or_else(|| needs("password_file"));
            unused?;
            Ok(Some(exchange.sasl(user?, password?)))
        }
        Mechanism::OauthBearer => {
            let unused = unused(&table, mechanism, &["user", "password_file"]);
            let token_endpoint = token_endpoint?.ok_or_else(|| needs("token_endpoint"));
            let client_id = client_id?.ok_or_else(|| needs("client_id"));
            let client_secret = client_secret?.ok_or_else(|| needs("client_secret_file"));
            unused?;
            let (token_endpoint, client_id, client_secret) = (token_endpoint?, client_id?, client_secret?);
            Ok(Some(Sasl::OauthBearer { token_endpoint, client_id, client_secret, scope: scope? }))
        }
    }
}

/// The schema registry, if there is one.
pub(super) fn registry(table: &Table<'_>) -> Result<Option<RegistryConnection>, Reported> {
    let url = address(table, "url");
    let authorities = readable(table, "authorities");
    let user = table.text("user").optional();
    let password = secret(table, "password_file");
    if !table.is_present() {
        return Ok(None);
    }
    let url = url.required();
    let credentials = match (user?, password?) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        (Some(_), None) => return Err(table.contradiction("user", "it needs `registry.password_file` beside it")),
        (None, Some(_)) => return Err(table.contradiction("password_file", "it needs `registry.user` beside it")),
    };
    Ok(Some(RegistryConnection { url: url?, authorities: authorities?, credentials }))
}

impl Mechanism {
    fn word(self) -> &'static str {
        MECHANISMS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

impl Exchange {
    fn sasl(self, user: String, password: Secret) -> Sasl {
        match self {
            Self::Plain => Sasl::Plain { user, password },
            Self::ScramSha256 => Sasl::ScramSha256 { user, password },
            Self::ScramSha512 => Sasl::ScramSha512 { user, password },
        }
    }
}

/// Keys that are set and that the mechanism does not look at.
fn unused(table: &Table<'_>, mechanism: Mechanism, keys: &[&str]) -> Result<(), Reported> {
    let mut result = Ok(());
    for key in keys.iter().filter(|key| table.is_set(key)) {
        let message = format!("it has no effect with the mechanism \"{}\"", mechanism.word());
        result = Err(table.contradiction(key, message));
    }
    result
}

/// The address of something over HTTP.
pub(super) fn address<'r>(table: &Table<'r>, key: &str) -> Field<'r, String> {
    table.parsed(key, URL, parse_url, String::clone)
}

const URL: &str = "an address such as \"https://host:port/path\", without user and password";

/// The address alone: credentials in it would be shown wherever the address is.
fn parse_url(text: &str) -> Result<String, Option<String>> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(None)?;
    let host = rest.split('/').next().unwrap_or_default();
    let is_legal = !host.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if host.contains('@') || !is_legal { Err(None) } else { Ok(text.to_owned()) }
}

fn parse_broker(text: &str) -> Result<String, Option<String>> {
    let (host, port) = text.rsplit_once(':').ok_or_else(|| Some("the port is missing".to_owned()))?;
    let is_host = !host.is_empty()
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':'));
    match port.parse::<u16>() {
        Ok(1..) if is_host => Ok(text.to_owned()),
        _ => Err(None),
    }
}
