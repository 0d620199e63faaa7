//! What lite needs of a host that runs virtual machines, in our own words. `libvirt/` is the only place that uses `virt`.
//!
//! Every call has a deadline. An error is never "absent": `Ok(None)` means the host answered that it is not there.

mod delegate;
#[cfg(feature = "testing")]
pub mod double;
#[cfg(feature = "testing")]
pub mod flaky;
pub mod libvirt;

use std::net::Ipv4Addr;

use uuid::Uuid;

pub use crate::model::DhcpHost;
use crate::model::{Mac, Result};

/// Facts about the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostInfo {
    /// Host name.
    pub hostname: String,
    /// libvirt's version, `11.3.0`.
    pub libvirt: String,
    /// QEMU's version, `10.0.2`; empty on the test driver.
    pub hypervisor: String,
    /// `x86_64`, `aarch64`.
    pub arch: String,
    /// Logical CPUs.
    pub cpus: u32,
    /// All memory, KiB.
    pub memory_kib: u64,
    /// Memory not in use (free, buffers, cached), KiB.
    pub memory_free_kib: u64,
    /// libvirt offers `type='kvm'`.
    pub kvm_offered: bool,
    /// Machine types offered for the host's architecture include `q35`.
    pub q35: bool,
    /// Path of the emulator libvirt would use.
    pub emulator: Option<String>,
}

/// State of a domain as libvirt tells it.
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

/// A domain seen in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSeen {
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

/// Why a domain is in its state, as far as libvirt tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Not told; after a boot of the host this is so of all that are off.
    Unknown,
    /// The guest powered off.
    Shutdown,
    /// Somebody pulled the plug, saved it or moved it away.
    Destroyed,
    /// QEMU crashed or could not start, or the guest panicked.
    Crashed,
    /// Something else.
    Other,
}

/// What one look at a domain tells. What the host did not tell is none; counters begin at any value and may fall back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSample {
    /// Its uuid.
    pub uuid: Uuid,
    /// Its name, not checked: it may be foreign.
    pub name: String,
    /// Its state.
    pub state: DomainState,
    /// Why.
    pub why: Why,
    /// CPU time used so far, nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Memory of the guest, by its own word.
    pub memory: Option<MemorySample>,
    /// Bytes received and sent, all interfaces together.
    pub network: Option<(u64, u64)>,
    /// All disks together.
    pub disks: Option<DiskSample>,
}

/// Memory as the guest's balloon driver tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemorySample {
    /// All the guest has, KiB.
    pub available_kib: u64,
    /// What it could give to a new process, KiB.
    pub usable_kib: u64,
    /// When it last told, seconds of the host's wall clock.
    pub told_at: i64,
}

/// Counters of disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskSample {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
}

/// A storage pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSeen {
    /// Started.
    pub active: bool,
    /// Target directory, from its XML.
    pub path: String,
    /// Bytes in all.
    pub capacity: u64,
    /// Bytes free.
    pub available: u64,
}

/// A storage volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSeen {
    /// Name in the pool.
    pub name: String,
    /// Path on the host.
    pub path: String,
    /// Bytes as the guest sees it.
    pub capacity: u64,
    /// Bytes in use on the host.
    pub allocation: u64,
}

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSeen {
    /// Its name.
    pub name: String,
    /// Started.
    pub active: bool,
    /// Its full XML.
    pub xml: String,
}

/// An address that a network keeps for a hardware address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpSeen {
    /// The entry.
    pub host: DhcpHost,
    /// It is in every copy of the network's definition: the stored one and, if the network runs, the running one.
    pub whole: bool,
}

/// A host that runs virtual machines.
///
/// `ensure_*` calls are repeatable: they make it present and are content if it is. `remove_*` calls are too: they make
/// it absent and are content if it is.
pub trait Hypervisor: Send + Sync {
    /// Facts about the host.
    fn host(&self) -> Result<HostInfo>;

