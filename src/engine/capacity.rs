//! What fits on the host. Pure: the numbers come in.

use crate::{
    catalog::Bundle,
    hypervisor::{HostInfo, PoolInfo},
    model::{Code, Error, Hint, Overcommit, Ratio, Result, Size, Verb},
    store::Allocated,
};

/// Memory left to the host itself.
const HOST_MEMORY: u64 = 512 << 20;
/// Virtual CPUs that may be promised per CPU of the host; most instances idle most of the time.
const VCPUS_PER_CPU: u32 = 16;

/// Where more is promised than may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdraft {
    /// `memory`, `vCPUs`, `disk`.
    pub what: &'static str,
    /// What instances were promised.
    pub promised: String,
    /// The most that may be promised.
    pub limit: String,
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
    /// Disk that can still be promised, bytes.
    pub disk: u64,
    /// Bytes that are free where the disks lie.
    pub disk_free: u64,
    /// Bytes of them that stay free.
    pub disk_reserve: u64,
    /// How many times the disk is promised.
    pub disk_overcommit: Ratio,
}

impl Capacity {
    /// What is left, given what instances hold and what their disks use already.
    pub fn left(
        host: &HostInfo,
        pool: &PoolInfo,
        used_by_disks: u64,
        held: &Allocated,
        overcommit: &Overcommit,
    ) -> Self {
        Self {
            cpus: host.cpus,
            vcpus: vcpus(host).saturating_sub(held.vcpus),
            memory: memory(host, overcommit).saturating_sub(held.memory).min(host.memory_free_kib << 10),
            disk: disk(pool.available, used_by_disks, overcommit).saturating_sub(held.disk),
            disk_free: pool.available,
            disk_reserve: overcommit.reserve(pool.capacity),
            disk_overcommit: overcommit.disk,
        }
    }

    /// Where instances hold more than may be promised. Memory in use by others counts at create alone: it comes and goes.
    pub fn overdrawn(
        host: &HostInfo,
        pool: &PoolInfo,
        used_by_disks: u64,
        held: &Allocated,
        overcommit: &Overcommit,
    ) -> Vec<Overdraft> {
        let bytes = |what, promised: u64, limit: u64| {
            let [shown, most] = Size::together([promised, limit].map(Size::bytes));
            (promised > limit).then_some(Overdraft { what, promised: shown, limit: most })
        };
        let vcpus = vcpus(host);
        [
            bytes("memory", held.memory, memory(host, overcommit)),
            (held.vcpus > vcpus).then(|| Overdraft {
                what: "vCPUs",
                promised: held.vcpus.to_string(),
                limit: vcpus.to_string(),
            }),
            bytes("disk", held.disk, disk(pool.available, used_by_disks, overcommit)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// How many instances of a bundle fit.
    pub fn count(&self, bundle: &Bundle) -> u64 {
        if !self.short(bundle).is_empty() {
            return 0;
        }
        (u64::from(self.vcpus) / u64::from(bundle.vcpus.max(1)))
            .min(self.memory / bundle.memory.as_bytes().max(1))
            .min(self.disk / bundle.disk.as_bytes().max(1))
    }

    /// What one more instance of a bundle lacks: `vCPUs`, `memory`, `disk`.
    pub fn short(&self, bundle: &Bundle) -> Vec<&'static str> {
        let lacks = [
            (bundle.vcpus > self.vcpus.min(self.cpus), "vCPUs"),
            (bundle.memory.as_bytes() > self.memory, "memory"),
            (bundle.disk.as_bytes() > self.disk || self.disk_free < self.disk_reserve, "disk"),
        ];
        lacks.into_iter().filter_map(|(short, what)| short.then_some(what)).collect()
    }

    /// Refused (exit 2), with the numbers, if one more instance does not fit. `disk`: its disk is to be promised too.
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
            let [needed, free] = Size::together([bundle.memory, Size::bytes(self.memory)]);
            return refuse(format!("{needed} of memory needed, {free} free"));
        }
        if disk && bundle.disk.as_bytes() > self.disk {
            let [needed, left] = Size::together([bundle.disk, Size::bytes(self.disk)]);
            return refuse(match self.disk_overcommit {
                Ratio::ONE => format!("{needed} of disk needed, {left} free"),
                times => {
                    format!("{needed} of disk needed, {left} can still be promised (`disk_overcommit` is {times})")
                }
            });
        }
        check_reserve(self.disk_free, self.disk_reserve)
    }
}

