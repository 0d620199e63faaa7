//! Contacts by mail, against Debian's SMTP server library.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use crate::support::skip::skip;

crate::tests![an_address_is_verified_and_then_told, without_tls_or_the_password_nothing_is_sent,];

/// Debian's own, which has its libraries.
const PYTHON: &str = "/usr/bin/python3";
const PASSWORD: &str = "correct horse";

/// A mail server, and what a command needs to reach it.
struct Server {
    dir: tempfile::TempDir,
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Server {
    /// Starts one; lite's settings say that it is spoken to in the way `security`.
    fn start(way: &str, security: &str) -> Self {
        let python = Command::new(PYTHON).args(["-c", "import aiosmtpd.smtp"]).output();
        if !python.is_ok_and(|out| out.status.success()) {
            skip("needs python3-aiosmtpd".to_owned());
        }
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        let mut authority = CertificateParams::new(vec![]).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("signed");
        let key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let own = own.signed_by(&key, &issuer).expect("signed");
        fs::write(at("ca.pem"), issuer.pem()).expect("written");
        fs::write(at("own.pem"), own.pem()).expect("written");
        fs::write(at("key.pem"), key.serialize_pem()).expect("written");
        fs::write(at("password"), format!("{PASSWORD}\n")).expect("written");
        fs::set_permissions(at("password"), fs::Permissions::from_mode(0o600)).expect("set");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/smtp.py");
        let mut process = Command::new(PYTHON)
            .args([script, way])
            .args([at("own.pem"), at("key.pem")])
            .args(["lite", PASSWORD])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut said = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut port = String::new();
        said.read_line(&mut port).expect("read");
        let login = match security {
            "none" => String::new(),
            _ => format!("smtp_user = \"lite\"\nsmtp_password_file = {:?}\n", at("password")),
        };
        let settings = format!(
            "smtp_server = \"localhost:{}\"\nsmtp_security = \"{security}\"\nsmtp_from = \"lite@example.org\"\n{login}",
            port.trim()
        );
        fs::write(at("config.toml"), settings).expect("written");
        Self { dir, process, said }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The exit code of a command and what it says, on standard error and output.
    fn lite(&self, args: &[&str]) -> (i32, String) {
        let out = Command::new(env!("CARGO_BIN_EXE_lite"))
            .args(args)
            .env("LITE_CONFIG", self.at("config.toml"))
            .env("LITE_STATE_DIR", self.at("state"))
            .env("LITE_CONNECT", "test:///default")
            .env("SSL_CERT_FILE", self.at("ca.pem"))
            .output()
            .expect("lite runs");
        let text = String::from_utf8([out.stdout, out.stderr].concat()).expect("UTF-8");
        assert!(!text.contains(PASSWORD), "{text}");
        (out.status.code().expect("a code"), text)
    }

    /// The next letter that arrived.
    fn letter(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("read");
        serde_json::from_str(&line).expect("JSON")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Without what differs each time.
fn header<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).expect("a header")
}

fn an_address_is_verified_and_then_told() {
    for (way, security) in [("starttls", "starttls"), ("tls", "tls"), ("plain", "none")] {
        let mut server = Server::start(way, security);
        let said = "me: a code was sent\nhint: nothing else is sent there before the code came back: `lite contact verify me CODE`\n";
        assert_eq!(server.lite(&["contact", "add", "me", "--mail", "anna@example.org"]), (0, said.to_owned()), "{way}");
        let letter = server.letter();
        assert_eq!((&letter["from"], &letter["to"][0]), (&"lite@example.org".into(), &"anna@example.org".into()));
        let secure = way != "plain";
        assert_eq!((&letter["tls"], letter["login"].as_str()), (&secure.into(), secure.then_some("lite")), "{way}");
        let text = letter["text"].as_str().expect("text");
        assert_eq!((header(text, "To"), header(text, "Auto-Submitted")), ("anna@example.org", "auto-generated"));
        let code = header(text, "Subject").split(' ').next().expect("a code").to_owned();

        let unverified = "error: contact `me` is told of nothing: its address is not verified\n";
        let (status, text) = server.lite(&["contact", "test", "me"]);
        assert_eq!((status, text.starts_with(unverified)), (2, true), "{text}");
        let wrong = if code == "00000000" { "00000001" } else { "00000000" };
        let (status, text) = server.lite(&["contact", "verify", "me", wrong]);
        assert_eq!(
            (status, text.lines().next()),
            (2, Some("error: contact `me` is not verified: it is not the code that was sent"))
        );
        assert_eq!(server.lite(&["contact", "verify", "me", &code]), (0, "me: verified\n".to_owned()));
        assert_eq!(server.lite(&["contact", "test", "me"]), (0, "me: reached\n".to_owned()));
        let letter = server.letter();
        let text = letter["text"].as_str().expect("text");
        assert!(header(text, "Message-ID").starts_with("<msg_"), "{text}");
        assert!(text.contains("this is a test; nothing is wrong"), "{text}");
    }
}

fn without_tls_or_the_password_nothing_is_sent() {
    let add = ["contact", "add", "me", "--mail", "anna@example.org"];
    let cause = |server: &Server| {
        let (status, text) = server.lite(&add);
        assert_eq!(status, 1, "{text}");
        assert_eq!(
            server.lite(&["contact", "list"]).1.lines().next(),
            Some("hint: there are no contacts: `lite contact add ops --webhook https://…` adds one")
        );
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("error: the mail to `anna@example.org` was not sent"));
        lines.next().unwrap_or_default().trim().to_owned()
    };
    // A server that offers no STARTTLS gets neither password nor letter.
    let plain = Server::start("plain", "starttls");
    assert_eq!(cause(&plain), "caused by: internal client error: STARTTLS is not supported on this server");
    let server = Server::start("starttls", "starttls");
    fs::write(server.at("password"), "wrong").expect("written");
    assert_eq!(cause(&server), "caused by: permanent error (535): 5.7.8 Authentication credentials invalid");
    fs::set_permissions(server.at("password"), fs::Permissions::from_mode(0o644)).expect("set");
    let file = server.at("password").display().to_string();
    assert_eq!(
        cause(&server),
        format!("caused by: `{file}` must be a file that its owner alone can read: `chmod 600 {file}`")
    );
}
