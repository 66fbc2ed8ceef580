//! `tripline config`: what this process was told, and by whom.

use contracts::settings::{Key, KeyState, Problem};
use serde_json::{Value, json};

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::{settled, terminal};

pub fn run(args: &args::Config, common: &Common) -> Result<(), Failure> {
    let args::Config::Check = args;
    let config = match settled::load(common, Vec::new()) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.iter() {
                report(problem, common.output);
            }
            return Err(Failure::Checks { count: problems.count() });
        }
    };
    terminal::print(match common.output {
        Form::Text => config.describe().to_string(),
        Form::Json => {
            let settings: Vec<_> = config.keys.iter().map(setting).collect();
            format!("{}\n", json!({ "file": config.file, "settings": settings }))
        }
    })
}

fn setting(key: &Key) -> Value {
    let (value, set_by) = match &key.state {
        KeyState::Set { value, origin } => (Some(value), Some(origin.to_string())),
        KeyState::Default { value } => (Some(value), None),
        KeyState::Unset => (None, None),
    };
    json!({ "key": key.path.to_string(), "value": value, "set_by": set_by, "expected": key.expected })
}

fn report(problem: &Problem, form: Form) {
    terminal::complain(match form {
        Form::Text => format!("error: {problem}"),
        Form::Json => json!({ "error": { "line": problem.place.line(), "message": problem.to_string() } }).to_string(),
    });
}
