//! Expected output kept in files. `BLESS=1` writes what came out; the diff in version control is then the review.

use std::path::Path;
use std::{env, fs};

/// Compares with the file, or with `BLESS=1` rewrites it.
///
/// # Panics
/// If they differ, with both texts; a missing file is an empty one.
pub fn check(path: &Path, actual: &str) {
    if env::var_os("BLESS").is_some_and(|bless| bless == "1") {
        fs::write(path, actual).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; BLESS=1 accepts the new text\n--- expected\n{expected}\n--- came out\n{actual}",
        path.display()
    );
}
