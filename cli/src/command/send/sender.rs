//! Lines become rows, rows get their fates, and every line is accounted for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use bus::{BusError, ErrorKind, Fate, Producer, ProducerSettings};
use console::Log;
use console::intake::{Intake, Prepared, Refusal};
use serde_json::json;

use super::input::Input;
use crate::args::Form;
use crate::failure::Failure;
use crate::lines::{Line, Text};
use crate::progress::Progress;
use crate::terminal::{complain, escaped};
use crate::{settled, signals};

/// Rows are pushed out when no line came for so long.
const QUIET: Duration = Duration::from_millis(20);

pub struct Sender<'a> {
    intake: &'a Intake,
    producer: Box<dyn Producer>,
    patience: Duration,
    fates: Receiver<Fate>,
    is_interrupted: Arc<AtomicBool>,
    file: PathBuf,
    form: Form,
    tally: Tally,
    progress: Progress,
}

/// What became of the events so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// The log has them.
    pub sent: u64,
    /// Reported, each with its reason.
    pub refused: u64,
    /// Given to the log, which has not answered yet.
    pub waiting: u64,
}

impl Tally {
    pub fn seen(&self) -> u64 {
        self.sent + self.refused + self.waiting
    }

    /// At the end: the log never answered for these.
    pub fn unknown(&self) -> u64 {
        self.waiting
    }
}

impl<'a> Sender<'a> {
    pub fn new(log: &dyn Log, intake: &'a Intake, file: &Path, form: Form) -> Result<Self, Failure> {
        let settings = ProducerSettings::default();
        let (heard, fates) = channel();
        // A sender that ended has counted what it could.
        let producer = log.producer(&settings, Box::new(move |fate| drop(heard.send(fate))))?;
        let is_interrupted = signals::end_asked()?;
        Ok(Self {
            intake,
            producer,
            patience: settings.patience,
            fates,
            is_interrupted,
            file: file.to_owned(),
            form,
            tally: Tally::default(),
            progress: Progress::new(),
        })
    }

    /// Stops early when the log itself fails: what is wrong then is not a line.
    pub fn send_all(&mut self, input: Input) -> Result<(), Failure> {
        let pieces = input.into_channel();
        loop {
            if self.is_interrupted.load(Ordering::Relaxed) {
                self.flush()?;
                return Err(Failure::Interrupted);
            }
            match pieces.recv_timeout(QUIET) {
                Ok(lines) => {
                    for line in lines? {
                        self.send(&line)?;
                    }
                    self.hear()?;
                }
                Err(RecvTimeoutError::Timeout) => self.flush()?,
                Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
            self.progress.at(self.tally.seen());
        }
    }

    pub fn end(self) -> Tally {
        self.progress.end();
        self.tally
    }

    fn send(&mut self, line: &Line) -> Result<(), Failure> {
        let prepared = match prepare(self.intake, line) {
            Ok(prepared) => prepared,
            Err(refusal) => {
                self.refuse(line.number, &refusal);
                return Ok(());
            }
        };
        let headers = prepared.headers();
        match self.producer.send(&prepared.row(&headers), line.number) {
            Ok(()) => self.tally.waiting += 1,
            Err(error) => self.failed(line.number, error)?,
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if self.tally.waiting > 0 {
            self.producer.flush(self.patience)?;
        }
        self.hear()
    }

    fn hear(&mut self) -> Result<(), Failure> {
        let mut first = Ok(());
        while let Ok(fate) = self.fates.try_recv() {
            self.tally.waiting -= 1;
            match fate.result {
                Ok(_) => self.tally.sent += 1,
                Err(error) => first = first.and(self.failed(fate.tag, error)),
            }
        }
        first
    }

    /// A row that the log refuses is a bad line; a log that cannot take rows is the end.
    fn failed(&mut self, line: u64, error: BusError) -> Result<(), Failure> {
        if matches!(error.kind(), ErrorKind::TooLarge | ErrorKind::Invalid) {
            self.refuse(line, &error);
            return Ok(());
        }
        self.tally.waiting += 1;
        Err(error.into())
    }

    fn refuse(&mut self, line: u64, reason: &dyn std::error::Error) {
        self.tally.refused += 1;
        self.progress.aside(|| report(&self.file, line, reason, self.form));
    }
}

pub fn prepare(intake: &Intake, line: &Line) -> Result<Prepared, Refusal> {
    match &line.text {
        Text::Whole(text) => intake.prepare(text, line.number, settled::now()),
        Text::TooLong => Err(Refusal::LineTooLong),
    }
}

pub fn report(file: &Path, line: u64, reason: &dyn std::error::Error, form: Form) {
    let name = if file.as_os_str() == "-" { "standard input".into() } else { file.to_string_lossy() };
    let reason = reason.to_string();
    match form {
        Form::Text => complain(format!("error: {}:{line}: {}", escaped(&name), escaped(&reason))),
        Form::Json => complain(json!({ "error": { "file": name, "line": line, "message": reason } }).to_string()),
    }
}
