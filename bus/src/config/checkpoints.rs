//! Where checkpoints go: `processor.checkpoints`, and the table `[processor.s3]` for those that go into a bucket.
//!
//! Absent on purpose: which way a bucket is named in an address. Amazon's stores take it in the host, all others in the path.

use std::path::PathBuf;

use contracts::settings::{Reported, Table};

use super::connections::address;
use super::secret::{readable, secret};
use crate::connection::{S3Connection, S3Credentials};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkpoints {
    Directory(PathBuf),
    S3(S3Connection),
}

/// The place as it is written, before it is known how a bucket is reached.
enum Named {
    Directory(PathBuf),
    Bucket { bucket: String, prefix: String },
}

const NAMED: &str = "a path, or \"s3://bucket/prefix\"";
const SCHEME: &str = "s3://";
const REGION: &str = "us-east-1";

pub(super) fn checkpoints(
    processor: &Table<'_>,
    from_environment: Option<S3Credentials>,
) -> Result<Option<Checkpoints>, Reported> {
    let named = processor.path_or("checkpoints", NAMED, parse, Named::Directory, Named::show).optional();
    let table = processor.table("s3");
    let endpoint = address(&table, "endpoint").optional();
    let region = table.text("region").or(REGION.to_owned());
    let authorities = readable(&table, "authorities");
    let access_key = table.text("access_key").optional();
    let secret_key = secret(&table, "secret_key_file");
    let (bucket, prefix) = match named? {
        Some(Named::Bucket { bucket, prefix }) => (bucket, prefix),
        _ if table.is_present() => {
            let message = "it has no effect: `processor.checkpoints` names no bucket (\"s3://bucket/prefix\")";
            return Err(processor.contradiction("s3", message));
        }
        Some(Named::Directory(path)) => return Ok(Some(Checkpoints::Directory(path))),
        None => return Ok(None),
    };
    let credentials = match (access_key?, secret_key?) {
        (Some(access_key), Some(secret_key)) => S3Credentials { access_key, secret_key, session_token: None },
        (None, None) => from_environment.ok_or_else(|| {
            let message = "a bucket needs `processor.s3.access_key` and `processor.s3.secret_key_file`, or \
                           AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment";
            processor.contradiction("checkpoints", message)
        })?,
        (Some(_), None) => {
            return Err(table.contradiction("access_key", "it needs `processor.s3.secret_key_file` beside it"));
        }
        (None, Some(_)) => {
            return Err(table.contradiction("secret_key_file", "it needs `processor.s3.access_key` beside it"));
        }
    };
    let (endpoint, region, authorities) = (endpoint?, region?, authorities?);
    Ok(Some(Checkpoints::S3(S3Connection { bucket, prefix, endpoint, region, authorities, credentials })))
}

impl Named {
    fn show(&self) -> String {
        match self {
            Self::Directory(path) => path.display().to_string(),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => format!("{SCHEME}{bucket}"),
            Self::Bucket { bucket, prefix } => format!("{SCHEME}{bucket}/{prefix}"),
        }
    }
}

/// `None`: no bucket is meant.
fn parse(text: &str) -> Option<Result<Named, Option<String>>> {
    let rest = text.strip_prefix(SCHEME)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let is_bucket = (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'));
    if !is_bucket {
        return Some(Err(Some("a bucket is 3 to 63 of a to z, 0 to 9, `.` and `-`".to_owned())));
    }
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!-_.*'()=".contains(&byte))
    };
    if !prefix.is_empty() && !prefix.split('/').all(is_segment) {
        let message = "a prefix is names of letters, digits and !-_.*'()= with single slashes between them";
        return Some(Err(Some(message.to_owned())));
    }
    Some(Ok(Named::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() }))
}
