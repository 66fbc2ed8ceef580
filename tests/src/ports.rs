//! Loopback ports that stay ours.
//!
//! Invariant: two live [`Port`]s on one machine differ, also between test processes and while nothing listens:
//! each is claimed by a lock on a file named after it. Ports lie below the range from which the kernel takes source
//! ports, else a client that reconnects to a stopped broker could be given the broker's own port.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use crate::{Error, cache};

const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;
const TRIES: u32 = 200;

#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: File,
}

impl Port {
    pub fn number(&self) -> u16 {
        self.number
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}

pub fn free() -> Result<Port, Error> {
    let folder = cache::root()?.join("ports");
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let span = u64::from(LAST - FIRST);
    let start = RandomState::new().build_hasher().finish() % span;
    for attempt in 0..TRIES {
        let offset = (start + u64::from(attempt)) % span;
        let number = FIRST + u16::try_from(offset).expect("invariant: the span of ports fits u16");
        let path = folder.join(number.to_string());
        let claim = File::create(&path).map_err(Error::file("create", &path))?;
        if claim.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
            return Ok(Port { number, _claim: claim });
        }
    }
    Err(Error::NoPort { first: FIRST, last: LAST, tries: TRIES })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ports_held_at_once_differ_and_can_be_bound() {
        let ports: Vec<_> = (0..50).map(|_| free().unwrap()).collect();
        let numbers: BTreeSet<_> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), 50);
        for number in numbers {
            TcpListener::bind((Ipv4Addr::LOCALHOST, number)).unwrap();
        }
    }
}
