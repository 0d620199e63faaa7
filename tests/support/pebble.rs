//! Pebble, Let's Encrypt's test server, and its name server, in a namespace of the world.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
};

use super::{guest_net::Outside, host::text, idle::run, skip::skip, watch::wait_for};

/// What a test of a web front with certificates needs.
pub const PROGRAMS: [&str; 4] = ["haproxy", "curl", "pebble", "pebble-challtestsrv"];

/// The host's ports 80 and 443, for one test at a time; skipped where something else has them.
pub fn web_ports() -> File {
    let ports = File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/web.lock")).expect("a file");
    ports.lock().expect("a lock");
    if let Some(port) = [80, 443].into_iter().find(|port| std::net::TcpListener::bind(("0.0.0.0", *port)).is_err()) {
        skip(format!("something else has port {port}"));
    }
    ports
}

/// A Pebble that runs; ended when it is dropped.
pub struct Pebble {
    folder: PathBuf,
    children: Vec<Child>,
}

impl Pebble {
    pub const DIRECTORY: &str = "https://198.51.100.2:14000/dir";

    /// Starts it with its files in a folder. Its certificates are valid for so many seconds; its name server tells the address of
    /// the host for every name.
    pub fn start(outside: &Outside, folder: &Path, valid: u32) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let parameters = rcgen::CertificateParams::new(vec![Outside::ADDRESS.to_owned()]).expect("parameters");
        let certificate = parameters.self_signed(&key).expect("signed");
        let at = |name: &str| folder.join(name);
        fs::write(at("ca.pem"), certificate.pem()).expect("written");
        fs::write(at("key.pem"), key.serialize_pem()).expect("written");
        let settings = serde_json::json!({"pebble": {
            "listenAddress": format!("{}:14000", Outside::ADDRESS), "managementListenAddress": "127.0.0.1:15000",
            "certificate": at("ca.pem"), "privateKey": at("key.pem"), "httpPort": 80, "tlsPort": 443,
            "ocspResponderURL": "", "externalAccountBindingRequired": false, "certificateValidityPeriod": valid,
        }});
        fs::write(at("pebble.json"), settings.to_string()).expect("written");
        run(&mut outside.program("ip", &["link", "set", "lo", "up"]));
        let started = |program: &str, args: &[&str]| {
            let log = File::create(at(&format!("{program}.log"))).expect("a file");
            let mut command: Command = outside.program(program, args);
            command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
            command.stdout(log.try_clone().expect("the same file")).stderr(log).spawn().expect("it runs")
        };
        let names = [
            "-defaultIPv4",
            Outside::HOST,
            "-defaultIPv6",
            "",
            "-dns01",
            "127.0.0.1:8053",
            "-management",
            "127.0.0.1:8055",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
        ];
        let children = vec![
            started("pebble-challtestsrv", &names),
            started("pebble", &["-config", &at("pebble.json").display().to_string(), "-dnsserver", "127.0.0.1:8053"]),
        ];
        let pebble = Self { folder: folder.to_owned(), children };
        let answers = |url: &str| outside.program("curl", &["-sk", url]).output().expect("curl runs").status.success();
        wait_for("Pebble", 20, || answers(Self::DIRECTORY) && answers("http://127.0.0.1:8055/"));
        pebble
    }

    /// The settings of a lite that asks it.
    pub fn settings(&self) -> String {
        let ca = self.folder.join("ca.pem").display().to_string();
        format!("acme_directory = \"{}\"\nacme_contact = \"admin@example.org\"\nacme_ca = \"{ca}\"\n", Self::DIRECTORY)
    }

    /// The certificate that all of its lead to, in a file.
    pub fn root(&self, outside: &Outside) -> String {
        let file = self.folder.join("root.pem");
        let out = run(&mut outside.program("curl", &["-sk", "https://127.0.0.1:15000/roots/0"]));
        fs::write(&file, out.stdout).expect("written");
        file.display().to_string()
    }

    /// Has its name server tell another address of a name.
    pub fn name(&self, outside: &Outside, name: &str, address: &str) {
        let told = serde_json::json!({"host": name, "addresses": [address]}).to_string();
        let out = run(&mut outside.program("curl", &["-sS", "-d", &told, "http://127.0.0.1:8055/add-a"]));
        assert_eq!(text(&out.stderr), "");
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("pebble.log")).expect("read")
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
