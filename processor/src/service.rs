//! A processor as a whole: two halves that share a store, run by two threads or, in tests, turn by turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant, SystemTime};

use bus::{Bus, BusError, MemberSettings};

use crate::checkpoint::{self, Checkpointer};
use crate::core::Cores;
use crate::failpoint::Failpoints;
use crate::lookout::{self, Lookout};
use crate::member::TaskLoop;
use crate::metrics::Figures;
use crate::ownership::Ownership;
use crate::publisher::{Outbound, Sent};
use crate::pulse::Pulse;
use crate::shared::Shared;
use crate::store::Store;
use crate::watch::Watch;
use crate::{ProcessorError, Settings};

/// How long a stopping processor tries to publish what is ready.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// How long what could not be reached is left alone.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long a command is waited for before tasks that were assigned meanwhile are looked at.
const LISTEN: Duration = Duration::from_millis(50);
/// How often it is seen whether a checkpoint may be shown.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Processor {
    pub tasks: TaskLoop,
    pub outbound: Outbound,
    pub pulse: Pulse,
    /// If the settings say where checkpoints go.
    pub checkpoints: Option<Checkpointer>,
    lookout: Lookout,
    watch: Watch,
}

impl Processor {
    /// Opens the store, becomes the publisher of its instance, joins the group; in this order, so that what an earlier
    /// process of this name left open is decided before any position is read.
    pub fn start(
        bus: Arc<dyn Bus>,
        settings: Settings,
        cores: Arc<dyn Cores>,
        failpoints: Failpoints,
    ) -> Result<Self, ProcessorError> {
        let checkpoints = settings.checkpoints.as_ref().map(checkpoint::place).transpose()?;
        let store = Store::open_or_replace(&settings.dir, &settings.memory)?;
        let publisher = bus.publisher(&settings.instance)?;
        let member = bus.join(&MemberSettings {
            group: settings.group.clone(),
            instance: settings.instance.clone(),
            is_static: settings.is_static,
            topics: settings.stages.iter().map(|stage| stage.topic().to_owned()).collect(),
            session_timeout: settings.session_timeout,
        })?;
        let membership = member.membership();
        let ownership = Ownership::default();
        let figures = Figures::default();
        let shared = Arc::new(Shared { bus, settings, cores, store, ownership, failpoints, figures, checkpoints });
        let outbound = Outbound::new(Arc::clone(&shared), publisher, membership, Instant::now());
        let checkpoints = Checkpointer::new(&shared);
        let pulse = Pulse::new(Arc::clone(&shared));
        let (lookout, watch) = (Lookout::new(Arc::clone(&shared)), Watch::new(&shared));
        Ok(Self { tasks: TaskLoop::new(shared, member), outbound, pulse, checkpoints, lookout, watch })
    }

    /// To see how it does, also while it runs.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Runs until `stop` is set or something cannot be gone on with. Stopped, it publishes what is ready and leaves.
    pub fn run(self, stop: &AtomicBool) -> Result<(), ProcessorError> {
        let Self { tasks, outbound, pulse, mut checkpoints, mut lookout, .. } = self;
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Dropped, whichever way this ends, they end these two threads. Either may wait for a place of checkpoints that
            // is away: they are waited for when everything else is done.
            let (running, over) = mpsc::channel();
            let (running_too, over_too) = mpsc::channel();
            let looking = spawn(scope, "lookout", &ended, move || {
                look(&mut lookout, &over_too);
                Ok(())
            });
            let writing = checkpoints
                .as_mut()
                .map(|checkpoints| spawn(scope, "checkpoints", &ended, move || write_checkpoints(checkpoints, &over)));
            let worked = work(tasks, outbound, pulse, stop, &ended);
            drop::<[mpsc::Sender<()>; 2]>([running, running_too]);
            let wrote = writing.map_or(Ok(()), |writing| joined(writing?));
            worked.and(looking.and_then(joined)).and(wrote)
        })
    }
}

type Outcome = Result<(), ProcessorError>;

