//! From facts to checks: what hangs on the machine itself.

use std::path::Path;

use super::{
    check::{Check, Repair, Status, quoted, word},
    facts::{Facts, Resolver, TOOLS, Web, doctor_fix},
    firewall::{Closed, Insertion},
};
use crate::model::{Action, Hint, Ratio, Settings, Size, Verb, escaped, hosts_file::HOSTS};

/// Less free memory than this holds no instance: the smallest bundle and QEMU's own.
const MEMORY_LEAST: Size = Size::mib(640);
/// Less is tight.
const MEMORY_AMPLE: Size = Size::mib(2 << 10);
/// Less space than this holds no image.
const POOL_LEAST: Size = Size::mib(2 << 10);
/// Less is tight.
const POOL_AMPLE: Size = Size::mib(20 << 10);
/// Less space than this stops the database soon.
const STATE_LEAST: Size = Size::mib(256);
/// When this was written; a clock before it is wrong.
const YEAR: i16 = 2026;

/// Who runs lite, and whether they may.
pub fn permissions(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "permissions";
    let folders = [
        ("state", "LITE_STATE_DIR", &settings.paths.state, facts.state_writable),
        ("log", "LITE_LOG_DIR", &settings.host.folders.logs, facts.logs_writable),
    ];
    for (what, variable, path, writable) in folders {
        if writable != Some(true) {
            return Check::fail(ID, format!("the {what} folder `{}` cannot be written", shown(path)))
                .fix(Hint::again_as_root_or(variable));
        }
    }
    match (facts.root, facts.in_group) {
        (true, _) => Check::ok(ID, "running as root"),
        (false, Some(true)) => Check::ok(ID, "this user is in the group `libvirt` and can write lite's folders"),
        (false, _) if facts.host.is_ok() => Check::ok(ID, "libvirt serves this user, who can write lite's folders"),
        (false, Some(false)) => Check::fail(ID, "this user is not in the group `libvirt`")
            .fix("run lite as root, or join the group: `usermod -aG libvirt $USER`, then log in again"),
        (false, None) => Check::warn(ID, "there is no group `libvirt` to be in")
            .fix(Hint::from("run lite as root: ").run_as_root(Verb::Again, &[])),
    }
}

/// What a machine that runs guests needs.
pub fn server(facts: &Facts, settings: &Settings) -> [Check; 9] {
    [
        forwarding(facts),
        nftables(facts),
        firewall(facts),
        bridge_nf(facts),
        names(facts, settings),
        web(facts),
        confinement(facts, settings),
        memory(facts, settings),
        disk(facts, settings),
    ]
}

fn forwarding(facts: &Facts) -> Check {
    const ID: &str = "forwarding";
    match facts.ip_forward {
        Some(true) => Check::ok(ID, "IP forwarding is on"),
        Some(false) => Check::fail(ID, "IP forwarding is off: guests reach nothing outside")
            .fix(doctor_fix(true, facts))
            .repair(Repair::Forwarding),
        None => Check::warn(ID, "IP forwarding cannot be read").fix("sysctl net.ipv4.ip_forward"),
    }
}

/// What lite loads its firewall with. Debian's package leaves its own service off, whose start would flush all rules.
fn nftables(facts: &Facts) -> Check {
    const ID: &str = "nftables";
    if facts.nft {
        return Check::ok(ID, "`nft` is installed, which loads lite's firewall");
    }
    let check = Check::fail(ID, "`nft` is not installed: no instance starts without lite's firewall");
    match facts.apt {
        true => check.fix(doctor_fix(true, facts)).repair(Repair::Package("nftables")),
        false => check.fix("install the package `nftables`; leave its service off"),
    }
}

fn firewall(facts: &Facts) -> Check {
    const ID: &str = "firewall";
    let stopped = match &facts.firewall {
        None => {
            return Check::warn(ID, "what firewalls do with guests is not checked: the network is not up")
                .fix(doctor_fix(false, facts));
        }
        Some(Err(_)) if !facts.root => {
            return Check::warn(ID, "what firewalls do with guests is not checked: only root can read their rules")
                .fix(Action::new(Verb::Doctor, &[]).as_root());
        }
        Some(Err(why)) => {
            return Check::warn(ID, format!("the rules of a firewall cannot be read: {}", escaped(why)))
                .fix("nft -j list ruleset");
        }
        Some(Ok(stopped)) => stopped,
    };
    // What is certain comes first.
    let libvirts = facts.backend.map_or_else(String::new, |backend| format!("; libvirt's rules are in {backend}"));
    let Some(first) = stopped.iter().find(|o| o.sure).or(stopped.first()) else {
        return Check::ok(ID, format!("no firewall of this host stops guests{libvirts}"));
    };
    let mut fixes: Vec<Insertion> = stopped.iter().filter(|o| o.sure == first.sure).map(|o| o.fix.clone()).collect();
    fixes.dedup();
    let status = if first.sure { Status::Fail } else { Status::Warn };
    let shown: Vec<String> = fixes.iter().map(ToString::to_string).collect();
    let check = Check::new(ID, status, format!("{first}{libvirts}")).fix(shown.join("; "));
    // What is sent to this host and by it is its administrator's to say.
    match first.sure && stopped.iter().all(|o| o.forwards) {
        true => check.repair(Repair::LetPass(fixes)),
        false => check,
    }
}

