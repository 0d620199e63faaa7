//! What fits on the host. Pure: the numbers come in.

use crate::{
    catalog::Bundle,
    hypervisor::{HostInfo, PoolInfo},
    model::{Code, Error, Hint, Result, Size, Verb},
    store::Allocated,
};

/// Memory left to the host itself.
const HOST_MEMORY: u64 = 512 << 20;
/// Virtual CPUs that may be promised per CPU of the host; most instances idle most of the time.
const VCPUS_PER_CPU: u32 = 16;

/// Where more is promised than there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdraft {
    /// `memory`, `vCPUs`, `disk`.
    pub what: &'static str,
    /// What instances were promised.
    pub promised: String,
    /// What there is for them.
    pub there: String,
}

/// What the host has for new instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// CPUs of the host: the most one instance can have.
    pub cpus: u32,
    /// vCPUs that can still be promised.
    pub vcpus: u32,
    /// Memory that can still be promised, bytes.
    pub memory: u64,
    /// Disk that can still be promised, bytes: every promised disk can be filled.
    pub disk: u64,
}

impl Capacity {
    /// What is left, given what instances hold and what their disks use already.
    pub fn left(host: &HostInfo, pool: &PoolInfo, used_by_disks: u64, held: &Allocated) -> Self {
        let memory = (host.memory_kib << 10).saturating_sub(HOST_MEMORY).saturating_sub(held.memory);
        Self {
            cpus: host.cpus,
            vcpus: (host.cpus * VCPUS_PER_CPU).saturating_sub(held.vcpus),
            memory: memory.min(host.memory_free_kib << 10),
            disk: (pool.available + used_by_disks).saturating_sub(held.disk),
        }
    }

    /// Where instances hold more than the host has. Memory in use by others counts at create alone: it comes and goes.
    pub fn overdrawn(host: &HostInfo, pool: &PoolInfo, used_by_disks: u64, held: &Allocated) -> Vec<Overdraft> {
        let bytes = |what, promised: u64, there: u64| {
            (promised > there).then(|| Overdraft {
                what,
                promised: Size::bytes(promised).to_string(),
                there: Size::bytes(there).to_string(),
            })
        };
        let vcpus = host.cpus * VCPUS_PER_CPU;
        [
            bytes("memory", held.memory, (host.memory_kib << 10).saturating_sub(HOST_MEMORY)),
            (held.vcpus > vcpus).then(|| Overdraft {
                what: "vCPUs",
                promised: held.vcpus.to_string(),
                there: vcpus.to_string(),
            }),
            bytes("disk", held.disk, pool.available + used_by_disks),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// How many instances of a bundle fit.
    pub fn count(&self, bundle: &Bundle) -> u64 {
        if bundle.vcpus > self.cpus {
            return 0;
        }
        (u64::from(self.vcpus) / u64::from(bundle.vcpus.max(1)))
            .min(self.memory / bundle.memory.as_bytes().max(1))
            .min(self.disk / bundle.disk.as_bytes().max(1))
    }

    /// Refused (exit 2), with the numbers, if one more instance does not fit.
    pub fn check(&self, bundle: &Bundle, disk: bool) -> Result<()> {
        let refuse = |what: String| {
            Err(Error::new(Code::NoCapacity, format!("bundle `{}` does not fit on this host: {what}", bundle.id)).hint(
                Hint::from("use a smaller bundle (")
                    .run(Verb::Bundles)
                    .text(" shows what fits), or stop or delete an instance"),
            ))
        };
        if bundle.vcpus > self.cpus {
            return refuse(format!("{} vCPUs needed, the host has {} CPUs", bundle.vcpus, self.cpus));
        }
        if bundle.vcpus > self.vcpus {
            return refuse(format!("{} vCPUs needed, {} can still be promised", bundle.vcpus, self.vcpus));
        }
        if bundle.memory.as_bytes() > self.memory {
            return refuse(format!("{} of memory needed, {} free", bundle.memory, free(self.memory)));
        }
        if disk && bundle.disk.as_bytes() > self.disk {
            return refuse(format!("{} of disk needed, {} free", bundle.disk, free(self.disk)));
        }
        Ok(())
    }
}

/// Rounds down to MiB: nobody needs the bytes.
fn free(bytes: u64) -> Size {
    Size::mib(bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Currency, Money};

    fn bundle(vcpus: u32, memory_gib: u64, disk_gib: u64) -> Bundle {
        Bundle {
            id: "b".into(),
            vcpus,
            memory: Size::mib(memory_gib << 10),
            disk: Size::mib(disk_gib << 10),
            transfer: Size::mib(1),
            price: Money::hundredths(1),
            currency: Currency::parse("USD").unwrap(),
        }
    }

    #[test]
    fn refuses_with_the_numbers() {
        let left = Capacity { cpus: 4, vcpus: 8, memory: 4 << 30, disk: 50 << 30 };
        let says = |b: Bundle| left.check(&b, true).map_err(|e| e.message);
        assert_eq!(says(bundle(2, 4, 50)), Ok(()));
        let prefix = "bundle `b` does not fit on this host: ";
        assert_eq!(says(bundle(8, 1, 1)), Err(format!("{prefix}8 vCPUs needed, the host has 4 CPUs")));
        assert_eq!(says(bundle(2, 5, 1)), Err(format!("{prefix}5 GiB of memory needed, 4 GiB free")));
        assert_eq!(says(bundle(2, 1, 51)), Err(format!("{prefix}51 GiB of disk needed, 50 GiB free")));
        assert_eq!((left.count(&bundle(2, 1, 10)), left.count(&bundle(8, 1, 1))), (4, 0));
    }
}
