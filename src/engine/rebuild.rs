//! Rebuilds a lost database from the records in the domains' metadata, and from what older databases still tell.

mod network;
mod remotes;

use std::{collections::BTreeMap, path::Path};

use uuid::Uuid;

use super::{
    Ctx, firewall,
    lock::Lock,
    names, our_domains,
    ours::OurDomain,
    proxy, reports,
    snapshot_sidecar::{AnySidecar, DiskSidecar, Sidecar},
};
use crate::{
    catalog::{Blueprint, Catalog, Group},
    guest::report::{Report, Status},
    hypervisor::{DomainState, VolumeInfo},
    image::volume_name,
    kill_point,
    model::{
        Code, DesiredState, Disk, DiskState, Error, LiveDefinition, Name, Phase, Record, Result, Size, SnapshotState,
        StoredDiskSnapshot, escaped,
    },
    plan::{self, Namespace, OwnedKind, ROOT_DEVICE, owner_of},
    store::{
        NewInstance, OldDatabases, Recovered, disk_snapshots, disks, instances, publications, secrets, sites, snapshots,
    },
};

/// An instance that was taken into the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Its name.
    pub name: String,
    /// What was only in the database and is lost, a word each.
    pub lost: Vec<&'static str>,
    /// What was read from an older database, a word each: nobody can vouch for it.
    pub salvaged: Vec<&'static str>,
}

/// What a rebuild did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rebuilding {
    /// Taken in.
    pub taken: Vec<Rebuilt>,
    /// Names of the snapshots that were taken in.
    pub snapshots: Vec<String>,
    /// Names of the disks that were taken in; those that they had are lost.
    pub disks: Vec<String>,
    /// Remotes that are known again, by name.
    pub remotes: Vec<String>,
    /// Load balancers that were made again, by name.
    pub load_balancers: Vec<String>,
    /// Static addresses that are kept again, by name.
    pub static_ips: Vec<String>,
    /// What could not be, a sentence each.
    pub refused: Vec<String>,
}

/// Takes every domain of this lite that no row knows into the database, with what `wreckage` tells of it.
pub fn rebuild(ctx: &mut Ctx, catalog: &Catalog, wreckage: &OldDatabases) -> Result<Rebuilding> {
    let mut done = Rebuilding::default();
    for domain in our_domains(&*ctx.hypervisor, &ctx.settings)? {
        if ctx.store.instance_by_uuid(domain.seen.uuid)?.is_some() {
            continue;
        }
        let Some(record) = &domain.record else {
            done.refused.push(format!(
                "domain `{}` ({}) carries a record this lite cannot read",
                escaped(&domain.seen.name),
                domain.seen.uuid
            ));
            continue;
        };
        let taken = take_in(ctx, record, &domain, catalog, wreckage.of(record.uuid));
        kill_point::reached("effect");
        match taken {
            Ok(rebuilt) => done.taken.push(rebuilt),
            Err(e) => done.refused.push(format!("instance `{}`: {e}", record.name)),
        }
    }
    for id in without_row(ctx, OwnedKind::Disk)? {
        match take_in_disk(ctx, id) {
            Ok(name) => done.disks.push(name.into()),
            Err(e) => done.refused.push(format!("disk {id}: {e}")),
        }
    }
    for id in without_row(ctx, OwnedKind::SnapshotSidecar)? {
        match take_in_snapshot(ctx, id) {
            Ok(name) => done.snapshots.push(name.into()),
            Err(e) => done.refused.push(format!("snapshot {id}: {e}")),
        }
    }
    remotes::restore(ctx, &mut done)?;
    network::restore(ctx, &mut done)?;
    if !(done.taken.is_empty() && done.load_balancers.is_empty() && done.static_ips.is_empty()) {
        firewall::apply(ctx)?;
        names::apply(ctx)?;
        proxy::apply(ctx)?;
        ctx.store.write_network_file(&ctx.host_id())?;
    }
    Ok(done)
}

pub use network::lost as lost_network;

