//! Whether libvirt can write its own rules for a network. Its nftables backend needs the action `csum` of the kernel's traffic
//! control, and starts no network without it; its iptables backend does not.

use std::path::Path;

use crate::hypervisor::Machine;

/// libvirt's settings of networks.
const SETTINGS: &str = "/etc/libvirt/network.conf";

/// What puts it right.
pub const FIX: &str = "have `iptables` installed, write `firewall_backend = \"iptables\"` into `/etc/libvirt/network.conf`, and \
                       restart libvirtd: `systemctl restart libvirtd`";

/// libvirt writes its rules in nftables on this machine, and the kernel lacks the action. Runs `tc` where libvirt does.
pub fn lacks_csum(machine: &dyn Machine) -> bool {
    // A libvirt without these settings knows iptables alone.
    let Ok(settings) = machine.read(Path::new(SETTINGS)) else { return false };
    // Where nothing is set Debian's libvirt takes iptables if it is installed, others' nftables.
    let iptables = || machine.program("iptables").is_some() && machine.program("apt-get").is_some();
    let nftables = match firewall_backend(&String::from_utf8_lossy(&settings)) {
        Some(backend) => backend == "nftables",
        None => !iptables(),
    };
    machine.runs_guests() && nftables && has_csum(machine) == Some(false)
}

/// What libvirt's settings say of the firewall backend.
fn firewall_backend(settings: &str) -> Option<&str> {
    let mut set =
        settings.lines().filter_map(|line| line.split_once('=')).filter(|(key, _)| key.trim() == "firewall_backend");
    set.next_back().and_then(|(_, value)| value.split(['"', '\'']).nth(1))
}

/// Whether the kernel has the action; none if that cannot be tried, which only root can. In a network namespace that ends with `tc`.
fn has_csum(machine: &dyn Machine) -> Option<bool> {
    let (unshare, tc) = (machine.program("unshare")?, machine.program("tc")?);
    let succeeds = |arguments: &[&str]| {
        let arguments = [&["--net", "--", tc.to_str()?], arguments].concat();
        machine.run(&unshare, &arguments).ok().map(|out| out.status.success())
    };
    match succeeds(&["qdisc", "show"])? {
        true => succeeds(&["actions", "add", "action", "csum", "ip", "and", "udp"]),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::firewall_backend;

    #[test]
    fn the_last_line_that_is_no_comment_counts() {
        assert_eq!(firewall_backend("# firewall_backend:\n#firewall_backend = \"iptables\"\n"), None);
        assert_eq!(
            firewall_backend("firewall_backend = \"iptables\"\n  firewall_backend='nftables' # so\n"),
            Some("nftables")
        );
        assert_eq!(firewall_backend("firewall_backend =\n"), None);
    }
}
