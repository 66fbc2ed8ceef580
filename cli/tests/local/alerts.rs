//! What an operator does while a pipeline runs: looks at alerts, answers them, and changes what runs.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use crate::tripline::{Home, Run};

fn lines(run: &Run) -> Vec<Value> {
    assert_eq!(run.status, 0, "{run:?}");
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn list(home: &Home, args: &[&str]) -> Vec<Value> {
    lines(&home.run(&[&["alerts", "list", "--output", "json"], args].concat()))
}

fn done(home: &Home, args: &[&str]) -> Value {
    let mut lines = lines(&home.run(&[args, &["--as", "ann", "--output", "json"]].concat()));
    assert_eq!(lines.len(), 1, "{args:?}");
    lines.remove(0)
}

fn refused(home: &Home, args: &[&str], reason: &str) {
    let run = home.run(args);
    assert_eq!((run.status, &*run.stdout), (4, ""), "{run:?}");
    assert!(run.stderr.contains("refused") && run.stderr.contains(reason), "{run:?}");
}

fn command(endpoint: &str, command: &str) -> String {
    json!({"topic": "terminal.command", "endpoint_id": endpoint, "payload": {"command": command}}).to_string() + "\n"
}

/// Sends, and waits until so many alerts are on the topic.
fn raise(home: &Home, events: &str, alerts: usize) {
    let sent = home.run_with(&["send"], events.as_bytes());
    assert_eq!(sent.status, 0, "{sent:?}");
    let seen = home.run(&["tail", "alerts.v1", "--follow", "-n", &alerts.to_string()]);
    assert_eq!(seen.status, 0, "{seen:?}");
}

#[test]
fn an_alert_is_watched_listed_explained_acknowledged_and_resolved() {
    let home = Home::new();
    let up = home.up(&[]);
    let mut watching = home.command(&["alerts", "watch"]).spawn().unwrap();
    let mut begins = String::new();
    BufReader::new(watching.stderr.take().unwrap()).read_line(&mut begins).unwrap();
    assert!(begins.starts_with("watching"), "{begins}");
    let mut watched = BufReader::new(watching.stdout.take().unwrap()).lines().map(Result::unwrap);

    raise(&home, &(command("h1", "rm -rf /home/user/docs") + &command("h2", "ls")), 1);
    let until = |watched: &mut dyn Iterator<Item = String>, what: &str| -> Vec<String> {
        let mut seen = Vec::new();
        while seen.last().is_none_or(|line: &String| !line.contains(what)) {
            seen.push(watched.next().unwrap());
        }
        seen
    };
    // Alerts and what is told of them stand on two topics: either may be read first.
    let mut seen = until(&mut watched, "critical  raised: dangerous_command on h1");

    let found = list(&home, &[]);
    let alert = &found[0];
    assert_eq!((found.len(), &alert["status"], &alert["confirmed"]), (1, &"open".into(), &true.into()));
    assert_eq!((&alert["rule_id"], &alert["endpoint_id"]), (&"dangerous_command".into(), &"h1".into()));
    let id = alert["alert_id"].as_str().unwrap();
    let beginning = &id[..8];
    for (filter, count) in [
        (["--severity", "critical"], 1),
        (["--rule", "pii_email"], 0),
        (["--endpoint", "h2"], 0),
        (["--since", "1h"], 1),
        (["--since", "2999-01-01T00:00:00Z"], 0),
        (["--status", "resolved"], 0),
    ] {
        assert_eq!(list(&home, &filter).len(), count, "{filter:?}");
    }
    let wide = home.command(&["alerts", "list"]).env_remove("COLUMNS").spawn().unwrap();
    let wide = home.finished(wide).stdout;
    assert!(!wide.contains('…') && wide.contains("rm -rf /home/user/docs"), "a file has no edge: {wide}");
    let narrow = home.command(&["alerts", "list"]).env("COLUMNS", "80").spawn().unwrap();
    let table = home.finished(narrow);
    assert!(table.stdout.lines().all(|line| line.chars().count() <= 80), "{}", table.stdout);
    assert!(table.stdout.contains("critical  escalated  dangerous_command  h1: Dangerous"), "{}", table.stdout);
    assert!(table.stdout.starts_with("ID ") && table.stdout.contains(beginning), "{}", table.stdout);
    assert!(!table.stdout.contains('\x1b'), "no colours but on a terminal");

    let shown = home.run(&["alerts", "show", beginning]);
    for part in [id, "rm -rf /home/user/docs", "compared", "Escalation", "event id", "dangerous_command"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let explained = &lines(&home.run(&["alerts", "show", id, "--output", "json"]))[0];
    assert_eq!(explained["alert"]["trigger_event"]["payload"]["command"], "rm -rf /home/user/docs");
    assert!(explained["match_details"].is_object(), "the values compared: {explained}");
    assert!(!explained["escalations"].as_array().unwrap().is_empty(), "a critical alert is escalated at once");

    let acked = done(&home, &["alerts", "ack", beginning, "--reason", "mine"]);
    assert_eq!((&acked["alert_id"], &acked["state"]), (&id.into(), &"acknowledged".into()));
    let alert = &list(&home, &["--status", "acknowledged"])[0];
    assert_eq!((&alert["acknowledged_by"], &alert["confirmed"]), (&"ann".into(), &true.into()));
    let shown = home.run(&["alerts", "show", id]);
    assert!(shown.stdout.contains("acked by ann, $TIME: mine"), "who, when, why: {}", shown.stdout);
    refused(&home, &["alerts", "ack", id], "ann acknowledged it");
    done(&home, &["alerts", "resolve", id]);
    assert_eq!(list(&home, &[]), [] as [Value; 0], "what is resolved is not active");
    assert_eq!(list(&home, &["--status", "all"])[0]["resolved_by"], "ann");
    refused(&home, &["alerts", "resolve", id], "expected an active alert");

    let unknown = home.run(&["alerts", "ack", "nothing"]);
    assert_eq!(unknown.status, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("alerts list --status all"), "says what to do: {unknown:?}");
    seen.extend(until(&mut watched, "resolved by ann"));
    assert!(seen.iter().any(|line| line.contains("escalated to")), "{seen:?}");
    assert!(seen.iter().any(|line| line.contains("acknowledged by ann")), "{seen:?}");
    watching.kill().unwrap();
    watching.wait().unwrap();
    up.end();
    let folded = &list(&home, &["--status", "all"])[0];
    assert_eq!(
        (&folded["resolved_by"], &folded["confirmed"]),
        (&"ann".into(), &true.into()),
        "without an API the same"
    );
}

#[test]
fn rules_are_switched_and_muted_and_it_is_seen() {
    let home = Home::new();
    let up = home.up(&[]);
    done(&home, &["rules", "disable", "dangerous_command"]);
    done(&home, &["rules", "mute", "pii_email", "--for", "2h", "--endpoint", "h2"]);
    let mail = |endpoint: &str| {
        json!({"topic": "chat.user_msg", "endpoint_id": endpoint, "payload": {"text": "ann@example.com"}}).to_string()
            + "\n"
    };
    raise(&home, &(command("h1", "rm -rf /home/a") + &mail("h2") + &mail("h1")), 1);
    let found = list(&home, &[]);
    assert_eq!((found.len(), &found[0]["rule_id"], &found[0]["endpoint_id"]), (1, &"pii_email".into(), &"h1".into()));

    let stats = &lines(&home.run(&["stats", "--output", "json"]))[0];
    let rule = |id: &str| stats["rules"].as_array().unwrap().iter().find(|rule| rule["rule_id"] == id).unwrap().clone();
    assert_eq!((&rule("dangerous_command")["is_on"], &rule("pii_phone")["is_on"]), (&false.into(), &true.into()));
    assert_eq!(rule("pii_email")["mutes"][0]["endpoint_id"], "h2");
    assert_eq!((&stats["alerts"], &stats["rule_set"]["confirmed"]), (&1.into(), &true.into()));
    let table = home.run(&["stats"]);
    assert!(table.stdout.contains("partly muted") && table.stdout.contains("1 open"), "{}", table.stdout);

    done(&home, &["rules", "enable", "dangerous_command"]);
    raise(&home, &command("h1", "rm -rf /home/b"), 2);
    refused(&home, &["rules", "disable", "pii_emial"], "did you mean \"pii_email\"?");
    refused(&home, &["rules", "mute", "pii_phone", "--for", "0s"], "a time that is still to come");
    let wrong = home.run(&["rules", "mute", "pii_email", "--for", "soon"]);
    assert_eq!(wrong.status, 2, "{wrong:?}");
    up.end();
}

#[test]
fn subscriptions_come_and_go_while_it_runs() {
    let home = Home::new();
    let up = home.up(&[]);
    assert_eq!(home.run(&["subscriptions", "list"]).stdout, "");
    let stats = &lines(&home.run(&["stats", "--output", "json"]))[0];
    let watcher = stats["rules"][0]["watcher"].as_str().unwrap();
    let lab = json!({"subscription_id": "lab", "topic": "terminal.*", "rules": ["dangerous_command"]}).to_string();
    let file = home.write("lab.json", &lab);
    done(&home, &["subscriptions", "add", &file, "--watcher", watcher]);
    let listed = lines(&home.run(&["subscriptions", "list", "--output", "json"]));
    assert_eq!((&listed[0]["subscription_id"], &listed[0]["added_by"]), (&"lab".into(), &"ann".into()));
    assert_eq!((&listed[0]["confirmed"], &listed[0]["topic"]), (&true.into(), &"terminal.*".into()));
    refused(&home, &["subscriptions", "add", &file, "--watcher", watcher], "remove that one first");
    let wrong = home.run_with(&["subscriptions", "add", "-"], b"{\"topic\": \"t\"}");
    assert_eq!((wrong.status, wrong.stderr.contains("--watcher")), (1, true), "{wrong:?}");
    done(&home, &["subscriptions", "remove", "lab"]);
    assert_eq!(home.run(&["subscriptions", "list"]).stdout, "");
    refused(&home, &["subscriptions", "remove", "lab"], "expected the id of a subscription that runs");
    refused(&home, &["subscriptions", "add", &file, "--watcher", "nobody"], &format!("it has {watcher}"));
    up.end();
}

#[test]
fn a_command_that_nobody_can_answer_stays_and_is_carried_out_later() {
    let home = Home::new();
    home.up(&[]).end();
    let left = home.run(&["rules", "disable", "pii_email"]);
    assert_eq!((left.status, &*left.stdout), (3, ""), "{left:?}");
    assert!(left.stderr.contains("stays valid") && left.stderr.contains("tripline up"), "{left:?}");
    let rule = |home: &Home| {
        let stats = &lines(&home.run(&["stats", "--output", "json"]))[0];
        let rules = stats["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["rule_id"] == "pii_email").unwrap().clone()
    };
    assert_eq!(rule(&home)["switched"]["confirmed"], false, "nobody has taken it");
    let up = home.up(&[]);
    done(&home, &["rules", "enable", "pii_phone"]);
    let rule = rule(&home);
    assert_eq!((&rule["is_on"], &rule["switched"]["confirmed"]), (&false.into(), &true.into()), "{rule}");
    up.end();
}

#[test]
fn what_a_rule_set_without_a_rule_takes_along_is_told_and_its_alerts_are_closed() {
    let home = Home::new();
    let up = home.up(&[]);
    raise(&home, &command("h1", "rm -rf /home/user/docs"), 1);
    done(&home, &["rules", "disable", "file_access"]);
    let lone = "rule lone {\ntopic: \"t\"\nfilter: \"$.a == 1\"\nseverity: low\ncategory: security\nalert: \"x\"\n}\n";
    let lone = home.write("lone.rules", lone);

    let load = home.run(&["load", "--rate", "10", "--duration", "1s"]);
    assert_eq!((load.status, &*load.stdout), (1, ""));
    assert!(load.stderr.contains("rule file_access is off"), "{load:?}");
    let applied = home.run(&["rules", "apply", &lone]);
    assert_eq!(applied.status, 0, "{applied:?}");
    assert!(applied.stdout.contains("no longer there: ") && applied.stdout.contains("file_access"), "{applied:?}");
    assert!(applied.stdout.contains("1 open alerts are closed"), "{applied:?}");
    assert_eq!(list(&home, &[]), [Value::Null; 0], "nobody could answer it any more");
    let closed = list(&home, &["--status", "resolved"]);
    assert_eq!((closed.len(), &closed[0]["resolved_by"]), (1, &"a change of the rule set".into()));
    let load = home.run(&["load", "--rate", "10", "--duration", "1s"]);
    assert!(load.stderr.contains("rule file_access is not in the rule set that runs"), "{load:?}");

    assert_eq!(done(&home, &["rules", "apply"])["gone"], json!({"lone": 0}));
    let stats = home.run(&["stats", "--output", "json"]);
    let stats: Value = serde_json::from_str(stats.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(stats["open"], 0);
    raise(&home, &command("h2", "rm -rf /home/user/docs"), 2);
    assert_eq!(list(&home, &[]).len(), 1, "a later one is open");
    drop(up);
}

#[test]
fn slips_are_told_before_anything_is_sent() {
    let home = Home::new();
    let up = home.up(&[]);
    for (args, status, reason) in [
        (&["alerts", "show", ""][..], 1, "expected the id of an alert"),
        (&["alerts", "ack", ""], 1, "expected the id of an alert"),
        (&["rules", "disable", "pii_email", "--as", " "], 2, "--as: expected a name"),
    ] {
        let run = home.run(args);
        assert_eq!((run.status, &*run.stdout), (status, ""), "{args:?}: {run:?}");
        assert!(run.stderr.contains(reason), "{args:?}: {run:?}");
    }
    let [muted, ended] = ["2h", "0s"].map(|length| home.run(&["rules", "mute", "pii_email", "--for", length]).stdout);
    assert!(muted.starts_with("pii_email is muted until "), "{muted}");
    assert_eq!(ended, "pii_email is no longer muted\n");
    drop(up);
    let file = home.write("file", "not a directory");
    let run = home.run(&["alerts", "list", "--dir", &file]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("Not a directory"), "{run:?}");
}
