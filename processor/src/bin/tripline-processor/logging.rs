//! The log of this process, on standard error.

use std::io::{self, IsTerminal};

use bus::config::{LOG_VARIABLE, LogFilter, LogForm};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

const DEFAULT: &str = "info";

pub fn start(flag: Option<&str>, form: LogForm) -> Result<(), Failure> {
    let LogFilter { setter, text } = LogFilter::of(flag, std::env::var(LOG_VARIABLE).ok(), DEFAULT);
    let filter = EnvFilter::try_new(&text).map_err(|source| Failure::LogFilter { setter, found: text, source })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match form {
        LogForm::Json => subscriber.json().flatten_event(true).init(),
        LogForm::Text => {
            let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            subscriber.with_ansi(io::stderr().is_terminal() && !no_colour).init();
        }
    }
    Ok(())
}
