//! What disagrees. Pure: the facts come in, findings go out.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use super::{
    Finding, Trouble,
    facts::{Facts, Presence},
    local::{Process, Work},
    orphans::{Orphan, Orphans, UNKNOWN_VOLUME, volume_subject},
    storage,
};
use crate::{
    engine::lock::owner,
    model::{DnsHost, Hint, Instance, NetworkMode, Phase, Record, ResourceKind, Verb, escaped},
    plan::{self, Class, Object, OwnedKind},
    store::OperationState,
};

/// All that disagrees, in the order of the kinds.
pub fn findings(f: &Facts, orphans: &Orphans) -> Vec<Finding> {
    let settled = settled(f);
    let mut all = Vec::new();
    all.extend(of_orphans(f, orphans));
    all.extend(settled.iter().flat_map(|record| missing(f, record)));
    all.extend(kept(f).flat_map(|record| missing_of_kept(f, record)));
    all.extend(settled.iter().filter_map(|record| link(f, record)));
    all.extend(names(f, &settled));
    all.extend(missing_host(f, &settled));
    all.extend(storage::missing_copies(f));
    all.extend(storage::missing_disks(f));
    all.extend(published(f));
    // The rules of a domain that is to be taken in are still there, and come with its row.
    all.extend(firewall(f).into_iter().chain(web(f)).filter(|_| orphans.unrecorded.is_empty()));
    all.extend(certificates(f));
    all.extend(duplicates(f, &settled));
    all.extend(f.overdraft.iter().map(|o| Finding {
        trouble: Trouble::Overcommitted,
        subject: o.what.to_owned(),
        problem: format!("{} promised to instances, at most {} may be", o.promised, o.limit),
        fix: "stop or delete an instance, or give the host more".into(),
    }));
    all.extend(unfinished(f));
    all.extend(unknown_processes(f));
    all.extend(unknown_files(f));
    all.sort_by_key(|finding| finding.trouble);
    all
}

fn finding(trouble: Trouble, subject: impl Into<String>, problem: impl Into<String>, fix: impl Into<Hint>) -> Finding {
    Finding { trouble, subject: subject.into(), problem: problem.into(), fix: fix.into() }
}

fn of_orphans(f: &Facts, orphans: &Orphans) -> Vec<Finding> {
    let found = orphans.orphans.iter().map(|orphan| match &orphan.user {
        None => {
            finding(Trouble::Orphan, &orphan.subject, no_owner(orphan), Hint::new().run(Verb::Gc).text(" removes it"))
        }
        Some(user) => finding(
            Trouble::Orphan,
            &orphan.subject,
            format!("{}, but domain `{user}` uses it", no_owner(orphan)),
            format!("it stays; see what `{user}` needs it for: `virsh dumpxml {user}`"),
        ),
    });
    let lost = orphans.unrecorded.iter().map(|name| {
        finding(
            Trouble::Unrecorded,
            format!("domain `{name}`"),
            "it runs from a disk of lite's, and the database does not know it",
            Hint::new().run_with(Verb::Repair, &[&"--rebuild"]).text(" takes it in"),
        )
    });
    let unknown = orphans.unknown.iter().map(|volume| {
        finding(
            Trouble::UnknownVolume,
            volume_subject(volume),
            UNKNOWN_VOLUME,
            format!("it stays; see what it is: `virsh vol-dumpxml {} --pool {}`", escaped(volume), f.pool_name),
        )
    });
    let remotes = orphans.remotes.iter().map(|one| match one.remote {
        Some(_) => finding(Trouble::Unrecorded, one.subject(), LOST_REMOTE, take_in_remote()),
        None => finding(Trouble::UnknownFile, one.subject(), UNKNOWN_REMOTE, UNKNOWN_REMOTE_STAYS),
    });
    found.chain(lost).chain(unknown).chain(remotes).collect()
}