/// One instance, in one transaction: a rebuild that is cut off goes on where it was.
fn take_in(ctx: &mut Ctx, record: &Record, domain: &OurDomain, catalog: &Catalog, found: Recovered) -> Result<Rebuilt> {
    let rebuilt = told(record, catalog, &found);
    let network = ctx.settings.host.network_key(&record.network);
    let blueprint = found.blueprint.unwrap_or_else(|| blueprint_of(record, catalog));
    let parameters = found.parameters.unwrap_or_else(|| defaults(&blueprint));
    let wanted = found.desired_state.filter(|_| record.kept.is_none());
    let wanted = wanted.unwrap_or_else(|| wanted_by(domain.seen.state));
    let (phase, failure) = match found.phase {
        _ if record.kept.is_some() => (Phase::Kept, found.phase.and_then(|(_, failure)| failure)),
        // Its operation is lost with the journal.
        Some((Phase::Creating | Phase::Baking | Phase::Kept, _)) => (Phase::Unverified, None),
        Some(known) => known,
        None => phase_by_report(ctx, record),
    };
    let image = image_of(ctx, record)?;
    let (host, now) = (ctx.host_id(), ctx.now());
    ctx.store.write(|t| {
        let new = NewInstance {
            record,
            host: &host,
            network: &network,
            blueprint: &blueprint,
            parameters: &parameters,
            image: &image,
            seed: found.seed.as_ref(),
        };
        instances::insert(t, &new)?;
        instances::set_life(t, record.uuid, wanted, phase, failure.as_deref())?;
        publications::insert(t, &host, record.uuid, &record.published)?;
        sites::insert(t, &host, record.uuid, &record.sites, now)?;
        secrets::insert(t, record.uuid, found.secrets.as_deref().unwrap_or_default(), found.host_key.as_deref())
    })?;
    Ok(rebuilt)
}

/// The volume of the image that the root disk lies on: the last of its chain, as the definition names that. That of an export, or a baked
/// one, is not named after the base.
fn image_of(ctx: &Ctx, record: &Record) -> Result<String> {
    let of_base = volume_name(&record.base, &record.image_digest);
    let Some(xml) = ctx.hypervisor.domain_xml(record.uuid)? else { return Ok(of_base) };
    let chain = LiveDefinition::parse(&xml).ok().and_then(|all| Some(all.disk(ROOT_DEVICE)?.chain.clone()));
    let last = chain.as_deref().unwrap_or_default().iter().skip(1).next_back();
    let name = last.and_then(|path| Path::new(path).file_name()?.to_str());
    let suffix = volume_name("", &record.image_digest);
    let suffix = suffix.strip_prefix("base-").unwrap_or(&suffix);
    Ok(name.filter(|name| name.starts_with("base-") && name.ends_with(suffix)).map_or(of_base, str::to_owned))
}

/// The owners of volumes of a kind that have no row.
fn without_row(ctx: &Ctx, wanted: OwnedKind) -> Result<Vec<Uuid>> {
    let volumes = match ctx.hypervisor.volumes(&ctx.settings.host.pool) {
        Err(e) if e.code == Code::NoPool => Vec::new(),
        volumes => volumes?,
    };
    let owners = volumes.iter().filter_map(|volume| owner_of(Namespace::Volume, &volume.name));
    let mut found = Vec::new();
    for (_, id) in owners.filter(|(kind, _)| *kind == wanted) {
        if !ctx.store.has_resource(id)? {
            found.push(id);
        }
    }
    // One has several volumes for a while.
    found.sort();
    found.dedup();
    Ok(found)
}

/// One disk, named by its id: its name was in the database alone. The records of instances tell which has it, and which of several
/// volumes it is: a restore that was cut off leaves two.
fn take_in_disk(ctx: &mut Ctx, id: Uuid) -> Result<Name> {
    let (host, created_at) = (ctx.host_id(), ctx.now());
    let rows = ctx.store.instances()?.into_iter().chain(ctx.store.kept(&host)?);
    let held = rows.flat_map(|instance| instance.record.disks).find(|one| one.disk == id);
    let of_it = |volume: &VolumeInfo| owner_of(Namespace::Volume, &volume.name) == Some((OwnedKind::Disk, id));
    let mut volumes: Vec<_> = ctx.hypervisor.volumes(&ctx.settings.host.pool)?.into_iter().filter(of_it).collect();
    volumes.sort_by_key(|volume| plan::disk_volume_number(&volume.name));
    let wanted = held.map(|one| plan::disk_volume(id, one.volume));
    let found = volumes.iter().find(|volume| wanted.as_ref().is_none_or(|name| volume.name == *name));
    let seen = found.ok_or_else(|| {
        let name = wanted.clone().unwrap_or_else(|| plan::disk_volume(id, None));
        Error::new(Code::NoVolume, format!("its volume `{name}` is gone"))
    })?;
    let number = id.simple().to_string();
    let name = Name::parse(&format!("disk-{}", number.get(..8).unwrap_or(&number)))?;
    let (size, volume) = (Size::bytes(seen.capacity), plan::disk_volume_number(&seen.name));
    let disk = Disk { id, name, size, volume, state: DiskState::Available, created_at };
    ctx.store.write(|t| disks::insert(t, &host, &disk))?;
    Ok(disk.name)
}

