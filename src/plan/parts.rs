//! What a domain is made from.

use serde::{Serialize, Serializer};

use uuid::Uuid;

use crate::model::{DiskAttachment, Record};

/// Everything a domain is made from.
#[derive(Debug, Clone)]
pub struct DomainPlan<'a> {
    /// The instance.
    pub record: &'a Record,
    /// What the domain has of the things that the instance owns.
    pub attached: &'a Attached,
    /// Path of the image that the root disk lies on; none where that is not known.
    pub image: Option<&'a str>,
    /// Path of the snapshot between the two, while there is one.
    pub snapshot: Option<&'a str>,
    /// The NAT network's name, used unless the record names a bridge.
    pub network: &'a str,
    /// KVM, or QEMU's own emulation.
    pub kvm: bool,
    /// Architecture, `x86_64`.
    pub arch: &'a str,
    /// Machine type; none: libvirt's default.
    pub machine: Option<&'a str>,
    /// Its card has no link: nobody reaches it, and it nobody.
    pub unplugged: bool,
    /// Its memory is saved, or it goes on from saved memory: it is told who it is by a channel, and that it is another one by its generation id.
    pub is_warm: bool,
}

/// What a domain has of the things that its instance owns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attached {
    /// Its disks, in order.
    pub disks: Vec<AttachedDisk>,
    /// The file that its serial console is recorded to.
    pub console_log: String,
    /// The file that its guest's report channel is recorded to.
    pub report_log: String,
}

/// A volume that a domain has as a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedDisk {
    /// What it is called: `root disk`.
    pub word: &'static str,
    /// The volume's name in our pool.
    pub volume: String,
    /// Where the volume lies.
    pub path: String,
    /// How the domain has it.
    pub port: DiskPort,
}

/// How a domain has a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskPort {
    /// The device in the guest: `vda`.
    pub device: &'static str,
    /// Its place on a bus.
    pub place: DiskPlace,
    /// qcow2, whose discarded blocks are given back; else raw.
    pub is_qcow2: bool,
    /// The guest cannot write to it.
    pub is_read_only: bool,
}

/// Where a domain has a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskPlace {
    /// A device of its own on the root bus.
    Slot(Slot),
    /// A unit of the SCSI controller, where a disk comes and goes while the guest runs, found there by the serial number of its id.
    Unit(u8, Uuid),
}

impl DiskPort {
    /// Names of SCSI disks, by unit. A guest gives its own, in the order in which it finds them.
    pub(super) const SCSI: [&str; 15] =
        ["sda", "sdb", "sdc", "sdd", "sde", "sdf", "sdg", "sdh", "sdi", "sdj", "sdk", "sdl", "sdm", "sdn", "sdo"];

    /// The unit of a SCSI disk, by its name.
    pub fn unit_of(device: &str) -> Option<u8> {
        Self::SCSI.iter().position(|name| *name == device).and_then(|unit| u8::try_from(unit).ok())
    }

    /// That of a disk that an instance was given; none for a unit that there is not.
    pub fn of(attached: &DiskAttachment) -> Option<Self> {
        let device = Self::SCSI.get(usize::from(attached.unit))?;
        let place = DiskPlace::Unit(attached.unit, attached.disk);
        Some(Self { device, place, is_qcow2: true, is_read_only: false })
    }
}

/// A slot of q35's root bus. libvirt would put a port of its own before each device, and a guest's kernel looks for what could
/// be plugged in there, at each boot (benches/README.md). Slots 0x00 and 0x1f are the chipset's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u8);

impl Slot {
    /// The root disk's.
    pub const ROOT_DISK: Self = Self(0x02);
    /// The seed's.
    pub const SEED: Self = Self(0x03);
    /// The interface's.
    pub const INTERFACE: Self = Self(0x04);
    /// The serial channels'.
    pub const CHANNELS: Self = Self(0x05);
    /// The memory balloon's.
    pub const BALLOON: Self = Self(0x06);
    /// The random number generator's.
    pub const RNG: Self = Self(0x07);
    /// The scratch disk's.
    pub const SCRATCH_DISK: Self = Self(0x08);
    /// The SCSI controller's.
    pub const SCSI: Self = Self(0x09);
}

impl Serialize for Slot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:#04x}", self.0))
    }
}
