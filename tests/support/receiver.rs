//! A webhook receiver on the loopback.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

/// What a receiver got.
#[derive(Debug, Clone)]
pub struct Got {
    pub headers: http::HeaderMap,
    pub path: String,
    pub body: Vec<u8>,
}

fn read_request(stream: &TcpStream) -> Option<Got> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = http::HeaderMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.parse::<http::HeaderName>().ok()?, value.parse().ok()?);
    }
    let length = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Got { headers, path, body })
}

impl Got {
    /// The `webhook-id`: the same for every attempt at one message.
    pub fn id(&self) -> String {
        self.headers["webhook-id"].to_str().expect("text").to_owned()
    }

    /// The body.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The events it tells of: those of a batch, or the one.
    pub fn events(&self) -> Vec<serde_json::Value> {
        let body = self.json();
        body["data"]["events"].as_array().cloned().unwrap_or_else(|| vec![body])
    }

    /// Their types.
    pub fn kinds(&self) -> Vec<String> {
        self.events().iter().map(|e| e["type"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Whether the public reference implementation accepts its signature.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        standardwebhooks::Webhook::new(secret).expect("a secret").verify(&self.body, &self.headers).is_ok()
    }
}

/// A receiver whose `n`-th request (from 0) is answered by `answer`; its address, and what it got.
pub fn receiver(answer: impl Fn(usize, &mut TcpStream) + Send + 'static) -> (String, Receiver<Got>) {
    receiver_at(0, answer)
}

/// The same on a port of one's choice.
pub fn receiver_at(port: u16, answer: impl Fn(usize, &mut TcpStream) + Send + 'static) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("binds");
    let url = format!("http://{}/hook?token=x", listener.local_addr().expect("bound"));
    let (tell, told) = channel();
    thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            if let Some(got) = read_request(&stream)
                && tell.send(got).is_err()
            {
                return;
            }
            answer(n, &mut stream);
        }
    });
    (url, told)
}

/// What comes within a time.
pub fn within(got: &Receiver<Got>, limit: Duration) -> Vec<Got> {
    let end = Instant::now() + limit;
    let mut all = Vec::new();
    loop {
        match got.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(one) => all.push(one),
            Err(RecvTimeoutError::Timeout) => return all,
            Err(RecvTimeoutError::Disconnected) => panic!("the receiver died"),
        }
    }
}

pub fn say(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
