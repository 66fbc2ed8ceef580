//! The log itself: its topics, groups, epochs and committed offsets.
//!
//! Invariant: locks are taken in the order appender, group; readers take neither.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use contracts::time::Timestamp;
use contracts::topics::{Compression, Declared};
use rocksdb::WriteBatch;

use super::append::{Append, Appender, Epoch};
use super::group::Group;
use super::layout;
use super::maintenance;
use super::options::{Flush, Options};
use super::owner::{self, Owner};
use super::signal::Signal;
use super::store::Store;
use super::topics::{Head, NAME_BYTES_MAX, Settings, Topic, check_name};
use crate::{BusError, Instance, Offset, Partition, Result};

#[derive(Debug)]
pub(super) struct Log {
    pub store: Store,
    pub options: Options,
    pub news: Signal,
    topics: RwLock<BTreeMap<Arc<str>, Arc<Topic>>>,
    appender: Mutex<Appender>,
    /// One maintenance at a time.
    maintaining: Mutex<()>,
    groups: Mutex<BTreeMap<Box<str>, Arc<Mutex<Group>>>>,
    /// Until when the offsets of a group are not stable: [`super::Habits::late_stable_offsets`].
    unstable: Mutex<BTreeMap<Box<str>, Instant>>,
    _owner: Owner,
}

impl Log {
    pub fn open(dir: &Path, options: Options) -> Result<Self> {
        let owner = owner::own(dir, (options.clock)())?;
        let store = Store::open(dir, &options)?;
        check_version(&store)?;
        let mut topics = BTreeMap::new();
        let mut appender = Appender::default();
        for (key, settings) in store.notes(1)? {
            let name = layout::topic_in_key(&key)
                .ok_or_else(|| store.malformed("the name of a topic", layout::Malformed::Short))?;
            let (partitions, settings) = Settings::from_json(&settings)
                .ok_or_else(|| store.malformed(&format!("the settings of `{name}`"), layout::Malformed::Short))?;
            if settings.compression != Compression::Lz4 {
                store.set_compression(name, settings.compression)?;
            }
            let (topic, heads) = Topic::restore(appender.heads.len(), name, partitions, settings, &store)?;
            appender.heads.push(heads);
            topics.insert(topic.name.clone(), Arc::new(topic));
        }
        Ok(Self {
            store,
            options,
            news: Signal::default(),
            topics: RwLock::new(topics),
            appender: Mutex::new(appender),
            maintaining: Mutex::default(),
            groups: Mutex::default(),
            unstable: Mutex::default(),
            _owner: owner,
        })
    }

    pub fn create(&self, declared: &Declared) -> Result<()> {
        check_name(&declared.name)?;
        let mut appender = self.appender();
        if self.topic(&declared.name).is_ok() {
            return Err(BusError::TopicExists { topic: declared.name.clone() });
        }
        let settings = Settings::of(declared);
        self.store.make_family(&declared.name, settings.compression)?;
        self.note_settings(&declared.name, declared.partitions, settings)?;
        let (topic, heads) = Topic::new(appender.heads.len(), &declared.name, declared.partitions, settings);
        appender.heads.push(heads);
        self.topics
            .write()
            .expect("invariant: the table of topics is only inserted into")
            .insert(topic.name.clone(), Arc::new(topic));
        Ok(())
    }

    pub fn alter(&self, declared: &Declared) -> Result<()> {
        let _appender = self.appender();
        let topic = self.topic(&declared.name)?;
        if topic.partition_count() != declared.partitions {
            return Err(BusError::PartitionsFixed {
                topic: declared.name.clone(),
                declared: declared.partitions.get(),
                found: topic.partition_count().get(),
            });
        }
        let settings = Settings::of(declared);
        self.store.set_compression(&topic.name, settings.compression)?;
        self.note_settings(&topic.name, declared.partitions, settings)?;
        topic.set_settings(settings);
        Ok(())
    }

    fn note_settings(&self, name: &str, partitions: NonZeroU32, settings: Settings) -> Result<()> {
        let mut batch = WriteBatch::default();
        batch.put(layout::topic_key(name), settings.to_json(partitions));
        self.store.write(&batch)
    }

    pub fn topics(&self) -> Vec<Arc<Topic>> {
        self.topics.read().expect("invariant: the table of topics is only inserted into").values().cloned().collect()
    }

