//! A host: one libvirt connection, and what lite uses on it.

use std::path::PathBuf;

use super::{Code, Error, HostId, Overcommit, Result, escaped};

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
    /// Acceleration (`LITE_ACCEL`).
    pub accel: Accel,
    /// What may be promised of it.
    pub overcommit: Overcommit,
    /// Folders.
    pub folders: Folders,
}
