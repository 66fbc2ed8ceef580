//! `tripline-processor`: the processor as a service, on Kafka.
//!
//! The way: words ([`args`]) → what they mean, with the configuration ([`settled`]) → the cluster, held against what is
//! declared ([`deployment`]) → the processor, and its health beside it ([`health`]). What can be refused is refused before
//! anything is touched.
//!
//! Absent on purpose: the embedded log. It has one owner process, and that is `tripline up`.

mod args;
mod deployment;
mod displaced;
mod failure;
mod health;
mod logging;
mod settled;
mod traces;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::Bus;
use bus::kafka::Kafka;
use bus::registry::Registry;
use clap::Parser;
use contracts::failure::Status;
use detection::limits::Limits;
use detection::plan::Plan;
use detection::risk::RiskPlan;
use processor::detecting::Detecting;
use processor::{Failpoints, Processor, ProcessorError};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tikv_jemallocator::Jemalloc;

use args::Args;
use failure::Failure;
use health::Watched;
use settled::Settled;

/// RocksDB and librdkafka allocate by it, too.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How long what could not be reached is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and versions are no errors, and go to standard output.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { Status::Usage.code() } else { 0 });
        }
    };
    let settled = match Settled::of(args) {
        Ok(settled) => settled,
        Err(failure) => return failure.report(bus::config::LogForm::Text),
    };
    let form = settled.log_form;
    match run(&settled) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(form),
    }
}

fn run(settled: &Settled) -> Result<(), Failure> {
    logging::start(settled.log_filter.as_deref(), settled.log_form)?;
    let stop = stopped_by_signals()?;
    let watched = Watched::default();
    // First, so that whoever starts this process sees what it waits for.
    let health = health::serve(settled.listen, watched.clone())?;
    tracing::info!(address = %health.address(), "health and metrics are served");
    let instance = settled.settings.instance.clone();
    while let Some(processor) = once_reached(&watched, &stop, || start(settled))? {
        watched.set(processor.watch());
        tracing::info!(instance = instance.as_str(), "the processor runs");
        match processor.run(&stop) {
            Err(ProcessorError::Displaced(error)) => displaced::wait(&error, settled, &watched, &stop)?,
            ended => {
                ended?;
                tracing::info!("stopped: what was applied is published, the partitions are given back");
                break;
            }
        }
    }
    drop(health);
    Ok(())
}

/// What cannot be reached may come up after this process. `None`: it was asked to stop meanwhile.
fn once_reached<T>(
    watched: &Watched,
    stop: &AtomicBool,
    attempt: impl Fn() -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    while !stop.load(Ordering::Acquire) {
        match attempt() {
            Err(failure) if failure.is_passing() => {
                let reason = failure.message();
                tracing::warn!(%reason, "cannot start yet; trying again");
                watched.in_trouble(reason);
                std::thread::sleep(RETRY_AFTER);
            }
            started => return started.map(Some),
        }
    }
    Ok(None)
}

fn start(settled: &Settled) -> Result<Processor, Failure> {
    let registry = settled.registry.as_ref().map(Registry::new).transpose()?;
    let instance = &settled.settings.instance;
    let bus: Arc<dyn Bus> = Arc::new(Kafka::connect(settled.kafka.clone(), instance.as_str())?);
    deployment::check(&*bus, settled.topology.as_ref())?;
    let framings = deployment::framings(registry.as_ref())?;
    let schemas = deployment::lookup(registry);
    // Until a rule set is swapped in; from then on the state says which.
    let plan = Arc::new(Plan::nothing(Limits::default()));
    let cores = Detecting::new(&bus, plan, RiskPlan::default(), framings.clone(), schemas)?;
    let spans = traces::exporter(settled.traces.as_deref(), instance.as_str())?;
    let settings = processor::Settings { framings, spans, ..settled.settings.clone() };
    Ok(Processor::start(bus, settings, Arc::new(cores), Failpoints::default())?)
}

/// The first signal asks to stop; a second one ends the process where it stands, and loses nothing.
fn stopped_by_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for (signal, status) in [(SIGINT, Status::Interrupted), (SIGTERM, Status::Terminated)] {
        // Armed before the first signal is seen: of two that come at once, the second counts.
        flag::register_conditional_shutdown(signal, status.code().into(), Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|source| Failure::Signals { source })?;
    }
    Ok(stop)
}