/// What is translated on a bridge is sent on there, and not to a port that is isolated.
fn bridge_nf(facts: &Facts) -> Check {
    const ID: &str = "bridge-nf";
    match facts.bridge_nf {
        Some(true) => Check::warn(
            ID,
            "the sysctl `net.bridge.bridge-nf-call-iptables` is 1: instances do not reach each other's published ports",
        )
        .fix("sysctl -w net.bridge.bridge-nf-call-iptables=0"),
        _ => Check::ok(ID, "instances reach each other's published ports"),
    }
}

/// By what this host itself knows `NAME.lite.internal`; guests ask their network.
fn names(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "names";
    match facts.names {
        None => {
            Check::warn(ID, "names of instances are not checked: the network is not up").fix(doctor_fix(false, facts))
        }
        Some(Resolver::Resolved) => Check::ok(ID, "systemd-resolved asks the network for the names of instances"),
        Some(Resolver::HostsFile) => Check::ok(ID, format!("lite writes the names of instances into `{HOSTS}`")),
        Some(Resolver::Nothing) => Check::warn(ID, "this host itself does not know the names of instances")
            .fix(doctor_fix(true, facts))
            .repair(Repair::Names { network: settings.host.network.clone() }),
    }
}

/// What serves domains, and whether the world comes to it.
fn web(facts: &Facts) -> Check {
    const ID: &str = "web";
    let again = || Hint::new().run(Verb::Repair).text(" starts it");
    match &facts.web {
        None if facts.haproxy => Check::ok(ID, "HAProxy is installed, which serves published domains"),
        None => Check::warn(ID, "publishing a domain needs HAProxy").fix("apt-get install haproxy"),
        Some(_) if !facts.haproxy => Check::fail(ID, "HAProxy is not installed, and domains or load balancers need it")
            .fix(Hint::from("`apt-get install haproxy`, then ").then(again())),
        Some(Web::Ended) => Check::fail(ID, "HAProxy does not run, and domains or load balancers need it").fix(again()),
        Some(Web::Closed(port, Closed { by, fix })) => {
            Check::fail(ID, format!("`{port}` of this host is not reached from outside: {by} stops what comes in"))
                .fix(fix.clone())
        }
        Some(Web::Unknown(why)) => Check::warn(ID, escaped(why)),
        Some(Web::Reached) => {
            Check::ok(ID, "HAProxy serves domains and load balancers, and nothing on this host stops the world")
        }
    }
}

fn confinement(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "confinement";
    match (facts.selinux, facts.apparmor) {
        (Some(true), _) if !settings.host.folders.logs.starts_with("/var/log/libvirt") => {
            let logs = &settings.host.folders.logs;
            Check::warn(
                ID,
                format!("SELinux enforces, and may keep virtlogd from writing guests' logs in `{}`", shown(logs)),
            )
            .fix(format!(
                "semanage fcontext -a -t virt_log_t {}; restorecon -R {}",
                quoted(&format!("{}(/.*)?", logs.display())),
                word(logs)
            ))
        }
        (Some(true), _) => Check::ok(ID, "SELinux enforces, and confines guests"),
        (_, Some(true)) => Check::ok(ID, "AppArmor is on, and confines guests"),
        _ => Check::warn(
            ID,
            "neither AppArmor nor SELinux confines QEMU: a guest that breaks out of it reaches what QEMU's user can",
        )
        .fix("switch AppArmor on: `apt-get install apparmor`, and boot with `apparmor=1 security=apparmor`"),
    }
}

fn memory(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "memory";
    let Some(free) = facts.memory else {
        return Check::warn(ID, "free memory cannot be read").fix("mount -t proc proc /proc");
    };
    let fix = "stop what uses memory, or add some: `free -h` tells";
    let check = amount(ID, free, MEMORY_LEAST, MEMORY_AMPLE, "of memory is free", "", fix);
    let times = settings.host.overcommit.memory;
    if check.status != Status::Ok || times == Ratio::ONE {
        return check;
    }
    let sentence = format!(
        "{}, and may be promised {times} times (`memory_overcommit`): where all instances use theirs, the kernel kills some",
        check.sentence
    );
    Check::warn(ID, sentence).fix("set `memory_overcommit` to 1")
}

