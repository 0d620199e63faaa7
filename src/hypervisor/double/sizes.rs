//! Volumes of the double that were made larger: the test driver cannot do that.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Double;
use crate::{
    hypervisor::{Domains, VolumeInfo, Volumes},
    model::{Code, Error, Result},
};

/// The size of each volume that has another one than it was made with, by its name.
pub(super) type Sizes = BTreeMap<String, u64>;

impl Double {
    /// A volume as the test driver shows it, with the size that it was given since.
    pub(super) fn as_large_as_it_is(&self, seen: VolumeInfo) -> VolumeInfo {
        let capacity = self.memory().sizes.get(&seen.name).copied();
        VolumeInfo { capacity: capacity.unwrap_or(seen.capacity), ..seen }
    }

    /// As libvirt does it: refused where it would get smaller, or a domain that runs has it open.
    pub(super) fn grow(&self, pool: &str, name: &str, bytes: u64) -> Result<()> {
        let seen = self.volume(pool, name)?;
        let seen = seen.ok_or_else(|| Error::new(Code::NoVolume, format!("libvirt has no volume `{name}`")))?;
        for domain in self.domains()? {
            if self.running(domain.uuid).is_ok() && self.has_open(domain.uuid, &seen.path)? {
                return Err(Error::new(Code::LibvirtFailed, format!("volume `{name}` is locked")));
            }
        }
        if bytes < seen.capacity {
            return Err(Error::new(Code::LibvirtFailed, format!("volume `{name}` would get smaller")));
        }
        self.memory().sizes.insert(name.to_owned(), bytes);
        Ok(())
    }

    /// As QEMU does it: smaller as well.
    pub(super) fn resize_live(&self, uuid: Uuid, device: &str, bytes: u64) -> Result<()> {
        self.running(uuid)?;
        let path = self.seen(uuid)?.disk(device).and_then(|disk| disk.chain.first().cloned()).unwrap_or_default();
        let Some((_, name)) = path.rsplit_once('/') else {
            return Err(Error::new(Code::LibvirtFailed, format!("domain {uuid} has no disk `{device}`")));
        };
        self.memory().sizes.insert(name.to_owned(), bytes);
        Ok(())
    }

    pub(super) fn forget_size(&self, name: &str) {
        self.memory().sizes.remove(name);
    }

    fn has_open(&self, uuid: Uuid, path: &str) -> Result<bool> {
        let live = self.seen(uuid)?;
        Ok(live.disks.iter().any(|disk| disk.chain.first().is_some_and(|first| first == path)))
    }
}
