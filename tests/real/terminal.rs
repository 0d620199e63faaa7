//! The console in front of real guests: instances made and changed by forms, and the terminals of one over WebSocket. `SLOW` is run by
//! `make test-guests`.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpStream},
    process::{Child, Stdio},
    time::Duration,
};

use crate::support::{
    host::{Host, needs_host},
    http::curl,
    terminal::Terminal,
    watch::wait_for,
};

crate::tests![SLOW: a_console_and_a_shell_of_a_real_guest, what_forms_make_and_change_is_so_in_the_guest];

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

    /// What is at a path, with its head; a form is sent where there is one.
    fn ask(&self, cookie: &str, path: &str, form: Option<&str>) -> String {
        let (cookie, url) = (format!("Cookie: {cookie}"), format!("http://{}{path}", self.address));
        let mut words = vec!["--noproxy", "*", "-i", "-H", "Sec-Fetch-Site: same-origin", "-H", &cookie];
        words.extend(form.map(|form| ["-d", form]).into_iter().flatten());
        words.push(&url);
        curl(&words)
    }

    /// Sends a form that something is made or changed by, and waits for the end of its operation: its state.
    fn change(&self, host: &Host, cookie: &str, path: &str, form: &str) -> String {
        let answer = self.ask(cookie, path, Some(form));
        assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
        let mut state = String::new();
        wait_for(form, 1200, || {
            let all = host.json(&["operations"]);
            state = all["operations"][0]["state"].as_str().unwrap_or_default().to_owned();
            !matches!(state.as_str(), "" | "started")
        });
        state
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

fn what_forms_make_and_change_is_so_in_the_guest() {
    needs_host();
    let host = Host::new("forms", 79);
    host.debian_13();
    let serving = Serving::start(&host);
    let cookie = serving.log_in(&host);
    let change = |path: &str, form: &str| serving.change(&host, &cookie, path, form);

    let name = "lite-test-forms";
    let made = change("/create", &format!("blueprint=nginx&bundle=nano&name={name}"));
    assert_eq!(made, "succeeded");
    let page = serving.ask(&cookie, &format!("/instances/{name}"), None).replace("&#x2f;", "/");
    let shown = host.json(&["show", name]);
    let address = shown["instances"][0]["address"].as_str().expect("an address").to_owned();
    for word in [&format!("http://{address}/"), "USD/month", "running"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    assert!(curl(&[&format!("http://{address}/")]).contains(name));

    // A port that its guest listens at is let in by a form, and taken away again.
    host.ok(&["ssh", name, "--", "sudo systemd-run --quiet python3 -m http.server 8123"]);
    let rules = format!("/instances/{name}/firewall");
    let seen = |page: &str| {
        let at = page.split("name=\"seen\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let text = at.unwrap_or_else(|| panic!("{page}"));
        text.replace("&#x2f;", "/").replace(' ', "+")
    };
    let port: SocketAddr = format!("{address}:8123").parse().expect("an address");
    let is_let_in = || TcpStream::connect_timeout(&port, Duration::from_secs(3)).is_ok();
    assert!(!is_let_in());
    let before = seen(&serving.ask(&cookie, &rules, None));
    assert_eq!(change(&rules, &format!("seen={before}&port=8123&action=open")), "succeeded");
    assert!(is_let_in());
    let stale = serving.ask(&cookie, &rules, Some(&format!("seen={before}&port=8124&action=open")));
    assert!(stale.starts_with("HTTP/1.1 400 "), "{stale}");
    let now = seen(&serving.ask(&cookie, &rules, None));
    assert_eq!(change(&rules, &format!("seen={now}&port=8123/tcp&action=close")), "succeeded");
    assert!(!is_let_in());

    // A set-up that fails: both pages say so in the words of the command.
    let failed = "lite-test-forms-bad";
    let script = "%23%21%2Fbin%2Fsh%0Aecho%20there%20is%20no%20cake%0Aexit%203%0A";
    let made = change("/create", &format!("blueprint=debian-13&bundle=nano&name={failed}&user_data={script}"));
    assert_eq!(made, "failed");
    let operations = host.json(&["operations"]);
    let id = operations["operations"][0]["id"].as_str().expect("an id").to_owned();
    for path in [format!("/instances/{failed}"), format!("/operations/{id}")] {
        let page = serving.ask(&cookie, &path, None);
        for word in ["there is no cake", "3"] {
            assert!(page.contains(word), "{path}: {word}: {page}");
        }
    }
    drop(serving);
    host.ok(&["delete", name, failed, "--yes", "--now"]);
    assert_eq!(host.left(), Vec::<String>::new());
}
