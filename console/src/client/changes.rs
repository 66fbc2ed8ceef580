//! Changes of alerts, as they come.

use bus::{BusError, Result};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{Client, name_of, protocol};
use crate::wire::view::ChangeJson;

/// The longest line; a change quotes an alert in short.
const LINE_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub struct ChangeStream {
    client: Client,
    body: Incoming,
    buffer: Vec<u8>,
}

impl ChangeStream {
    pub(super) fn new(client: Client, body: Incoming) -> Self {
        Self { client, body, buffer: Vec::new() }
    }

    /// Waits for the next change.
    pub fn next_change(&mut self) -> Result<ChangeJson> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                // An empty line only says that somebody is there.
                if !line.trim_ascii().is_empty() {
                    return serde_json::from_slice(&line).map_err(|error| protocol(&error));
                }
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(self.cut("a line is too long"));
            }
            let body = &mut self.body;
            match self.client.runtime.block_on(body.frame()) {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.buffer.extend_from_slice(&bytes);
                    }
                }
                Some(Err(error)) => return Err(self.cut(&error.to_string())),
                None => return Err(self.cut("the process that owns the log has ended")),
            }
        }
    }

    fn cut(&self, reason: &str) -> BusError {
        let reason = format!("the stream of changes was cut: {reason}");
        BusError::Unreachable { target: name_of(&self.client.socket), reason }
    }
}
