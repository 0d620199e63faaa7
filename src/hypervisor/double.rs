//! Test support: libvirt's own test driver, with what it lacks kept in memory.
//!
//! Domains, metadata, pools, volumes, networks and DHCP entries are libvirt's; uploads, network filters, the host's facts
//! and states that only a real guest gets into are ours. No root, no daemon, no files.

mod calls;
mod devices;
mod keys;
mod shape;
mod sizes;
mod work;

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use super::{
    DomainInfo, DomainSample, DomainSize, DomainState, Domains, HostInfo, Lifecycle, StateReason, libvirt::Libvirt,
};
use crate::model::{Code, DomainDefinition, Error, Result, Tap};

/// Opens a double on the test driver with the objects of `node_xml`. Each call makes a host of its own.
pub fn open(node_xml: &Path) -> Result<Double> {
    let path = std::path::absolute(node_xml)
        .map_err(|e| Error::new(Code::Internal, "the node file cannot be found").cause(e))?;
    let inner = Libvirt::open(&format!("test://{}", percent_encoded(path.as_os_str().as_encoded_bytes())))?;
    Ok(Double { inner, memory: Mutex::new(Memory { host: host(), ..Memory::default() }) })
}

/// A path as libvirt's URIs want it.
fn percent_encoded(path: &[u8]) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    path.iter().map(|b| if plain(*b) { char::from(*b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The host a double says it is: 8 CPUs, 16 GiB of memory, 12 GiB of it free, no KVM.
fn host() -> HostInfo {
    HostInfo {
        hostname: "double".to_owned(),
        libvirt: "11.3.0".to_owned(),
        hypervisor: "10.0.2".to_owned(),
        arch: "x86_64".to_owned(),
        cpus: 8,
        memory_kib: 16 << 20,
        memory_free_kib: 12 << 20,
        kvm_offered: false,
        q35: true,
        emulator: Some("/usr/bin/qemu-system-x86_64".to_owned()),
    }
}

/// How a sample is to be changed.
type Change = Box<dyn Fn(&mut DomainSample) + Send>;

struct Memory {
    host: HostInfo,
    filters: BTreeMap<String, String>,
    uploads: BTreeMap<(String, String), Vec<u8>>,
    states: BTreeMap<Uuid, DomainState>,
    told: BTreeMap<Uuid, Change>,
    /// Presses of the power button that guests do not hear.
    ignored_presses: u32,
    pool_free: Option<u64>,
    /// What a guest that went on from saved memory answers.
    channel_answer: Vec<u8>,
    taps: Vec<Tap>,
    addresses: BTreeMap<Uuid, Vec<Ipv4Addr>>,
    work: work::Work,
    devices: devices::Devices,
    sizes: sizes::Sizes,
    keys: keys::Keys,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            host: host(),
            filters: BTreeMap::new(),
            uploads: BTreeMap::new(),
            states: BTreeMap::new(),
            told: BTreeMap::new(),
            ignored_presses: 0,
            pool_free: None,
            channel_answer: b"{\"event\": \"done\"}\n".to_vec(),
            taps: Vec::new(),
            addresses: BTreeMap::new(),
            work: work::Work::default(),
            devices: devices::Devices::default(),
            sizes: sizes::Sizes::default(),
            keys: keys::Keys::default(),
        }
    }
}

/// The size in a domain's XML.
fn size_of(xml: &str) -> Option<DomainSize> {
    let domain = DomainDefinition::parse(xml).ok()?;
    Some(DomainSize { memory_kib: domain.memory?.as_bytes() >> 10, vcpus: domain.vcpus? })
}

/// The test driver with what it lacks.
pub struct Double {
    inner: Libvirt,
    memory: Mutex<Memory>,
}

impl std::fmt::Debug for Double {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Double").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Double {
    /// What was last written to a volume.
    pub fn uploaded(&self, pool: &str, volume: &str) -> Option<Vec<u8>> {
        self.memory().uploads.get(&(pool.to_owned(), volume.to_owned())).cloned()
    }

    /// What was typed into a domain's console so far.
    pub fn typed(&self, uuid: Uuid) -> Vec<u8> {
        self.memory().keys.typed(uuid)
    }

    /// Changes the facts of the host.
    pub fn set_host(&self, change: impl FnOnce(&mut HostInfo)) {
        change(&mut self.memory().host);
    }

    /// Makes guests that go on from saved memory answer this.
    pub fn set_channel_answer(&self, answer: &str) {
        self.memory().channel_answer = answer.as_bytes().to_vec();
    }

    /// Makes pools show so many free bytes.
    pub fn set_pool_free(&self, bytes: u64) {
        self.memory().pool_free = Some(bytes);
    }

    /// What a guest's agent says of its addresses from now on; it may lie.
    pub fn say_addresses(&self, uuid: Uuid, addresses: &[Ipv4Addr]) {
        self.memory().addresses.insert(uuid, addresses.to_vec());
    }

    /// Shows a tap device, in place of one of its name.
    pub fn set_tap(&self, tap: &Tap) {
        let mut memory = self.memory();
        memory.taps.retain(|t| t.name != tap.name);
        memory.taps.push(tap.clone());
    }

    /// Takes the pool away.
    pub fn remove_pool(&self, name: &str) -> Result<()> {
        self.inner.remove_pool(name)
    }

    /// Takes the network away.
    pub fn remove_network(&self, name: &str) -> Result<()> {
        self.inner.remove_network(name)
    }

    /// Takes a domain down as a crash does.
    pub fn crash(&self, uuid: Uuid) -> Result<()> {
        self.inner.destroy(uuid)?;
        self.memory().states.insert(uuid, DomainState::Crashed);
        Ok(())
    }

    /// Shows a state until the domain is next started or destroyed.
    pub fn show(&self, uuid: Uuid, state: DomainState) {
        self.memory().states.insert(uuid, state);
    }

    /// Makes guests do nothing when asked to power off.
    pub fn ignore_power_button(&self, ignore: bool) {
        self.ignore_presses(if ignore { u32::MAX } else { 0 });
    }

    /// Makes guests miss so many presses of the power button, as one does that still boots.
    pub fn ignore_presses(&self, count: u32) {
        self.memory().ignored_presses = count;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a sample show a reason and figures that the test driver does not have.
    pub fn tell(&self, uuid: Uuid, change: impl Fn(&mut DomainSample) + Send + 'static) {
        self.memory().told.insert(uuid, Box::new(change));
    }

    /// Shows samples as they are again.
    pub fn tell_nothing(&self, uuid: Uuid) {
        self.memory().told.remove(&uuid);
    }

    fn sampled(&self, mut sample: DomainSample) -> DomainSample {
        let memory = self.memory();
        if let Some(state) = memory.states.get(&sample.uuid) {
            sample.state = *state;
            if *state == DomainState::Crashed {
                sample.reason = StateReason::Crashed;
            }
        }
        if let Some(change) = memory.told.get(&sample.uuid) {
            change(&mut sample);
        }
        sample
    }

    fn shown(&self, mut seen: DomainInfo) -> DomainInfo {
        if let Some(state) = self.memory().states.get(&seen.uuid) {
            seen.state = *state;
        }
        seen
    }

    /// As libvirt's QEMU driver tells the sizes of domains that are off; the test driver has no such statistics.
    fn sized(&self, mut seen: DomainInfo) -> Result<DomainInfo> {
        if matches!(seen.state, DomainState::Off | DomainState::Crashed) {
            seen.size = self.inner.domain_xml(seen.uuid)?.as_deref().and_then(size_of);
        }
        Ok(seen)
    }

    fn forget_state(&self, uuid: Uuid) {
        self.memory().states.remove(&uuid);
    }

    /// virtlogd makes the files that a domain's console and channels are recorded to when it starts, if the folder is there.
    fn touch_logs(&self, uuid: Uuid) -> Result<()> {
        let xml = self.inner.domain_xml(uuid)?.unwrap_or_default();
        let Ok(domain) = DomainDefinition::parse(&xml) else { return Ok(()) };
        for file in domain.recordings.iter().map(Path::new).filter(|f| f.parent().is_some_and(Path::is_dir)) {
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(file)
                .map_err(|e| Error::new(Code::Internal, format!("cannot write `{}`", file.display())).cause(e))?;
        }
        Ok(())
    }

    /// As the real calls: refused for a domain that is not there or not running.
    fn running(&self, uuid: Uuid) -> Result<()> {
        match self.domain(uuid)?.map(|d| d.state) {
            None => Err(Error::new(Code::NoDomain, format!("libvirt has no domain {uuid}"))),
            Some(DomainState::Off | DomainState::Crashed) => {
                Err(Error::new(Code::LibvirtFailed, format!("domain {uuid} is not running")))
            }
            Some(_) => Ok(()),
        }
    }

    /// A running domain refers to the filter, as libvirt counts it.
    fn filter_in_use(&self, name: &str) -> Result<bool> {
        for domain in self.inner.domains()? {
            let Some(xml) = self.inner.domain_xml(domain.uuid)? else { continue };
            let refers = DomainDefinition::parse(&xml)
                .is_ok_and(|d| d.interfaces.iter().any(|i| i.filter.as_deref() == Some(name)));
            if refers && domain.state != DomainState::Off {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
