//! A collector of spans: takes what is posted to it, and keeps it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Clone)]
pub struct Collector {
    pub address: SocketAddr,
    bodies: Arc<Mutex<Vec<u8>>>,
}

/// Prints name, error and the traces linked of each span; requests stand behind one another, each behind its length.
const READER: &str = r#"
import sys, struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
data = sys.stdin.buffer.read()
while data:
    length, = struct.unpack("<I", data[:4])
    request = ExportTraceServiceRequest.FromString(data[4:4 + length])
    data = data[4 + length:]
    for resource in request.resource_spans:
        service = {a.key: a.value.string_value for a in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert span.end_time_unix_nano >= span.start_time_unix_nano > 0
                links = " ".join(sorted({link.trace_id.hex() for link in span.links}))
                print(service["service.instance.id"], span.name, span.status.message, links)
"#;

impl Collector {
    /// Serves until the test ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self { address: listener.local_addr().unwrap(), bodies: Arc::default() };
        let serving = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        collector
    }

    /// What it was sent, read by a program that shares no line with the sender.
    pub fn spans(&self) -> Vec<String> {
        let bodies = self.bodies.lock().unwrap().clone();
        let read = testbed::python::with(&["opentelemetry-proto==1.38.0"]).run(READER, &[], &bodies);
        String::from_utf8(read).unwrap().lines().map(str::to_owned).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.bodies.lock().unwrap().is_empty()
    }

    /// Requests of one connection, each with its length.
    fn serve(&self, mut stream: TcpStream) {
        let mut from = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if from.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                let line = line.trim_end().to_ascii_lowercase();
                match line.strip_prefix("content-length: ") {
                    Some(text) => length = text.parse().unwrap(),
                    None if line.is_empty() => break,
                    None => {}
                }
            }
            let mut body = vec![0; length];
            from.read_exact(&mut body).unwrap();
            let mut bodies = self.bodies.lock().unwrap();
            bodies.extend(u32::try_from(length).unwrap().to_le_bytes());
            bodies.extend(body);
            drop(bodies);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    }
}
