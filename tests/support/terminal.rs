//! A terminal of the console, over WebSocket.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use tungstenite::{
    Message, WebSocket, client,
    error::Error,
    handshake::{HandshakeError, client::generate_key},
    http::Request,
};

/// How long it waits for a word before a test has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a browser adds on a page of the console.
pub const OWN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// An open terminal.
pub struct Terminal(pub WebSocket<TcpStream>);

impl Terminal {
    /// Opens one; the status where it is refused.
    pub fn open(address: SocketAddr, path: &str, cookie: &str, (field, value): (&str, &str)) -> Result<Self, u16> {
        let request = Request::get(format!("ws://{address}{path}"))
            .header("Host", address.to_string())
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", generate_key())
            .header("Cookie", cookie)
            .header(field, value);
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        match client(request.body(()).expect("a request"), stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(e) => panic!("{e}"),
        }
    }

    /// Opens one from a page of the console.
    pub fn own(address: SocketAddr, path: &str, cookie: &str) -> Self {
        Self::open(address, path, cookie, OWN).expect("opened")
    }

    pub fn next(&mut self) -> Message {
        loop {
            match self.0.read().expect("the server says something") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// What it is told next beside what it shows.
    pub fn told(&mut self) -> String {
        loop {
            match self.next() {
                Message::Text(text) => return text.to_string(),
                Message::Binary(_) => {}
                message => panic!("{message:?}"),
            }
        }
    }

    /// What it shows until that ends with a text.
    pub fn shows(&mut self, end: &str) -> Vec<u8> {
        let mut shown = Vec::new();
        while !shown.ends_with(end.as_bytes()) {
            match self.next() {
                Message::Binary(bytes) => shown.extend_from_slice(&bytes),
                Message::Text(text) if !text.contains("\"end\"") => {}
                message => panic!("{message:?} after {}", String::from_utf8_lossy(&shown)),
            }
        }
        shown
    }

    /// What it shows until that holds a text.
    pub fn until(&mut self, text: &str) -> String {
        let mut shown = String::new();
        while !shown.contains(text) {
            match self.next() {
                Message::Binary(bytes) => shown += &String::from_utf8_lossy(&bytes),
                Message::Text(told) if !told.contains("\"end\"") => {}
                message => panic!("{message:?} after {shown}"),
            }
        }
        shown
    }

    pub fn asks(&mut self, text: &str) {
        self.0.send(Message::text(text)).expect("sent");
    }

    pub fn types(&mut self, text: &'static str) {
        self.0.send(Message::binary(text)).expect("sent");
    }

    /// The last that it is told; then it is closed.
    pub fn end(&mut self) -> String {
        let told = self.told();
        assert!(matches!(self.next(), Message::Close(Some(_))), "after {told}");
        told
    }
}