/// What is said of a remote that only its folder knows.
pub const LOST_REMOTE: &str = "its password is in the state folder, and the database does not know it";
/// And of a folder that does not say whose it is.
const UNKNOWN_REMOTE: &str = "the database does not know it, and it does not say of which remote it is";
/// And what to do about that.
pub const UNKNOWN_REMOTE_STAYS: &str = "it stays: a password in it may be the only one; add its remote again with `--password-file`, then remove the folder";

/// What takes such a remote in.
pub fn take_in_remote() -> Hint {
    Hint::new().run_with(Verb::Repair, &[&"--rebuild"]).text(" takes it in")
}

fn no_owner(orphan: &Orphan) -> String {
    let kind = orphan.owner.map_or(ResourceKind::Instance, |(kind, _)| kind);
    format!("no {kind} owns it")
}

/// Records that were there before and after the look, that nobody worked on, and that are neither coming nor going.
fn settled(f: &Facts) -> Vec<Record> {
    let stays = |i: &Instance| !i.phase.is_passing() && !f.busy.contains(&i.record.uuid);
    let before: HashSet<Uuid> = f.before.instances.iter().filter(|i| stays(i)).map(|i| i.record.uuid).collect();
    let after = f.after.instances.iter().filter(|i| stays(i) && before.contains(&i.record.uuid));
    after.map(|i| i.record.clone()).collect()
}

/// Things of a record that are not on the host.
fn missing(f: &Facts, record: &Record) -> Vec<Finding> {
    let name = &record.name;
    let all = OwnedKind::all_of(record, f.place());
    let all = all.filter(|(kind, _)| kind.description().class() != Class::Former);
    let missed = all.filter_map(|(kind, object)| Some((kind, problem(f.presence(&object), kind, &object)?)));
    missed
        .map(|(kind, problem)| {
            let fix = match kind.description().class() {
                Class::Data => Hint::from("put it back from a backup, or ").run_with(Verb::Delete, &[name]),
                _ => Hint::new().run_with(Verb::Repair, &[name]).text(" puts it back"),
            };
            finding(Trouble::Missing, format!("instance `{name}`"), problem, fix)
        })
        .collect()
}

/// Records of deleted instances that were kept before and after the look, and that nobody worked on.
fn kept(f: &Facts) -> impl Iterator<Item = &Record> {
    let before: HashSet<Uuid> = f.before.kept.iter().map(|i| i.record.uuid).collect();
    let stays = move |record: &&Record| before.contains(&record.uuid) && !f.busy.contains(&record.uuid);
    f.after.kept.iter().map(|i| &i.record).filter(stays)
}

/// Its domain and its disks, without which it cannot come back.
fn missing_of_kept(f: &Facts, record: &Record) -> Vec<Finding> {
    let name = &record.name;
    let all = OwnedKind::all_of(record, f.place());
    let all = all.filter(|(kind, _)| matches!(kind.description().class(), Class::Data | Class::Domain));
    let missed = all.filter_map(|(kind, object)| problem(f.presence(&object), kind, &object));
    let fix = || Hint::from("remove what is left: ").run_with(Verb::Delete, &[name, &"--now"]);
    missed.map(|problem| finding(Trouble::Missing, format!("deleted instance `{name}`"), problem, fix())).collect()
}

/// What is wrong with a thing of an instance.
fn problem(presence: Presence, kind: OwnedKind, object: &Object) -> Option<String> {
    match (presence, object) {
        (Presence::NotMissed, _) => None,
        (Presence::Half, Object::DhcpHost { host, .. }) => {
            Some(format!("its address {} is kept in one of the network's two definitions only", host.address))
        }
        (Presence::Half, _) => Some(format!("its {} is there in part", kind.subject(object))),
        (Presence::Missing, Object::Domain { .. }) => Some("its domain is gone".to_owned()),
        (Presence::Missing, Object::DhcpHost { host, .. }) => {
            Some(format!("its address {} is not kept for {}", host.address, host.mac))
        }
        (Presence::Missing, _) => Some(format!("its {} is gone", kind.subject(object))),
    }
}

