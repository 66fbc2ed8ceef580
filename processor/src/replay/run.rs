//! One set of rules over an input: the tasks of all stages, their state, and what follows.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use bus::{Batch, Bus, Offset, Partition, Record};
use contracts::codec::Schemas;
use contracts::time::Timestamp;
use detection::parts;
use detection::plan::Plan;
use detection::risk::RiskPlan;
use detection::view::View;

use super::chunk::{Appending, Following, Item, Items, Recorded};
use super::shelf::{Shelf, ShelfBus};
use super::{Course, Matches};
use crate::ProcessorError;
use crate::core::{Core, CoreError, Cores as _};
use crate::detecting::Detecting;
use crate::framing::Framings;
use crate::outbox::{Rows, Stored};
use crate::store::{self, Memory, Store};
use crate::task::{Stage, TaskId};

#[derive(Debug, Clone)]
pub struct RunSettings {
    pub course: Course,
    /// For the state, of which nothing is wanted afterwards.
    pub dir: PathBuf,
    pub memory: Memory,
    /// Records of one write of state.
    pub batch_records_max: NonZeroUsize,
    pub threads: NonZeroUsize,
}

pub struct Run {
    settings: RunSettings,
    cores: Detecting,
    shelf: Arc<Shelf>,
    schemas: Arc<dyn Schemas + Send + Sync>,
    lanes: BTreeMap<TaskId, Lane>,
    store: Store,
    /// What follows from the last chunk.
    rows: Batch,
    appending: Appending,
    /// What stage two and risk are fed, and where it would lie on the log.
    fed: [(Batch, Appending); 2],
    passed_over: u64,
}

/// A task.
#[derive(Debug)]
struct Lane {
    id: TaskId,
    core: Box<dyn Core>,
}

/// What a lane made of its records of a chunk.
#[derive(Debug, Default)]
struct Made {
    rows: Rows,
    /// Of each row.
    causes: Vec<(usize, Timestamp)>,
}

impl RunSettings {
    pub fn new(course: Course, dir: PathBuf) -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let batch_records_max = NonZeroUsize::new(1_000).expect("invariant: it is not 0");
        Self { course, dir, memory: Memory::default(), batch_records_max, threads }
    }
}

impl Run {
    /// `plan` is what runs, or, where swaps are followed, what runs before the first.
    pub fn new(
        settings: RunSettings,
        plan: Arc<Plan>,
        risk: RiskPlan,
        schemas: Arc<dyn Schemas + Send + Sync>,
    ) -> Result<Self, ProcessorError> {
        let store = Store::open(&settings.dir, &settings.memory)?;
        let shelf = Arc::new(Shelf::new(&settings.course));
        // A set too large to travel was never in force, and has no weights that anybody else would find.
        if let Ok((_, parts)) = parts::split(&plan.rule_set) {
            shelf.put_set(&parts);
        }
        let bus: Arc<dyn Bus> = Arc::new(ShelfBus(Arc::clone(&shelf)));
        let cores = Detecting::new(&bus, plan, risk, Framings::default(), Arc::clone(&schemas))?;
        Ok(Self {
            settings,
            cores,
            shelf,
            schemas,
            lanes: BTreeMap::new(),
            store,
            rows: Batch::default(),
            appending: Appending::default(),
            fed: Default::default(),
            passed_over: 0,
        })
    }

    /// As after a restart between two chunks: of the tasks only what is stored is known.
    pub fn restarted(self) -> Result<Self, ProcessorError> {
        let Self { settings, cores, shelf, schemas, mut lanes, store, rows, appending, fed, passed_over } = self;
        lanes.clear();
        drop(store);
        let store = Store::open(&settings.dir, &settings.memory)?;
        Ok(Self { settings, cores, shelf, schemas, lanes, store, rows, appending, fed, passed_over })
    }

