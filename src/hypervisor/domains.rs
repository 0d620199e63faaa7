//! Domains: libvirt's word for virtual machines. What they are, and what starts and stops them.

use std::net::Ipv4Addr;

use uuid::Uuid;

use super::DomainSample;
use crate::model::{Mac, Result};

/// State of a domain, from libvirt's state and reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainState {
    /// Running.
    Running,
    /// Running on paper: its monitor did not answer in time.
    Unresponsive,
    /// Paused by a person.
    Paused,
    /// Paused because the disk could not be written.
    PausedIoError,
    /// Going down: shutting down, or crashed with QEMU not yet gone.
    ShuttingDown,
    /// Off: the guest powered off.
    Off,
    /// Off after a crash of QEMU, a failure to start, or a guest panic.
    Crashed,
    /// Something this version does not know.
    Other,
}

/// Why a domain is in its state, as far as libvirt tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateReason {
    /// Not told; after a boot of the host this is so of all that are off.
    Unknown,
    /// The guest powered off.
    Shutdown,
    /// It was destroyed by a caller of libvirt, saved, or moved away.
    Destroyed,
    /// QEMU crashed or could not start, or the guest panicked.
    Crashed,
    /// Something else.
    Other,
}

/// A domain in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainInfo {
    /// Its uuid.
    pub uuid: Uuid,
    /// Its name, not checked: it may be foreign.
    pub name: String,
    /// Its state.
    pub state: DomainState,
    /// Its size as it is defined; none where a listing cannot tell: of a running domain only its QEMU knows.
    pub size: Option<DomainSize>,
}

/// Size of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainSize {
    /// Memory, KiB.
    pub memory_kib: u64,
    /// Virtual CPUs.
    pub vcpus: u32,
}

/// Listing and definition of domains.
pub trait Domains: Send + Sync {
    /// All domains with their states, in one round trip, not blocked by one hung QEMU; a second one gets the sizes of
    /// those that are off, if any are.
    fn domains(&self) -> Result<Vec<DomainInfo>>;
    /// What one look at all domains tells, in one bulk call that no hung QEMU holds up.
    fn samples(&self) -> Result<Vec<DomainSample>>;
    /// One domain by uuid.
    fn domain(&self, uuid: Uuid) -> Result<Option<DomainInfo>>;
    /// The domain's persistent XML (not that of the run, which has paths and ids of the moment in it).
    fn domain_xml(&self, uuid: Uuid) -> Result<Option<String>>;
    /// lite's metadata element of the domain (by its namespace URI), if it has one.
    fn domain_metadata(&self, uuid: Uuid, uri: &str) -> Result<Option<String>>;
    /// Sets lite's metadata element of the persistent domain.
    fn set_domain_metadata(&self, uuid: Uuid, uri: &str, prefix: &str, xml: &str) -> Result<()>;
    /// Defines the domain, validated against libvirt's schema. Redefines one of the same uuid; `libvirt_refused_xml` if it
    /// breaks the schema.
    fn ensure_domain(&self, xml: &str) -> Result<()>;
    /// Gives the domain another name. It must be off (`domain_running`).
    fn rename_domain(&self, uuid: Uuid, name: &str) -> Result<()>;
    /// Undefines the domain with its NVRAM, managed save, snapshot and checkpoint metadata. It must be off
    /// (`domain_running`).
    fn remove_domain(&self, uuid: Uuid) -> Result<()>;
    /// The IPv4 addresses the guest has on its interface of this hardware address, as the host's ARP table tells first and the
    /// guest agent then; none if nobody knows. Neither is to be believed unseen.
    fn guest_addresses(&self, uuid: Uuid, mac: Mac) -> Result<Vec<Ipv4Addr>>;
}

/// What starts, stops and changes the run of a domain. `no_domain` if it is not there, except for `destroy`.
pub trait Lifecycle: Send + Sync {
    /// Starts it; content if it runs. `domain_stopping` (busy) if it is just going down.
    fn start(&self, uuid: Uuid) -> Result<()>;
    /// Starts it with the definition `xml` for this one run, and no virtual CPU runs: its disks are there to be worked on. Its own
    /// definition stays. Content if it is paused already.
    fn start_paused(&self, uuid: Uuid, xml: &str) -> Result<()>;
    /// Asks the guest to power off (ACPI); content if it is off. Does not wait for the guest.
    fn shutdown(&self, uuid: Uuid) -> Result<()>;
    /// Asks the guest to reboot (ACPI).
    fn reboot(&self, uuid: Uuid) -> Result<()>;
    /// Stops the virtual CPUs of a domain that runs; content if it is paused. The guest does not know of it.
    fn suspend(&self, uuid: Uuid) -> Result<()>;
    /// Lets a paused domain run on; content if it runs.
    fn resume(&self, uuid: Uuid) -> Result<()>;
    /// Resets it, as the button of a machine does: the guest is not asked.
    fn reset(&self, uuid: Uuid) -> Result<()>;
    /// Gives the run of a domain a device, as `xml` describes it; its definition stays as it is.
    fn attach_device(&self, uuid: Uuid, xml: &str) -> Result<()>;
    /// Changes a device of the run of a domain to what `xml` says; its definition stays as it is.
    fn update_device(&self, uuid: Uuid, xml: &str) -> Result<()>;
    /// Takes a device off the run of a domain. A success may come before the device has gone: the live definition tells that. A
    /// disk that is mounted goes too, and what the guest had not written is lost.
    fn detach_device(&self, uuid: Uuid, xml: &str) -> Result<()>;
    /// Makes a disk of a domain that runs larger: `bytes` is its new size. libvirt would make it smaller as well, and lose what is cut
    /// off: the caller compares. `device` is the guest's, such as `vda`.
    fn resize_disk(&self, uuid: Uuid, device: &str, bytes: u64) -> Result<()>;
    /// Writes the memory of a domain that runs to a file of its host, and it is off then. The file is whole or not there.
    fn save_memory(&self, uuid: Uuid, path: &str) -> Result<()>;
    /// Lets a domain go on, paused, from such a file, as the domain that its head describes.
    fn restore_memory(&self, path: &str) -> Result<()>;
    /// Ends it at once, without asking the guest; content if it is off or not there.
    fn destroy(&self, uuid: Uuid) -> Result<()>;
}
