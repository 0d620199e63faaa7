//! An SFTP server on loopback, and what cuts the way to it.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
};

use super::idle::run;

/// A server; ended when it is dropped.
pub struct Sftp {
    server: Child,
    /// What it serves.
    pub folder: PathBuf,
    pub port: u16,
}

impl Sftp {
    /// Starts one that lets a public key in, at a port, or at one that is free.
    pub fn start(folder: &Path, public: &str, port: u16) -> Self {
        let at = |name: &str| folder.join(name);
        fs::create_dir_all(at("served")).expect("a folder");
        if !at("host_key").exists() {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(at("host_key")));
        }
        fs::write(at("authorized_keys"), format!("{public}\n")).expect("written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/sftp.py");
        // Debian's own Python has the module.
        let mut server = Command::new("/usr/bin/python3");
        server.args(["-W", "ignore"]).arg(script).args([at("served"), at("host_key"), at("authorized_keys")]);
        let mut server =
            server.arg(port.to_string()).stdout(Stdio::piped()).spawn().expect("python3-asyncssh is installed");
        let mut said = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut said).expect("it says its port");
        Self { server, folder: at("served"), port: said.trim().parse().expect("a port") }
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A way to a port of loopback, which is cut once so many bytes went there.
pub struct Way {
    pub port: u16,
    left: Arc<AtomicI64>,
}

impl Way {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let way = Self { port: listener.local_addr().expect("bound").port(), left: Arc::new(AtomicI64::new(i64::MAX)) };
        let left = way.left.clone();
        thread::spawn(move || {
            for here in listener.incoming() {
                let (Ok(here), Ok(there)) = (here, TcpStream::connect(("127.0.0.1", port))) else { continue };
                let (back, forth) = (there.try_clone().expect("a copy"), here.try_clone().expect("a copy"));
                let left = left.clone();
                thread::spawn(move || carry(here, there, Some(&left)));
                thread::spawn(move || carry(back, forth, None));
            }
        });
        way
    }

    /// Cuts it once so many more bytes went there.
    pub fn cut_after(&self, bytes: i64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// It leads there again; whether it was cut meanwhile.
    pub fn mend(&self) -> bool {
        self.left.swap(i64::MAX, Ordering::SeqCst) <= 0
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, left: Option<&AtomicI64>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if left.is_some_and(|left| left.fetch_sub(count as i64, Ordering::SeqCst) <= count as i64) {
            break;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}
