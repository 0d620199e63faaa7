//! Collects what is marked ours and is in no record: only what was seen twice, the first time ten minutes ago or earlier.
//!
//! Sightings lie in `gc.json` in the state folder. What is not seen in between is forgotten and starts anew, so a wrong
//! answer of libvirt can only delay.

use std::{collections::BTreeMap, io::Write, path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Ctx, Orphan, Removal, audit,
    execute::{Payload, execute},
    firewall,
    lock::{Attempt, GC, Lock},
    names,
};
use crate::{
    image, kill_point,
    model::{Code, Error, Hint, Instance, ResourceKind, Result, Verb},
    plan::{self, Object},
};

/// How often it must have been seen.
const TIMES: u32 = 2;
/// How long to wait for another collector that writes its sightings.
const WRITE: Duration = Duration::from_secs(10);
/// Version of the file.
const SCHEMA: u32 = 2;

/// What was found without an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What may go, each with when it was seen.
    pub seen: Vec<SeenOrphan>,
    /// What no record owns and yet stays: a subject and the reason.
    pub kept: Vec<(String, Hint)>,
}

/// An orphan and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenOrphan {
    /// The orphan.
    pub orphan: Orphan,
    /// When it was seen first.
    pub first: Timestamp,
    /// How often, this time included.
    pub times: u32,
    /// For how long it has been there at least.
    pub age: SignedDuration,
    /// When it may go, if it is seen again then.
    pub due: Timestamp,
}

impl SeenOrphan {
    /// Seen often and long enough to go.
    pub fn is_due(&self) -> bool {
        self.times >= TIMES && self.age >= audit::AGE
    }
}

/// The file of the sightings.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Sightings {
    schema: u32,
    seen: BTreeMap<String, Sighting>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sighting {
    first: Timestamp,
    /// When that was, in seconds since the machine was booted: wall time may jump.
    first_uptime: u64,
    times: u32,
}

/// Looks for orphans. If anything could not be looked at, that is the error: a failed look is no absence.
pub fn orphans(ctx: &Ctx) -> Result<Vec<Orphan>> {
    Ok(look(ctx)?.orphans.into_iter().filter(|o| o.user.is_none()).collect())
}

fn look(ctx: &Ctx) -> Result<audit::Orphans> {
    let facts = audit::facts(ctx, false)?;
    match facts.unknown.first() {
        Some(unknown) => Err(unknown.error.clone()),
        None => Ok(audit::orphans(&facts)),
    }
}

/// Looks for orphans and tells when each was seen first; `keep` writes this sighting down as well.
pub fn find_orphans(ctx: &mut Ctx, keep: bool) -> Result<Found> {
    let (now, path) = (ctx.now(), ctx.settings.paths.state.join("gc.json"));
    let found = look(ctx)?;
    let _lock = match keep {
        true => Some(Lock::acquire(&ctx.locks(), GC, "gc", "gc", &*ctx.clock, WRITE)?),
        false => None,
    };
    let earlier = read(&path)?;
    let (used, free): (Vec<_>, Vec<_>) = found.orphans.into_iter().partition(|o| o.user.is_some());
    let uptime = ctx.clock.since_boot().as_secs();
    let (seen, sightings): (Vec<_>, BTreeMap<_, _>) = free
        .into_iter()
        .map(|orphan| {
            let sighting = again(earlier.seen.get(&orphan.subject), now, uptime);
            let entry = (orphan.subject.clone(), sighting);
            (seen(orphan, sighting, now, uptime), entry)
        })
        .unzip();
    if keep {
        write(&path, sightings)?;
    }
    let used = used.into_iter().filter_map(|o| Some((o.subject, Hint::from(format!("domain `{}` uses it", o.user?)))));
    let lost = found.unrecorded.into_iter().map(|name| {
        let rebuild = Hint::from("the database does not know it: ").run_with(Verb::Repair, &[&"--rebuild"]);
        (format!("domain `{name}`"), rebuild.text(" takes it in"))
    });
    let unknown = found.unknown.iter().map(|volume| (audit::volume_subject(volume), Hint::from(audit::UNKNOWN_VOLUME)));
    let remotes = found.remotes.iter().map(|one| match one.remote {
        Some(_) => (one.subject(), Hint::from(format!("{}: ", audit::LOST_REMOTE)).then(audit::take_in_remote())),
        None => (one.subject(), Hint::from(audit::UNKNOWN_REMOTE_STAYS)),
    });
    Ok(Found { seen, kept: used.chain(lost).chain(unknown).chain(remotes).collect() })
}

/// Removes orphans; seen again just before, so that a create under way elsewhere is not taken for one.
pub fn collect(ctx: &mut Ctx, seen: &[Orphan]) -> Result<Vec<String>> {
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    let again = orphans(ctx)?;
    let mut removed = Vec::new();
    for orphan in seen.iter().filter(|o| again.contains(o)) {
        if remove(ctx, orphan)? {
            removed.push(orphan.subject.clone());
        }
    }
    firewall::apply(ctx)?;
    Ok(removed)
}