fn work(
    mut tasks: TaskLoop,
    mut outbound: Outbound,
    mut pulse: Pulse,
    stop: &AtomicBool,
    ended: &AtomicBool,
) -> Outcome {
    std::thread::scope(|scope| {
        let publishing = spawn(scope, "publisher", ended, || publish(&mut outbound, ended))?;
        let pulsing = spawn(scope, "pulse", ended, || {
            beat(&mut pulse, ended);
            Ok(())
        });
        let applied = {
            let _end = End(ended);
            apply(&mut tasks, stop, ended)
        };
        tasks.interrupt();
        let pulsed = pulsing.and_then(joined);
        applied.and(joined(publishing)).and(pulsed)
    })?;
    drain(&mut outbound)?;
    tasks.close()
}

/// However the applying thread ends, be it by a panic, the others are not waited for in vain.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A thread that ends, ends the processor.
fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &'static str,
    ended: &'scope AtomicBool,
    work: impl FnOnce() -> Outcome + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Outcome>, ProcessorError> {
    let work = move || {
        let outcome = work();
        ended.store(true, Ordering::Release);
        outcome
    };
    let failed = |error: std::io::Error| BusError::Thread { name, reason: error.to_string() };
    Ok(Builder::new().name(name.to_owned()).spawn_scoped(scope, work).map_err(failed)?)
}

fn joined(thread: ScopedJoinHandle<'_, Outcome>) -> Outcome {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn apply(tasks: &mut TaskLoop, stop: &AtomicBool, ended: &AtomicBool) -> Outcome {
    while !stop.load(Ordering::Acquire) && !ended.load(Ordering::Acquire) {
        match tasks.turn() {
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, "cannot go on yet; trying again");
                tasks.in_trouble(Some(error.to_string()));
                std::thread::sleep(RETRY_AFTER);
            }
            outcome => {
                outcome?;
                tasks.in_trouble(None);
            }
        }
    }
    Ok(())
}

fn look(lookout: &mut Lookout, over: &mpsc::Receiver<()>) {
    loop {
        lookout.turn(Instant::now(), SystemTime::now());
        if over.recv_timeout(lookout::LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn publish(outbound: &mut Outbound, ended: &AtomicBool) -> Outcome {
    while !ended.load(Ordering::Acquire) {
        if outbound.turn(Instant::now())? == Sent::Nothing {
            outbound.wait();
        }
    }
    Ok(())
}

/// A tick that cannot be written is no reason to stop: the next one says the same. Neither is a marker: it is tried again.
fn beat(pulse: &mut Pulse, ended: &AtomicBool) {
    let mut tick_at = Instant::now() + pulse.tick_every();
    while !ended.load(Ordering::Acquire) {
        let now = Instant::now();
        let is_due = now >= tick_at;
        if is_due {
            tick_at = now + pulse.tick_every();
        }
        let ticked = if is_due { pulse.tick() } else { Ok(0) };
        let listened = pulse.listen(LISTEN.min(tick_at.saturating_duration_since(now)));
        let beaten = ticked.and(listened).and_then(|()| pulse.mark(now));
        if let Err(error) = &beaten {
            tracing::warn!(%error, "no tick or no marker; trying again");
            std::thread::sleep(RETRY_AFTER);
        }
        pulse.in_trouble(beaten.err().map(|error| error.to_string()));
    }
}

/// A checkpoint that cannot be written is no reason to stop: the one before it and the log are still there.
fn write_checkpoints(checkpoints: &mut Checkpointer, over: &mpsc::Receiver<()>) -> Outcome {
    let mut write_at = Instant::now() + checkpoints.every();
    while over.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        let wrote = if now < write_at { Ok(0) } else { checkpoints.write() };
        if now >= write_at {
            write_at = now + checkpoints.every();
        }
        match wrote.and_then(|_| checkpoints.show()) {
            Ok(_) => {}
            Err(ProcessorError::Checkpoint(error)) => tracing::error!(%error, "no checkpoint; trying again later"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn drain(outbound: &mut Outbound) -> Outcome {
    let deadline = Instant::now() + DRAIN_MAX;
    while outbound.turn(Instant::now())? != Sent::Nothing && Instant::now() < deadline {}
    Ok(())
}
