//! A web client of a few lines, and curl for what needs a browser's manners.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use super::host::text;

/// The answer to a GET on port 80, its head included.
pub fn get(address: &str, path: &str) -> String {
    let to: SocketAddr = format!("{address}:80").parse().expect("an address");
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(10)).expect("port 80 is open");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// What `curl ARGS` prints.
pub fn curl(args: &[&str]) -> String {
    let out = Command::new("curl").args(["-sS", "--max-time", "60"]).args(args).output().expect("curl runs");
    assert!(out.status.success(), "curl {args:?}: {}", text(&out.stderr));
    text(&out.stdout)
}
