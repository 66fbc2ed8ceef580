//! An HTTP server of a few lines, for answers that a real one cannot be made to give.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What one request was.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method and path.
    pub line: String,
    pub headers: Vec<String>,
    pub body: String,
}

/// What to say to one.
pub enum Reply {
    Json(u16, String),
    /// Bytes as they are, then the connection is closed.
    Raw(&'static [u8]),
    /// Nothing, for as long as the client waits.
    Silence,
}

pub struct SmallServer {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl SmallServer {
    /// Answers each request by its number, from 0, and what it was. The thread ends with the process.
    pub fn start(mut answer: impl FnMut(usize, &Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = requests.clone();
        std::thread::spawn(move || {
            for (number, connection) in listener.incoming().enumerate() {
                let mut connection = connection.unwrap();
                let Some(request) = receive(&connection) else { continue };
                seen.lock().unwrap().push(request.clone());
                match answer(number, &request) {
                    Reply::Json(status, body) => drop(write!(
                        connection,
                        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    )),
                    Reply::Raw(bytes) => drop(connection.write_all(bytes)),
                    Reply::Silence => drop(connection.read_to_end(&mut Vec::new())),
                }
            }
        });
        Self { url, requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn receive(connection: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let length = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let line = lines.remove(0);
    Some(Request { line, headers: lines, body: String::from_utf8(body).unwrap() })
}
