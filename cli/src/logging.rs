//! The log of this process: for whoever looks for a fault, on standard error, apart from results and errors.

use std::io;

use bus::config::{LOG_VARIABLE, LogFilter};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::terminal::wants_colour;

const DEFAULT: &str = "warn";

pub fn start(flag: Option<&str>) -> Result<(), Failure> {
    let LogFilter { setter, text } = LogFilter::of(flag, std::env::var(LOG_VARIABLE).ok(), DEFAULT);
    let filter = EnvFilter::try_new(&text).map_err(|source| Failure::LogFilter { setter, found: text, source })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(wants_colour(&io::stderr()))
        .init();
    Ok(())
}
