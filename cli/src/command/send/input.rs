//! Where lines come from: a file, or whatever feeds standard input, as fast or as slowly as it will.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use crate::failure::Failure;
use crate::lines::{Line, Lines};
use crate::terminal::complain;

const PIECE_BYTES: usize = 256 * 1024;
/// Pieces of lines that wait for the log; beyond it the input waits.
const PIECES_WAITING_MAX: usize = 2;

#[derive(Debug)]
pub struct Input {
    path: PathBuf,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Stdin,
    File(File),
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stdin => io::stdin().lock().read(buffer),
            Self::File(file) => file.read(buffer),
        }
    }
}

impl Input {
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let source = if path.as_os_str() == "-" {
            if io::stdin().is_terminal() {
                complain("reading events from the terminal, one JSON object a line; Ctrl-D ends");
            }
            Source::Stdin
        } else {
            let opened = File::open(path).and_then(|file| {
                if file.metadata()?.is_dir() { Err(io::Error::from(io::ErrorKind::IsADirectory)) } else { Ok(file) }
            });
            Source::File(opened.map_err(|source| failed("cannot be opened", path, source))?)
        };
        Ok(Self { path: path.to_owned(), source })
    }

    pub fn name(&self) -> &Path {
        &self.path
    }

    /// Itself if it can be read twice, else a copy in a file that nobody else sees and that is gone when we are.
    pub fn rewindable(mut self) -> Result<Self, Failure> {
        let is_file = matches!(&self.source, Source::File(file) if file.metadata().is_ok_and(|data| data.is_file()));
        if !is_file {
            let spooled = tempfile::tempfile().and_then(|mut spool| {
                io::copy(&mut self.source, &mut spool)?;
                Ok(spool)
            });
            let spool =
                spooled.map_err(|source| failed("cannot be kept aside in TMPDIR for checking", &self.path, source))?;
            self.source = Source::File(spool);
        }
        self.rewound()
    }

    pub fn rewound(mut self) -> Result<Self, Failure> {
        if let Source::File(file) = &mut self.source {
            file.rewind().map_err(|source| failed("cannot be read again", &self.path, source))?;
        }
        Ok(self)
    }

    pub fn for_each_line(&mut self, mut each: impl FnMut(Line)) -> Result<(), Failure> {
        let read = read_lines(&mut self.source, |lines| {
            lines.into_iter().for_each(&mut each);
            true
        });
        read.map_err(|source| failed("cannot be read", &self.path, source))
    }

    /// Reads on a thread of its own: whoever takes the lines is never stuck in a read that may take for ever.
    pub fn into_channel(self) -> Receiver<Result<Vec<Line>, Failure>> {
        let (pieces, taken) = sync_channel(PIECES_WAITING_MAX);
        let Self { path, mut source } = self;
        std::thread::spawn(move || {
            // A receiver that is gone has no use for lines or errors.
            let read = read_lines(&mut source, |lines| pieces.send(Ok(lines)).is_ok());
            if let Err(source) = read {
                drop(pieces.send(Err(failed("cannot be read", &path, source))));
            }
        });
        taken
    }
}

fn read_lines(source: &mut Source, mut take: impl FnMut(Vec<Line>) -> bool) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = match source.read(&mut piece) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut out = Vec::new();
        match length {
            0 => lines.finish(&mut out),
            length => lines.push(&piece[..length], &mut out),
        }
        if (!out.is_empty() && !take(out)) || length == 0 {
            return Ok(());
        }
    }
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> Failure {
    Failure::File { doing, path: path.to_owned(), source }
}