/// Pool and network, if an instance needs them.
fn missing_host(f: &Facts, settled: &[Record]) -> Vec<Finding> {
    let mut all = Vec::new();
    let missing = |what: &str, name: &str, problem: &str| {
        let fix = Hint::new().run_with(Verb::Doctor, &[&"--fix"]).text(" makes it again");
        finding(Trouble::Missing, format!("{what} `{name}`"), problem, fix)
    };
    match &f.pool {
        Some(None) if !settled.is_empty() => {
            all.push(missing("storage pool", &f.pool_name, "it is gone, and instances have disks in it"));
        }
        Some(Some(pool)) if !settled.is_empty() && !pool.active => {
            all.push(missing("storage pool", &f.pool_name, "it is not started, and instances have disks in it"));
        }
        _ => {}
    }
    if f.network == Some(false) && settled.iter().any(|r| r.network == NetworkMode::Nat) {
        all.push(missing("network", &f.network_name, "it is gone, and instances have addresses on it"));
    }
    all
}

/// The link of a guest that is not where it belongs.
fn link(f: &Facts, record: &Record) -> Option<Finding> {
    let (_, drift) = f.links.iter().find(|(uuid, _)| *uuid == record.uuid)?;
    let problem = format!("its link is {}, and is to be {}", escaped(&drift.now), escaped(&drift.recorded));
    let fix = Hint::new().run_with(Verb::Repair, &[&record.name]).text(" puts it back");
    Some(finding(Trouble::Missing, format!("instance `{}`", record.name), problem, fix))
}

/// Names of instances that the network does not answer for, or with somebody else's address.
fn names(f: &Facts, settled: &[Record]) -> Vec<Finding> {
    let Some(seen) = f.names.as_ref().filter(|_| f.network == Some(true)) else { return Vec::new() };
    let seen: Vec<(&DnsHost, bool)> = seen.iter().map(|s| (&s.host, s.whole)).collect();
    let of_network = settled.iter().map(|r| (r, plan::dns_hosts(r))).filter(|(_, hosts)| !hosts.is_empty());
    let found = of_network.filter_map(|(record, hosts)| {
        let changes = plan::name_changes(&hosts, &seen);
        let (subject, name) = (format!("instance `{}`", record.name), &hosts[0].names[0]);
        let network = &f.network_name;
        if let Some((_, other)) = changes.blocked.first() {
            let (names, address) = (escaped(&other.names.join(" ")), other.address);
            let problem =
                format!("network `{network}` answers for `{names}` with {address}, by an entry that lite did not make");
            return Some(finding(Trouble::Duplicate, subject, problem, format!("look: `virsh net-dumpxml {network}`")));
        }
        changes.add.first()?;
        let fix = Hint::new().run_with(Verb::Repair, &[&record.name]).text(" puts it back");
        Some(finding(
            Trouble::Missing,
            subject,
            format!("network `{network}` does not answer for its name `{name}`"),
            fix,
        ))
    });
    found.collect()
}

/// Addresses that packets for instances do not come to any more, and services of the host that an instance gets the packets of.
fn published(f: &Facts) -> impl Iterator<Item = Finding> {
    let lost = f.lost_addresses.iter().map(|(subject, address)| {
        let fix = format!("give it to an interface again (`ip address add {address} …`), or let it go");
        finding(Trouble::Missing, subject, format!("`{address}` is on no interface of this host"), fix)
    });
    let hidden = f.hidden.iter().map(|(instance, end, who)| {
        let problem = format!("{who} listens on `{end}` of this host, and what is sent there goes to the instance");
        let fix = Hint::from("let it listen elsewhere, or ").run_with(Verb::Unpublish, &[instance]);
        finding(Trouble::Duplicate, format!("instance `{instance}`"), problem, fix)
    });
    lost.chain(hidden)
}

