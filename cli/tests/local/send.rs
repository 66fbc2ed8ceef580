//! Lines in, events out: what is good is sent, what is bad is named, and nothing is lost track of.

use std::io::Write;
use std::process::Stdio;

use crate::tripline::{Home, check, event};

const SENT: &str = "telemetry.events.v1, the log in $DIR";

fn events_of(home: &Home) -> usize {
    home.run(&["tail", "telemetry.events.v1"]).stdout.lines().count()
}

#[test]
fn each_bad_line_is_named_with_its_reason_and_good_ones_are_sent() {
    let home = Home::with_log();
    let lines = [
        event("a", 1),
        "nonsense\n".to_owned(),
        "\n".to_owned(),
        "{\"topic\":\"t\",\"paylaod\":{}}\n".to_owned(),
        "{\"topic\":\"t\",\"payload\":{}} trailing\n".to_owned(),
        "{\"topic\":\"t\",\"payload\":{},\"event_type\":\"system.tick\"}\n".to_owned(),
        event("a", 2),
    ];
    let file = home.write("events.ndjson", lines.concat());
    let run = home.run(&["send", &file]);
    let expected = format!(
        "error: $HOME/events.ndjson:2: expected JSON; line 1, column 2: expected `null`, found `o`
error: $HOME/events.ndjson:4: telemetry_event_v1: `paylaod`: unknown field; the nearest known is `payload`; `payload`: missing; expected an object
error: $HOME/events.ndjson:5: expected JSON; line 1, column 28: expected the end of the text, found `t`
error: $HOME/events.ndjson:6: `event_type`: \"system.tick\" is written by the owner of a partition only; name another
2 events sent to {SENT}; 4 refused
error: 4 of 6 events were not sent; the reasons are above
"
    );
    check(&run, 1, "", &expected);
    assert_eq!(events_of(&home), 2);
}

#[test]
fn strict_sends_nothing_if_any_line_is_bad() {
    let home = Home::with_log();
    let bad = [event("a", 1), "{}\n".to_owned()].concat();
    let good = [event("a", 1), event("b", 2)].concat();
    let file = home.write("bad.ndjson", &bad);
    let bad_line = "2: telemetry_event_v1: `event_type`: missing; expected a string; `topic`: missing; expected a string; `payload`: missing; expected an object";
    let conclusion = "error: 1 of 2 events are bad, so none was sent; the reasons are above";
    for (args, stdin, name) in
        [(&["send", "--strict", &file][..], "", "$HOME/bad.ndjson"), (&["send", "--strict"], &bad, "standard input")]
    {
        let run = home.run_with(args, stdin.as_bytes());
        check(&run, 1, "", &format!("error: {name}:{bad_line}\n{conclusion}\n"));
        assert_eq!(events_of(&home), 0);
    }
    let run = home.run_with(&["send", "--strict"], good.as_bytes());
    check(&run, 0, "", &format!("2 events sent to {SENT}; 0 refused\n"));
    assert_eq!(events_of(&home), 2);
}

#[test]
fn lines_at_every_limit_and_beyond_it() {
    let home = Home::with_log();
    let with_payload = |bytes: usize| format!("{{\"topic\":\"t\",\"payload\":{{\"p\":\"{}\"}}}}", "x".repeat(bytes));
    let lines = [
        with_payload(500 * 1024),
        with_payload(512 * 1024),
        "x".repeat(5 * 1024 * 1024),
        // Without a line break at its end.
        event("a", 1).trim_end().to_owned(),
    ];
    let run = home.run_with(&["send"], lines.join("\n").as_bytes());
    assert_eq!(run.status, 1);
    let errors: Vec<&str> = run.stderr.lines().collect();
    assert!(errors[0].starts_with("error: standard input:2: ") && errors[0].contains("524288"), "{}", errors[0]);
    assert_eq!(errors[1], "error: standard input:3: a line of more than 4194304 bytes; an event has at most 524288");
    assert_eq!(errors[2], format!("2 events sent to {SENT}; 2 refused"));
}

#[test]
fn a_line_is_sent_although_no_other_follows() {
    let home = Home::new();
    let _up = home.up(&[]);
    let mut sender = home.command(&["send"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = sender.stdin.take().unwrap();
    input.write_all(event("a", 1).as_bytes()).unwrap();
    // Ends only when the event came, although the input is open and quiet.
    let seen = home.run(&["tail", "telemetry.events.v1", "--follow", "-n", "1"]);
    check(&seen, 0, "$TIME 0@1 a test {\"n\":1}\n", "");
    drop(input);
    assert!(sender.wait().unwrap().success());
}

#[test]
fn ctrl_c_ends_it_with_an_account_of_what_was_sent() {
    let home = Home::new();
    let up = home.up(&[]);
    let mut sender = home.command(&["send"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = sender.stdin.take().unwrap();
    input.write_all(event("a", 1).as_bytes()).unwrap();
    assert_eq!(home.run(&["tail", "telemetry.events.v1", "--follow", "-n", "1"]).status, 0);
    let pid = rustix::process::Pid::from_child(&sender);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let place = format!("telemetry.events.v1, the log of process {} in $DIR", up.pid());
    let expected = format!("1 event sent to {place}; 0 refused\nerror: interrupted; what was sent before is stored\n");
    check(&home.finished(sender), 130, "", &expected);
}

#[test]
fn results_for_programs_are_json_on_both_outputs() {
    let home = Home::with_log();
    let run = home.run_with(&["send", "--output", "json"], format!("{}nonsense\n", event("a", 1)).as_bytes());
    assert_eq!(run.status, 1);
    let json = |text: &str| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let result = &json(&run.stdout)[0];
    assert_eq!((&result["sent"], &result["refused"], &result["unknown"]), (&1.into(), &1.into(), &0.into()));
    let errors = json(&run.stderr);
    assert_eq!((&errors[0]["error"]["line"], &errors[1]["error"]["status"]), (&2.into(), &1.into()));
}

#[test]
fn what_is_not_there_is_named_and_nothing_is_made() {
    let home = Home::new();
    let run = home.run_with(&["send"], event("a", 1).as_bytes());
    let expected = "error: there is no log in $DIR yet; `tripline up` makes one and runs it, `tripline topology apply` only makes it\n";
    check(&run, 3, "", expected);
    assert!(!home.dir().exists(), "a slip in --dir makes no directory");
    let run = home.run(&["send", "absent.ndjson"]);
    check(&run, 1, "", "error: absent.ndjson: cannot be opened: No such file or directory (os error 2)\n");
    let run = home.run(&["send", "--brokers", "127.0.0.1:1"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stderr.contains("127.0.0.1:1"), "{}", run.stderr);
}

#[test]
fn two_senders_at_once_wait_for_each_other() {
    let home = Home::with_log();
    let many: String = (0..2_000).map(|number| event("a", number)).collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(home.run_with(&["send"], many.as_bytes()).status, 0));
        }
    });
    assert_eq!(events_of(&home), 6_000);
}
