//! Inputs that a fuzzer found worth keeping, run again as plain tests.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// A corpus is kept in version control; beyond this it has to be minimised.
const FILES_MAX: usize = 200;
const BYTES_MAX: u64 = 1024 * 1024;

/// Runs every file of `fuzz/corpus/TARGET` and of `fuzz/crashes/TARGET`, and answers how many there were.
///
/// # Panics
/// If a file fails, with its name; if the corpus is empty or too large.
pub fn replay(target: &str, run: fn(&[u8])) -> usize {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let corpus = files(&fuzz.join("corpus").join(target));
    let bytes: u64 = corpus.iter().map(|path| fs::metadata(path).map_or(0, |metadata| metadata.len())).sum();
    assert!((1..=FILES_MAX).contains(&corpus.len()), "{target}: {} files, 1 to {FILES_MAX} are kept", corpus.len());
    assert!(bytes <= BYTES_MAX, "{target}: {bytes} bytes, at most {BYTES_MAX} are kept");
    let inputs = corpus.into_iter().chain(files(&fuzz.join("crashes").join(target)));
    inputs
        .map(|path| {
            let input = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(catch_unwind(|| run(&input)).is_ok(), "{} fails", path.display());
        })
        .count()
}

/// In the order of their names; none of a folder that is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
}
