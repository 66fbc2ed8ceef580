//! The place itself, on a real store: long checkpoints, and what refusals say. `tests/exactly_once` has the rest.

use bus::Offset;
use bus::connection::{S3Credentials, Secret};
use testbed::s3::{self, Store};

use super::*;
use crate::task::{Stage, TaskId};

fn connection(prefix: &str) -> S3Connection {
    S3Connection {
        bucket: s3::BUCKET.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: Some(Store::shared().endpoint()),
        region: "us-east-1".to_owned(),
        authorities: None,
        credentials: S3Credentials {
            access_key: s3::ACCESS_KEY.to_owned(),
            secret_key: Secret::new(s3::SECRET_KEY),
            session_token: None,
        },
    }
}

fn folder() -> Folder {
    Folder::of("group", TaskId { stage: Stage::Events, partition: 3 })
}

#[test]
fn a_long_one_goes_up_in_parts_and_comes_back_in_ranges_byte_for_byte() {
    let place = S3::new(&connection("long")).unwrap();
    let name = folder().name(Offset(7));
    // Ends in the midst of a part, at its end, and one beyond. None is empty: each has a head and a digest.
    for bytes in [1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 5] {
        let written: Vec<u8> = (0..bytes).map(|at| (at ^ (at >> 8) ^ (at >> 16)).to_le_bytes()[0]).collect();
        let mut hidden = place.begin(&name).unwrap();
        written.chunks(100_001).for_each(|chunk| hidden.write_all(chunk).unwrap());
        hidden.seal().unwrap();
        place.remove(&name).unwrap();
        assert_eq!(place.shown(&folder()).unwrap(), [], "{bytes} bytes: it is hidden");
        hidden.show().unwrap();
        let shown = place.shown(&folder()).unwrap();
        assert_eq!(shown.iter().map(|found| (found.at, found.bytes)).collect::<Vec<_>>(), [(Offset(7), bytes as u64)]);
        let mut read = Vec::new();
        place.open(&name, bytes as u64).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == written, "{bytes} bytes came back as {}", read.len());
    }
}

#[test]
fn what_is_unfinished_is_swept_in_its_own_folder_only() {
    let place = S3::new(&connection("swept")).unwrap();
    let other = Folder::of("group", TaskId { stage: Stage::Events, partition: 33 });
    let begin = |folder: &Folder| {
        let mut hidden = place.begin(&folder.name(Offset(1))).unwrap();
        hidden.write_all(b"state").unwrap();
        hidden.seal().unwrap();
        hidden
    };
    let (orphan, kept) = (begin(&folder()), begin(&other));
    place.sweep(&folder()).unwrap();
    assert_eq!(orphan.show().unwrap_err().kind(), io::ErrorKind::NotFound);
    kept.show().unwrap();
    assert_eq!((place.shown(&folder()).unwrap().len(), place.shown(&other).unwrap().len()), (0, 1));
    let discarded = begin(&folder());
    discarded.discard().unwrap();
    place.remove(&folder().name(Offset(1))).unwrap();
    assert_eq!(place.shown(&folder()).unwrap(), []);
}

#[test]
fn a_refusal_says_what_to_correct() {
    let right = connection("refused");
    let wrong_secret = S3Credentials { secret_key: Secret::new("wrong"), ..right.credentials.clone() };
    let unknown_key = S3Credentials { access_key: "unknown-key".to_owned(), ..right.credentials.clone() };
    let web = Some(format!("{}/minio/health", Store::shared().endpoint()));
    let cases = [
        (
            S3Connection { bucket: "no-such-bucket".to_owned(), ..right.clone() },
            "404 NoSuchBucket: the bucket is not there",
        ),
        (
            S3Connection { credentials: wrong_secret, ..right.clone() },
            "403 SignatureDoesNotMatch: the access key or its secret",
        ),
        (
            S3Connection { credentials: unknown_key, ..right.clone() },
            "403 InvalidAccessKeyId: the access key or its secret",
        ),
        (S3Connection { endpoint: web, ..right }, "the store answered"),
    ];
    for (connection, expected) in cases {
        let place = S3::new(&connection).unwrap();
        for error in [place.shown(&folder()).unwrap_err(), place.begin(&folder().name(Offset(1))).unwrap_err()] {
            assert!(error.to_string().contains(expected), "{error}");
            assert_ne!(error.kind(), io::ErrorKind::NotConnected, "{error}");
            assert!(!format!("{error:?}").contains(s3::SECRET_KEY), "{error:?}");
        }
    }
}
