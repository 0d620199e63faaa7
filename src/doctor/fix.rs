//! The changes `--fix` makes. Each can be made twice, and says how to undo it.

use std::{path::Path, time::Duration};

use super::{
    check::{Check, Repair, quoted},
    facts::LIBVIRT_SOCKET,
    ipv6::accept_ra,
};
use crate::{
    clock::{Clock, SystemClock},
    hypervisor::{Hypervisor, Machine},
    model::{
        Code, Error, Hint, Result, Settings, Verb, escaped,
        hosts_file::{HOSTS, with_block},
    },
};

const LOG_SOCKET: &str = "/run/libvirt/virtlogd-sock";
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
/// How long a daemon may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A change, before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The check it is for.
    pub check: &'static str,
    /// What is changed.
    pub change: String,
    /// How to undo it.
    pub undo: String,
    /// The change itself.
    pub repair: Repair,
}

/// The changes that can be made for these checks, in their order.
pub fn fixes(checks: &[Check]) -> Vec<Fix> {
    checks.iter().filter_map(|c| c.repair.as_ref().map(|r| describe(c.id, r))).collect()
}

fn describe(check: &'static str, repair: &Repair) -> Fix {
    let (change, undo) = match repair {
        Repair::Daemon { systemd: true } => (
            "start libvirtd, now and at each boot: `systemctl enable --now libvirtd`".to_owned(),
            "systemctl disable --now libvirtd".to_owned(),
        ),
        Repair::Daemon { systemd: false } => (
            "start virtlogd and libvirtd: `virtlogd -d; libvirtd -d`".to_owned(),
            "kill $(cat /run/libvirtd.pid /run/virtlogd.pid)".to_owned(),
        ),
        Repair::Pool { defined, connect, name, folder } => {
            let virsh = format!("virsh -c {}", quoted(connect));
            let name = quoted(name);
            if *defined {
                (
                    format!("start storage pool `{name}`, now and at each boot"),
                    format!("{virsh} pool-destroy {name}; {virsh} pool-autostart {name} --disable"),
                )
            } else {
                let folder = escaped(&folder.display().to_string());
                (
                    format!("make storage pool `{name}` in `{folder}`"),
                    format!("{virsh} pool-destroy {name}; {virsh} pool-undefine {name} (its files stay in `{folder}`)"),
                )
            }
        }
        Repair::Network { defined, connect, name } => {
            let virsh = format!("virsh -c {}", quoted(connect));
            let name = quoted(name);
            if *defined {
                (
                    format!("start network `{name}`, now and at each boot"),
                    format!("{virsh} net-destroy {name}; {virsh} net-autostart {name} --disable"),
                )
            } else {
                (
                    format!("make NAT network `{name}`"),
                    format!("{virsh} net-destroy {name}; {virsh} net-undefine {name}"),
                )
            }
        }
        Repair::Package(package) => (
            format!("install the package `{package}`: `apt-get install {package}`"),
            format!("apt-get remove {package}"),
        ),
        Repair::LetPass(rules) => {
            let changes: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
            let mut undo: Vec<&str> = rules.iter().map(|rule| rule.undo.as_str()).collect();
            undo.dedup();
            let change =
                format!("let guests' packets pass, until that firewall is loaded anew: {}", changes.join("; "));
            (change, undo.join("; "))
        }
        Repair::Names { network } => (
            format!("write the names of instances into `{HOSTS}`, between two lines, from now on"),
            format!(
                "remove the lines from `# BEGIN lite network {0}` to `# END lite network {0}` from `{HOSTS}`",
                escaped(network)
            ),
        ),
        Repair::AcceptRa(interfaces) => {
            let each = |value: u8| {
                let command =
                    |name: &String| format!("sysctl -w {}={value}", quoted(&format!("net/ipv6/conf/{name}/accept_ra")));
                interfaces.iter().map(command).collect::<Vec<_>>()
            };
            let changes: Vec<String> = each(2).iter().map(|command| format!("`{command}`")).collect();
            let change =
                format!("learn IPv6 routes also while forwarding, until the next boot: {}", changes.join("; "));
            (change, each(1).join("; "))
        }
        Repair::Forwarding => (
            "switch IP forwarding on until the next boot: `sysctl -w net.ipv4.ip_forward=1`".to_owned(),
            "sysctl -w net.ipv4.ip_forward=0".to_owned(),
        ),
    };
    Fix { check, change, undo, repair: repair.clone() }
}

