//! The API served over an embedded log: what one client may cost, and that the log through it is the log itself.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::embedded::{Embedded, Options};
use bus::{Batch, BatchLimit, ErrorKind, Header, Offset, Partition, ProducerSettings, Progress, Row, Start, To, Until};
use console::api::{Bounds, Serve};
use console::listen::{self, ListenError, Places, Serving};
use console::{Client, Log};
use contracts::id::EndpointId;
use contracts::time::Timestamp;
use contracts::topics::{self, TELEMETRY_EVENTS};

struct Served {
    log: Embedded,
    serving: Serving,
    folder: tempfile::TempDir,
}

fn served(bounds: Bounds) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let log = Embedded::open(&folder.path().join("log"), Options::default()).unwrap();
    let declared = topics::find(TELEMETRY_EVENTS).unwrap().declare(NonZeroU32::new(3).unwrap());
    bus::topic::apply(&log, &[declared]).unwrap();
    let serving = listen::serve(serve(&log, bounds), &places(&folder, None)).unwrap();
    Served { log, serving, folder }
}

fn serve(log: &Embedded, bounds: Bounds) -> Serve {
    let now = || Timestamp::from_micros(0).unwrap();
    Serve { log: Arc::new(log.clone()), endpoint_id: EndpointId::new("here"), now, bounds, stages: None }
}

fn places(folder: &tempfile::TempDir, tcp: Option<SocketAddr>) -> Places {
    Places { socket: folder.path().join("api.sock"), tcp }
}

impl Served {
    fn client(&self) -> Client {
        Client::connect(self.serving.socket()).unwrap()
    }

    fn raw(&self, request: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.serving.socket()).unwrap();
        stream.write_all(request.replace('\n', "\r\n").as_bytes()).unwrap();
        stream
    }
}

fn rest(mut stream: UnixStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn a_client_that_is_slow_to_say_what_it_wants_is_let_go() {
    let served = served(Bounds { head_within: SHORT, body_within: SHORT, ..Bounds::default() });
    let begun = Instant::now();
    assert_eq!(rest(served.raw("GET /healthz HTTP/1.1\nhost: loc")), "", "closed without an answer");
    let post =
        "POST /v1/events HTTP/1.1\nhost: localhost\ncontent-type: application/x-ndjson\ncontent-length: 9\n\nhalf";
    let answer = rest(served.raw(post));
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(begun.elapsed() >= 2 * SHORT, "neither was let go before its time");
    assert_eq!(served.client().health().unwrap().pid, std::process::id(), "others are served all the while");
}

/// The fate of the row with this number.
type Heard = (u64, Result<(Partition, Offset), ErrorKind>);

/// Rows of every kind, sent the same way to any log; where each came to stand.
fn send(log: &dyn Log) -> Vec<Heard> {
    let fates = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&fates);
    let sink = Box::new(move |fate: bus::Fate| {
        heard.lock().unwrap().push((fate.tag, fate.result.map_err(|error| error.kind())));
    });
    let mut producer = log.producer(&ProducerSettings::default(), sink).unwrap();
    let headers = [Header { name: "h", value: b"\x00\xff" }, Header { name: "h", value: b"" }];
    let large = vec![7; 3 * 1024 * 1024];
    let row = |topic, to, value, headers| Row { topic, to, value, headers };
    let rows = [
        row(TELEMETRY_EVENTS, To::Key(b"a"), Some(&b"1"[..]), &headers[..]),
        row(TELEMETRY_EVENTS, To::Key(b"\xff\x00"), Some(&b""[..]), &headers[..1]),
        row(TELEMETRY_EVENTS, To::Partition { index: 2, key: None }, None, &[]),
        row(TELEMETRY_EVENTS, To::Partition { index: 2, key: Some(b"k") }, Some(&b"4"[..]), &[]),
        row(TELEMETRY_EVENTS, To::Key(b"a"), Some(&large[..]), &[]),
        row(TELEMETRY_EVENTS, To::Partition { index: 3, key: None }, Some(&b"6"[..]), &[]),
        row("no.such.topic", To::Key(b"a"), Some(&b"7"[..]), &[]),
        row(TELEMETRY_EVENTS, To::Key(b"a"), Some(&b"8"[..]), &[]),
    ];
    for (tag, row) in (0..).zip(&rows) {
        // A log may refuse a row at once or by its fate.
        if let Err(error) = producer.send(row, tag) {
            fates.lock().unwrap().push((tag, Err(error.kind())));
        }
    }
    assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
    drop(producer);
    let mut fates = Arc::try_unwrap(fates).unwrap().into_inner().unwrap();
    fates.sort_by_key(|(tag, _)| *tag);
    fates
}

