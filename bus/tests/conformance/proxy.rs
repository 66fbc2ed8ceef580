//! A place between a client and its broker where requests and answers can be seen, held up and lost.
//!
//! It knows the frame of Kafka's protocol and nothing of what is inside: four bytes of length, then in a request
//! the number of the call, its version and a correlation id, and in an answer the correlation id.
//! Clients come through it on every connection, because the broker behind it advertises the proxy's port.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use testbed::kafka::Broker;

use crate::world::options;

/// The calls of a publication, by their numbers in Kafka's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    Produce,
    InitProducerId,
    AddPartitionsToTxn,
    AddOffsetsToTxn,
    EndTxn,
    TxnOffsetCommit,
    Other(i16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the broker has seen the request.
    Request,
    /// The broker has answered, the client does not know it yet.
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// This frame is lost and the connection with it.
    Cut,
    /// This frame is lost, the connection stays: the client waits.
    Swallow,
}

type Rule = Box<dyn FnMut(Call, Moment) -> Verdict + Send>;

/// A broker that can be reached through the proxy only.
pub struct Proxy {
    /// Lives as long as the proxy.
    _broker: Broker,
    shared: Arc<Shared>,
    address: String,
}

struct Shared {
    upstream: String,
    rule: Mutex<Rule>,
    is_closed: AtomicBool,
}

/// The calls of one connection that wait for their answers, by correlation id. At most as many as a client sends ahead.
type Waiting = Arc<Mutex<HashMap<i32, Call>>>;

impl Proxy {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let broker = Broker::start(options().property("advertised.listeners", format!("PLAIN://{address}")));
        let shared = Arc::new(Shared {
            upstream: broker.bootstrap(),
            rule: Mutex::new(Box::new(|_, _| Verdict::Pass)),
            is_closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { _broker: broker, shared, address }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on every frame of every connection is judged by this.
    pub fn rule(&self, rule: impl FnMut(Call, Moment) -> Verdict + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    pub fn pass_all(&self) {
        self.rule(|_, _| Verdict::Pass);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Release);
        // Wakes the accepting thread; the others end with their connections, and those with the broker.
        drop(TcpStream::connect(&self.address));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming().map_while(Result::ok) {
        if shared.is_closed.load(Ordering::Acquire) {
            return;
        }
        let Ok(broker) = TcpStream::connect(&shared.upstream) else { continue };
        let waiting = Waiting::default();
        for (from, to, moment) in [(&client, &broker, Moment::Request), (&broker, &client, Moment::Answer)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            to.set_nodelay(true).unwrap();
            let (shared, waiting) = (Arc::clone(shared), Arc::clone(&waiting));
            std::thread::spawn(move || {
                // How a connection ends is the client's and the broker's affair.
                drop(relay(&from, &to, moment, &shared, &waiting));
                drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
            });
        }
    }
}

fn relay(
    mut from: &TcpStream,
    mut to: &TcpStream,
    moment: Moment,
    shared: &Shared,
    waiting: &Waiting,
) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        from.read_exact(&mut frame)?;
        let call = match moment {
            Moment::Request => {
                let call = Call::of(i16::from_be_bytes([frame[0], frame[1]]));
                waiting.lock().unwrap().insert(correlation(&frame[4..]), call);
                Some(call)
            }
            Moment::Answer => waiting.lock().unwrap().remove(&correlation(&frame)),
        };
        let verdict = call.map_or(Verdict::Pass, |call| (shared.rule.lock().unwrap())(call, moment));
        match verdict {
            Verdict::Pass => to.write_all(&[&length[..], &frame].concat())?,
            Verdict::Swallow => {}
            Verdict::Cut => return Ok(()),
        }
    }
}

fn correlation(bytes: &[u8]) -> i32 {
    i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

impl Call {
    fn of(number: i16) -> Self {
        match number {
            0 => Self::Produce,
            22 => Self::InitProducerId,
            24 => Self::AddPartitionsToTxn,
            25 => Self::AddOffsetsToTxn,
            26 => Self::EndTxn,
            28 => Self::TxnOffsetCommit,
            other => Self::Other(other),
        }
    }
}