    /// What follows from the last chunk, with the places and times that a log would give it.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.rows.records()
    }

    /// Records so far that no stage takes.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    pub(super) fn apply(&mut self, chunk: &Batch) -> Result<(), ProcessorError> {
        let recorded = Recorded::of(chunk, &self.settings.course, &*self.schemas);
        self.passed_over += recorded.passed_over;
        let commanded = recorded.commanded.iter().filter_map(|at| chunk.get(*at));
        commanded.for_each(|record| self.shelf.take(&record, &*self.schemas));
        let one = self.pass(Stage::Events, chunk, &recorded.events)?;
        let two = match self.settings.course.matches {
            Matches::Recorded => self.pass(Stage::Matches, chunk, &recorded.matches)?,
            Matches::Derived => {
                let told = recorded.told.iter().filter_map(|at| Some((*at, chunk.get(*at)?)));
                let items = self.feed_matches(&in_order(&[&one]), told);
                self.pass_fed(Stage::Matches, &items)?
            }
        };
        let items = self.feed_alerts(&in_order(&[&one, &two]));
        let risk = self.pass_fed(Stage::Alerts, &items)?;
        self.rows.clear();
        for follows in in_order(&[&one, &two, &risk]) {
            self.appending.row(&follows, &self.settings.course, &mut self.rows);
        }
        Ok(())
    }

    /// Matches, and before those of a tick the tick itself, on every partition.
    fn feed_matches<'r>(&mut self, rows: &[Following<'_>], told: impl Iterator<Item = (usize, Record<'r>)>) -> Items {
        let (batch, appending) = &mut self.fed[0];
        let course = &self.settings.course;
        batch.clear();
        let mut items = Items::new();
        let mut rows = rows.iter().filter(|follows| follows.row.row().topic == Stage::Matches.topic()).peekable();
        let mut told = told.peekable();
        loop {
            let next_row = rows.peek().map(|follows| follows.cause);
            if let Some((cause, record)) = told.next_if(|(at, _)| next_row.is_none_or(|row| *at <= row)) {
                for index in 0..course.partitions[&Stage::Matches].get() {
                    let partition = Partition::new(Stage::Matches.topic(), index);
                    items.entry(index).or_default().push(Item { at: batch.len(), cause });
                    appending.put(&partition, record.appended_at, record.key, record.value, record.headers(), batch);
                }
            } else if let Some(follows) = rows.next() {
                let item = Item { at: batch.len(), cause: follows.cause };
                items.entry(appending.row(follows, course, batch).index).or_default().push(item);
            } else {
                return items;
            }
        }
    }

    fn feed_alerts(&mut self, rows: &[Following<'_>]) -> Items {
        let (batch, appending) = &mut self.fed[1];
        batch.clear();
        let mut items = Items::new();
        for follows in rows.iter().filter(|follows| follows.row.row().topic == Stage::Alerts.topic()) {
            let item = Item { at: batch.len(), cause: follows.cause };
            items.entry(appending.row(follows, &self.settings.course, batch).index).or_default().push(item);
        }
        items
    }

    fn pass_fed(&mut self, stage: Stage, items: &Items) -> Result<Vec<Made>, ProcessorError> {
        let place = usize::from(stage == Stage::Alerts);
        let batch = std::mem::take(&mut self.fed[place].0);
        let made = self.pass(stage, &batch, items);
        self.fed[place].0 = batch;
        made
    }

    /// All tasks of a stage, each by one thread.
    fn pass(&mut self, stage: Stage, batch: &Batch, items: &Items) -> Result<Vec<Made>, ProcessorError> {
        for partition in items.keys() {
            let id = TaskId { stage, partition: *partition };
            if !self.lanes.contains_key(&id) {
                let core = self.cores.core(id, &self.store.state(id))?;
                self.lanes.insert(id, Lane { id, core });
            }
        }
        let of_stage = self.lanes.values_mut().filter(|lane| lane.id.stage == stage);
        let mut work: Vec<(&mut Lane, &[Item])> = of_stage
            .filter_map(|lane| {
                let items = items.get(&lane.id.partition)?;
                Some((lane, &**items))
            })
            .collect();
        let (store, records_max) = (&self.store, self.settings.batch_records_max.get());
        let each = move |work: &mut [(&mut Lane, &[Item])]| -> Result<Vec<Made>, ProcessorError> {
            work.iter_mut().map(|(lane, items)| lane.apply(batch, items, store, records_max)).collect()
        };
        let share = work.len().div_ceil(self.settings.threads.get()).max(1);
        std::thread::scope(|scope| {
            let mut shares = work.chunks_mut(share);
            let own = shares.next();
            let others: Vec<_> = shares.map(|share| scope.spawn(move || each(share))).collect();
            let mut made = own.map_or_else(|| Ok(Vec::new()), each)?;
            for other in others {
                made.extend(super::joined(other)?);
            }
            Ok(made)
        })
    }
}

impl Lane {
    fn apply(
        &mut self,
        batch: &Batch,
        items: &[Item],
        store: &Store,
        records_max: usize,
    ) -> Result<Made, ProcessorError> {
        let mut made = Made::default();
        for items in items.chunks(records_max) {
            let state = store.state(self.id);
            let mut view = View::over(&state);
            let mut next = Offset(0);
            for item in items {
                let record = batch.get(item.at).expect("invariant: an item is of this batch");
                self.core.apply(&record, &mut view, &mut made.rows)?;
                made.causes.resize(made.rows.len(), (item.cause, record.appended_at));
                next = Offset(record.offset.0 + 1);
            }
            let changes = view.into_changes().map_err(|unreadable| state.unreadable(unreadable));
            state.check().map_err(CoreError::from)?;
            let mut write = store::Batch::default();
            write.put_state(self.id, changes.map_err(CoreError::from)?);
            write.put_position(self.id, next);
            store.write(&write)?;
        }
        Ok(made)
    }
}

/// The rows of several stages in the order of what they follow from; of one record by stage and, where several tasks took it,
/// by partition.
fn in_order<'m>(stages: &[&'m [Made]]) -> Vec<Following<'m>> {
    let made = stages.iter().flat_map(|made| made.iter());
    let mut rows: Vec<_> = made
        .flat_map(|made| made.rows.encoded().zip(&made.causes))
        .map(|(row, (cause, appended_at))| {
            let row = Stored::decode(row).expect("invariant: a row that was just encoded");
            Following { cause: *cause, appended_at: *appended_at, row }
        })
        .collect();
    rows.sort_by_key(|follows| follows.cause);
    rows
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("settings", &self.settings)
            .field("lanes", &self.lanes.len())
            .finish_non_exhaustive()
    }
}