/// All records, without the times that differ between two logs.
fn read(log: &dyn Log) -> Vec<String> {
    let mut reader = log.read(TELEMETRY_EVENTS, &[0, 1, 2], Start::Earliest, Until::End).unwrap();
    let (mut batch, mut records) = (Batch::default(), Vec::new());
    while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
        records.extend(batch.records().map(|record| {
            let headers: Vec<_> = record.headers().collect();
            format!("{}@{} {:?} {:?} {headers:?}", record.partition, record.offset, record.key, record.value)
        }));
    }
    records.sort();
    records
}

#[test]
fn a_log_through_the_api_is_the_log_itself() {
    let (direct, through) = (served(Bounds::default()), served(Bounds::default()));
    let client = through.client();
    let fates = send(&direct.log);
    assert_eq!(send(&client), fates);
    assert_eq!(fates.iter().filter(|(_, fate)| fate.is_ok()).count(), 5, "{fates:?}");
    let records = read(&direct.log);
    assert_eq!(records.len(), 5);
    assert_eq!(read(&client), records, "written and read through the API");
    assert_eq!(read(&through.log), records, "written through the API, read directly");
    assert_eq!(Log::topics(&client).unwrap(), Log::topics(&direct.log).unwrap());
    for index in 0..3 {
        let partition = Partition::new(TELEMETRY_EVENTS, index);
        assert_eq!(Log::extent(&client, &partition).unwrap(), Log::extent(&through.log, &partition).unwrap());
    }
    let beyond = client.read(TELEMETRY_EVENTS, &[0], Start::At(Offset(99)), Until::End).and_then(|mut reader| {
        reader.next(&mut Batch::default(), &BatchLimit { wait: Duration::from_secs(10), ..BatchLimit::default() })
    });
    assert_eq!(beyond.unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_follower_is_told_when_the_log_goes_and_is_no_hindrance_to_that() {
    let served = served(Bounds::default());
    let client = served.client();
    let mut follower = client.read(TELEMETRY_EVENTS, &[0], Start::Earliest, Until::Forever).unwrap();
    let begun = Instant::now();
    served.serving.end();
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited for the follower");
    let mut batch = Batch::default();
    let told = loop {
        match follower.next(&mut batch, &BatchLimit::default()) {
            Ok(progress) => assert_eq!(progress, Progress::More, "a cut is no end"),
            Err(error) => break error,
        }
    };
    assert_eq!(told.kind(), ErrorKind::Unavailable, "{told}");
    assert!(!served.folder.path().join("api.sock").exists());
    assert_eq!(Client::connect(&served.folder.path().join("api.sock")).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn streams_beyond_the_bound_are_refused_and_one_that_ends_makes_room() {
    let served = served(Bounds { streams_max: 1, ..Bounds::default() });
    let client = served.client();
    let follow = || client.read(TELEMETRY_EVENTS, &[0], Start::End, Until::Forever);
    let first = follow().unwrap();
    let refused = follow().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
    drop(first);
    let until = Instant::now() + Duration::from_secs(20);
    // The thread of the first notices at its next look that nobody listens.
    while follow().is_err() {
        assert!(Instant::now() < until, "the room of a stream that ended was not given back");
        // A call of the client also drives the connection that was let go.
        client.health().unwrap();
    }
}

#[test]
fn only_loopback_is_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = Embedded::open(&folder.path().join("log"), Options::default()).unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let places = places(&folder, Some(address.parse().unwrap()));
        let refused = listen::serve(serve(&log, Bounds::default()), &places).unwrap_err();
        assert!(matches!(refused, ListenError::NotLoopback { .. }), "{address}: {refused}");
    }
    let v6 = listen::serve(serve(&log, Bounds::default()), &places(&folder, Some("[::1]:0".parse().unwrap())));
    match v6 {
        Ok(serving) => assert!(serving.tcp().unwrap().ip().is_loopback()),
        // A machine without IPv6.
        Err(error) => assert!(matches!(error, ListenError::Address { .. }), "{error}"),
    }
}