/// Whether nobody changed what the firewall and the web front follow from.
fn is_quiet(f: &Facts) -> bool {
    let none_works = f.busy.is_empty() && f.before.open.is_empty() && f.after.open.is_empty();
    none_works && f.before.resources == f.after.resources
}

/// The rules of the firewall.
fn firewall(f: &Facts) -> Option<Finding> {
    let drift = f.firewall.clone().flatten().filter(|_| is_quiet(f))?;
    let fix = Hint::new().run(Verb::Repair).text(" loads them");
    Some(finding(Trouble::Missing, "firewall", format!("{} are {}", drift.recorded, drift.now), fix))
}

/// What HAProxy serves.
fn web(f: &Facts) -> Option<Finding> {
    let problem = f.web.filter(|_| is_quiet(f))?;
    Some(finding(Trouble::Missing, "web front", problem, Hint::new().run(Verb::Repair).text(" loads it")))
}

fn certificates(f: &Facts) -> impl Iterator<Item = Finding> {
    f.certificates.iter().map(|(domain, problem)| {
        let fix = Hint::new().run(Verb::Watch).text(" asks for it");
        finding(Trouble::Missing, format!("site `{domain}`"), problem, fix)
    })
}

/// Name, hardware address, address and disk of a record belong to its domain alone.
fn duplicates(f: &Facts, settled: &[Record]) -> Vec<Finding> {
    let mut all = twice(f);
    for record in settled {
        let subject = format!("instance `{}`", record.name);
        let others = f.domains.iter().flatten().filter(|d| d.uuid != record.uuid);
        for other in others {
            let fix = format!("look at the other: `virsh dumpxml {}`", other.uuid);
            let mut add = |problem: String| all.push(finding(Trouble::Duplicate, &subject, problem, fix.clone()));
            if other.name == record.name.as_str() {
                add(format!("another domain, {}, has its name", other.uuid));
            }
            if other.macs.contains(&record.mac) {
                add(format!("domain `{}` has its hardware address {} too", other.name, record.mac));
            }
            for (_, object) in OwnedKind::all_of(record, f.place()) {
                let Object::Volume { name: volume, .. } = object else { continue };
                let path = |d: &String| f.pool_folders.iter().any(|folder| *d == format!("{folder}/{volume}"));
                if other.disks.iter().any(path) {
                    add(format!("domain `{}` uses its disk `{volume}` too", other.name));
                }
            }
        }
        let ours = |h: &crate::model::DhcpHost| (h.mac == record.mac) != (Some(h.address) == record.address);
        let entries = f.addresses.iter().flatten().map(|k| &k.host);
        let nat = record.network == NetworkMode::Nat && record.address.is_some();
        all.extend(entries.filter(|h| nat && ours(h)).map(|h| {
            let problem = format!("network `{}` keeps {} for {} as well", f.network_name, h.address, h.mac);
            finding(Trouble::Duplicate, &subject, problem, format!("look: `virsh net-dumpxml {}`", f.network_name))
        }));
    }
    all
}

/// What two rows of the database share. Its constraints forbid it; this does not lean on them.
fn twice(f: &Facts) -> Vec<Finding> {
    let mut seen: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for record in f.after.instances.iter().map(|i| &i.record) {
        let address = record.address.map(|a| ("address", format!("{a} on {:?}", record.network)));
        let keys = [
            ("id", record.uuid.to_string()),
            ("name", record.name.to_string()),
            ("hardware address", record.mac.to_string()),
        ];
        for key in keys.into_iter().chain(address) {
            seen.entry(key).or_default().push(record.name.to_string());
        }
    }
    let many = seen.into_iter().filter(|(_, names)| names.len() > 1);
    many.map(|((what, value), names)| {
        let problem = format!("instances {} have it", names.join(", "));
        finding(Trouble::Duplicate, format!("{what} {value}"), problem, "delete one of them")
    })
    .collect()
}

