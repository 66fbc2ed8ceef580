//! What is replayed: topics of a log, and files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bus::recording::{Ending, Partitions, Recording};
use bus::{Batch, BatchLimit, Merged, Progress, Reader, Start};
use console::Log;
use contracts::topics::{CONTROL, RULE_SETS};
use processor::Stage;
use processor::replay::{Reads, Span as Spanned};

use super::Span;
use crate::failure::Failure;
use crate::input::Wanted;

pub(super) struct Sources {
    /// All of them, in the order of append times.
    pub reader: Box<dyn Reader>,
    /// Of the topics that they hold; the greatest number where several hold one.
    pub partitions: Partitions,
    pub endings: Vec<EndingOf>,
}

/// How a file turned out to end.
pub(super) struct EndingOf {
    path: PathBuf,
    ending: Arc<OnceLock<Ending>>,
}

/// What is there as a file is one; all else is the name of a topic.
pub(super) fn is_file(from: &str) -> bool {
    Path::new(from).is_file()
}

impl Sources {
    /// Of a log what was commanded comes by itself: with a topic goes all that says what its records meant.
    pub fn open(log: Option<&dyn Log>, from: &[String], span: Span) -> Result<Self, Failure> {
        let (files, topics): (Vec<&String>, Vec<&String>) = from.iter().partition(|from| is_file(from));
        let mut opened = Opened::default();
        if let (Some(log), false) = (log, topics.is_empty()) {
            opened.commands(log, span)?;
            topics.into_iter().try_for_each(|topic| opened.topic(log, topic, span))?;
        }
        files.into_iter().try_for_each(|file| opened.file(Path::new(file), span))?;
        let Opened { mut readers, partitions, endings } = opened;
        let reader = if readers.len() == 1 { readers.remove(0) } else { Box::new(Merged::over(readers)) };
        Ok(Self { reader, partitions, endings })
    }
}

#[derive(Default)]
struct Opened {
    readers: Vec<Box<dyn Reader>>,
    partitions: Partitions,
    endings: Vec<EndingOf>,
}

impl Opened {
    fn file(&mut self, path: &Path, span: Span) -> Result<(), Failure> {
        let recording = Recording::open(path)?;
        for (topic, count) in recording.partitions() {
            let known = self.partitions.entry(topic.clone()).or_insert(*count);
            *known = (*known).max(*count);
        }
        let ending = Arc::new(OnceLock::new());
        self.endings.push(EndingOf { path: path.to_owned(), ending: Arc::clone(&ending) });
        let reader: Box<dyn Reader> = Box::new(Watched { recording, ending });
        let reader = match (span.since, span.until) {
            (None, None) => reader,
            (since, until) => Box::new(Spanned::new(reader, Reads::Any, since, until)),
        };
        self.readers.push(reader);
        Ok(())
    }

    fn topic(&mut self, log: &dyn Log, topic: &str, span: Span) -> Result<(), Failure> {
        let inputs = [Stage::Events, Stage::Matches].map(Stage::topic);
        if !inputs.contains(&topic) {
            let reason = format!("expected {}, {} or a file that is there, found {topic:?}", inputs[0], inputs[1]);
            return Err(Failure::Flag { flag: "--from", reason });
        }
        let wanted = Wanted::of(log, topic, &[])?;
        self.partitions.insert(topic.to_owned(), wanted.count);
        self.span(log, &wanted, span)
    }

    /// First of all readers: of equal times a command is there before its marker.
    fn commands(&mut self, log: &dyn Log, span: Span) -> Result<(), Failure> {
        let topics = log.topics()?;
        for (topic, span) in [(RULE_SETS, Span { since: None, ..span }), (CONTROL, span)] {
            if topics.iter().any(|found| found.name == topic) {
                self.span(log, &Wanted::of(log, topic, &[])?, span)?;
            }
        }
        Ok(())
    }

    fn span(&mut self, log: &dyn Log, wanted: &Wanted, span: Span) -> Result<(), Failure> {
        let from = span.since.map_or(Start::Earliest, Start::Time);
        for reader in wanted.each(log, from)? {
            self.readers.push(match span.until {
                None => reader,
                until => Box::new(Spanned::new(reader, Reads::One, None, until)),
            });
        }
        Ok(())
    }
}

impl EndingOf {
    /// What a person should know of it.
    pub fn told(&self) -> Option<String> {
        let path = self.path.display();
        match self.ending.get()? {
            Ending::Marked => None,
            Ending::Unmarked => Some(format!(
                "{path} has no mark at its end: its recorder was ended, or it was written by another program"
            )),
            Ending::CutShort { block_at, bytes } => Some(format!(
                "{path} is cut short: its last {bytes} bytes, from byte {block_at} on, are no whole block and were not read"
            )),
        }
    }
}

/// A recording whose ending somebody wants to know.
#[derive(Debug)]
struct Watched {
    recording: Recording,
    ending: Arc<OnceLock<Ending>>,
}

impl Reader for Watched {
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> bus::Result<Progress> {
        let progress = self.recording.next(batch, limit)?;
        if let Some(ending) = self.recording.ending() {
            self.ending.get_or_init(|| ending);
        }
        Ok(progress)
    }
}
