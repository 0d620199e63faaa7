//! Which room may use which: read from the source and held to the table of `docs/design.md`, "How data flows".

mod samples;

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::source::{paths, sources, tokens, without_tests};

/// A room and all it may use: another room (`model`), or one thing of it (`store::create_private_dir`).
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    // Points where a test may kill the process; empty in every other build.
    ("kill_point", &[]),
    // Wall time, monotonic time and waits: the only place that asks the system for them.
    ("clock", &[]),
    ("catalog", &["model"]),
    ("render", &["catalog", "model"]),
    ("plan", &["render", "catalog", "model"]),
    // `catalog`: an instance keeps its resolved blueprint, so that later verbs do not depend on today's files.
    ("store", &["catalog", "model"]),
    ("hypervisor", &["model"]),
    // What codes, passwords, sessions and keys are. Their rows are the store's.
    ("access", &["model"]),
    // Certificates from an authority.
    ("acme", &["model"]),
    ("image", &["kill_point", "clock", "model"]),
    // `catalog`: a blueprint says what "ready" means. `render`: what the seed volume and a host key hold.
    // `hypervisor`: logs are files of the machine that runs the guests. `store`: known_hosts and keys lie in a folder made as privately as the state's.
    (
        "guest",
        &[
            "hypervisor::Machine",
            "hypervisor::FileTail",
            "catalog",
            "render::Seed",
            "render::HostKey",
            "clock",
            "model",
            "store::create_private_dir",
        ],
    ),
    ("doctor", &["hypervisor", "clock", "model"]),
    (
        "engine",
        &[
            "plan",
            "store",
            "hypervisor",
            "acme",
            "image",
            "guest",
            "doctor",
            "render",
            "catalog",
            "kill_point",
            "clock",
            "model",
        ],
    ),
    ("notify", &["store", "model"]),
    // `guest`, `plan`: the health check and where a guest's reports lie.
    (
        "monitor",
        &["engine", "notify", "store", "hypervisor", "guest", "plan", "catalog", "kill_point", "clock", "model"],
    ),
    ("view", &["model"]),
    ("ui", &["view", "model"]),
    (
        "app",
        &[
            "access",
            "monitor",
            "notify",
            "engine",
            "store",
            "image",
            "guest",
            "doctor",
            "hypervisor",
            "plan",
            "render",
            "catalog",
            "kill_point",
            "clock",
            "view",
            "model",
        ],
    ),
    // The Lightsail API: signatures, structures, which use case answers what.
    ("lightsail", &["app", "access", "view", "model"]),
    // Who is logged in, and pages.
    ("web", &["app", "access", "view", "model"]),
    // `store`: an authority lies in a folder made as privately as the state's.
    ("serve", &["web", "lightsail", "app", "access", "model", "store::create_private_dir"]),
    ("cli", &["app", "serve", "view", "ui", "model"]),
];

/// The floors of `engine`: a file may use the files of lower floors only. `sagas` is a floor of its own, so no operation uses
/// another. What `mod.rs` hands on counts as the file it comes from.
const ENGINE: &[&[&str]] = &[
    // Where the images of a host lie.
    &["image_pool"],
    // What an export says of itself, and digests.
    &["hashed"],
    &["manifest"],
    // What all work with.
    &["context", "request", "recipe", "capacity", "ours", "objects", "starting"],
    &["lock", "allocate", "generate", "progress", "images", "network", "room", "snapshot_sidecar", "image_leftovers"],
    // The rules of the packet filter and the names of instances, and the links that both are about.
    &["firewall", "resolver", "proxy"],
    &["names"],
    &["links", "forward", "disk_copy", "growth"],
    // The memory that a guest goes on from, and telling it who it is.
    &["warm"],
    // One step, and the journal of steps.
    &["execute"],
    &["journal", "image_journal"],
    // Parts of operations: each one thing of a host, an instance or a guest.
    &[
        "host",
        "domain",
        "remote",
        "guest_address",
        "reports",
        "handover",
        "accepted",
        "listeners",
        "reach",
        "image_operation",
    ],
    &[
        "off_site",
        "brought_disks",
        "disk",
        "disks",
        "host_shutdown",
        "published",
        "pulls",
        "resizing",
        "restored_disks",
        "served",
        "snapshot_end",
        "snapshot_source",
    ],
    // What the web front serves with; the application learns of it.
    &["certificates"],
    &["follow", "undo", "power"],
    &["ready", "provision"],
    &["making"],
    // Of an instance: its root disk is another, or its guest brought to today's versions.
    &["replacement", "upgrading"],
    // What removes an instance: a delete of it, and whoever needs the place of one that is deleted already.
    &["removal"],
    // The operations, one file each.
    &["sagas"],
    // A command with a machine of its own: a create and a delete.
    &["jobs"],
    // What looks at all instances, and at what operations left.
    &["audit", "auto_push", "auto_snapshots", "auto_verify", "expired", "listing", "rebuild", "recover", "take_over"],
    &["gc"],
];

