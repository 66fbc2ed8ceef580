//! A bucket of a store that speaks S3. What is hidden is an upload in parts, and completed to be shown: the store itself keeps
//! it from being seen, and shows it as a whole.
//!
//! Invariants: no more than one part is in memory; every request is bounded in time; an object is read in ranges, so that a
//! long one asks for no long request.

mod requests;

use std::fmt::{self, Display};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::SystemTime;

use bus::connection::S3Connection;
use rusty_s3::S3Action;
use rusty_s3::actions::{CreateMultipartUpload, ListObjectsV2, ListObjectsV2Response};

use super::place::{Folder, Hidden, Name, Place};
use crate::metrics;
use requests::{Client, VALID};

pub use requests::S3Error;

/// Stores take no less, but for the last one.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// What stores take. With these parts a state has 80 GB at most; a larger one has no checkpoint, and it is said.
const PARTS_MAX: usize = 10_000;
/// Of a thousand names. Orphans beyond are removed the next time; checkpoints are two for each task.
const PAGES_MAX: usize = 100;

#[derive(Debug)]
pub(super) struct S3(Arc<Client>);

#[derive(Debug)]
struct Upload {
    client: Arc<Client>,
    key: String,
    id: String,
    /// Of the parts that are there.
    tags: Vec<String>,
    part: Vec<u8>,
}

#[derive(Debug)]
struct Ranges {
    client: Arc<Client>,
    key: String,
    next: u64,
    end: u64,
    chunk: io::Cursor<Vec<u8>>,
}

impl S3 {
    pub fn new(connection: &S3Connection) -> Result<Self, S3Error> {
        Ok(Self(Arc::new(Client::new(connection)?)))
    }
}

impl Display for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Place for S3 {
    fn sweep(&self, folder: &Folder) -> io::Result<()> {
        let client = &self.0;
        let prefix = client.key(folder) + "/";
        for (key, id) in client.unfinished(PAGES_MAX)? {
            if key.starts_with(&prefix) {
                abort(client, &key, &id)?;
            }
        }
        Ok(())
    }

    fn begin(&self, name: &Name) -> io::Result<Box<dyn Hidden>> {
        let client = Arc::clone(&self.0);
        let key = client.key(name);
        let url = client.bucket.create_multipart_upload(Some(&client.credentials), &key).sign(VALID);
        let answer = client.ask(|agent| agent.post(url.as_str()).send_empty())?;
        let begun = CreateMultipartUpload::parse_response(&answer.text());
        let id = begun.map_err(|_| answer.garbled())?.upload_id().to_owned();
        Ok(Box::new(Upload { client, key, id, tags: Vec::new(), part: Vec::with_capacity(PART_BYTES) }))
    }

    fn shown(&self, folder: &Folder) -> io::Result<Vec<metrics::Checkpoint>> {
        let client = &self.0;
        let prefix = client.key(folder) + "/";
        let mut found = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let mut list = client.bucket.list_objects_v2(Some(&client.credentials));
            list.with_prefix(prefix.as_str());
            if let Some(token) = token {
                list.with_continuation_token(token);
            }
            let url = list.sign(VALID);
            let answer = client.ask(|agent| agent.get(url.as_str()).call())?;
            let page: ListObjectsV2Response =
                ListObjectsV2::parse_response(&answer.text()).map_err(|_| answer.garbled())?;
            for object in page.contents {
                let Some(at) = object.key.strip_prefix(&prefix).and_then(Folder::offset_in) else { continue };
                let written_at = object.last_modified.and_then(|text| text.parse::<jiff::Timestamp>().ok());
                let written_at = written_at.map(SystemTime::from).ok_or_else(|| answer.garbled())?;
                found.push(metrics::Checkpoint { at, bytes: object.size.unwrap_or(0), written_at });
            }
            token = page.next_continuation_token;
            if token.is_none() {
                break;
            }
        }
        found.sort_by_key(|found| found.at);
        Ok(found)
    }

    fn open(&self, name: &Name, bytes: u64) -> io::Result<Box<dyn Read>> {
        let key = self.0.key(name);
        Ok(Box::new(Ranges { client: Arc::clone(&self.0), key, next: 0, end: bytes, chunk: io::Cursor::default() }))
    }

    fn remove(&self, name: &Name) -> io::Result<()> {
        let key = self.0.key(name);
        let url = self.0.bucket.delete_object(Some(&self.0.credentials), &key).sign(VALID);
        if_there(self.0.ask(|agent| agent.delete(url.as_str()).call()))
    }
}

impl Upload {
    fn send_part(&mut self) -> io::Result<()> {
        let number = u16::try_from(self.tags.len() + 1).ok().filter(|_| self.tags.len() < PARTS_MAX);
        let number = number.ok_or_else(|| S3Error::TooLarge { parts_max: PARTS_MAX })?;
        let (client, key) = (&self.client, &self.key);
        let url = client.bucket.upload_part(Some(&client.credentials), key, number, &self.id).sign(VALID);
        let answer = client.ask(|agent| agent.put(url.as_str()).send(&self.part[..]))?;
        let tag = answer.tag.clone().ok_or_else(|| answer.garbled())?;
        self.tags.push(tag);
        self.part.clear();
        Ok(())
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART_BYTES - self.part.len());
        self.part.extend_from_slice(&bytes[..taken]);
        if self.part.len() == PART_BYTES {
            self.send_part()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Hidden for Upload {
    fn seal(&mut self) -> io::Result<()> {
        if !self.part.is_empty() {
            self.send_part()?;
        }
        // It may wait for long until it may be seen.
        self.part = Vec::new();
        Ok(())
    }

    fn show(self: Box<Self>) -> io::Result<()> {
        let Self { client, key, id, tags, .. } = *self;
        let tags = tags.iter().map(String::as_str);
        let complete = client.bucket.complete_multipart_upload(Some(&client.credentials), &key, &id, tags);
        let url = complete.sign(VALID);
        let body = complete.body();
        // Once: after a lost answer the upload may be gone because it was completed, and that is as well.
        let answer = client.ask_once(&|agent| agent.post(url.as_str()).send(body.as_bytes()))?;
        // Stores send their status before they know how it ends.
        if answer.text().contains("<CompleteMultipartUploadResult") { Ok(()) } else { Err(answer.refused()) }
    }

    fn discard(self: Box<Self>) -> io::Result<()> {
        abort(&self.client, &self.key, &self.id)
    }
}

impl Read for Ranges {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.position() == self.chunk.get_ref().len() as u64 && self.next < self.end {
            let last = self.end.min(self.next + PART_BYTES as u64) - 1;
            let url = self.client.bucket.get_object(Some(&self.client.credentials), &self.key).sign(VALID);
            let range = format!("bytes={}-{last}", self.next);
            let ask = |agent: &ureq::Agent| agent.get(url.as_str()).header("range", &range).call();
            let answer = self.client.ask(ask)?;
            if answer.body.len() as u64 != last + 1 - self.next {
                return Err(answer.garbled());
            }
            self.next = last + 1;
            self.chunk = io::Cursor::new(answer.body);
        }
        self.chunk.read(buffer)
    }
}

fn abort(client: &Client, key: &str, id: &str) -> io::Result<()> {
    let url = client.bucket.abort_multipart_upload(Some(&client.credentials), key, id).sign(VALID);
    if_there(client.ask(|agent| agent.delete(url.as_str()).call()))
}

fn if_there<T>(outcome: io::Result<T>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
