//! A tiny HTTPS/1.1 server on loopback: one behaviour after another per path, and a list of what was asked.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// How a path answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A file with an ETag; answers ranges when `If-Range` fits.
    File { body: Vec<u8>, etag: &'static str },
    /// Promises the whole file, sends its first bytes and hangs up.
    Cut { body: Vec<u8>, etag: &'static str, after: usize },
    /// Promises the whole file, sends its first bytes and then nothing until the client leaves.
    Stall { body: Vec<u8>, etag: &'static str, after: usize },
    /// Promises the whole file, sends its first bytes at once and then one at a time, until the client leaves.
    Trickle { body: Vec<u8>, etag: &'static str, after: usize },
    /// No length, ends by hanging up.
    Unmeasured { body: Vec<u8> },
    /// A status with a content type and a body.
    Status { status: &'static str, kind: &'static str, body: Vec<u8> },
    /// A redirect.
    Redirect { to: String },
    /// A part that was not asked for: ignores `If-Range`, and starts `shift` bytes later.
    WrongPart { body: Vec<u8>, etag: &'static str, shift: usize },
    /// Reads the request and never answers.
    Hang,
}

/// What was asked, and how many bytes of body were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    pub range: Option<String>,
    pub if_range: Option<String>,
    pub sent: usize,
}

#[derive(Default)]
struct Shared {
    replies: BTreeMap<String, VecDeque<Reply>>,
    asked: Vec<Asked>,
}

pub struct Server {
    pub ca: Vec<u8>,
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    pub fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (config, ca) = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let answers = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, answers) = (Arc::clone(&config), Arc::clone(&answers));
                thread::spawn(move || answer(stream, config, &answers));
            }
        });
        Self { ca, port, shared }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// Replies for a path, one per request; the last one stays.
    pub fn on(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.shared.lock().expect("unpoisoned").replies.insert(path.to_owned(), replies.into_iter().collect());
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().expect("unpoisoned").asked.clone()
    }
}

fn certificates() -> (Arc<ServerConfig>, Vec<u8>) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "lite test CA");
    let ca_certificate = ca.self_signed(&ca_key).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .expect("parameters")
        .signed_by(&key, &Issuer::new(ca, ca_key))
        .expect("a certificate");
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private)
        .expect("a configuration");
    (Arc::new(config), ca_certificate.pem().into_bytes())
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, shared: &Mutex<Shared>) {
    let connection = ServerConnection::new(config).expect("a connection");
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    // One request per connection; a client that distrusts us ends here.
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(n) if n > 0 && line != "\r\n" => lines.push(line.trim_end().to_owned()),
            Ok(n) if n > 0 => break,
            _ => return,
        }
    }
    let path = lines[0].split(' ').nth(1).expect("a path").to_owned();
    let field = |name: &str| {
        lines
            .iter()
            .find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned()))
    };
    let mut asked = Asked { path: path.clone(), range: field("range"), if_range: field("if-range"), sent: 0 };
    let reply = {
        let mut shared = shared.lock().expect("unpoisoned");
        let replies = shared.replies.get_mut(&path).expect("a path of the test");
        if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }.expect("a reply")
    };
    let offset =
        asked.range.as_deref().and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let mut trickle = Vec::new();
    let (head, body, wait) = match reply {
        Reply::File { body, etag } => match offset.filter(|_| asked.if_range.as_deref() == Some(etag)) {
            Some(start) if start < body.len() => (part(&body, etag, start), body[start..].to_vec(), false),
            Some(_) => (
                head(
                    "416 Range Not Satisfiable",
                    &format!("Content-Range: bytes */{}\r\nContent-Length: 0\r\n", body.len()),
                ),
                vec![],
                false,
            ),
            None => (whole(&body, etag), body, false),
        },
        Reply::WrongPart { body, etag, shift } => match offset.map(|o| o + shift) {
            Some(start) => (part(&body, etag, start), body[start..].to_vec(), false),
            None => (whole(&body, etag), body, false),
        },
        Reply::Cut { body, etag, after } => (whole(&body, etag), body[..after].to_vec(), false),
        Reply::Stall { body, etag, after } => (whole(&body, etag), body[..after].to_vec(), true),
        Reply::Trickle { body, etag, after } => {
            let (now, later) = body.split_at(after);
            trickle = later.to_vec();
            (whole(&body, etag), now.to_vec(), true)
        }
        Reply::Unmeasured { body } => (head("200 OK", ""), body, false),
        Reply::Status { status, kind, body } => {
            (head(status, &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len())), body, false)
        }
        Reply::Redirect { to } => {
            (head("302 Found", &format!("Location: {to}\r\nContent-Length: 0\r\n")), vec![], false)
        }
        Reply::Hang => (String::new(), vec![], true),
    };
    asked.sent = body.len();
    shared.lock().expect("unpoisoned").asked.push(asked);
    // The client may leave at any point: that is what some tests are about.
    let out = stream.get_mut();
    let _ = out.write_all(head.as_bytes()).and_then(|()| out.write_all(&body)).and_then(|()| out.flush());
    for byte in trickle {
        if out.write_all(&[byte]).and_then(|()| out.flush()).is_err() {
            return;
        }
        thread::sleep(std::time::Duration::from_millis(20));
    }
    if !wait {
        out.conn.send_close_notify();
        let _ = out.flush();
        let _ = out.sock.shutdown(std::net::Shutdown::Write);
    }
    let _ = out.read_to_end(&mut Vec::new());
}

fn head(status: &str, fields: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{fields}\r\n")
}

fn whole(body: &[u8], etag: &str) -> String {
    head(
        "200 OK",
        &format!("ETag: {etag}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n", body.len()),
    )
}

fn part(body: &[u8], etag: &str, start: usize) -> String {
    let range = format!("Content-Range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
    head("206 Partial Content", &format!("ETag: {etag}\r\n{range}Content-Length: {}\r\n", body.len() - start))
}
