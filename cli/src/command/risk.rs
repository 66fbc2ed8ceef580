//! `tripline risk`: an agent's risk, by what somebody knows of it. Nothing is read or written but the file and the answer.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use contracts::json_face::{JsonError, to_json};
use contracts::limits::RISK_INPUT_BYTES_MAX;
use contracts::records::RiskInput;
use detection::risk::{Scored, score};
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::terminal::{self, complain, escaped};

pub fn run(args: &args::Risk, common: &Common) -> Result<(), Failure> {
    let args::Risk::Score(args::RiskScore { file }) = args;
    let text = read(file).map_err(|source| Failure::File { doing: "cannot be read", path: file.clone(), source })?;
    let input = RiskInput::from_json(&text).map_err(|error| refused(file, &error, common.output))?;
    let Scored { report, alerts } = score(&input.agent.agent_id, input.generated_at, &input.snapshots);
    let alerts: Vec<String> = alerts.iter().map(to_json).collect();
    // The answer is JSON in itself, in either form.
    let answer = format!("{{\"report\":{},\"alerts\":[{}]}}", to_json(&report), alerts.join(","));
    terminal::print(format!("{}\n", escaped(&answer)))
}

/// No more than it takes to see that there is too much.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let source: Box<dyn Read> = if is_stdin(file) {
        if io::stdin().is_terminal() {
            complain("reading an agent and its snapshots from the terminal, one JSON object; Ctrl-D ends");
        }
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file)?)
    };
    let mut text = Vec::new();
    source.take(RISK_INPUT_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// Tells all that is wrong, one problem a line.
fn refused(file: &Path, error: &JsonError, form: Form) -> Failure {
    let name = if is_stdin(file) { "standard input".into() } else { file.to_string_lossy() };
    let problems = match error {
        JsonError::Fields { faults, .. } => faults.named().iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    };
    for problem in &problems {
        complain(match form {
            Form::Text => format!("error: {}: {}", escaped(&name), escaped(problem)),
            Form::Json => json!({ "error": { "file": name, "message": problem } }).to_string(),
        });
    }
    let unnamed = if let JsonError::Fields { faults, .. } = error { faults.more() } else { 0 };
    Failure::RiskInput { named: problems.len(), unnamed }
}