/// Refused (exit 2) if less is free where the disks lie than stays free, both in bytes: a pool that runs full stops
/// every instance on it.
pub fn check_reserve(free: u64, reserve: u64) -> Result<()> {
    if free >= reserve {
        return Ok(());
    }
    let [free, reserve] = Size::together([free, reserve].map(Size::bytes));
    let message = format!("the storage pool is nearly full: {free} free, and `disk_reserve` keeps {reserve} free");
    Err(Error::new(Code::NoCapacity, message).hint(
        Hint::from("make room with ")
            .run(Verb::Gc)
            .text(" and ")
            .run(Verb::ImageRemove)
            .text(", or delete an instance; or set `disk_reserve` lower"),
    ))
}

/// Refused (exit 2), with the numbers, if no disk of this size can be promised any more.
pub fn check_disk(
    size: Size,
    (pool, used_by_disks): (&PoolInfo, u64),
    held: &Allocated,
    overcommit: &Overcommit,
) -> Result<()> {
    let left = disk(pool.available, used_by_disks, overcommit).saturating_sub(held.disk);
    if size.as_bytes() > left {
        let [needed, left] = Size::together([size.as_bytes(), left].map(Size::bytes));
        let text = format!("a disk of {needed} does not fit on this host: {left} can still be promised");
        return Err(Error::new(Code::NoCapacity, text).hint(
            Hint::from("make a smaller one, or delete one that nobody needs: ").run(Verb::DiskList).text(" shows them"),
        ));
    }
    check_reserve(pool.available, overcommit.reserve(pool.capacity))
}

/// Refused (exit 2), with the numbers, if a disk that no guest runs with cannot get as large: libvirt wants that much free, though it is
/// not used yet. `what` is the disk: "the disk of instance `web`". The sizes are what it has and what it is to have.
pub fn check_growth(what: &str, (has, wanted): (Size, Size), pool: &PoolInfo) -> Result<()> {
    let more = wanted.as_bytes().saturating_sub(has.as_bytes());
    if more <= pool.available {
        return Ok(());
    }
    let [more, free] = Size::together([more, pool.available].map(Size::bytes));
    let text = format!("{what} cannot grow by {more} while no guest runs with it: {free} are free");
    Err(Error::new(Code::NoCapacity, text)
        .hint("start its instance first: while that runs, a disk takes room only as it is filled"))
}

/// Refused (exit 2), with the numbers, if a pool that gets `needed` bytes more than its disks could no longer hold what instances
/// are promised, or less is free in it then than stays free. `what` is what takes them: "a snapshot of instance `web`".
pub fn check_copy(
    what: &str,
    needed: u64,
    (pool, used_by_disks): (&PoolInfo, u64),
    held: &Allocated,
    overcommit: &Overcommit,
) -> Result<()> {
    let [take, free] = Size::together([needed, pool.available].map(Size::bytes));
    let refuse = |why: String| {
        Err(Error::new(Code::NoCapacity, format!("{what} takes {take} of disk, and {why}")).hint(make_room()))
    };
    let (left, reserve) = (pool.available.saturating_sub(needed), overcommit.reserve(pool.capacity));
    if needed > pool.available || left < reserve {
        let reserve = Size::bytes(reserve);
        return refuse(format!("{free} are free, of which `disk_reserve` keeps {reserve}"));
    }
    let limit = disk(left, used_by_disks, overcommit);
    if held.disk > limit {
        let [promised, limit] = Size::together([held.disk, limit].map(Size::bytes));
        return refuse(format!("instances are promised {promised}: after it the pool could hold {limit} of theirs"));
    }
    Ok(())
}

