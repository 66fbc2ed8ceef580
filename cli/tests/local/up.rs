//! The life of `tripline up`: what it says, who may have its directory, and how it ends.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Instant;

use rustix::process::Signal;

use crate::tripline::{Home, check, event};

#[test]
fn events_make_the_round_through_the_socket_and_are_there_when_nothing_runs() {
    let home = Home::new();
    let up = home.up(&[]);
    let sent = home.run_with(&["send"], event("host-1", 1).as_bytes());
    let place = format!("telemetry.events.v1, the log of process {} in $DIR", up.pid());
    check(&sent, 0, "", &format!("1 event sent to {place}; 0 refused\n"));
    let through = home.run(&["tail", "telemetry.events.v1"]);
    check(&through, 0, "$TIME 1@1 host-1 test {\"n\":1}\n", "");
    let through_json = home.run(&["tail", "telemetry.events.v1", "--output", "json"]);
    up.end();
    check(&home.run(&["tail", "telemetry.events.v1"]), 0, &through.stdout, "");
    let direct_json = home.run(&["tail", "telemetry.events.v1", "--output", "json"]);
    assert_eq!(direct_json.stdout, through_json.stdout, "the same record either way");

    let direct = home.run_with(&["send"], event("host-1", 2).as_bytes());
    check(&direct, 0, "", "1 event sent to telemetry.events.v1, the log in $DIR; 0 refused\n");
    let up = home.up(&[]);
    let both = home.run(&["tail", "telemetry.events.v1"]);
    check(&both, 0, "$TIME 1@1 host-1 test {\"n\":1}\n$TIME 1@2 host-1 test {\"n\":2}\n", "");
    up.end();
}

#[test]
fn it_says_what_runs_where() {
    let home = Home::new();
    let up = home.up(&["--listen", "127.0.0.1:0"]);
    let told = up.told.replace(&home.dir().display().to_string(), "$DIR");
    let expected = format!(
        "tripline {}, process {}\n  log       $DIR/log\n  topology  single-node, the topology built in: 17 topics, 62 partitions\n  rules     single-node, 15 rules\n  api       unix:$DIR/api.sock\n  api       http://{}\nready; Ctrl-C ends it\n",
        env!("CARGO_PKG_VERSION"),
        up.pid(),
        up.address(),
    );
    assert_eq!(told, expected);
    let mode = |name: &str| std::fs::metadata(home.dir().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("api.sock"), mode("")), (0o600, 0o700), "nobody else's business");
}

#[test]
fn a_second_one_is_told_who_has_the_directory() {
    let home = Home::new();
    let up = home.up(&[]);
    let second = home.run(&["up"]);
    assert_eq!((second.status, second.stdout.as_str()), (3, ""), "{second:?}");
    let holder = format!("process {}", up.pid());
    assert!(second.stderr.contains(&holder) && second.stderr.contains("--dir"), "{}", second.stderr);
    up.end();
}

#[test]
fn a_held_log_without_an_answering_socket_names_its_holder() {
    let home = Home::new();
    let up = home.up(&[]);
    std::fs::remove_file(home.dir().join("api.sock")).unwrap();
    let tail = home.run(&["tail", "alerts.v1"]);
    assert_eq!(tail.status, 3, "{tail:?}");
    assert!(tail.stderr.contains(&format!("process {}", up.pid())), "{}", tail.stderr);
}

#[test]
fn a_dead_socket_is_replaced_and_what_is_no_socket_is_not() {
    let home = Home::new();
    std::fs::create_dir(home.dir()).unwrap();
    let socket = home.dir().join("api.sock");
    drop(UnixListener::bind(&socket).unwrap());
    home.up(&[]).end();
    assert!(!socket.exists(), "a clean end leaves no socket");
    std::fs::write(&socket, "mine").unwrap();
    let refused = home.run(&["up"]);
    check(
        &refused,
        3,
        "",
        "error: $DIR/api.sock is in the way and is no socket; move it, or name another directory with --dir\n",
    );
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "mine");
}

#[test]
fn places_that_cannot_be_listened_on_or_written_to_are_named() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let in_use = home.run(&["up", "--listen", &address]);
    check(
        &in_use,
        3,
        "",
        &format!("error: {address} is in use by another process; name another port, or 0 for any that is free\n"),
    );

    let open = home.run(&["up", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status, 2, "{open:?}");
    assert!(open.stderr.contains("--listen") && open.stderr.contains("loopback"), "{}", open.stderr);

    let file = home.write("file", "");
    let no_dir = home.run(&["up", "--dir", &file]);
    assert_eq!(no_dir.status, 1, "{no_dir:?}");
    assert!(no_dir.stderr.starts_with("error: $HOME/file: cannot make the data directory"), "{}", no_dir.stderr);
    let unwritable = home.run(&["up", "--dir", "/proc/tripline"]);
    assert_eq!(unwritable.status, 1, "{unwritable:?}");
    assert!(
        unwritable.stderr.starts_with("error: /proc/tripline: cannot make the data directory"),
        "{}",
        unwritable.stderr
    );

    let long = home.path(&"d".repeat(100));
    let too_long = home.run(&["up", "--dir", long.to_str().unwrap()]);
    assert_eq!(too_long.status, 3, "{too_long:?}");
    assert!(too_long.stderr.contains("at most 107 bytes"), "{}", too_long.stderr);
}

#[test]
fn one_signal_ends_it_cleanly() {
    for signal in [Signal::INT, Signal::TERM] {
        let home = Home::new();
        let mut up = home.up(&[]);
        // One that follows does not hold up the end.
        let mut follower = home.command(&["tail", "alerts.v1", "--follow"]).spawn().unwrap();
        up.signal(signal);
        assert_eq!(up.wait(), 0, "{signal:?}");
        assert!(!home.dir().join("api.sock").exists());
        drop(follower.kill());
        drop(follower.wait());
    }
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let home = Home::new();
    let mut up = home.up(&[]);
    // A request that is not at its end holds up the clean way for five seconds.
    let mut request = UnixStream::connect(home.dir().join("api.sock")).unwrap();
    request
        .write_all(b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n")
        .unwrap();
    let mut go_on = [0; 12];
    request.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");
    let begun = Instant::now();
    up.signal(Signal::INT);
    assert_eq!(up.next_complaint(), "Ctrl-C: ending; once more ends at once\n");
    up.signal(Signal::INT);
    assert_eq!(up.wait(), 130);
    assert!(begun.elapsed().as_secs() < 4, "it did not wait for the request");
}
