//! Records on their way from a log, and what is said between them: an end was reached, all is read, it failed, still
//! here.
//!
//! Invariant: a stream that stops without [`Frame::Done`] or [`Frame::Failed`] was cut, and its reader says so.

use bus::{ErrorKind, Header, Record};

use super::FRAME_BYTES_MAX;
use super::bytes::{Cursor, Malformed, framed, put, put_headers, put_optional};

const RECORD: u8 = 1;
const END: u8 = 2;
const DONE: u8 = 3;
const FAILED: u8 = 4;
const IDLE: u8 = 5;

#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Record(ReceivedRecord<'a>),
    /// This partition was read to its end.
    End {
        partition: u32,
    },
    /// Every partition was; nothing follows.
    Done,
    /// The log failed after the answer had begun; nothing follows.
    Failed {
        kind: ErrorKind,
        message: &'a str,
    },
    /// Nothing new, but somebody is there.
    Idle,
}

#[derive(Debug, PartialEq, Eq)]
pub struct ReceivedRecord<'a> {
    pub partition: u32,
    pub offset: u64,
    pub appended_at_micros: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Vec<Header<'a>>,
}

pub fn put_record(out: &mut Vec<u8>, record: &Record<'_>) {
    framed(out, |out| {
        out.push(RECORD);
        out.extend_from_slice(&record.partition.index.to_be_bytes());
        out.extend_from_slice(&record.offset.0.to_be_bytes());
        out.extend_from_slice(&record.appended_at.micros().to_be_bytes());
        put_optional(out, record.key);
        put_optional(out, record.value);
        put_headers(out, record.headers());
    });
}

pub fn put_end(out: &mut Vec<u8>, partition: u32) {
    framed(out, |out| {
        out.push(END);
        out.extend_from_slice(&partition.to_be_bytes());
    });
}

pub fn put_done(out: &mut Vec<u8>) {
    framed(out, |out| out.push(DONE));
}

pub fn put_idle(out: &mut Vec<u8>) {
    framed(out, |out| out.push(IDLE));
}

pub fn put_failed(out: &mut Vec<u8>, kind: ErrorKind, message: &str) {
    framed(out, |out| {
        out.push(FAILED);
        put(out, kind.as_str().as_bytes());
        put(out, message.as_bytes());
    });
}

/// The first frame of `buffer` and how long it is, if it is there whole.
pub fn take_frame(buffer: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Malformed> {
    let Some((length, rest)) = buffer.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(Malformed { expected: "a frame of at most 4 MiB", at: 0, length });
    }
    let Some(frame) = rest.get(..length) else { return Ok(None) };
    Ok(Some((parse(Cursor::new(frame))?, 4 + length)))
}

fn parse(mut frame: Cursor<'_>) -> Result<Frame<'_>, Malformed> {
    let parsed = match frame.u8("what follows")? {
        RECORD => Frame::Record(ReceivedRecord {
            partition: frame.u32("a partition")?,
            offset: frame.u64("an offset")?,
            appended_at_micros: frame.i64("a time")?,
            key: frame.optional("a key")?,
            value: frame.optional("a value")?,
            headers: frame.headers()?,
        }),
        END => Frame::End { partition: frame.u32("a partition")? },
        DONE => Frame::Done,
        FAILED => {
            let kind = ErrorKind::from_name(frame.text("the kind of an error")?).unwrap_or(ErrorKind::Protocol);
            Frame::Failed { kind, message: frame.text("an error")? }
        }
        IDLE => Frame::Idle,
        _ => return Err(frame.malformed("a kind of frame that exists")),
    };
    if frame.is_empty() { Ok(parsed) } else { Err(frame.malformed("the end of the frame")) }
}

#[cfg(test)]
mod tests {
    use bus::{Batch, Offset, Partition};
    use contracts::time::Timestamp;

    use super::*;

    #[test]
    fn a_stream_is_read_back_from_pieces_of_any_size() {
        let mut batch = Batch::default();
        let headers = [Header { name: "tripline-depth", value: b"0" }];
        let time = Timestamp::from_micros(1_700_000_000_000_001).unwrap();
        let partition = Partition::new("t", 3);
        batch.push(&partition, Offset(41), time, Some(b"key"), Some(b"value"), headers.into_iter());
        batch.push(&partition, Offset(42), time, None, None, std::iter::empty());
        let mut bytes = Vec::new();
        for record in batch.records() {
            put_record(&mut bytes, &record);
        }
        put_idle(&mut bytes);
        put_end(&mut bytes, 3);
        put_failed(&mut bytes, ErrorKind::Gone, "offset 7 is gone");
        put_done(&mut bytes);

        let record = |offset, key, value, headers| {
            let appended_at_micros = time.micros();
            Frame::Record(ReceivedRecord { partition: 3, offset, appended_at_micros, key, value, headers })
        };
        let expected = [
            record(41, Some(&b"key"[..]), Some(&b"value"[..]), headers.to_vec()),
            record(42, None, None, Vec::new()),
            Frame::Idle,
            Frame::End { partition: 3 },
            Frame::Failed { kind: ErrorKind::Gone, message: "offset 7 is gone" },
            Frame::Done,
        ];
        for piece in [1, 3, 7, bytes.len()] {
            let mut buffer = Vec::new();
            let mut expected = expected.iter();
            for piece in bytes.chunks(piece) {
                buffer.extend_from_slice(piece);
                while let Some((frame, used)) = take_frame(&buffer).unwrap() {
                    assert_eq!(Some(&frame), expected.next());
                    buffer.drain(..used);
                }
            }
            assert_eq!((expected.next(), buffer.len()), (None, 0), "in pieces of {piece}");
        }
    }

    #[test]
    fn a_frame_that_promises_more_than_any_record_is_refused_at_once() {
        assert!(take_frame(&[0x7f, 0xff, 0xff, 0xff]).is_err());
        assert!(take_frame(&[0, 0, 0, 1, 99]).is_err(), "no such kind");
        assert!(take_frame(&[0, 0, 0, 2, DONE, 0]).is_err(), "more than the frame says");
    }
}
