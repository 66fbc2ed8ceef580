//! The formatter.
use crate::diagnostic::Diagnostics;

pub fn format(name: &str, text: &str) -> Result<String, Diagnostics> {
    let _ = name;
    Ok(text.to_owned())
}

pub(super) fn laid_out(text: &str) -> String {
    text.to_owned()
}
