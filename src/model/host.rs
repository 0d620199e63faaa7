//! A host: one libvirt connection, and what lite uses on it.

use std::path::PathBuf;

use ipnet::Ipv6Net;

use super::{Code, Error, HostId, NetworkMode, Overcommit, Result, escaped};

/// Which virtualisation runs the guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accel {
    /// KVM where it works (`doctor::obstacle` has the rule), else TCG.
    #[default]
    Auto,
    /// KVM, or refuse.
    Kvm,
    /// QEMU's own emulation: works anywhere, slow.
    Tcg,
}

impl Accel {
    /// Parses `auto`, `kvm` or `tcg`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            _ => Err(Error::new(Code::InvalidAccel, format!("`{}` is not an acceleration", escaped(text)))
                .hint("use `auto`, `kvm` or `tcg`")),
        }
    }
}

/// IPv6 on the NAT network when lite makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subnet6 {
    /// A unique local /64 (RFC 4193), where the host can have one.
    #[default]
    Auto,
    /// None.
    No,
    /// This /64: a unique local one is masqueraded, any other is routed to this host.
    Net(Ipv6Net),
}

impl Subnet6 {
    /// Parses `auto`, `no` or a /64 such as `2001:db8:0:7::/64`.
    ///
    /// # Errors
    /// [`Code::InvalidSettings`].
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::new(
                Code::InvalidSettings,
                format!("`{}` is not `auto`, `no` or a network of the form `2001:db8:0:7::/64`", escaped(text)),
            )
        };
        match text {
            "auto" => Ok(Self::Auto),
            "no" => Ok(Self::No),
            _ => {
                let net: Ipv6Net = text.parse().map_err(|_| bad())?;
                let is_usable = is_unique_local(net) || net.addr().segments()[0] >> 13 == 1;
                let is_whole = net.prefix_len() == 64 && net.trunc() == net;
                if is_usable && is_whole { Ok(Self::Net(net)) } else { Err(bad()) }
            }
        }
    }
}

/// Whether a network is one of unique local addresses (RFC 4193), which nobody in the world has a route to.
pub fn is_unique_local(net: Ipv6Net) -> bool {
    net.addr().segments()[0] & 0xfe00 == 0xfc00
}

/// Folders of a host, as paths on that host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Directory of the storage pool when lite makes it: `/var/lib/libvirt/images/lite` (`LITE_POOL_DIR`).
    pub pool: PathBuf,
    /// Console and report logs of guests, written by virtlogd: `/var/log/lite` (`LITE_LOG_DIR`).
    pub logs: PathBuf,
}

/// What the operator decided for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its id, as the tables of the database name it.
    pub id: HostId,
    /// libvirt connection, default `qemu:///system` (`LITE_CONNECT`).
    pub connect: String,
    /// Storage pool, default `lite` (`LITE_POOL`).
    pub pool: String,
    /// NAT network, default `lite` (`LITE_NETWORK`).
    pub network: String,
    /// Subnet of the network when lite makes it, such as `192.168.150.0/24`; none: the first that does not clash (`LITE_SUBNET`).
    pub subnet: Option<ipnet::Ipv4Net>,
    /// Its IPv6 subnet when lite makes it (`LITE_SUBNET6`).
    pub subnet6: Subnet6,
    /// Acceleration (`LITE_ACCEL`).
    pub accel: Accel,
    /// What may be promised of it.
    pub overcommit: Overcommit,
    /// Folders.
    pub folders: Folders,
}

impl Host {
    /// In what an instance's address is unique: the NAT network, or a bridge.
    pub fn network_key(&self, mode: &NetworkMode) -> String {
        match mode {
            NetworkMode::Nat => self.network.clone(),
            NetworkMode::Bridge(bridge) => format!("bridge:{bridge}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_subnet_is_a_whole_64_of_unique_local_or_global_addresses() {
        let net = |text: &str| text.parse().map(Subnet6::Net).unwrap();
        assert_eq!(["auto", "no"].map(Subnet6::parse), [Ok(Subnet6::Auto), Ok(Subnet6::No)]);
        for text in ["2001:db8:0:7::/64", "fd6c:6974:6500:1::/64"] {
            assert_eq!(Subnet6::parse(text), Ok(net(text)));
        }
        for text in [
            "",
            "yes",
            "2001:db8::/48",
            "2001:db8::1/64",
            "fe80::/64",
            "ff02::/64",
            "::/64",
            "192.168.0.0/24",
            "2001:db8::",
        ] {
            let form = format!("`{text}` is not `auto`, `no` or a network of the form `2001:db8:0:7::/64`");
            assert_eq!(Subnet6::parse(text).map_err(|e| e.message), Err(form));
        }
        let is_local =
            ["fc00::/64", "fdff::/64", "fe80::/64", "2001:db8::/64"].map(|n| is_unique_local(n.parse().unwrap()));
        assert_eq!(is_local, [true, true, false, false]);
    }
}