/// One snapshot, as its sidecar tells. Its secrets are lost with the database.
fn take_in_snapshot(ctx: &mut Ctx, id: Uuid) -> Result<Name> {
    let (read, host) = (AnySidecar::read(ctx, id)?, ctx.host_id());
    let copies = match &read {
        AnySidecar::Instance(sidecar) => plan::snapshot_copies(&sidecar.snapshot),
        AnySidecar::Disk(sidecar) => vec![plan::snapshot_part(id, sidecar.disk_snapshot.disk.disk)],
    };
    let mut allocation = 0;
    for copy in copies {
        let seen = ctx.hypervisor.volume(&ctx.settings.host.pool, &copy)?;
        allocation += seen.ok_or_else(|| Error::new(Code::NoVolume, format!("its copy `{copy}` is gone")))?.allocation;
    }
    let allocation = Size::bytes(allocation);
    match read {
        AnySidecar::Instance(sidecar) => {
            let Sidecar { snapshot, blueprint, parameters, .. } = *sidecar;
            ctx.store.write(|t| snapshots::take_in(t, &host, (&snapshot, allocation), &blueprint, &parameters))?;
            Ok(snapshot.name)
        }
        AnySidecar::Disk(DiskSidecar { disk_snapshot: snapshot, .. }) => {
            let one = StoredDiskSnapshot { snapshot, state: SnapshotState::Available, allocation: Some(allocation) };
            ctx.store.write(|t| disk_snapshots::insert(t, &host, &one))?;
            Ok(one.snapshot.name)
        }
    }
}

/// A guest that said that its set-up failed has failed; any other is taken for ready.
fn phase_by_report(ctx: &Ctx, record: &Record) -> (Phase, Option<String>) {
    match reports::last_report(ctx, record) {
        Some(Report::Failed { module, .. } | Report::Status(Status { failed: Some(module), .. })) => {
            (Phase::Failed, Some(format!("set-up failed in module `{module}`")))
        }
        _ => (Phase::Ready, None),
    }
}

/// Refused (busy) while another process works on an instance: it would go on in the database that is set aside.
pub fn refuse_while_busy(state: &Path, now: jiff::Timestamp) -> Result<()> {
    Lock::held(&state.join("locks"), now)?.map_or(Ok(()), |who| {
        Err(Error::new(Code::Busy, format!("another lite process is at work: {who}"))
            .hint("the database cannot be replaced under it; try again when it is done"))
    })
}

/// What of an instance is lost, and what came out of an older database.
fn told(record: &Record, catalog: &Catalog, found: &Recovered) -> Rebuilt {
    let blueprint = found.blueprint.clone().unwrap_or_else(|| blueprint_of(record, catalog));
    let has_passwords = !blueprint.secrets.is_empty() || found.secrets.as_ref().is_some_and(|s| !s.is_empty());
    let parts = [
        ("passwords", has_passwords, found.secrets.is_some()),
        ("host key", true, found.host_key.is_some()),
        ("parameters", !blueprint.parameters.is_empty(), found.parameters.is_some()),
    ];
    let words = |salvaged: bool| parts.iter().filter(|p| p.1 && p.2 == salvaged).map(|p| p.0).collect();
    Rebuilt { name: record.name.to_string(), lost: words(false), salvaged: words(true) }
}

/// The blueprint as the catalog has it today; of one that is not known any more what the record tells.
fn blueprint_of(record: &Record, catalog: &Catalog) -> Blueprint {
    let known = catalog
        .resolve(&record.blueprint, &record.bundle, Some(&record.base))
        .map(|resolved| resolved.blueprint)
        .ok()
        .or_else(|| catalog.blueprints.get(&record.blueprint).cloned());
    known.unwrap_or_else(|| Blueprint {
        id: record.blueprint.clone(),
        title: record.blueprint.clone(),
        description: "Its file is gone; this is what the instance's own record tells.".to_owned(),
        group: Group::App,
        version: record.blueprint_version.clone(),
        bases: vec![record.base.clone()],
        min_memory: record.memory,
        min_disk: record.disk,
        ports: record.ports.clone(),
        parameters: Vec::new(),
        secrets: Vec::new(),
        cloud_config: serde_json::Map::new(),
        install: String::new(),
        configure: String::new(),
        published: String::new(),
        moved: String::new(),
        upgrade: String::new(),
        seal: Vec::new(),
        never_baked: false,
        starts_warm: false,
        health: None,
        output: BTreeMap::new(),
        user: catalog.blueprints.get(&record.base).map(|b| b.user.clone()).unwrap_or_default(),
        alarms: Vec::new(),
    })
}

/// Parameters nobody remembers: as if none had been set.
fn defaults(blueprint: &Blueprint) -> BTreeMap<String, String> {
    blueprint.parameters.iter().map(|p| (p.name.clone(), p.default.clone().unwrap_or_default())).collect()
}

/// What the user seems to want of a domain that is in this state.
fn wanted_by(state: DomainState) -> DesiredState {
    match state {
        DomainState::Off | DomainState::ShuttingDown => DesiredState::Stopped,
        _ => DesiredState::Running,
    }
}
