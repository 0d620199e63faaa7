//! Terminals of a real Debian guest, over WebSocket: its serial console and ssh. `SLOW` is run by `make test-guests`.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Stdio},
};

use crate::support::{
    host::{Host, needs_host},
    http::curl,
    terminal::Terminal,
};

crate::tests![SLOW: a_console_and_a_shell_of_a_real_guest];

/// A server, ended with the test.
struct Serving {
    process: Child,
    address: SocketAddr,
}

impl Serving {
    fn start(host: &Host) -> Self {
        let mut command = host.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut process = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(process.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("the console is at http://").and_then(|at| at.strip_suffix('/'));
        let address = address.and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("{line}"));
        Self { process, address }
    }

    /// The cookie of who logs in by a code.
    fn log_in(&self, host: &Host) -> String {
        let code = host.json(&["login"])["code"].as_str().expect("a code").to_owned();
        let (form, url) = (format!("code={code}"), format!("http://{}/login", self.address));
        let own = "Sec-Fetch-Site: same-origin";
        let head = curl(&["--noproxy", "*", "-D", "-", "-o", "-", "-H", own, "-d", &form, &url]);
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        cookie.unwrap_or_else(|| panic!("{head}")).to_owned()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn a_console_and_a_shell_of_a_real_guest() {
    needs_host();
    let host = Host::new("term", 78);
    host.debian_13();
    let name = "lite-test-term";
    host.ok(&["create", "debian-13", "--name", name, "--bundle", "nano"]);
    let serving = Serving::start(&host);
    let cookie = serving.log_in(&host);
    let open = |kind: &str| Terminal::own(serving.address, &format!("/instances/{name}/{kind}/stream"), &cookie);

    let (mut first, mut second) = (open("console"), open("console"));
    let before = first.until("login: ");
    assert!(before.contains("Debian GNU/Linux 13"), "{before}");
    second.until("login: ");
    first.asks("\"take\"");
    first.types("\r");
    first.until("login: ");
    first.types("nobody\r");
    first.until("Password: ");
    second.until("Password: ");

    let mut shell = open("ssh");
    shell.asks("{\"size\":[132,50]}");
    shell.until("$ ");
    shell.types("echo \"$(hostname):$(stty size)\"\r");
    // The echo of the line has no name in it.
    shell.until(&format!("{name}:50 132"));
    shell.types("exit 7\r");
    loop {
        let told = shell.told();
        if told.contains("\"end\"") {
            assert_eq!(told, "{\"end\":\"the shell has ended with exit code 7\"}");
            break;
        }
    }
    host.ok(&["stop", name]);
    loop {
        let told = second.told();
        if told.contains("\"end\"") {
            assert_eq!(told, "{\"end\":\"the guest has stopped\"}");
            break;
        }
    }
    drop(serving);
    host.ok(&["delete", name, "--yes", "--now"]);
    assert_eq!(host.left(), Vec::<String>::new());
}