/// Removes one; `false` if somebody works on its instance, or it has an owner after all.
fn remove(ctx: &mut Ctx, orphan: &Orphan) -> Result<bool> {
    let Some((kind, owner)) = orphan.owner else { return execute_removal(ctx, &orphan.removal) };
    let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), owner, "gc", ctx.now())? else { return Ok(false) };
    if ctx.store.has_resource(owner)? {
        if kind == ResourceKind::Disk {
            return remove_replaced_disk(ctx, owner, &orphan.removal);
        }
        return if is_replaced(ctx, owner, &orphan.removal)? {
            execute_removal(ctx, &orphan.removal)
        } else {
            Ok(false)
        };
    }
    // Asked for directly: a list of domains that came out empty looks like one without this domain.
    let has_domain = match (kind, &orphan.removal) {
        (_, Removal::Owned(Object::Domain { .. })) => false,
        (ResourceKind::Instance, _) => ctx.hypervisor.domain(owner)?.is_some(),
        _ => false,
    };
    let removed = if has_domain { Ok(false) } else { execute_removal(ctx, &orphan.removal) };
    lock.retire();
    removed
}

/// Whether it is a root disk that its instance had before the one that it has now.
fn is_replaced(ctx: &Ctx, owner: Uuid, removal: &Removal) -> Result<bool> {
    let Removal::Owned(Object::Volume { name, .. }) = removal else { return Ok(false) };
    let Some(instance) = ctx.store.instance_by_uuid(owner)? else { return Ok(false) };
    Ok(audit::is_replaced(name, &instance.record) && ctx.store.open_operation_of(owner)?.is_none())
}

/// Removes a volume that is not the one that a disk has now; `false` if it is, or nobody has the disk, or somebody works on who has it.
fn remove_replaced_disk(ctx: &mut Ctx, id: Uuid, removal: &Removal) -> Result<bool> {
    let Removal::Owned(Object::Volume { name, .. }) = removal else { return Ok(false) };
    let has = |instance: &Instance| instance.record.attachment(id).is_some();
    let all = |ctx: &Ctx| Ok::<_, Error>(ctx.store.instances()?.into_iter().chain(ctx.store.kept(&ctx.host_id())?));
    let Some(found) = all(ctx)?.find(has) else { return Ok(false) };
    let holder = found.record.uuid;
    let Attempt::Held(_lock) = Lock::attempt(&ctx.locks(), holder, "gc", ctx.now())? else { return Ok(false) };
    // As it is now, not as it was before the lock.
    let (Some(holder), Some(disk)) = (all(ctx)?.find(has), ctx.store.disk_by_id(id)?) else { return Ok(false) };
    let own = holder.record.attachment(id).map(|one| one.volume);
    let is_other = std::iter::once(disk.volume).chain(own).all(|number| plan::disk_volume(id, number) != *name);
    let is_idle = ctx.store.open_operation_of(holder.record.uuid)?.is_none();
    if holder.record.uuid == found.record.uuid && is_other && is_idle {
        execute_removal(ctx, removal)
    } else {
        Ok(false)
    }
}

fn execute_removal(ctx: &Ctx, removal: &Removal) -> Result<bool> {
    match removal {
        Removal::Owned(object) => {
            for step in plan::remove(object.clone()) {
                kill_point::reached("intent");
                execute(ctx, &step, &Payload::none())?;
                kill_point::reached("effect");
            }
            Ok(true)
        }
        Removal::Name(host) => names::collect(ctx, host),
        Removal::Image(leftover) => image::leftovers::discard(&ctx.images()?, leftover),
        Removal::File(path) => match ctx.machine.remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::new(Code::FileNotRemoved, format!("cannot remove `{}`", path.display())).cause(e))
            }
            removed => Ok(removed.is_ok()),
        },
    }
}

/// A sighting with this one: of something that was seen before, or not.
fn again(earlier: Option<&Sighting>, now: Timestamp, uptime: u64) -> Sighting {
    earlier.map_or(Sighting { first: now, first_uptime: uptime, times: 1 }, |s| Sighting {
        times: s.times.saturating_add(1),
        ..*s
    })
}

/// An orphan with how long it has been there. What was seen before a boot has been there since that at least.
fn seen(orphan: Orphan, sighting: Sighting, now: Timestamp, uptime: u64) -> SeenOrphan {
    let seconds = uptime.checked_sub(sighting.first_uptime).unwrap_or(uptime);
    let age = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let left = (audit::AGE - age.min(audit::AGE)).max(SignedDuration::ZERO);
    let due = now.saturating_add(left).unwrap_or(now);
    SeenOrphan { orphan, first: sighting.first, times: sighting.times, age, due }
}

/// The earlier sightings; none if the file is not there, damaged or of another version: then all is seen for the first time.
fn read(path: &Path) -> Result<Sightings> {
    match std::fs::read(path) {
        Ok(text) => {
            Ok(serde_json::from_slice(&text).ok().filter(|s: &Sightings| s.schema == SCHEMA).unwrap_or_default())
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Sightings::default()),
        Err(e) => Err(Error::new(Code::StateUnreadable, format!("cannot read `{}`", path.display())).cause(e)),
    }
}

fn write(path: &Path, seen: BTreeMap<String, Sighting>) -> Result<()> {
    let text = serde_json::to_vec_pretty(&Sightings { schema: SCHEMA, seen })
        .map_err(|e| Error::new(Code::StateError, "cannot write the sightings").cause(e))?;
    let fail = |e: std::io::Error| {
        Error::failed(Code::StateNotWritable, format!("cannot write `{}`", path.display())).cause(e)
    };
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).map_err(fail)?;
    file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error)).map(drop)
}