/// What makes room in the pool.
pub fn make_room() -> Hint {
    Hint::from("make room: ")
        .run(Verb::SnapshotList)
        .text(" and ")
        .run(Verb::ImageList)
        .text(" show what takes it; ")
        .run(Verb::SnapshotDelete)
        .text(" and ")
        .run(Verb::Gc)
        .text(" free it")
}

/// vCPUs that may be promised in all.
pub fn vcpus(host: &HostInfo) -> u32 {
    host.cpus.saturating_mul(VCPUS_PER_CPU)
}

/// Memory that may be promised in all.
pub fn memory(host: &HostInfo, overcommit: &Overcommit) -> u64 {
    overcommit.memory.of(memory_there(host))
}

/// What to say where more memory is promised than there is, as `memory_overcommit` allows.
pub fn promised_twice(host: &HostInfo, promised: u64) -> Option<Hint> {
    let there = memory_there(host);
    let [shown, has] = Size::together([promised, there].map(Size::bytes));
    let text = format!(
        "{shown} of memory is promised to instances, and there is {has}: where all use theirs, the kernel kills some"
    );
    (promised > there).then(|| Hint::from(text))
}

/// Memory there is for instances.
pub fn memory_there(host: &HostInfo) -> u64 {
    (host.memory_kib << 10).saturating_sub(HOST_MEMORY)
}

