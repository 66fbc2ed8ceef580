//! An agent in, its report and alerts out.

use std::io::{Seek, Write};

use crate::tripline::{Home, check, golden};

/// Two snapshots of one agent, and in the second a signal that is critical.
const AGENT: &str = r#"{
  "agent": {"agentId": "build-7", "createdAt": "2026-01-01T00:00:00Z", "labels": ["ci"], "status": "PROBATION"},
  "generatedAt": "2026-01-31T12:00:00Z",
  "snapshots": [
    {"agentId": "build-7", "observedAt": 1769860000, "signals": [
      {"signalId": "new-binary", "severity": "LOW", "weight": 0.5, "observedAt": 1769859990,
       "evidence": [{"type": "event", "ref": "e-1"}]}]},
    {"agentId": "build-7", "observedAt": 1769860100, "signals": [
      {"signalId": "key-read", "severity": "CRITICAL", "weight": 1, "observedAt": 1769860090,
       "evidence": [{"type": "file", "ref": "/root/.ssh/id_ed25519"}, {"type": "event", "ref": "e-2"}],
       "details": {"process": "curl"}}]}
  ]
}
"#;

#[test]
fn the_answer_is_as_agreed_from_a_file_and_from_standard_input() {
    let home = Home::new();
    let file = home.write("agent.json", AGENT);
    let run = home.run(&["risk", "score", &file]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run:?}");
    testbed::golden::check(&golden("risk/score.json"), &run.stdout);
    check(&home.run_with(&["risk", "score", "-", "--output", "json"], AGENT.as_bytes()), 0, &run.stdout, "");
    assert!(!home.dir().exists(), "no log is needed, and none is made");
}

#[test]
fn the_example_of_the_documentation_is_what_it_prints() {
    let text = include_str!("../../../docs/risk.md");
    let between = |from: &str, to: &str| text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap().0;
    let run =
        Home::new().command(&["risk", "score", "-"]).stdin(piped(between("<<'END'\n", "END\n"))).output().unwrap();
    let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
    assert_eq!(
        json(&run.stdout),
        json(between("```json\n", "```").as_bytes()),
        "{}",
        String::from_utf8_lossy(&run.stdout)
    );
}

/// A file to be read as standard input.
fn piped(text: &str) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

#[test]
fn a_score_is_the_same_whatever_the_order_and_the_ids_that_are_given() {
    let home = Home::new();
    let run = home.run_with(&["risk", "score", "-"], AGENT.as_bytes());
    let mut input: serde_json::Value = serde_json::from_str(AGENT).unwrap();
    let snapshots = input["snapshots"].as_array_mut().unwrap();
    snapshots.reverse();
    snapshots[0]["signals"][0]["evidence"].as_array_mut().unwrap().reverse();
    snapshots.push(snapshots[0].clone());
    check(&home.run_with(&["risk", "score", "-"], input.to_string().as_bytes()), 0, &run.stdout, "");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let home = Home::new();
    let bad = AGENT
        .replace(r#""status": "PROBATION""#, r#""status": "probation""#)
        .replace(
            r#""agentId": "build-7", "observedAt": 1769860000"#,
            r#""agentId": "build-8", "observedAt": 1769860000"#,
        )
        .replace(r#""weight": 0.5"#, r#""wieght": 0.5"#)
        .replace(
            r#"{"agentId": "build-7", "observedAt": 1769860100"#,
            r#"{"snapshotId": "mine", "agentId": "build-7", "observedAt": 1769860100"#,
        );
    let file = home.write("agent.json", &bad);
    let run = home.run(&["risk", "score", &file]);
    let expected = "\
error: $HOME/agent.json: `agent.status`: expected one of ACTIVE, PROBATION, BLOCKED, found \"probation\"
error: $HOME/agent.json: `snapshots[0].signals[0].wieght`: unknown field; the nearest known is `weight`
error: $HOME/agent.json: `snapshots[0].signals[0].weight`: missing; expected a number with up to six decimals
error: $HOME/agent.json: `snapshots[1].snapshotId`: expected \"ID\", the hash of what the snapshot holds, or no id, found \"mine\"
error: $HOME/agent.json: `snapshots[0].agentId`: expected the agent's id \"build-7\", found \"build-8\"
error: nothing was scored; its 5 problems are named above
";
    let id = run.stderr.split("expected \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert_eq!(id.len(), 64, "{id}");
    check(&run, 1, "", &expected.replace("ID", id));

    let right = AGENT.replace(
        r#"{"agentId": "build-7", "observedAt": 1769860100"#,
        &format!(r#"{{"snapshotId": "{id}", "agentId": "build-7", "observedAt": 1769860100"#),
    );
    let (given, filled_in) = (right.as_bytes(), AGENT.as_bytes());
    assert_ne!(given, filled_in);
    let score = |text| home.run_with(&["risk", "score", "-"], text);
    check(&score(given), 0, &score(filled_in).stdout, "");
}

#[test]
fn what_is_no_json_is_told_with_its_line_and_column() {
    let home = Home::new();
    let file = home.write("agent.json", AGENT.replace(r#""generatedAt": "2026"#, r#""generatedAt": 2026"#));
    let expected = "\
error: $HOME/agent.json: expected JSON; line 3, column 22: expected `,` or `}`, found `-`
error: nothing was scored; the problem is named above
";
    check(&home.run(&["risk", "score", &file]), 1, "", expected);

    let json = home.run_with(&["risk", "score", "-", "--output", "json"], b"{}");
    let lines: Vec<serde_json::Value> = json.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((json.status, lines.len()), (1, 3), "{json:?}");
    assert_eq!(lines[0]["error"]["file"], "standard input");
    assert_eq!(lines[2]["error"]["status"], 1);

    let absent = home.run(&["risk", "score", "absent.json"]);
    check(&absent, 1, "", "error: absent.json: cannot be read: No such file or directory (os error 2)\n");
}

#[test]
fn text_of_an_agent_cannot_steer_a_terminal() {
    let home = Home::new();
    let run = home.run_with(&["risk", "score", "-"], AGENT.replace("key-read", "key\\u009b31m").as_bytes());
    assert!(run.stdout.contains("CRITICAL signal: key\\u009b31m"), "{}", run.stdout);
    serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap();
}
