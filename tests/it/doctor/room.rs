//! Confinement, room and programs of the host.

use super::*;

#[test]
fn what_is_short_or_missing_is_said_with_one_fix() {
    use Status::{Fail, Ok as Fine, Warn};
    let free = "make room with `lite gc` and `lite image remove`, or put the pool elsewhere with `LITE_POOL_DIR`";
    let table: &[Row] = &[
        (
            |f, _| f.selinux = Some(true),
            "confinement",
            Warn,
            "SELinux enforces, and may keep virtlogd from writing guests' logs in `/var/log/lite`",
            Some("semanage fcontext -a -t virt_log_t '/var/log/lite(/.*)?'; restorecon -R /var/log/lite"),
        ),
        (
            |f, _| f.apparmor = None,
            "confinement",
            Warn,
            "neither AppArmor nor SELinux confines QEMU: a guest that breaks out of it reaches what QEMU's user can",
            Some("switch AppArmor on: `apt-get install apparmor`, and boot with `apparmor=1 security=apparmor`"),
        ),
        (
            |f, _| f.memory = Some(Size::mib(512)),
            "memory",
            Fail,
            "512 MiB of memory is free: at least 640 MiB is needed",
            Some("stop what uses memory, or add some: `free -h` tells"),
        ),
        (|f, _| f.memory = Some(Size::bytes(21_827_316 << 10)), "memory", Fine, "20.8 GiB of memory is free", None),
        (
            |_, s| s.host.overcommit.memory = Ratio::parse("1.5").expect("a ratio"),
            "memory",
            Warn,
            "8 GiB of memory is free, and may be promised 1.5 times (`memory_overcommit`): where all instances use theirs, \
             the kernel kills some",
            Some("set `memory_overcommit` to 1"),
        ),
        (
            |f, _| f.memory = Some(Size::mib(1024)),
            "memory",
            Warn,
            "1 GiB of memory is free: room for very little",
            Some("stop what uses memory, or add some: `free -h` tells"),
        ),
        (|f, _| f.memory = None, "memory", Warn, "free memory cannot be read", Some("mount -t proc proc /proc")),
        (
            |f, _| f.pool_space = Some(Size::mib(1024)),
            "disk",
            Fail,
            "1 GiB is free for images and disks in `/srv/pool`: at least 5 GiB is needed",
            Some(free),
        ),
        (
            |f, _| f.pool_space = Some(Size::mib(5120)),
            "disk",
            Warn,
            "5 GiB is free for images and disks in `/srv/pool`: room for very little",
            Some(free),
        ),
        (
            |f, s| {
                f.pool_space = Some(Size::mib(1024));
                s.host.overcommit.disk_reserve = Some(Size::mib(512));
            },
            "disk",
            Fail,
            "1 GiB is free for images and disks in `/srv/pool`: at least 2 GiB is needed",
            Some(free),
        ),
        (
            |f, _| {
                let [promised, limit, used, free, reserve] = [60, 208, 1, 512, 5].map(|gib| Size::mib(gib << 10));
                f.disks = Some(DiskUsage { promised, limit, used, free, reserve });
            },
            "disk",
            Fine,
            "512 GiB is free for images and disks in `/srv/pool`; 60 GiB promised of at most 208 GiB, 1 GiB used",
            None,
        ),
        (
            |f, _| f.pool_space = None,
            "disk",
            Warn,
            "free space for `/srv/pool` cannot be read",
            Some("df -h /srv/pool"),
        ),
        (
            |f, _| f.state_space = Some(Size::mib(1)),
            "disk",
            Fail,
            "1 MiB is free for the state in `/var/lib/lite`: at least 256 MiB is needed",
            Some("df -h /var/lib/lite"),
        ),
        (
            |f, _| f.year = 1970,
            "clock",
            Fail,
            "the clock says 1970: certificates and signatures will be refused",
            Some("timedatectl set-ntp true"),
        ),
        (
            |f, _| f.certificates = false,
            "certificates",
            Fail,
            "no certificates of known authorities: HTTPS will fail",
            Some("apt-get install ca-certificates"),
        ),
        (
            |f, _| f.ssh = false,
            "ssh",
            Warn,
            "there is no SSH client: nobody can log in to an instance",
            Some("apt-get install openssh-client"),
        ),
        (
            |f, _| f.images = Some(vec![]),
            "image",
            Warn,
            "there is no base image yet",
            Some("lite image build debian-13"),
        ),
        (
            |f, _| f.images = None,
            "image",
            Warn,
            "base images cannot be looked for: the pool's folder does not open",
            Some("sudo lite doctor"),
        ),
        (
            |f, _| f.missing_tools = vec!["extlinux", "mkfs.ext4"],
            "tools",
            Warn,
            "building an image needs extlinux, mkfs.ext4",
            Some("apt-get install extlinux e2fsprogs"),
        ),
    ];
    look_at_each(table);
}
