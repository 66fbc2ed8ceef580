//! OAUTHBEARER: a token endpoint of our own, and the broker's listener for unsecured tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bus::connection::{KafkaConnection, Sasl, Secret, Security};
use bus::kafka::Kafka;
use bus::{Bus, BusError, Partition};
use testbed::kafka::{Broker, Listener};

use crate::security::works;
use crate::small_server::{Reply, SmallServer};
use crate::{declared, read, row, send};

/// An answer without a token: its name, the answer, and what is said of it.
type Useless = (&'static str, fn() -> Reply, &'static str);

fn connect(endpoint: &SmallServer) -> bus::Result<Kafka> {
    let sasl = Sasl::OauthBearer {
        token_endpoint: format!("{}/token", endpoint.url),
        client_id: "tripline-client".to_owned(),
        client_secret: Secret::new("hunter2"),
        scope: Some("kafka".to_owned()),
    };
    let brokers = Broker::shared().address(Listener::Sasl);
    Kafka::connect(KafkaConnection { brokers, security: Security::SaslPlaintext(sasl) }, "tokens")
}

/// An answer with an unsecured token, which the broker's test listener takes.
fn token(life: Duration) -> Reply {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = format!(r#"{{"sub":"tripline","iat":{now},"exp":{}}}"#, now + life.as_secs());
    let [header, claims] = [r#"{"alg":"none"}"#, &claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let seconds = life.as_secs();
    Reply::Json(200, format!(r#"{{"access_token":"{header}.{claims}.","token_type":"Bearer","expires_in":{seconds}}}"#))
}

#[test]
fn a_token_is_fetched_with_the_clients_credentials_and_lets_every_client_in() {
    let endpoint = SmallServer::start(|_, _| token(Duration::from_hours(1)));
    works(&connect(&endpoint).unwrap(), "oauth");
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 1, "the clients of one connection share a token: {requests:?}");
    assert_eq!(requests[0].line, "POST /token HTTP/1.1");
    let pair = BASE64_STANDARD.encode("tripline-client:hunter2");
    assert!(requests[0].headers.iter().any(|line| line.eq_ignore_ascii_case(&format!("authorization: Basic {pair}"))));
    assert_eq!(requests[0].body, "grant_type=client_credentials&scope=kafka");
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    // A broker takes no second authentication of a connection within a second, so shorter lives would test that.
    let endpoint = SmallServer::start(|_, _| token(Duration::from_secs(8)));
    let kafka = connect(&endpoint).unwrap();
    kafka.create(&declared("oauth-renewed", 1)).unwrap();
    let begin = SystemTime::now();
    let mut sent = 0;
    while begin.elapsed().unwrap() < Duration::from_secs(12) {
        send(&kafka, &[row("oauth-renewed", 0, "x")]);
        kafka.topics().unwrap();
        sent += 1;
    }
    assert_eq!(read(&kafka, &Partition::new("oauth-renewed", 0)).len(), sent);
    assert!(endpoint.requests().len() >= 2, "one token for twelve seconds that lives for eight");
}

#[test]
fn an_endpoint_that_gives_no_token_is_named_with_its_reason_and_no_secret() {
    let cases: [Useless; 4] = [
        ("refused", || Reply::Json(401, r#"{"error":"invalid_client"}"#.into()), "401 (invalid_client)"),
        ("no token", || Reply::Json(200, "{}".into()), "access_token"),
        ("not HTTP", || Reply::Raw(b"SSH-2.0-hello\r\n"), "token endpoint"),
        ("silent", || Reply::Silence, "token endpoint"),
    ];
    for (name, reply, expected) in cases {
        let endpoint = SmallServer::start(move |_, _| reply());
        let error = connect(&endpoint).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, BusError::Denied { .. }), "{name}: {text}");
        assert!(text.contains(expected) && text.contains(&endpoint.url), "{name}: {text}");
        assert!(!text.contains("hunter2"), "{name} tells the secret");
    }
}