    pub fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        let topics = self.topics.read().expect("invariant: the table of topics is only inserted into");
        topics.get(name).cloned().ok_or_else(|| BusError::UnknownTopic { topic: name.to_owned() })
    }

    /// The topic of a partition that exists.
    pub fn topic_of(&self, partition: &Partition) -> Result<Arc<Topic>> {
        let topic = self.topic(&partition.topic)?;
        let partitions = topic.partition_count().get();
        if partition.index >= partitions {
            return Err(BusError::UnknownPartition { partition: partition.clone(), partitions });
        }
        Ok(topic)
    }

    /// The group of this name, made when there is none. Groups are few and stay: they are names in a program.
    pub fn group(&self, name: &str) -> Result<Arc<Mutex<Group>>> {
        check_group(name)?;
        let mut groups = self.groups.lock().expect("invariant: the table of groups is only inserted into");
        Ok(groups.entry(name.into()).or_default().clone())
    }

    /// Makes every earlier publisher of an instance an old one, durably.
    pub fn fence(&self, instance: &Instance) -> Result<Epoch> {
        let mut appender = self.appender();
        let key = layout::epoch_key(instance.as_str());
        let newest = match appender.epochs.get(instance) {
            Some(Epoch(newest)) => *newest,
            None => self.number(&key)?.unwrap_or(0),
        };
        let epoch = Epoch(newest + 1);
        let mut batch = WriteBatch::default();
        batch.put(&key, epoch.0.to_be_bytes());
        self.store.write(&batch)?;
        appender.epochs.insert(instance.clone(), epoch);
        Ok(epoch)
    }

    pub fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<Offset>>> {
        check_group(group)?;
        self.wait_until_stable(group)?;
        partitions
            .iter()
            .map(|partition| {
                self.topic_of(partition)?;
                let key = layout::committed_key(group, &partition.topic, partition.index);
                Ok(self.number(&key)?.map(Offset))
            })
            .collect()
    }

    pub fn delay_stable_offsets(&self, group: &str) {
        if let Some(delay) = self.options.habits.late_stable_offsets {
            self.unstable().insert(group.into(), Instant::now() + delay);
        }
    }

    fn wait_until_stable(&self, group: &str) -> Result<()> {
        let Some(stable_at) = self.unstable().get(group).copied() else {
            return Ok(());
        };
        let waited = self.options.stable_wait_max;
        let missing = stable_at.saturating_duration_since(Instant::now());
        std::thread::sleep(missing.min(waited));
        if missing > waited { Err(BusError::NotAcknowledged { waited }) } else { Ok(()) }
    }

    fn unstable(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Instant>> {
        self.unstable.lock().expect("invariant: this table is only read and inserted into")
    }

    fn number(&self, key: &[u8]) -> Result<Option<u64>> {
        let number = self.store.get(key)?;
        let malformed = |reason| self.store.malformed("a committed offset or an epoch", reason);
        number.map(|bytes| layout::decode_number(&bytes).map_err(malformed)).transpose()
    }

    pub fn append(&self) -> Append<'_> {
        Append::new(self, self.appender())
    }

    /// Goes through all topics even if one fails; answers the first failure.
    pub fn maintain(&self, now: Timestamp) -> Result<()> {
        let _alone = self.maintaining.lock().unwrap_or_else(PoisonError::into_inner);
        let topics = self.topics();
        let outcomes = topics.iter().map(|topic| maintenance::maintain(self, topic, now));
        outcomes.fold(Ok(()), std::result::Result::and)
    }

    pub fn head(&self, topic: &Topic, index: u32) -> Head {
        self.appender().heads[topic.number][index as usize]
    }

    /// Writes a batch that removes records of a partition, together with what has to be known of it afterwards.
    pub fn mark(&self, topic: &Topic, index: u32, mut batch: WriteBatch) -> Result<()> {
        let appender = self.appender();
        let mark = topic.mark(index, &appender.heads[topic.number][index as usize]);
        batch.put(layout::mark_key(&topic.name, index), mark.encode());
        self.store.write_tidying(&batch)
    }

    fn appender(&self) -> MutexGuard<'_, Appender> {
        self.appender.lock().expect("invariant: appending does not panic; had it, heads and records could differ")
    }
}

/// A log that is closed leaves nothing to the next interval.
impl Drop for Log {
    fn drop(&mut self) {
        if self.options.flush != Flush::OsDecides
            && let Err(error) = self.store.sync()
        {
            tracing::error!(%error, "what was appended last would not survive a loss of power");
        }
    }
}

fn check_group(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(BusError::GroupName { name: name.to_owned() });
    }
    Ok(())
}

fn check_version(store: &Store) -> Result<()> {
    let Some(found) = store.get(&layout::VERSION_KEY)? else {
        let mut batch = WriteBatch::default();
        batch.put(layout::VERSION_KEY, layout::VERSION.to_be_bytes());
        return store.write(&batch);
    };
    if found == layout::VERSION.to_be_bytes() {
        return Ok(());
    }
    Err(BusError::LogVersion {
        path: store.path().to_owned(),
        expected: layout::VERSION,
        found: found.try_into().map_or(0, u32::from_be_bytes),
    })
}
