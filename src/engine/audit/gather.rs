//! Reads database and host. What cannot be looked at is unknown, never absent.

use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
};

use uuid::Uuid;

use super::facts::{Facts, Ledger, domain_facts};
use super::{AGE, local};
use crate::{
    engine::{
        Capacity, Ctx, certificates, firewall,
        host::{self, used_by_disks},
        links::Links,
        listeners,
        lock::Lock,
        proxy, remote,
    },
    hypervisor::{DomainInfo, DomainState},
    image,
    model::{Code, Error, NetworkDefinition, Publication, Record, Result},
    plan::{self, Namespace, Object, OwnedKind, Step, Subnet, is_of_instance, owner_of, subnet_of},
};

/// Looks at database and host; `all`: also at the capacity, and at this machine's processes and libvirt's own files.
///
/// An error is one of the database or the lock folder.
pub fn facts(ctx: &Ctx, all: bool) -> Result<Facts> {
    let host = &ctx.settings.host;
    let mut f = Facts {
        before: ledger(ctx)?,
        pool_name: host.pool.clone(),
        network_name: host.network.clone(),
        pool_folders: vec![host.folders.pool.display().to_string()],
        ..Facts::default()
    };
    f.busy = survey(ctx)?.0;
    let rows = f.before.instances.iter().map(|i| &i.record);
    let records: Vec<Record> = rows.filter(|r| !f.busy.contains(&r.uuid)).cloned().collect();
    read_storage(ctx, &mut f, &records);
    read_network(ctx, &mut f, &records);
    read_domains(ctx, &mut f);
    let (logs, leftovers) =
        (local::logs(&*ctx.machine, &host.folders.logs), ctx.images().and_then(|i| image::leftovers(&i)));
    f.logs = f.known("logs", logs);
    f.leftovers = f.known("image files", leftovers);
    let temporary = local::temporary(&*ctx.machine, &ctx.settings.paths.state, ctx.now(), AGE);
    f.temporary = f.known("state folder", temporary).unwrap_or_default();
    let lost = remote::lost(&ctx.settings, |id| f.before.resources.contains(id));
    f.lost_remotes = f.known("remotes", lost).unwrap_or_default();
    if all {
        read_machine(ctx, &mut f);
        read_capacity(ctx, &mut f);
    }
    reread(ctx, &mut f)?;
    Ok(f)
}

/// The locks, the database, and the locks once more: an operation is nobody's if it is still open after its lock was
/// seen free.
fn reread(ctx: &Ctx, f: &mut Facts) -> Result<()> {
    let (held, free) = survey(ctx)?;
    f.after = ledger(ctx)?;
    // One that is being added has its row before its folder.
    f.lost_remotes.retain(|one| !f.after.resources.contains(&one.id));
    f.memory = ctx.store.memory()?;
    f.journalled = journalled_things(ctx)?;
    f.images_in_use = ctx.store.images_in_use()?;
    let (held_last, free_last) = survey(ctx)?;
    f.busy.extend(held.into_iter().chain(held_last));
    f.free_locks = free.intersection(&free_last).copied().collect();
    f.free_locks.sort_unstable();
    let still = ctx.store.open_operations()?;
    // By id and state: the progress of one that runs goes on meanwhile.
    f.after.open.retain(|o| still.iter().any(|s| (&s.id, s.state) == (&o.id, o.state)));
    Ok(())
}

fn ledger(ctx: &Ctx) -> Result<Ledger> {
    let (instances, resources) = (ctx.store.instances()?, ctx.store.resource_ids()?);
    let (snapshots, kept) = (ctx.store.all_snapshots(&ctx.host_id())?, ctx.store.kept(&ctx.host_id())?);
    let disks = ctx.store.disks(&ctx.host_id())?;
    Ok(Ledger { instances, kept, resources, snapshots, disks, open: ctx.store.open_operations()? })
}

/// The instances whose lock somebody holds, and those whose lock file nobody does.
fn survey(ctx: &Ctx) -> Result<(HashSet<Uuid>, HashSet<Uuid>)> {
    let (held, free): (Vec<_>, Vec<_>) = Lock::survey(&ctx.locks())?.into_iter().partition(|(_, held)| *held);
    let ids = |locks: Vec<(Uuid, bool)>| locks.into_iter().map(|(id, _)| id).collect();
    Ok((ids(held), ids(free)))
}

/// Things whose name does not tell their owner: the journal does.
fn journalled_things(ctx: &Ctx) -> Result<Vec<(Uuid, Object)>> {
    let unreadable = |e| Error::new(Code::StateError, "cannot read a step of the journal").cause(e);
    let mut things = Vec::new();
    for kind in OwnedKind::ALL.iter().filter(|kind| kind.description().namespace() == Namespace::DhcpHost) {
        for (owner, step) in ctx.store.steps_of_kind(kind.as_str())? {
            if let Step::Ensure { object, .. } = serde_json::from_str(&step).map_err(unreadable)? {
                things.push((owner, object));
            }
        }
    }
    Ok(things)
}

