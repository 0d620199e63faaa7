//! What is said of the network of instances, and of what lets its packets pass.

use super::*;

#[test]
fn what_is_wrong_with_the_network_is_said_with_one_fix() {
    use Status::{Fail, Ok as Fine, Warn};
    let table: &[Row] = &[
        (|f, _| *f = silent(), "ipv6", Warn, "IPv6 of network `lite` is not checked: libvirt does not answer", None),
        (
            |f, _| f.network.as_mut().expect("asked").as_mut().expect("there").ipv6 = false,
            "ipv6",
            Fine,
            "instances on network `lite` have IPv4 alone",
            None,
        ),
        (
            |f, _| f.ipv6 = Err(NoIpv6::Learned(vec!["eth0".into()])),
            "ipv6",
            Fail,
            "libvirt does not start network `lite`, which has IPv6, again: this host learns routes by router advertisements on \
             `eth0`, where `accept_ra` is not 2",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| (f.network, f.ipv6) = (Ok(None), Err(NoIpv6::Learned(vec!["eth0".into(), "eth1".into()]))),
            "ipv6",
            Warn,
            "instances on network `lite` have IPv4 alone: this host learns routes by router advertisements on `eth0`, `eth1`, \
             where `accept_ra` is not 2",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| (f.network, f.ipv6) = (Ok(None), Err(NoIpv6::Off)),
            "ipv6",
            Fine,
            "instances on network `lite` have IPv4 alone: IPv6 is off on this host",
            None,
        ),
        (
            |f, _| f.ipv6 = Err(NoIpv6::Off),
            "ipv6",
            Warn,
            "network `lite` has IPv6, and IPv6 is off on this host",
            Some("sysctl net.ipv6.conf.all.disable_ipv6"),
        ),
        (
            |f, s| (f.network, f.ipv6, s.host.subnet6) = (Ok(None), Err(NoIpv6::Off), Subnet6::No),
            "ipv6",
            Fine,
            "instances on network `lite` have IPv4 alone, as set",
            None,
        ),
        (
            |f, _| (f.network, f.lacks_csum) = (Ok(None), true),
            "network",
            Fail,
            "libvirt cannot start network `lite`: it writes its rules in nftables, for which this kernel lacks the action `csum` of \
             traffic control",
            Some(
                "have `iptables` installed, write `firewall_backend = \"iptables\"` into `/etc/libvirt/network.conf`, and restart \
                 libvirtd: `systemctl restart libvirtd`",
            ),
        ),
        (|f, _| f.network = Ok(None), "network", Fail, "there is no network `lite`", Some("lite doctor --fix")),
        (
            |f, _| f.network.as_mut().expect("asked").as_mut().expect("there").active = false,
            "network",
            Fail,
            "network `lite` is not started",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| f.routes.as_mut().expect("routes").push(route("tun0", "192.168.0.0/16")),
            "subnet",
            Fail,
            "192.168.150.0/24 clashes with the route to 192.168.0.0/16 on `tun0`",
            Some(
                "move the network: name a new one with `LITE_NETWORK` and `LITE_SUBNET=10.150.0.0/24`, then `lite doctor --fix`",
            ),
        ),
        (
            |f, _| f.way = Ok(Some("tun0".into())),
            "subnet",
            Fail,
            "packets for 192.168.150.0/24 leave by `tun0` instead of by bridge `litebr0`: a rule leads there",
            Some(
                "see `ip rule`, and let the bridge go first: `ip rule add to 192.168.150.0/24 lookup main priority 1`",
            ),
        ),
        (
            |f, _| (f.network, f.routes) = (Ok(None), Ok(vec![])),
            "subnet",
            Fine,
            "192.168.150.0/24 is free for network `lite`",
            None,
        ),
        (
            |f, s| (f.network, s.host.subnet) = (Ok(None), Some(net("192.0.2.0/25"))),
            "subnet",
            Fail,
            "subnet 192.0.2.0/25 clashes with this host's route to 192.0.2.0/24",
            Some("use a free one: `LITE_SUBNET=192.168.151.0/24`, or leave it out"),
        ),
        (
            |f, _| f.ip_forward = Some(false),
            "forwarding",
            Fail,
            "IP forwarding is off: guests reach nothing outside",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| f.ip_forward = None,
            "forwarding",
            Warn,
            "IP forwarding cannot be read",
            Some("sysctl net.ipv4.ip_forward"),
        ),
        (
            |f, _| f.firewall = Some(Ok(vec![stops("the policy of x", false), stops("the rule `y`", true)])),
            "firewall",
            Fail,
            "guests reach nothing outside: the rule `y` stops them; libvirt's rules are in iptables",
            Some("fix 'the rule `y`'"),
        ),
        (
            |f, _| f.bridge_nf = Some(true),
            "bridge-nf",
            Warn,
            "the sysctl `net.bridge.bridge-nf-call-iptables` is 1: instances do not reach each other's published ports",
            Some("sysctl -w net.bridge.bridge-nf-call-iptables=0"),
        ),
        (|f, _| f.haproxy = false, "web", Warn, "publishing a domain needs HAProxy", Some("apt-get install haproxy")),
        (
            |f, _| f.remotes = true,
            "remotes",
            Fail,
            "restic is not installed, and remotes need it",
            Some("apt-get install restic"),
        ),
        (
            |f, _| (f.remotes, f.restic) = (true, true),
            "remotes",
            Fine,
            "restic is installed, which copies snapshots to remotes",
            None,
        ),
        (
            |f, _| (f.haproxy, f.web) = (false, Some(Web::Ended)),
            "web",
            Fail,
            "HAProxy is not installed, and domains or load balancers need it",
            Some("`apt-get install haproxy`, then `lite repair` starts it"),
        ),
        (
            |f, _| f.web = Some(Web::Ended),
            "web",
            Fail,
            "HAProxy does not run, and domains or load balancers need it",
            Some("`lite repair` starts it"),
        ),
        (
            |f, _| {
                let port = Port { number: 443, protocol: Protocol::Tcp };
                f.web = Some(Web::Closed(port, Closed { by: "x".into(), fix: "open it".into() }));
            },
            "web",
            Fail,
            "`443/tcp` of this host is not reached from outside: x stops what comes in",
            Some("open it"),
        ),
        (
            |f, _| f.names = Some(Resolver::Nothing),
            "names",
            Warn,
            "this host itself does not know the names of instances",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| f.names = Some(Resolver::HostsFile),
            "names",
            Fine,
            "lite writes the names of instances into `/etc/hosts`",
            None,
        ),
        (
            |f, _| f.names = None,
            "names",
            Warn,
            "names of instances are not checked: the network is not up",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| f.firewall = Some(Ok(vec![stops("the policy of x", false)])),
            "firewall",
            Warn,
            "perhaps guests reach nothing outside: the policy of x may stop them; libvirt's rules are in iptables",
            Some("fix 'the policy of x'"),
        ),
        (
            |f, _| f.firewall = None,
            "firewall",
            Warn,
            "what firewalls do with guests is not checked: the network is not up",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| (f.firewall, f.root) = (Some(Err("x".into())), false),
            "firewall",
            Warn,
            "what firewalls do with guests is not checked: only root can read their rules",
            Some("sudo lite doctor"),
        ),
        (
            |f, _| f.firewall = Some(Err("`nft`: x".into())),
            "firewall",
            Warn,
            "the rules of a firewall cannot be read: `nft`: x",
            Some("nft -j list ruleset"),
        ),
        (
            |f, _| f.nft = false,
            "nftables",
            Fail,
            "`nft` is not installed: no instance starts without lite's firewall",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| (f.nft, f.apt) = (false, false),
            "nftables",
            Fail,
            "`nft` is not installed: no instance starts without lite's firewall",
            Some("install the package `nftables`; leave its service off"),
        ),
    ];
    look_at_each(table);
}
