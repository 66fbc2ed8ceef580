//! `tripline up`: the log, a processor on it and its API in this process, until somebody ends it.
//!
//! Invariant: a clean end leaves no socket and an unlocked log; an end by force (a second Ctrl-C, kill -9) loses nothing
//! that was acknowledged, and the next `up` tidies up after it.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bus::config::Log;
use bus::embedded::{Embedded, Options};
use bus::{Bus, Instance};
use console::api::{Bounds, Serve, Stages};
use console::control::CommandError;
use console::listen::{self, Places, Serving};
use contracts::settings::Override;
use detection::limits::Limits;
use detection::plan::Plan;
use processor::{Readiness, Settings, StateLoss, Watch};
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::orders::Orders;
use crate::pipeline::Pipeline;
use crate::place::{Place, Writers};
use crate::rule_set::{self, RuleSetFiles};
use crate::schemas::Schemas;
use crate::settled::Deployment;
use crate::signals::Ends;
use crate::{demo, place, settled, terminal};

#[derive(Debug)]
pub struct Up {
    form: Form,
    log: Options,
    dir: PathBuf,
    listen: Option<SocketAddr>,
    deployment: Deployment,
    rules: RuleSetFiles,
    processor: Settings,
    is_demo: bool,
    /// What other commands need to find this directory.
    hint: String,
}

/// Whose name the processor runs under, and commands of this process carry.
const NAME: &str = "up";

impl Up {
    pub fn settle(args: args::Up, common: &Common) -> Result<Self, Failure> {
        // Whatever log other commands are configured for, this one is about the log in the data directory.
        let mut flags = vec![Override::from_flag("up", ["bus"], "embedded")];
        flags.extend(args.listen.map(|listen| Override::from_flag("--listen", ["api", "listen"], listen)));
        let config = settled::config(common, flags)?;
        let Log::Embedded(ref log) = config.log else { unreachable!("invariant: the flag above says which log") };
        let deployment = settled::topology(args.topology.as_deref(), &config)?;
        let rules = rule_set::of_topology(&deployment, None, common.output)?;
        let instance = config.instance.clone().unwrap_or_else(|| Instance::new(NAME).expect("invariant: it is a name"));
        let state_loss = if args.accept_state_loss { StateLoss::Accept } else { StateLoss::Refuse };
        let processor = Settings { state_loss, ..Settings::of(instance, &config.processor) };
        let (log, listen) = (log.options(), config.api.listen);
        let hint = common.dir.as_ref().map(|dir| format!(" --dir {}", dir.display())).unwrap_or_default();
        Ok(Self {
            form: common.output,
            log,
            dir: config.dir,
            listen,
            deployment,
            rules,
            processor,
            is_demo: args.demo,
            hint,
        })
    }

    pub fn run(self) -> Result<(), Failure> {
        // From here on a first signal waits to be asked for, and a second one ends the process where it stands.
        let mut ends = Ends::register()?;
        make_dir(&self.dir)?;
        let log = place::open_embedded(&self.dir, &self.log)?;
        bus::topic::apply(&log, &self.deployment.topology.topics)?;
        let pipeline = Pipeline::start(&log, self.processor.clone(), ends.closer())?;
        if !pipeline.is_ready() {
            return pipeline.end();
        }
        // No event is taken before the rules are in force.
        self.apply_rules(&log, &pipeline)?;
        let serve = Serve {
            log: Arc::new(log.clone()),
            endpoint_id: settled::host(),
            now: settled::now,
            bounds: Bounds::default(),
            stages: Some(Arc::new(Watched(pipeline.watch().clone()))),
        };
        let places = Places { socket: place::socket(&self.dir), tcp: self.listen };
        let serving = listen::serve(serve, &places)?;
        self.tell(&log, &serving)?;
        if self.is_demo {
            demo::run(&log, pipeline.watch(), &self.hint, self.form)?;
        }
        let name = ends.wait().unwrap_or("the processor ended");
        if self.form == Form::Text {
            terminal::complain(format!("{name}: ending; once more ends at once"));
        }
        serving.end();
        let ended = pipeline.end();
        drop(log);
        ended
    }

    fn apply_rules(&self, log: &Embedded, pipeline: &Pipeline) -> Result<(), Failure> {
        let set = &self.rules.plan.set;
        if pipeline.runs(set.digest) {
            return Ok(());
        }
        let place = Place {
            log: Arc::new(log.clone()),
            name: "the log of this process".to_owned(),
            writers: Writers::Anybody,
            api: None,
        };
        let orders = Orders::over(place, Schemas::BuiltIn, Some(NAME.to_owned()))?;
        match orders.swap(&self.rules.plan.rule_set, Some("the rules of the topology".to_owned())) {
            Ok(_) => Ok(()),
            // What ran before goes on, so that whoever added what does not fit can take it away again.
            Err(refused @ Failure::Command(CommandError::Refused { .. })) if has_rules(pipeline) => {
                terminal::complain(format!("warning: rule set {}: {refused}; the one before goes on", set.name));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// What runs where. Whoever waits for the last line can use all of it.
    fn tell(&self, log: &Embedded, serving: &Serving) -> Result<(), Failure> {
        let topics = log.topics()?;
        let partitions: u32 = topics.iter().map(|topic| topic.partitions.get()).sum();
        let (pid, version) = (std::process::id(), env!("CARGO_PKG_VERSION"));
        let (dir, socket) = (place::log_dir(&self.dir), serving.socket().display());
        let tcp = serving.tcp().map(|address| format!("http://{address}"));
        terminal::print(match self.form {
            Form::Json => {
                let line = json!({
                    "state": "ready", "version": version, "pid": pid, "log": dir, "socket": serving.socket(),
                    "api": tcp, "topology": self.deployment.topology.name, "topics": topics.len(), "partitions": partitions,
                    "rule_set": self.rules.plan.set.name, "rules": self.rules.plan.rules.len(),
                });
                format!("{line}\n")
            }
            Form::Text => {
                let tcp = tcp.map(|tcp| format!("  api       {tcp}\n")).unwrap_or_default();
                format!(
                    "tripline {version}, process {pid}\n  log       {}\n  topology  {}, {}: {} topics, {partitions} partitions\n  \
                     rules     {}, {} rules\n  api       unix:{socket}\n{tcp}ready; Ctrl-C ends it\n",
                    dir.display(),
                    self.deployment.topology.name,
                    self.deployment.name,
                    topics.len(),
                    self.rules.plan.set.name,
                    self.rules.plan.rules.len(),
                )
            }
        })
    }
}

/// The processor, as the API tells of it.
#[derive(Debug)]
struct Watched(Watch);

impl Stages for Watched {
    fn waiting(&self) -> Option<String> {
        match self.0.readiness() {
            Readiness::Ready => None,
            Readiness::Waiting(reasons) => Some(reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        }
    }

    fn metrics(&self) -> String {
        self.0.metrics().map_or_else(String::new, |metrics| metrics.render(SystemTime::now()))
    }
}

/// Whether a rule set was ever swapped in.
fn has_rules(pipeline: &Pipeline) -> bool {
    !pipeline.runs(Plan::nothing(Limits::default()).set.digest)
}

/// The owner's alone: records may hold what nobody else should read.
fn make_dir(dir: &std::path::Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| Failure::File {
        doing: "cannot make the data directory; name another with --dir",
        path: dir.to_owned(),
        source,
    })
}