/// Each domain whose row, disk or filter is there and that the list does not have is asked for by itself.
fn read_domains(ctx: &Ctx, f: &mut Facts) {
    let listed = ctx.hypervisor.domains();
    let Some(mut listed) = f.known("domains", listed) else { return };
    let rows = f.before.instances.iter().map(|i| i.record.uuid);
    let disks = f
        .volumes
        .iter()
        .flatten()
        .filter(|v| is_of_instance(&v.name))
        .filter_map(|v| owner_of(Namespace::Volume, &v.name));
    let filters = f.filters.iter().flatten().filter_map(|name| owner_of(Namespace::Filter, name));
    let expected: BTreeSet<Uuid> = rows.chain(disks.chain(filters).map(|(_, id)| id)).collect();
    let mut found = Vec::new();
    for uuid in expected.into_iter().filter(|uuid| listed.iter().all(|d| d.uuid != *uuid)) {
        let direct = ctx.hypervisor.domain(uuid);
        found.extend(f.known("domains", direct).flatten());
    }
    if !found.is_empty() {
        // Another installation may have made it meanwhile.
        let again = ctx.hypervisor.domains();
        let Some(again) = f.known("domains", again) else { return };
        listed = again;
    }
    read_links(ctx, f, &listed);
    for seen in found {
        if listed.iter().all(|d| d.uuid != seen.uuid) {
            f.left_out("domains", &seen.name);
            listed.push(seen);
        }
    }
    let mut domains = Vec::with_capacity(listed.len());
    for domain in listed {
        let xml = ctx.hypervisor.domain_xml(domain.uuid);
        let facts = xml.and_then(|xml| xml.map(|x| domain_facts(domain.uuid, &domain.name, &x)).transpose());
        match f.known("domains", facts) {
            Some(facts) => domains.extend(facts),
            None => return,
        }
    }
    f.domains = Some(domains);
}

/// Those of instances whose domain was seen to run before.
fn read_links(ctx: &Ctx, f: &mut Facts, seen: &[DomainInfo]) {
    let running: HashSet<Uuid> = seen.iter().filter(|d| d.state == DomainState::Running).map(|d| d.uuid).collect();
    let records: Vec<Record> = f.before.instances.iter().map(|i| i.record.clone()).collect();
    let running: Vec<Record> = records.into_iter().filter(|r| running.contains(&r.uuid)).collect();
    if running.is_empty() {
        return;
    }
    let links = Links::look(ctx);
    let Some(links) = f.known("links", links) else { return };
    f.links = running.iter().filter_map(|r| Some((r.uuid, links.drift(r)?))).collect();
}

fn read_storage(ctx: &Ctx, f: &mut Facts, records: &[Record]) {
    let pool = ctx.hypervisor.pool(&ctx.settings.host.pool);
    f.pool = f.known("storage pool", pool);
    let Some(pool) = f.pool.clone() else { return };
    f.pool_folders.extend(pool.as_ref().map(|p| p.path.clone()));
    if pool.is_none_or(|p| !p.active) {
        f.volumes = Some(Vec::new());
        return;
    }
    let listed = ctx.hypervisor.volumes(&ctx.settings.host.pool);
    let Some(mut listed) = f.known("volumes", listed) else { return };
    for object in owned(ctx, records) {
        let Object::Volume { pool, name } = object else { continue };
        if listed.iter().all(|v| v.name != name) {
            let direct = ctx.hypervisor.volume(&pool, &name);
            if let Some(seen) = f.known("volumes", direct).flatten() {
                f.left_out("volumes", &name);
                listed.push(seen);
            }
        }
    }
    f.volumes = Some(listed);
}

