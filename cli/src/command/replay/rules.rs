//! Which rules a replay runs: those at a path, those of a set on the log, or those that ran when it was recorded.

use std::path::Path;
use std::sync::Arc;

use bus::{Batch, BatchLimit, Progress, Start};
use console::Log;
use contracts::canonical::Digest;
use contracts::codec;
use contracts::records::RuleSetPart;
use contracts::topics::RULE_SETS;
use detection::limits::Limits;
use detection::parts::Joining;
use detection::plan::{Options, Plan};
use processor::replay::Swaps;

use crate::args::Form;
use crate::failure::Failure;
use crate::input::{self, Wanted};
use crate::rule_set::{self, files::Files};
use crate::schemas::Schemas;

const RECORDED: &str = "recorded";
/// The watcher and the set of rules outside of any topology.
const ALONE: &str = "rules";

#[derive(Debug)]
pub(super) enum Rules {
    Read(Arc<Plan>),
    /// Of a set on `rule.sets.v1`.
    Published(Digest),
    /// None until the first recorded swap, as where they were recorded, then those that each swaps in.
    Recorded,
}

impl Rules {
    /// All that is wrong with files is told here.
    pub fn settle(named: Option<&Path>, form: Form) -> Result<Self, Failure> {
        let Some(path) = named else {
            return Ok(Self::Read(Arc::new(rule_set::alone(ALONE, Files::read(&[])?, None, form)?.plan)));
        };
        if !path.exists() {
            let text = path.to_string_lossy();
            if text == RECORDED {
                return Ok(Self::Recorded);
            }
            if let Ok(digest) = text.parse() {
                return Ok(Self::Published(digest));
            }
        }
        Ok(Self::Read(Arc::new(rule_set::at_called(path, ALONE, None, form)?.plan)))
    }

    pub fn wants_log(&self) -> bool {
        matches!(self, Self::Published(_))
    }

    pub fn swaps(&self) -> Swaps {
        match self {
            Self::Read(_) | Self::Published(_) => Swaps::LeftOut,
            Self::Recorded => Swaps::Followed,
        }
    }

    pub fn plan(self, log: Option<&dyn Log>, schemas: &Schemas) -> Result<Arc<Plan>, Failure> {
        match (self, log) {
            (Self::Read(plan), _) => Ok(plan),
            (Self::Recorded, _) => Ok(Arc::new(Plan::nothing(Limits::default()))),
            (Self::Published(digest), Some(log)) => published(digest, log, schemas),
            (Self::Published(_), None) => unreachable!("invariant: who wants the log gets it"),
        }
    }
}

fn published(digest: Digest, log: &dyn Log, schemas: &Schemas) -> Result<Arc<Plan>, Failure> {
    let refused = |problem: String| Failure::Rules { files: format!("{digest} on {RULE_SETS}"), problem };
    let mut reader = input::to_the_end(log, &[Wanted::of(log, RULE_SETS, &[])?], Start::Earliest)?;
    let (mut joining, mut batch) = (Joining::new(digest), Batch::default());
    while reader.next(&mut batch, &BatchLimit::default())? == Progress::More {
        for record in batch.records() {
            if let Ok(part) = codec::decode::<RuleSetPart>(record.value.unwrap_or_default(), schemas) {
                joining.take(part);
            }
        }
    }
    let set = joining.set().map_err(|error| refused(error.to_string()))?;
    let plan = Plan::compile(&set, &[], &Options::default());
    let plan = plan.map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        refused(problems.join("; "))
    })?;
    Ok(Arc::new(plan))
}
