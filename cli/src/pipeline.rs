//! The processor inside `up`: on a thread of its own, over the log that this process owns.
//!
//! Invariant: whoever waits for it learns that it ended, and why.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bus::Bus;
use bus::embedded::Embedded;
use contracts::canonical::Digest;
use contracts::schema::BuiltIn;
use detection::limits::Limits;
use detection::plan::Plan;
use detection::risk::RiskPlan;
use processor::detecting::Detecting;
use processor::{Failpoints, Framings, Processor, ProcessorError, Settings, Standing, Watch};

use crate::failure::Failure;

/// How often it is seen whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub struct Pipeline {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), ProcessorError>>,
    watch: Watch,
}

impl Pipeline {
    /// `ended` is called when the processor ends, whatever the reason.
    pub fn start(log: &Embedded, settings: Settings, ended: impl FnOnce() + Send + 'static) -> Result<Self, Failure> {
        let bus: Arc<dyn Bus> = Arc::new(log.clone());
        // Rules come with the first swap.
        let plan = Arc::new(Plan::nothing(Limits::default()));
        let cores = Detecting::new(&bus, plan, RiskPlan::default(), Framings::default(), Arc::new(BuiltIn))?;
        let processor = Processor::start(bus, settings, Arc::new(cores), Failpoints::default())?;
        let (stop, watch) = (Arc::new(AtomicBool::new(false)), processor.watch());
        let asked = Arc::clone(&stop);
        let run = move || {
            let _told = OnEnd(Some(ended));
            processor.run(&asked)
        };
        let thread = std::thread::Builder::new().name("processor".to_owned()).spawn(run);
        let thread = thread.map_err(|source| Failure::Io { doing: "start the processor", source })?;
        Ok(Self { stop, thread, watch })
    }

    /// Waits until its tasks run where they left off; [`Pipeline::end`] says why, if it ended instead.
    pub fn is_ready(&self) -> bool {
        while !self.watch.readiness().is_ready() {
            if self.thread.is_finished() {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        true
    }

    /// What is in force in each task that takes commands.
    pub fn standings(&self) -> Vec<Standing> {
        self.watch.standings().into_values().flatten().collect()
    }

    pub fn runs(&self, rule_set: Digest) -> bool {
        self.standings().iter().all(|standing| standing.rule_set == rule_set)
    }

    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Publishes what is applied, and ends.
    pub fn end(self) -> Result<(), Failure> {
        self.stop.store(true, Ordering::Release);
        let ended = self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(ended?)
    }
}

/// Also when it ends by a panic.
struct OnEnd<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnEnd<F> {
    fn drop(&mut self) {
        if let Some(told) = self.0.take() {
            told();
        }
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("watch", &self.watch).finish_non_exhaustive()
    }
}
