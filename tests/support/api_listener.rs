//! Listens for clients of the API on a loopback port, with as little HTTP as they speak.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use bytes::Bytes;
use http::Request;

use super::api::House;

/// Longest body.
const LONGEST: usize = 4 << 20;

/// Listens until the process ends; gives the address.
pub fn listen(house: &Arc<House>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let house = house.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let house = house.clone();
            std::thread::spawn(move || {
                let _ = serve(&house, stream);
            });
        }
    });
    format!("http://{address}")
}

fn serve(house: &House, stream: TcpStream) -> std::io::Result<()> {
    let (mut writer, mut reader) = (stream.try_clone()?, BufReader::new(stream));
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let mut request = Request::builder().method(words.next().unwrap_or("")).uri(words.next().unwrap_or("/"));
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
            if name.eq_ignore_ascii_case("expect") {
                writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            request = request.header(name, value.trim());
        }
        let mut body = vec![0; length.min(LONGEST)];
        reader.read_exact(&mut body)?;
        let reply = house.deliver(request.body(()).expect("a request"), Bytes::from(body));
        let head = format!(
            "HTTP/1.1 {} X\r\nContent-Type: {}\r\nx-amzn-RequestId: {}\r\nContent-Length: {}\r\n\r\n",
            reply.status,
            reply.kind,
            uuid::Uuid::new_v4(),
            reply.body.len()
        );
        writer.write_all(head.as_bytes())?;
        writer.write_all(reply.body.as_bytes())?;
    }
}