/// Rooms whose results depend on their arguments alone.
const PURE: &[&str] = &["model", "access", "catalog", "render", "plan"];

/// What no pure room may name. Matched anywhere in a path, by whole segments.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::process",
    "std::thread",
    "tokio",
    "reqwest",
    "rusqlite",
    "rand::rng",
    "rand::random",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "Instant::now",
    "Uuid::new_v4",
];

/// Rooms that have their time, and wait, by `clock` alone, so that a test can drive them; tokio's timers are apart.
const TIMED: &[&str] = &["engine", "guest", "image", "doctor", "monitor"];

/// What those rooms may not name.
const TIME: &[&str] = &["Timestamp::now", "Zoned::now", "Instant::now", "SystemTime::now", "thread::sleep"];

/// Where files and programs of the machine are used directly. Everywhere else it is by `hypervisor::Machine`.
const DIRECT: &[&str] = &[
    "src/hypervisor/",
    "src/kill_point.rs",
    // Lite's own files: database, locks, keys, sightings, the folder of images, the unit of the watcher.
    "src/store/",
    "src/image/",
    // The account at a certificate authority, and certificates.
    "src/acme/",
    "src/engine/lock.rs",
    "src/engine/lock/word.rs",
    "src/engine/gc.rs",
    "src/guest/ssh.rs",
    // The same programs, bounded.
    "src/guest/output.rs",
    // The command of a job, and the folder into which what it left is brought.
    "src/guest/job.rs",
    "src/guest/collect.rs",
    "src/monitor/guard.rs",
    "src/monitor/unit.rs",
    // What the user names or asked for: blueprints, settings, a password's file, pages of the manual.
    "src/notify/mail.rs",
    "src/app/files.rs",
    "src/app/settings.rs",
    "src/app/sources.rs",
    "src/app/syntax.rs",
    "src/app/blueprint/results.rs",
    "src/app/image/make.rs",
    "src/serve/tls/",
    "src/engine/image_pool.rs",
    "src/cli/man.rs",
    // The SSH client of the user.
    "src/app/instance/login.rs",
    // The same for the command of a job.
    "src/app/job/run.rs",
];

/// What no other file may name.
const MACHINE: &[&str] =
    &["std::fs", "rustix::fs", "std::process::Command", "std::os::unix::net", "UnixStream", "inotify", "tempfile"];

/// Paths of the kernel and of daemons, and the one file that names one and reads it.
const KERNEL: (&[&str], &str) = (&["/proc", "/sys/", "/run/", "/dev/kvm"], "src/image/build/workdir.rs");

/// What has to run before Rust's runtime hides a closed stdout, and what gives a thread a network namespace of its own.
const UNSAFE: [&str; 2] = ["src/cli/before_main.rs", "src/hypervisor/outside.rs"];
/// The one folder that speaks to libvirt, and, but for those files, the only one with `unsafe`.
const LIBVIRT: &str = "src/hypervisor/libvirt";

/// Whether `part`'s segments stand one behind the other in `path`.
fn holds(path: &[String], part: &str) -> bool {
    let part: Vec<&str> = part.split("::").collect();
    path.windows(part.len()).any(|w| w.iter().zip(&part).all(|(a, b)| a == b))
}

/// The path from the crate's root, if it goes through `crate` or climbs there by `super`.
fn from_root(file: &str, path: &[String]) -> Option<Vec<String>> {
    if path[0] == "crate" || path[0] == "lite" {
        return Some(path[1..].to_vec());
    }
    let climbs = path.iter().take_while(|s| *s == "super").count();
    let mut home: Vec<&str> = file.strip_prefix("src/")?.strip_suffix(".rs")?.split('/').collect();
    if home.last() == Some(&"mod") {
        home.pop();
    }
    (climbs > 0 && climbs >= home.len()).then(|| path[climbs..].to_vec())
}

/// The floor of a file of the engine: of `lock` for `src/engine/lock.rs`, of `audit` for `src/engine/audit/facts.rs`.
fn floor(part: &str) -> Option<usize> {
    ENGINE.iter().position(|floor| floor.contains(&part))
}

/// What `engine/mod.rs` hands on: the name, and the part of the engine that it comes from.
fn handed_on(source: &str) -> Vec<(String, String)> {
    let all = paths(&without_tests(&tokens(source)).0);
    all.into_iter()
        .filter(|(_, path)| path[0] != "crate" && path.len() > 1)
        .map(|(_, path)| (path[path.len() - 1].clone(), path[0].clone()))
        .collect()
}