/// Operations without a live owner, and rows that no operation will ever finish.
fn unfinished(f: &Facts) -> Vec<Finding> {
    let nobodys = |id: &Uuid| !f.busy.contains(id);
    let open: HashMap<Uuid, &str> =
        f.before.open.iter().chain(&f.after.open).filter_map(|o| Some((o.instance()?, o.id.as_str()))).collect();
    let operations = f.after.open.iter().filter(|o| nobodys(&owner(o))).map(|o| {
        let problem = match (o.state, &o.error) {
            (OperationState::NeedsAttention, Some(error)) => format!("it needs attention: {error}"),
            (OperationState::NeedsAttention, None) => "it needs attention".to_owned(),
            _ => "the process that worked on it is gone".to_owned(),
        };
        let subject = format!("operation {} ({} of `{}`)", o.id, o.kind, o.resource);
        finding(Trouble::Unfinished, subject, problem, Hint::new().run(Verb::Repair).text(" finishes or undoes it"))
    });
    let before: HashMap<Uuid, Phase> = f.before.instances.iter().map(|i| (i.record.uuid, i.phase)).collect();
    let stuck = f.after.instances.iter().filter(|i| {
        let id = i.record.uuid;
        i.phase.is_passing() && before.get(&id) == Some(&i.phase) && nobodys(&id) && !open.contains_key(&id)
    });
    let stuck = stuck.map(|i| {
        let word = match i.phase {
            Phase::Creating => "creating",
            Phase::Baking => "baking",
            _ => "deleting",
        };
        let problem = format!("it is {word}, and no operation is open that does so");
        finding(
            Trouble::Unfinished,
            format!("instance `{}`", i.record.name),
            problem,
            Hint::new().run_with(Verb::Delete, &[&i.record.name]),
        )
    });
    operations.chain(stuck).collect()
}

/// Processes that work on things of ours and that nobody knows of.
fn unknown_processes(f: &Facts) -> Vec<Finding> {
    let settled: HashSet<Uuid> = settled(f).into_iter().map(|r| r.uuid).collect();
    let owned = f.with_row();
    let known = |id: &Uuid| f.domains.as_ref().is_none_or(|all| all.iter().any(|d| d.uuid == *id));
    let left = |p: &&Process| match &p.work {
        Work::Image { left, .. } => *left,
        Work::Instance(id) => !known(id) && !f.busy.contains(id) && (settled.contains(id) || !owned.contains(id)),
    };
    let unknown = f.processes.iter().filter(left).map(|p| {
        let problem = match &p.work {
            Work::Instance(id) => format!("it runs on the disk of instance {id}, and libvirt does not know it"),
            Work::Image { id, .. } => format!("it works on image `{id}`, and whoever started it is gone"),
        };
        let fix = format!("end it: `kill {}`", p.pid);
        finding(Trouble::UnknownProcess, format!("process {} ({})", p.pid, p.program), problem, fix)
    });
    unknown.collect()
}

/// Files that libvirt keeps for a domain of ours that is gone.
fn unknown_files(f: &Facts) -> Vec<Finding> {
    let in_use: HashSet<&str> = f.domains.iter().flatten().map(|d| d.name.as_str()).collect();
    let rows = f.before.instances.iter().chain(&f.after.instances);
    let rows: HashSet<&str> = rows.map(|i| i.record.name.as_str()).collect();
    let orphaned = |name: &str| f.domains.is_some() && !in_use.contains(name) && !rows.contains(name);
    let files = f.libvirt_files.iter().filter(|(name, _)| orphaned(name)).map(|(name, file)| {
        let problem = format!("libvirt keeps it for a domain `{name}`, and there is none");
        finding(Trouble::UnknownFile, format!("file `{file}`"), problem, "remove it by hand")
    });
    files.collect()
}
