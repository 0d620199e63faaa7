//! A namespace in the place of a stopped instance: on its port of the bridge, with its hardware address and its address.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use super::{
    host::{Host, text, virsh},
    idle::run,
};

/// A TCP reset, as a socket tells it.
pub const REFUSED: &str = "ConnectionRefusedError:111";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/guest_net.py");

/// The namespace; gone when it is dropped.
pub struct GuestNet {
    namespace: String,
    pub port: String,
    pub mac: String,
    pub address: String,
}

/// What a domain's definition says between two texts.
pub fn between(xml: &str, before: &str, after: &str) -> String {
    let (_, rest) = xml.split_once(before).unwrap_or_else(|| panic!("no {before} in {xml}"));
    rest.split_once(after).expect("its end").0.to_owned()
}

/// The bridge of a host's network.
pub fn bridge(host: &Host) -> String {
    between(&virsh(&["net-dumpxml", &host.tag]), "<bridge name='", "'")
}

impl GuestNet {
    /// In the place of a stopped instance that has this address.
    pub fn of(host: &Host, instance: &str, address: &str) -> Self {
        let xml = virsh(&["dumpxml", "--inactive", instance]);
        let guest = Self {
            namespace: format!("{instance}-net"),
            port: between(&xml, "<target dev='lt-", "'").split('\'').next().map(|d| format!("lt-{d}")).expect("a port"),
            mac: between(&xml, "<mac address='", "'"),
            address: address.to_owned(),
        };
        let ip = |line: &str| run(Command::new("ip").args(line.split(' ')));
        ip(&format!("netns add {}", guest.namespace));
        ip(&format!("link add {} type veth peer name eth0 netns {}", guest.port, guest.namespace));
        guest.plug(host);
        for line in [
            format!("link set eth0 address {}", guest.mac),
            "link set eth0 up".to_owned(),
            format!("addr add {address}/24 dev eth0"),
            format!("route add default via {}", host.subnet.replace(".0/24", ".1")),
        ] {
            ip(&format!("-n {} {line}", guest.namespace));
        }
        guest
    }

    /// Sets an IPv6 address as well, as the seed says: all others are behind the gateway.
    pub fn set_ipv6(&self, address: &str, gateway: &str) {
        for line in [
            format!("addr add {address}/128 dev eth0 nodad"),
            format!("route add default via {gateway} dev eth0 onlink"),
        ] {
            let words = format!("-n {} -6 {line}", self.namespace);
            run(Command::new("ip").args(words.split(' ')));
        }
    }

    /// Puts its port on the bridge, isolated, as libvirt does.
    pub fn plug(&self, host: &Host) {
        let ip = |line: &str| run(Command::new("ip").args(line.split(' ')));
        ip(&format!("link set {} master {} up", self.port, bridge(host)));
        ip(&format!("link set {} type bridge_slave isolated on", self.port));
    }

    /// The command that does it in the guest.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, "python3", SCRIPT]).args(args);
        command
    }

    /// A program of the host's, run in the guest.
    pub fn program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, program]).args(args);
        command
    }

    /// What `whoami` behind a port tells it over `tcp` or `udp`: the address that it came from, or the error.
    pub fn asks(&self, kind: &str, address: &str, port: u16) -> String {
        text(&run(&mut self.command(&["ask", kind, address, &port.to_string()])).stdout).trim().to_owned()
    }

    /// What a DNS server answers for these names (`ptr:ADDRESS` for the name of an address).
    pub fn resolves(&self, server: &str, names: &[&str]) -> Vec<String> {
        let out = run(&mut self.command(&[&["resolve", server], names].concat()));
        text(&out.stdout).lines().map(str::to_owned).collect()
    }

    /// Whether an address answers its ICMP echo request: `answered` or `no answer`.
    pub fn pings(&self, address: &str) -> String {
        text(&run(&mut self.command(&["ping", address])).stdout).trim().to_owned()
    }

    /// Whether a TCP port is reached from it: `open`, or the error.
    pub fn reaches(&self, address: &str, port: u16) -> String {
        text(&run(&mut self.command(&["reach", address, &port.to_string()])).stdout).trim().to_owned()
    }
}

impl Drop for GuestNet {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).status();
    }
}

/// A namespace that stands for the world: a machine behind an interface of the host, on addresses for documentation.
///
/// There is one at a time: two interfaces with the same address would take each other's answers.
pub struct Outside {
    namespace: String,
    link: String,
    _only: File,
}