/// Uses of a higher floor, or of another file of the same, within the engine; `names` as [`handed_on`] gives them.
fn climbs(file: &str, source: &str, names: &[(String, String)]) -> Vec<String> {
    let Some(inner) = file.strip_prefix("src/engine/").and_then(|f| f.strip_suffix(".rs")).filter(|f| *f != "mod")
    else {
        return Vec::new();
    };
    let home: Vec<&str> = std::iter::once("engine").chain(inner.split('/')).filter(|part| *part != "mod").collect();
    let own = home[1];
    let Some(level) = floor(own) else {
        return vec![format!("{file}:1: `{own}` is on no floor of tests/it/layering.rs")];
    };
    let mut out = Vec::new();
    for (line, path) in paths(&without_tests(&tokens(source)).0) {
        let up = path.iter().take_while(|s| *s == "super").count();
        let whole: Vec<String> = match path[0].as_str() {
            "crate" => path[1..].to_vec(),
            "super" if up < home.len() => {
                let stem = home[..home.len() - up].iter().map(ToString::to_string);
                stem.chain(path[up..].iter().cloned()).collect()
            }
            _ => continue,
        };
        let [room, name, ..] = whole.as_slice() else { continue };
        if room != "engine" {
            continue;
        }
        let part = names.iter().find(|(n, _)| n == name && floor(n).is_none()).map_or(name, |(_, part)| part);
        if part == own && (own != "sagas" || whole.get(2).is_none_or(|saga| Some(&saga.as_str()) == home.get(2))) {
            continue;
        }
        if floor(part).is_some_and(|used| used >= level) {
            out.push(format!("{file}:{line}: `{}` is not below `{own}`", whole.join("::")));
        }
    }
    out
}

/// Looks at the machine that go past `hypervisor::Machine`.
fn direct_looks(file: &str, source: &str) -> Vec<String> {
    let all = without_tests(&tokens(source)).0;
    if !DIRECT.iter().any(|own| file.starts_with(own)) {
        let named = paths(&all).into_iter().filter(|(_, path)| MACHINE.iter().any(|part| holds(path, part)));
        return named
            .map(|(line, path)| format!("{file}:{line}: `{}`; only by `hypervisor::Machine`", path.join("::")))
            .collect();
    }
    if file.starts_with("src/hypervisor/") || file == KERNEL.1 {
        return Vec::new();
    }
    let kernel = |text: &str| KERNEL.0.iter().any(|path| text.strip_prefix('"').is_some_and(|t| t.starts_with(path)));
    all.iter()
        .filter(|(_, text)| kernel(text))
        .map(|(line, text)| format!("{file}:{line}: `{}`; only by `hypervisor::Machine`", &text[1..]))
        .collect()
}

/// All that breaks a rule in one file, as `file:line: what, and the rule`.
fn faults(file: &str, source: &str) -> Vec<String> {
    let all = tokens(source);
    let mut out = Vec::new();
    if !file.starts_with(&format!("{LIBVIRT}/")) {
        out.extend(
            all.iter()
                .filter(|t| t.1 == "unsafe" && !UNSAFE.contains(&file))
                .map(|t| format!("{file}:{}: `unsafe`; only {LIBVIRT} may", t.0)),
        );
        let foreign = paths(&all).into_iter().filter(|(_, p)| p[0] == "virt" || p[0] == "virt_sys");
        out.extend(
            foreign.map(|(line, p)| {
                format!("{file}:{line}: `{}`; only {LIBVIRT} may use virt and virt_sys", p.join("::"))
            }),
        );
    }
    let room = file.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
    if file.matches('/').count() == 1 && ["lib", "main"].contains(&room) {
        return out;
    }
    let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        out.push(format!("{file}:1: room `{room}` is not in the table of tests/it/layering.rs"));
        return out;
    };
    for (line, path) in paths(&without_tests(&all).0) {
        if let Some(used) = from_root(file, &path) {
            let other = used.first().map_or("*", String::as_str);
            let allowed = other == room
                || may.iter().any(|m| used.join("::") == *m || used.join("::").starts_with(&format!("{m}::")));
            if !allowed {
                out.push(format!(
                    "{file}:{line}: `{}`; {room} may use {}",
                    used.join("::"),
                    if may.is_empty() { "no other room".into() } else { may.join(", ") }
                ));
            }
        }
        if TIMED.contains(&room)
            && path[0] != "tokio"
            && let Some(time) = TIME.iter().find(|part| holds(&path, part))
        {
            out.push(format!(
                "{file}:{line}: `{}`; {room} has its time from `clock`, not from {time}",
                path.join("::")
            ));
        }
        if PURE.contains(&room)
            && let Some(impure) = IMPURE.iter().find(|part| holds(&path, part))
        {
            out.push(format!("{file}:{line}: `{}`; {room} is pure and may not use {impure}", path.join("::")));
        }
    }
    out
}

#[test]
fn rooms_use_only_what_the_design_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut tests) = (Vec::new(), BTreeSet::new());
    sources(&root.join("src"), &mut files, &mut tests);
    files.sort();
    let names = handed_on(&fs::read_to_string(root.join("src/engine/mod.rs")).expect("read"));
    let mut broken = Vec::new();
    for file in files.iter().filter(|f| !f.ancestors().any(|a| tests.contains(a))) {
        let name = file.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
        let source = fs::read_to_string(file).expect("read");
        broken.extend(faults(&name, &source));
        broken.extend(direct_looks(&name, &source));
        broken.extend(climbs(&name, &source, &names));
    }
    assert!(files.len() > 50, "only {} files read", files.len());
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}
