//! A place between a client and its broker where requests and answers can be seen, held up and lost.
//!
//! It knows the frame of Kafka's protocol and nothing of what is inside: four bytes of length, then in a request
//! the number of the call, its version and a correlation id, and in an answer the correlation id.
//! Clients come through it on every connection, because the broker behind it advertises the proxy's port.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Broker, Options};

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

/// What comes by.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// `client.id` of whoever asked.
    pub client: &'a str,
    pub call: Call,
    pub moment: Moment,
}

type Rule = Box<dyn FnMut(Frame<'_>) -> Verdict + Send>;

/// A broker that clients are led to through the proxy only.
#[derive(Debug)]
pub struct Proxy {
    /// Lives as long as the proxy; it may be stopped and started behind it.
    pub broker: Broker,
    shared: Arc<Shared>,
    address: String,
}

struct Shared {
    upstream: String,
    rule: Mutex<Rule>,
    is_closed: AtomicBool,
}

/// The calls of one connection that wait for their answers, by correlation id, and whose they are. At most as many as a client
/// sends ahead.
type Waiting = Arc<Mutex<HashMap<i32, (Call, Arc<str>)>>>;

impl Proxy {
    pub fn start(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        let broker = Broker::start(options.property("advertised.listeners", format!("PLAIN://{address}")));
        let shared = Arc::new(Shared {
            upstream: broker.bootstrap(),
            rule: Mutex::new(Box::new(|_| Verdict::Pass)),
            is_closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { broker, shared, address }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on every frame of every connection is judged by this.
    pub fn rule(&self, rule: impl FnMut(Frame<'_>) -> Verdict + Send + 'static) {
        *locked(&self.shared.rule) = Box::new(rule);
    }

    pub fn pass_all(&self) {
        self.rule(|_| Verdict::Pass);
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
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
            drop(to.set_nodelay(true));
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
        let asked = match moment {
            Moment::Request => {
                let asked = request(&frame).ok_or(io::ErrorKind::InvalidData)?;
                locked(waiting).insert(asked.0, asked.1.clone());
                Some(asked.1)
            }
            Moment::Answer => correlation(&frame).and_then(|id| locked(waiting).remove(&id)),
        };
        let verdict = asked
            .map_or(Verdict::Pass, |(call, client)| (locked(&shared.rule))(Frame { client: &client, call, moment }));
        match verdict {
            Verdict::Pass => to.write_all(&[&length[..], &frame].concat())?,
            Verdict::Swallow => {}
            Verdict::Cut => return Ok(()),
        }
    }
}

/// The correlation id, the call and the client of a request's head.
fn request(frame: &[u8]) -> Option<(i32, (Call, Arc<str>))> {
    let call = Call::of(i16::from_be_bytes(*frame.first_chunk()?));
    let id = correlation(frame.get(4..)?)?;
    let name = frame.get(8..)?;
    // A name that is null has the length -1.
    let length = usize::try_from(i16::from_be_bytes(*name.first_chunk()?)).unwrap_or(0);
    let client = String::from_utf8_lossy(name.get(2..2 + length)?);
    Some((id, (call, Arc::from(&*client))))
}

fn correlation(bytes: &[u8]) -> Option<i32> {
    bytes.first_chunk().map(|id| i32::from_be_bytes(*id))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("invariant: a rule does not panic")
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("upstream", &self.upstream).finish_non_exhaustive()
    }
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