fn read_network(ctx: &Ctx, f: &mut Facts, records: &[Record]) {
    let listed = ctx.hypervisor.filters();
    f.filters = f.known("filters", listed);
    for object in owned(ctx, records) {
        let Object::Filter { name } = object else { continue };
        if f.filters.as_ref().is_some_and(|listed| !listed.contains(&name)) {
            let direct = ctx.hypervisor.filter_xml(&name);
            if f.known("filters", direct).flatten().is_some() {
                f.left_out("filters", &name);
                f.filters.iter_mut().for_each(|listed| listed.push(name.clone()));
            }
        }
    }
    let addresses = ctx.hypervisor.dhcp_hosts(&ctx.settings.host.network);
    f.addresses = f.known("addresses", addresses);
    let names = ctx.hypervisor.dns_hosts(&ctx.settings.host.network);
    f.names = f.known("names", names);
    let firewall = firewall::drift(ctx);
    f.firewall = f.known("firewall", firewall);
    let (web, certificates) = (proxy::drift(ctx), certificates::overdue(ctx));
    f.web = f.known("web front", web).flatten();
    f.certificates = f.known("certificates", certificates).unwrap_or_default();
    let network = ctx.hypervisor.network(&ctx.settings.host.network);
    let Some(network) = f.known("network", network) else { return };
    f.network = Some(network.is_some());
    let subnet = network.as_ref().and_then(|n| subnet_of(&n.xml).ok());
    if ctx.machine.runs_guests() {
        read_published(ctx, f, subnet.as_ref());
    }
    let named = network.as_ref().and_then(|n| NetworkDefinition::parse(&n.xml).ok()).map_or(Vec::new(), |n| n.names);
    for host in records.iter().flat_map(plan::dns_hosts).filter(|h| named.iter().any(|n| n.names == h.names)) {
        if f.names.as_ref().is_some_and(|listed| listed.iter().all(|seen| seen.host.names != host.names)) {
            f.left_out("names", &host.names[0]);
            f.names = None;
        }
    }
    let kept = subnet.map_or(Vec::new(), |subnet| subnet.kept);
    for address in records.iter().filter_map(|r| r.address).filter(|a| kept.contains(a)) {
        if f.addresses.as_ref().is_some_and(|listed| listed.iter().all(|seen| seen.host.address != address)) {
            f.left_out("addresses", &address.to_string());
            f.addresses = None;
        }
    }
}

/// The addresses of this host that lead to instances, and who else listens there.
fn read_published(ctx: &Ctx, f: &mut Facts, subnet: Option<&Subnet>) {
    let kept = ctx.store.static_ips(&ctx.host_id());
    let Some(kept) = f.known("static addresses", kept) else { return };
    let is_of = |subnet: &Subnet, address| matches!(address, IpAddr::V4(address) if subnet.contains(address));
    let is_here = |address| ctx.machine.is_own(address) || subnet.is_some_and(|subnet| is_of(subnet, address));
    let kept = kept.into_iter().map(|ip| (format!("static address `{}`", ip.name), IpAddr::V4(ip.address)));
    let records = f.before.instances.iter().map(|i| &i.record);
    let published: Vec<_> = records.flat_map(|r| r.published.iter().map(move |p| (r, p))).collect();
    let of_ports = published.iter().filter_map(|(r, p)| Some((format!("instance `{}`", r.name), p.address?)));
    f.lost_addresses = kept.chain(of_ports).filter(|(_, address)| !is_here(*address)).collect();
    let listener = |r: &Record, p: &Publication| {
        listeners::listener(&*ctx.machine, p, p.port == listeners::SSH, r.address6.is_some())
    };
    f.hidden = published.iter().filter_map(|(r, p)| Some((r.name.to_string(), p.end(), listener(r, p)?))).collect();
}

/// Of another machine's processes and files nothing is known here, and libvirt's test driver has none.
fn read_machine(ctx: &Ctx, f: &mut Facts) {
    if !ctx.machine.runs_guests() {
        return;
    }
    let processes = ctx.images().and_then(|images| local::processes(&*ctx.machine, &f.pool_folders, images.work()));
    f.processes = f.known("processes", processes).unwrap_or_default();
    let files = ctx.store.memory().and_then(|memory| local::libvirt_files(&*ctx.machine, &memory.names));
    f.libvirt_files = f.known("files of libvirt", files).unwrap_or_default();
    // Seen after the list of domains was made: one may have come meanwhile.
    for uuid in f.processes.iter().filter_map(|p| p.instance()).collect::<Vec<_>>() {
        let missing = f.domains.as_ref().is_some_and(|all| all.iter().all(|d| d.uuid != uuid));
        if missing {
            let direct = ctx.hypervisor.domain(uuid);
            if !matches!(f.known("processes", direct), Some(None)) {
                f.processes.retain(|p| p.instance() != Some(uuid));
            }
        }
    }
}

fn read_capacity(ctx: &Ctx, f: &mut Facts) {
    let (Some(Some(pool)), Some(volumes)) = (f.pool.clone(), &f.volumes) else { return };
    let used = used_by_disks(volumes);
    let (host, held) = (ctx.hypervisor.host(), ctx.store.allocated(&ctx.host_id()));
    let (host, held) = (f.known("capacity", host), f.known("capacity", held));
    if let (Some(host), Some(held)) = (host, held) {
        f.overdraft = Capacity::overdrawn(&host, &host::usable(ctx, pool), used, &held, &ctx.settings.host.overcommit);
    }
}

/// Everything that these instances own.
fn owned<'r>(ctx: &'r Ctx, records: &'r [Record]) -> impl Iterator<Item = Object> + 'r {
    let place = ctx.place();
    records.iter().flat_map(move |record| OwnedKind::all_of(record, place)).map(|(_, object)| object)
}