/// Makes the change, on the machine this process runs on. `hypervisor` is the open connection, if there is one; `network_xml` is asked only where a network is
/// made.
pub fn apply(
    fix: &Fix,
    settings: &Settings,
    machine: &dyn Machine,
    hypervisor: Option<&dyn Hypervisor>,
    pool_xml: &str,
    network_xml: impl FnOnce() -> Result<String>,
) -> Result<()> {
    let open = || {
        hypervisor.ok_or_else(|| {
            Error::new(Code::LibvirtFirst, "libvirt does not answer")
                .hint(Hint::from("start it first: ").run_as_root(Verb::Doctor, &[&"--fix"]))
        })
    };
    match &fix.repair {
        Repair::Daemon { systemd } => {
            let run = |program: &str, arguments: &[&str]| run(machine, program, arguments);
            start(*systemd, &run, &|socket| machine.answers(Path::new(socket)), START_TIMEOUT)
        }
        Repair::Pool { .. } => open()?.ensure_pool(&settings.host.pool, pool_xml),
        Repair::Network { .. } => open()?.ensure_network(&settings.host.network, &network_xml()?),
        Repair::Package(package) => {
            let apt = ["-y", "-qq", "-o", "DPkg::Lock::Timeout=60", "install", "--no-install-recommends", package];
            run(machine, "apt-get", &apt)
        }
        Repair::LetPass(rules) => rules.iter().try_for_each(|rule| {
            let arguments: Vec<&str> = rule.arguments.iter().map(String::as_str).collect();
            run(machine, rule.program, &arguments)
        }),
        // The names themselves are written by whoever has the database.
        Repair::Names { network } => {
            let file = Path::new(HOSTS);
            let text = machine.read(file).map_err(|e| not_writable(file, e))?;
            let text = String::from_utf8(text)
                .map_err(|_| Error::new(Code::NotWritable, format!("`{HOSTS}` is not UTF-8, and stays as it is")))?;
            machine.write(file, &with_block(&text, network)).map_err(|e| not_writable(file, e))
        }
        Repair::Forwarding => set_switch(machine, Path::new(FORWARDING), "1"),
        Repair::AcceptRa(interfaces) => {
            interfaces.iter().try_for_each(|name| set_switch(machine, Path::new(&accept_ra(name)), "2"))
        }
    }
}

/// Starts what does not answer yet, and waits until it does.
fn start(
    systemd: bool,
    run: &dyn Fn(&str, &[&str]) -> Result<()>,
    answers: &dyn Fn(&str) -> bool,
    timeout: Duration,
) -> Result<()> {
    if systemd {
        run("systemctl", &["enable", "--now", "libvirtd"])?;
    } else {
        for (daemon, socket) in [("virtlogd", LOG_SOCKET), ("libvirtd", LIBVIRT_SOCKET)] {
            if !answers(socket) {
                run(daemon, &["-d"])?;
            }
        }
    }
    let deadline = SystemClock.instant() + timeout;
    while !answers(LIBVIRT_SOCKET) {
        if SystemClock.instant() >= deadline {
            let message =
                format!("libvirtd was started and does not listen on `{LIBVIRT_SOCKET}` after {} s", timeout.as_secs());
            let see = if systemd {
                "see why: `journalctl -u libvirtd`"
            } else {
                "see why: run `libvirtd` in a terminal of its own"
            };
            return Err(Error::new(Code::LibvirtNotStarted, message).hint(see));
        }
        SystemClock.sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Runs a program to its end. The last line it prints to stderr is the cause.
fn run(machine: &dyn Machine, program: &str, arguments: &[&str]) -> Result<()> {
    let line = format!("{program} {}", arguments.join(" "));
    let failed = || Error::new(Code::NotStarted, format!("`{line}` failed"));
    let path = machine.program(program).ok_or_else(|| {
        Error::new(Code::NotInstalled, format!("`{program}` is not installed"))
            .hint("apt-get install libvirt-daemon-system")
    })?;
    let out = machine.run(&path, arguments).map_err(|e| failed().cause(e))?;
    if out.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&out.stderr);
    let error = match text.lines().rfind(|l| !l.trim().is_empty()) {
        Some(last) => failed().cause(escaped(last.trim())),
        None => failed().cause(out.status),
    };
    Err(if rustix::process::geteuid().is_root() {
        error
    } else {
        error.hint(Hint::from("it needs root: ").run_as_root(Verb::Doctor, &[&"--fix"]))
    })
}

fn set_switch(machine: &dyn Machine, path: &Path, value: &str) -> Result<()> {
    machine.write(path, value).map_err(|e| not_writable(path, e))
}

fn not_writable(path: &Path, why: std::io::Error) -> Error {
    Error::new(Code::NotWritable, format!("cannot write `{}`", path.display()))
        .cause(why)
        .hint(Hint::from("it needs root: ").run_as_root(Verb::Doctor, &[&"--fix"]))
}

#[cfg(test)]
mod tests;