/// Disk that may be promised in all. Images and what others keep in the pool cannot be promised.
pub fn disk(free: u64, used_by_disks: u64, overcommit: &Overcommit) -> u64 {
    overcommit.disk.of(free.saturating_add(used_by_disks))
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

    fn left() -> Capacity {
        Capacity {
            cpus: 4,
            vcpus: 8,
            memory: 4 << 30,
            disk: 50 << 30,
            disk_free: 6 << 30,
            disk_reserve: 5 << 30,
            disk_overcommit: Ratio::ONE,
        }
    }

    fn host_and_pool() -> (HostInfo, PoolInfo) {
        let host = HostInfo {
            hostname: String::new(),
            libvirt: String::new(),
            hypervisor: String::new(),
            arch: String::new(),
            cpus: 2,
            memory_kib: 4608 << 10,
            memory_free_kib: 4608 << 10,
            kvm_offered: false,
            q35: true,
            emulator: None,
        };
        (host, PoolInfo { active: true, path: "/p".into(), capacity: 80 << 30, available: 56 << 30 })
    }

    #[test]
    fn disks_are_promised_thin_and_memory_is_not() {
        let (host, pool) = host_and_pool();
        let held = Allocated { vcpus: 2, memory: 2 << 30, disk: 60 << 30 };
        let left = |overcommit: &Overcommit| Capacity::left(&host, &pool, 2 << 30, &held, overcommit);
        let thin = left(&Overcommit::default());
        assert_eq!((thin.memory >> 30, thin.disk >> 30, thin.count(&bundle(2, 2, 60))), (2, 4 * 58 - 60, 1));
        let as_it_is = left(&Overcommit { disk: Ratio::ONE, ..Overcommit::default() });
        assert_eq!((as_it_is.disk, as_it_is.short(&bundle(2, 1, 60))), (0, vec!["disk"]));
        let twice = left(&Overcommit { memory: Ratio::times(2), ..Overcommit::default() });
        assert_eq!(twice.memory, 4608 << 20, "what is not free cannot be promised");
        let held = Allocated { memory: 5 << 30, disk: 233 << 30, ..held };
        let over = |overcommit: &Overcommit| {
            let all = Capacity::overdrawn(&host, &pool, 2 << 30, &held, overcommit);
            all.into_iter().map(|o| format!("{} {} {}", o.what, o.promised, o.limit)).collect::<Vec<_>>()
        };
        assert_eq!(over(&Overcommit::default()), ["memory 5 GiB 4 GiB", "disk 233 GiB 232 GiB"]);
        assert_eq!(over(&Overcommit { memory: Ratio::times(2), disk: Ratio::times(5), disk_reserve: None }), [""; 0]);
    }

    #[test]
    fn below_the_reserve_nothing_is_made_or_started() {
        let low = Capacity { disk_free: (5 << 30) - 1, ..left() };
        let told = "the storage pool is nearly full: 4.9 GiB free, and `disk_reserve` keeps 5 GiB free";
        for disk in [true, false] {
            assert_eq!(
                low.check(&bundle(1, 1, 1), disk).map_err(|e| (e.exit_code(), e.message)),
                Err((2, told.into()))
            );
        }
        assert_eq!((low.count(&bundle(1, 1, 1)), low.short(&bundle(8, 5, 1))), (0, vec!["vCPUs", "memory", "disk"]));
    }

    #[test]
    fn a_copy_leaves_room_for_what_was_promised_and_for_the_reserve() {
        let (_, pool) = host_and_pool();
        let overcommit = Overcommit { disk: Ratio::ONE, ..Overcommit::default() };
        let says = |needed: u64, promised: u64| {
            let held = Allocated { disk: promised << 30, ..Allocated::default() };
            check_copy("a copy", needed << 30, (&pool, 4 << 30), &held, &overcommit).map_err(|e| (e.code, e.message))
        };
        assert_eq!(says(20, 40), Ok(()));
        let promised = "a copy takes 21 GiB of disk, and instances are promised 40 GiB: after it the pool could hold 39 GiB of theirs";
        assert_eq!(says(21, 40), Err((Code::NoCapacity, promised.to_owned())));
        let reserve = |needed: u64| {
            format!(
                "a copy takes {needed} GiB of disk, and 56 GiB are free, of which `disk_reserve` keeps {}",
                Size::bytes(overcommit.reserve(80 << 30))
            )
        };
        assert_eq!(says(55, 0), Err((Code::NoCapacity, reserve(55))));
        assert_eq!(says(57, 0), Err((Code::NoCapacity, reserve(57))));
    }

    #[test]
    fn a_disk_that_is_off_grows_into_what_is_free() {
        let (_, pool) = host_and_pool();
        let says = |to: u64| {
            let sizes = (Size::mib(20 << 10), Size::mib(to << 10));
            check_growth("the disk of instance `web`", sizes, &pool).map_err(|e| (e.exit_code(), e.message))
        };
        assert_eq!(says(76), Ok(()));
        let told = "the disk of instance `web` cannot grow by 57 GiB while no guest runs with it: 56 GiB are free";
        assert_eq!(says(77), Err((2, told.to_owned())));
    }

    #[test]
    fn refuses_with_the_numbers() {
        let left = left();
        let says = |b: Bundle| left.check(&b, true).map_err(|e| e.message);
        assert_eq!(says(bundle(2, 4, 50)), Ok(()));
        let prefix = "bundle `b` does not fit on this host: ";
        assert_eq!(says(bundle(8, 1, 1)), Err(format!("{prefix}8 vCPUs needed, the host has 4 CPUs")));
        assert_eq!(says(bundle(2, 5, 1)), Err(format!("{prefix}5 GiB of memory needed, 4 GiB free")));
        assert_eq!(says(bundle(2, 1, 51)), Err(format!("{prefix}51 GiB of disk needed, 50 GiB free")));
        let thin = Capacity { disk: 53_474 << 20, disk_overcommit: Ratio::times(4), ..left };
        let told = "60 GiB of disk needed, 52.2 GiB can still be promised (`disk_overcommit` is 4)";
        assert_eq!(thin.check(&bundle(2, 1, 60), true).map_err(|e| e.message), Err(format!("{prefix}{told}")));
        assert_eq!((left.count(&bundle(2, 1, 10)), left.count(&bundle(8, 1, 1))), (4, 0));
    }
}