    /// All domains with their states, in one round trip, not blocked by one hung QEMU; a second one gets the sizes of
    /// those that are off, if any are.
    fn domains(&self) -> Result<Vec<DomainSeen>>;
    /// What one look at all domains tells, in one bulk call that no hung QEMU holds up.
    fn samples(&self) -> Result<Vec<DomainSample>>;
    /// One domain by uuid.
    fn domain(&self, uuid: Uuid) -> Result<Option<DomainSeen>>;
    /// One domain by name.
    fn domain_by_name(&self, name: &str) -> Result<Option<DomainSeen>>;
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
    /// Starts it; content if it runs. `no_domain` if it is not there, as for the next three;
    /// `domain_stopping` (busy) if it is just going down.
    fn start(&self, uuid: Uuid) -> Result<()>;
    /// Runs the domain once with this XML in place of its definition, which stays as it is; content if it runs.
    fn launch(&self, uuid: Uuid, xml: &str) -> Result<()>;
    /// Changes the interface of the running domain, which its hardware address names; the definition stays as it is.
    /// Content if the domain does not run: its next run is by its definition.
    fn update_interface(&self, uuid: Uuid, xml: &str) -> Result<()>;
    /// Asks the guest to power off (ACPI); content if it is off. Does not wait for the guest.
    fn shutdown(&self, uuid: Uuid) -> Result<()>;
    /// Asks the guest to reboot (ACPI).
    fn reboot(&self, uuid: Uuid) -> Result<()>;
    /// Lets a paused domain run on; content if it runs.
    fn resume(&self, uuid: Uuid) -> Result<()>;
    /// Presses the reset button.
    fn reset(&self, uuid: Uuid) -> Result<()>;
    /// Pulls the plug; content if it is off or not there.
    fn destroy(&self, uuid: Uuid) -> Result<()>;
    /// The IPv4 address the guest has on its interface of this hardware address, as the guest agent or the host's ARP
    /// table tells; none if nobody knows.
    fn guest_address(&self, uuid: Uuid, mac: Mac) -> Result<Option<Ipv4Addr>>;
    /// Connects the process's standard input and output to the serial console until the escape character `^]` or the end.
    /// Where standard input is not a terminal it only prints, until the guest stops or standard input ends.
    /// `not_running`, or `console_busy` if somebody else has it open.
    fn console(&self, uuid: Uuid) -> Result<()>;

    /// A pool by name, refreshed if active.
    ///
    /// The other calls that need a pool answer `no_pool` if it is not there, except `volume` and `remove_volume`.
    fn pool(&self, name: &str) -> Result<Option<PoolSeen>>;
    /// Defines, builds and starts a pool, with autostart.
    fn ensure_pool(&self, name: &str, xml: &str) -> Result<()>;
    /// Stops and undefines a pool; its files stay.
    fn remove_pool(&self, name: &str) -> Result<()>;
    /// Looks for files that came to the pool by another way.
    fn refresh_pool(&self, name: &str) -> Result<()>;
    /// The volumes of a pool.
    fn volumes(&self, pool: &str) -> Result<Vec<VolumeSeen>>;
    /// One volume.
    fn volume(&self, pool: &str, name: &str) -> Result<Option<VolumeSeen>>;
    /// Creates a volume; content if one of the name exists (the journal says whether it is whole).
    fn ensure_volume(&self, pool: &str, name: &str, xml: &str) -> Result<()>;
    /// Writes bytes to the start of a volume; `no_volume`, or `volume_too_small` with nothing written.
    fn upload(&self, pool: &str, volume: &str, bytes: &[u8]) -> Result<()>;
    /// Deletes a volume.
    fn remove_volume(&self, pool: &str, name: &str) -> Result<()>;

    /// All networks, foreign ones too.
    fn networks(&self) -> Result<Vec<NetworkSeen>>;
    /// One network by name.
    fn network(&self, name: &str) -> Result<Option<NetworkSeen>>;
    /// Defines and starts a network, with autostart.
    fn ensure_network(&self, name: &str, xml: &str) -> Result<()>;
    /// Stops and undefines a network.
    fn remove_network(&self, name: &str) -> Result<()>;
    /// Keeps an address, live and persistent, in place of another kept for the same hardware address. `address_taken` if
    /// it is kept for another one.
    ///
    /// dnsmasq still leases a removed guest's address to its hardware address for up to an hour, and a new guest the
    /// address is kept for then gets another (measured). So give an address out again late, or state it in the seed too.
    fn ensure_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()>;
    /// Releases what is kept for the hardware address, live and persistent.
    fn remove_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()>;

    /// The addresses a network keeps, live or stored, in the order of the addresses; none if the network is not there.
    /// Entries without a hardware address and an IPv4 address are left out: lite makes none such.
    fn dhcp_hosts(&self, network: &str) -> Result<Vec<DhcpSeen>>;

    /// Names of all network filters.
    fn filters(&self) -> Result<Vec<String>>;
    /// Defines a filter; redefines one of the same uuid, which the XML must state. Active guests get the change at once.
    /// `filter_exists` if the name belongs to another uuid.
    fn ensure_filter(&self, name: &str, xml: &str) -> Result<()>;
    /// The filter's XML.
    fn filter_xml(&self, name: &str) -> Result<Option<String>>;
    /// Undefines a filter; `libvirt_in_use` while a running guest uses it.
    fn remove_filter(&self, name: &str) -> Result<()>;
}
