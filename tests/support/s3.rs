//! A bucket's server on loopback: moto, which `.ci/setup bucket` puts into target/tools.

use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::skip::skip;

/// Where it is.
const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/moto");
/// The keys by which a bucket is opened: it takes any.
pub const KEYS: &str = "[default]\naws_access_key_id = lite-test\naws_secret_access_key = lite-test-secret\n";

/// A server; ended when it is dropped, and all that it holds with it.
pub struct Bucket {
    server: Child,
    pub port: u16,
}

impl Bucket {
    /// Starts one, at a port that is free.
    pub fn start() -> Self {
        if !Path::new(TOOL).join("moto").is_dir() {
            skip("needs moto: `.ci/setup bucket` installs it");
        }
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let mut server = Command::new("python3");
        server.env("PYTHONPATH", TOOL).args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        let started = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut bucket = Self { server: started.expect("python3 runs"), port };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(bucket.server.try_wait().expect("asked"), None, "it ended");
            std::thread::sleep(Duration::from_millis(100));
        }
        bucket
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
