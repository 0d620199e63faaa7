//! Which QEMU processes of this machine are stopped (`kill -STOP`, a debugger). libvirt cannot tell without asking
//! the monitor, which then hangs; the kernel can.

use std::fs;

use super::errors::is_local;

/// Where libvirtd keeps its guests' pid files.
const PID_FILES: &str = "/run/libvirt/qemu";

/// Whether the pid files of this connection's guests can be here at all.
pub fn can_look(uri: &str) -> bool {
    // A daemon with a socket of its own keeps them elsewhere.
    is_local(uri) && uri.starts_with("qemu") && uri.contains(":///system") && !uri.contains("socket=")
}

/// The QEMU of the domain is stopped. False if that cannot be known (another user, no such file).
pub fn is_stopped(domain: &str) -> bool {
    let stat = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    // libvirt refuses `/` in a domain's name; do not lean on it.
    !domain.contains('/')
        && fs::read_to_string(format!("{PID_FILES}/{domain}.pid"))
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .and_then(stat)
            .is_some_and(|stat| is_stopped_stat(&stat))
}

/// Reads `/proc/PID/stat`: the state is the letter after the command, which may itself hold `)`.
fn is_stopped_stat(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't']))
}

#[cfg(test)]
mod tests {
    use super::{can_look, is_stopped_stat};

    #[test]
    fn reads_the_state_letter() {
        assert!(is_stopped_stat("12 (qemu) S) T 1 12"));
        assert!(!is_stopped_stat("12 (qemu) T) S 1 12"));
        assert!(!is_stopped_stat(""));
    }

    #[test]
    fn looks_only_where_the_guests_are_here() {
        assert!(can_look("qemu:///system"));
        assert!(!can_look("qemu+unix:///system?socket=/run/other"));
        assert!(!can_look("qemu+ssh://host/system") && !can_look("qemu:///session") && !can_look("test:///default"));
    }
}