impl Outside {
    pub const HOST: &str = "198.51.100.1";
    pub const ADDRESS: &str = "198.51.100.2";
    pub const HOST6: &str = "2001:db8:ffff::1";
    pub const ADDRESS6: &str = "2001:db8:ffff::2";
    /// A second address of the host, where a test gives it one.
    pub const SECOND: &str = "198.51.100.5";

    pub fn new(tag: &str) -> Self {
        let only = File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/outside.lock")).expect("a file");
        only.lock().expect("a lock");
        let outside = Self { namespace: format!("lite-test-{tag}-out"), link: format!("ltw-{tag}"), _only: only };
        let (ip, own) = (|line: &str| run(Command::new("ip").args(line.split(' '))), &outside.namespace);
        ip(&format!("netns add {own}"));
        let link = &outside.link;
        ip(&format!("link add {link} type veth peer name eth0 netns {own}"));
        ip(&format!("addr add {}/30 dev {link}", Self::HOST));
        ip(&format!("link set {link} up"));
        ip(&format!("-n {own} addr add {}/30 dev eth0", Self::ADDRESS));
        ip(&format!("-n {own} link set eth0 up"));
        ip(&format!("-n {own} route add default via {}", Self::HOST));
        outside
    }

    /// Gives both ends of the link an IPv6 address as well, and lets it know the way to a network behind the host.
    pub fn set_ipv6(&self, tag: &str, network: &str) {
        for line in [
            format!("addr add {}/64 dev ltw-{tag} nodad", Self::HOST6),
            format!("-n {} addr add {}/64 dev eth0 nodad", self.namespace, Self::ADDRESS6),
            format!("-n {} route add {network} via {}", self.namespace, Self::HOST6),
        ] {
            run(Command::new("ip").args(line.split(' ')));
        }
    }

    /// The command that does it there.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, "python3", SCRIPT]).args(args);
        command
    }

    /// A program of the host's, run there.
    pub fn program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, program]).args(args);
        command
    }

    /// What `whoami` behind a port of the host tells it.
    pub fn asks(&self, kind: &str, port: u16) -> String {
        self.asks_at(kind, Self::HOST, port)
    }

    /// The same by this address of the host.
    pub fn asks_at(&self, kind: &str, address: &str, port: u16) -> String {
        let mut command = self.command(&["ask", kind, address, &port.to_string()]);
        text(&run(&mut command).stdout).trim().to_owned()
    }

    /// Knows that the host has this address too.
    pub fn routes(&self, address: &str) {
        run(Command::new("ip").args(["-n", &self.namespace, "route", "add", address, "via", Self::HOST]));
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // The kernel removes a namespace's links some time after the namespace.
        let _ = Command::new("ip").args(["link", "delete", &self.link]).status();
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).status();
    }
}

/// What `whoami` behind a port of the host tells the host itself.
pub fn host_asks(kind: &str, address: &str, port: u16) -> String {
    text(&run(Command::new("python3").args([SCRIPT, "ask", kind, address, &port.to_string()])).stdout).trim().to_owned()
}

/// Whether a TCP port is reached from the host.
pub fn host_reaches(address: &str, port: u16) -> String {
    text(&run(Command::new("python3").args([SCRIPT, "reach", address, &port.to_string()])).stdout).trim().to_owned()
}

/// A script that runs beside the test, past its first line; ended when it is dropped.
pub struct Beside(Child, BufReader<std::process::ChildStdout>);

impl Beside {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("runs");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut first = String::new();
        out.read_line(&mut first).expect("read");
        assert_eq!(first, "ready\n");
        Self(child, out)
    }

    /// Whether it has not ended.
    pub fn goes_on(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_none()
    }

    /// What it says until it ends.
    ///
    /// One whose stdin is a pipe reads its end.
    pub fn said(&mut self) -> Vec<String> {
        drop(self.0.stdin.take());
        let mut rest = String::new();
        self.1.read_to_string(&mut rest).expect("read");
        assert!(self.0.wait().expect("ended").success());
        rest.lines().map(str::to_owned).collect()
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("ended");
    }

    /// What arrives at an interface of the host.
    pub fn sniff(interface: &str) -> Self {
        let mut command = Command::new("python3");
        command.args([SCRIPT, "sniff", interface]);
        Self::start(command)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