fn disk(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "disk";
    let (state, pool) = (&settings.paths.state, facts.pool.as_ref().ok().and_then(Option::as_ref));
    if let Some(free) = facts.state_space.filter(|s| *s < STATE_LEAST) {
        let [shown_free, least] = Size::together([free, STATE_LEAST]);
        return Check::fail(
            ID,
            format!("{shown_free} is free for the state in `{}`: at least {least} is needed", shown(state)),
        )
        .fix(format!("df -h {}", word(state)));
    }
    let pool = pool.map_or(settings.host.folders.pool.as_path(), |p| Path::new(&p.path));
    let unread = |path| {
        Check::warn(ID, format!("free space for `{}` cannot be read", shown(path))).fix(format!("df -h {}", word(path)))
    };
    match (facts.pool_space, facts.state_space) {
        (None, _) => unread(pool),
        (_, None) => unread(state),
        (Some(free), _) => {
            let fix = Hint::from("make room with ")
                .run(Verb::Gc)
                .text(" and ")
                .run(Verb::ImageRemove)
                .text(", or put the pool elsewhere with `LITE_POOL_DIR`");
            let total = facts.pool.as_ref().ok().and_then(Option::as_ref).map_or(0, |p| p.capacity);
            let least = POOL_LEAST.max(Size::bytes(settings.host.overcommit.reserve(total)));
            let place = format!(" for images and disks in `{}`", shown(pool));
            let check = amount(ID, free, least, POOL_AMPLE, "is free", &place, fix);
            match &facts.disks {
                Some(disks) => Check { sentence: format!("{}; {}", check.sentence, disks.promises()), ..check },
                None => check,
            }
        }
    }
}

fn shown(path: &Path) -> String {
    escaped(&path.display().to_string())
}

/// A check of a measured amount, `free`. What is free is `is`, at `place`.
fn amount(
    id: &'static str,
    free: Size,
    least: Size,
    ample: Size,
    is: &str,
    place: &str,
    fix: impl Into<Hint>,
) -> Check {
    let [shown, needed] = Size::together([free, least]);
    let [alone] = Size::together([free]);
    match free {
        free if free < least => Check::fail(id, format!("{shown} {is}{place}: at least {needed} is needed")).fix(fix),
        free if free < ample => Check::warn(id, format!("{alone} {is}{place}: room for very little")).fix(fix),
        _ => Check::ok(id, format!("{alone} {is}{place}")),
    }
}

/// What a machine that only talks to another one needs too.
pub fn client(facts: &Facts) -> [Check; 3] {
    let clock = if facts.year < YEAR {
        Check::fail("clock", format!("the clock says {}: certificates and signatures will be refused", facts.year))
            .fix(if facts.systemd { "timedatectl set-ntp true" } else { "set the clock: `date -s 'YYYY-MM-DD hh:mm'`" })
    } else {
        Check::ok("clock", format!("the clock says {}", facts.year))
    };
    let certificates = if facts.certificates {
        Check::ok("certificates", "certificates of known authorities are installed")
    } else {
        Check::fail("certificates", "no certificates of known authorities: HTTPS will fail")
            .fix("apt-get install ca-certificates")
    };
    let ssh = if facts.ssh {
        Check::ok("ssh", "an SSH client is installed")
    } else {
        Check::warn("ssh", "there is no SSH client: nobody can log in to an instance")
            .fix("apt-get install openssh-client")
    };
    [clock, certificates, ssh]
}

/// What copies snapshots to remotes, where there are any.
pub fn remotes(facts: &Facts) -> Option<Check> {
    const ID: &str = "remotes";
    facts.remotes.then(|| match facts.restic {
        true => Check::ok(ID, "restic is installed, which copies snapshots to remotes"),
        false => Check::fail(ID, "restic is not installed, and remotes need it").fix("apt-get install restic"),
    })
}

/// Base images, and what building one takes.
pub fn building(facts: &Facts) -> [Check; 2] {
    let image = match facts.images.as_deref() {
        None => Check::warn("image", "base images cannot be looked for: the pool's folder does not open")
            .fix(Action::new(Verb::Doctor, &[]).as_root()),
        Some([]) => {
            Check::warn("image", "there is no base image yet").fix(Action::new(Verb::ImageBuild, &[&"debian-13"]))
        }
        Some(names) => Check::ok("image", format!("base images: {}", escaped(&names.join(", ")))),
    };
    let missing = &facts.missing_tools;
    let tools = if missing.is_empty() {
        Check::ok("tools", "what building an image takes is installed")
    } else {
        let packages: Vec<&str> =
            TOOLS.iter().filter(|(tool, _)| missing.contains(tool)).map(|(_, package)| *package).collect();
        Check::warn("tools", format!("building an image needs {}", missing.join(", ")))
            .fix(format!("apt-get install {}", packages.join(" ")))
    };
    [image, tools]
}
