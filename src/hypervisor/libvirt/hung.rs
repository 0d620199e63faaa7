//! Which QEMU processes of the machine are stopped (`kill -STOP`, a debugger). libvirt cannot tell without asking the
//! monitor, which then hangs; the kernel can.

use std::path::Path;

use crate::hypervisor::{LocalMachine, Machine};

/// Where libvirtd keeps its guests' pid files.
const PID_FILES: &str = "/run/libvirt/qemu";

/// The machine on which the pid files of this connection's guests are, if it can be looked at.
pub fn look_at(uri: &str) -> Option<LocalMachine> {
    // A daemon with a socket of its own keeps them elsewhere.
    let machine = LocalMachine::of(uri);
    let here = machine.runs_guests() && uri.contains(":///system") && !uri.contains("socket=");
    here.then_some(machine)
}

/// The QEMU of the domain is stopped. False if that cannot be known (another user, no such file).
pub fn is_stopped(machine: &dyn Machine, domain: &str) -> bool {
    // libvirt refuses `/` in a domain's name; do not lean on it.
    let pid = || machine.text(&format!("{PID_FILES}/{domain}.pid")).ok()?.parse::<u32>().ok();
    let stat = |pid| machine.text(&format!("/proc/{pid}/stat")).ok();
    !domain.contains('/') && pid().and_then(stat).is_some_and(|stat| is_stopped_stat(&stat))
}

/// Names of the domains whose QEMU is stopped.
pub fn stopped(machine: &dyn Machine) -> Vec<String> {
    let Ok(entries) = machine.entries(Path::new(PID_FILES)) else { return Vec::new() };
    let names = entries.iter().filter_map(|e| e.file_name()?.to_str()?.strip_suffix(".pid").map(str::to_owned));
    names.filter(|name| is_stopped(machine, name)).collect()
}

/// Reads `/proc/PID/stat`: the state is the letter after the command, which may itself hold `)`.
fn is_stopped_stat(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't']))
}

#[cfg(test)]
mod tests {
    use super::{is_stopped_stat, look_at};

    #[test]
    fn reads_the_state_letter() {
        assert!(is_stopped_stat("12 (qemu) S) T 1 12"));
        assert!(!is_stopped_stat("12 (qemu) T) S 1 12"));
        assert!(!is_stopped_stat(""));
    }

    #[test]
    fn looks_only_where_the_guests_are_here() {
        assert!(look_at("qemu:///system").is_some());
        let elsewhere =
            ["qemu+unix:///system?socket=/run/other", "qemu+ssh://host/system", "qemu:///session", "test:///default"];
        assert!(elsewhere.iter().all(|uri| look_at(uri).is_none()));
    }
}
