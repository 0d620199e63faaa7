//! What operations need to know of the host, and what they may make on it.

use std::time::Duration;

use super::{
    Engine, Observer,
    allocate::HostView,
    lock::{HOST, Lock},
};
use crate::{
    doctor,
    hypervisor::{PoolInfo, VolumeInfo},
    kill_point,
    model::{Code, Error, NetworkMode, Result},
    plan::{self, Namespace},
};

/// How long to wait for another process that makes pool and network.
const MAKE: Duration = Duration::from_secs(60);

impl Engine<'_> {
    /// Makes lite's own pool, network and log folder if they are missing, and says so.
    pub fn prepare_host(&self, network: &NetworkMode, observer: &mut dyn Observer) -> Result<()> {
        let s = self.settings;
        std::fs::create_dir_all(&s.paths.logs).map_err(|e| {
            Error::new(Code::LogsNotWritable, format!("cannot make `{}`", s.paths.logs.display()))
                .cause(e)
                .hint("run lite as root (`sudo lite …`), or choose another folder with `LITE_LOG_DIR`")
        })?;
        let pool = || -> Result<bool> { Ok(self.hypervisor.pool(&s.pool)?.is_some_and(|p| p.active)) };
        let nat = || -> Result<bool> {
            Ok(*network != NetworkMode::Nat || self.hypervisor.network(&s.network)?.is_some_and(|n| n.active))
        };
        if pool()? && nat()? {
            return Ok(());
        }
        // Two first commands at once must not both make them.
        let _lock = Lock::acquire(&self.locks(), HOST, "host", "prepare the host", (self.now)(), MAKE)?;
        if !pool()? {
            let path = s.paths.pool.display().to_string();
            kill_point::reached("intent");
            self.hypervisor.ensure_pool(&s.pool, &plan::pool_xml(&s.pool, &path)?)?;
            kill_point::reached("effect");
            observer.note(&format!("made storage pool `{}` in `{path}`", s.pool));
        }
        if !nat()? {
            kill_point::reached("intent");
            self.hypervisor.ensure_network(&s.network, &self.network_xml()?)?;
            kill_point::reached("effect");
            observer.note(&format!("made network `{}`", s.network));
        }
        Ok(())
    }

    /// Refused if the network is a bridge that this host does not have.
    pub(super) fn check_bridge(&self, network: &NetworkMode) -> Result<()> {
        let NetworkMode::Bridge(bridge) = network else { return Ok(()) };
        // Of another host nothing is known here; libvirt then says it at start.
        let local = self.settings.connect.starts_with("qemu:///");
        if !local || std::path::Path::new("/sys/class/net").join(bridge).join("bridge").is_dir() {
            return Ok(());
        }
        Err(Error::new(Code::NoBridge, format!("this host has no bridge `{bridge}`"))
            .hint("`ip -brief link show type bridge` lists those there are; `--network nat` needs none"))
    }

    /// XML of the NAT network, on a subnet that does not clash with the host's routes.
    pub fn network_xml(&self) -> Result<String> {
        let subnet = doctor::choose_subnet(&doctor::routes()?, self.settings.subnet)?;
        plan::network_xml(&self.settings.network, subnet)
    }

    /// The host as it is now.
    pub(super) fn view(&self, network: &NetworkMode) -> Result<HostView> {
        let s = self.settings;
        let missing = |what: &str, name: &str| {
            Error::new(Code::HostNotReady, format!("{what} `{name}` is missing")).hint("`lite doctor --fix` makes it")
        };
        let pool = self.hypervisor.pool(&s.pool)?.ok_or_else(|| missing("storage pool", &s.pool))?;
        let pool = self.usable(pool);
        let ours: Vec<_> = self.store.instances()?.into_iter().map(|i| i.record.uuid).collect();
        let domains = self.hypervisor.domains()?;
        let subnet = match network {
            NetworkMode::Bridge(_) => None,
            NetworkMode::Nat => {
                let seen = self.hypervisor.network(&s.network)?.ok_or_else(|| missing("network", &s.network))?;
                Some(plan::subnet_of(&seen.xml)?)
            }
        };
        Ok(HostView {
            info: self.hypervisor.host()?,
            used_by_disks: used_by_disks(&self.hypervisor.volumes(&s.pool)?),
            pool,
            foreign: domains.into_iter().filter(|d| !ours.contains(&d.uuid)).map(|d| d.name).collect(),
            subnet,
        })
    }

    /// libvirt counts what the file system keeps back for root; nobody may promise that.
    pub(super) fn usable(&self, mut pool: PoolInfo) -> PoolInfo {
        if let (true, Ok(seen)) = (doctor::is_local(&self.settings.connect), rustix::fs::statvfs(pool.path.as_str())) {
            pool.available = pool.available.min(seen.f_bavail.saturating_mul(seen.f_frsize));
        }
        pool
    }

    /// What is left for new instances.
    pub fn capacity(&self) -> Result<super::Capacity> {
        let view = self.view(&NetworkMode::Bridge(String::new()))?;
        Ok(super::Capacity::left(&view.info, &view.pool, view.used_by_disks, &self.store.allocated()?))
    }
}

/// Bytes that the disks of instances use already.
pub(super) fn used_by_disks(volumes: &[VolumeInfo]) -> u64 {
    volumes.iter().filter(|v| plan::owner_of(Namespace::Volume, &v.name).is_some()).map(|v| v.allocation).sum()
}
