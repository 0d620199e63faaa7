//! What the operator decided for this host: resolved from the configuration file and the environment at the edge.

use std::path::PathBuf;

use super::{Code, Error, Result, escaped};

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

/// Where lite keeps things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `state.db`, locks: `/var/lib/lite` (`LITE_STATE_DIR`).
    pub state: PathBuf,
    /// Console and report logs of guests, written by virtlogd: `/var/log/lite` (`LITE_LOG_DIR`).
    pub logs: PathBuf,
    /// Folders of blueprints and bundles that add to or replace the embedded ones, later ones win:
    /// `/etc/lite/blueprints`, `~/.config/lite/blueprints` (`LITE_BLUEPRINTS`, separated by `:`, replaces both).
    pub blueprints: Vec<PathBuf>,
    /// Directory of the storage pool when lite makes it: `/var/lib/libvirt/images/lite` (`LITE_POOL_DIR`).
    pub pool: PathBuf,
}

/// Everything configurable. File `/etc/lite/config.toml` (`LITE_CONFIG`), each key overridden by `LITE_<KEY>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
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
    /// Where Debian packages come from for `image build` (`LITE_MIRROR`); default the distribution's public mirror.
    pub mirror: String,
    /// Webhooks may go to this host itself: for tests, and for a receiver beside lite (`LITE_LOOPBACK_WEBHOOKS=yes`).
    pub loopback_webhooks: bool,
    /// Folders.
    pub paths: Paths,
}
