//! What is marked ours and is in no record. Pure.
//!
//! Several installations may share a libvirt (another pool, another database), and people give names like ours to things
//! of their own. So a name alone is a mark only for what lies in our own pool, and there only if no other kind has such
//! names. All else counts as ours if the journal, such a volume or a domain that was to be deleted knows its instance.

use std::{collections::HashSet, path::PathBuf};

use uuid::Uuid;

use super::facts::{DomainFacts, Facts};
use crate::{
    engine::{
        lock::{is_shared, owner},
        ours::is_without_row,
        remote::LostRemote,
    },
    image::{Leftover, leftovers},
    model::{Disk, DiskState, DnsHost, Instance, Record, ResourceKind, escaped},
    plan::{
        Namespace, Object, OwnedKind, disk_volume, full_name, is_marked, named_instance, owner_of, root_disk,
        root_disk_number,
    },
};

/// What is said of a volume that is marked as ours, while nothing tells which kind of ours it is.
pub const UNKNOWN_VOLUME: &str = "it is named as one of lite's, and this lite does not know what it is";

/// What removes an orphan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The removal of an owned thing.
    Owned(Object),
    /// The removal of a name in DNS.
    Name(DnsHost),
    /// The removal of what image work left.
    Image(Leftover),
    /// The removal of a half-written file.
    File(PathBuf),
}

/// Something of ours on the host that no record owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// What it is, for people, and its key.
    pub subject: String,
    /// The kind and the id of the resource it was of.
    pub owner: Option<(ResourceKind, Uuid)>,
    /// What removes it.
    pub removal: Removal,
    /// A domain that uses it although no record owns it. It stays.
    pub user: Option<String>,
}

/// What is in no record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orphans {
    /// What may go.
    pub orphans: Vec<Orphan>,
    /// Names of domains on a disk of ours that the journal does not call deleted: the database was lost. All theirs stays.
    pub unrecorded: Vec<String>,
    /// Names of volumes that are marked as ours, and of which this lite does not know what they are. They stay.
    pub unknown: Vec<String>,
    /// Folders of remotes that the database does not know. They stay: nothing else may have their passwords.
    pub remotes: Vec<LostRemote>,
}

/// Whose the things are that were found.
struct Owners<'a> {
    facts: &'a Facts,
    domains: &'a [DomainFacts],
    /// Resources with a row.
    with_row: HashSet<Uuid>,
    /// Domains without a row of which the journal says that they were to go.
    delete_recorded: Vec<&'a DomainFacts>,
    /// Instances whose things stay, though no row owns them: they have a domain.
    kept: HashSet<Uuid>,
    /// Instances that are proved to be of this installation.
    ours: HashSet<Uuid>,
}

/// Whether a volume is a root disk of an instance that has another.
pub fn is_replaced(volume: &str, record: &Record) -> bool {
    root_disk_number(record, volume).is_some() && root_disk(record) != volume
}

/// Everything that is in no record; nothing if the domains are not known.
pub fn orphans(facts: &Facts) -> Orphans {
    let Some(domains) = &facts.domains else { return Orphans::default() };
    let owners = Owners::new(facts, domains);
    let mut orphans: Vec<Orphan> = owners.delete_recorded.iter().map(|d| owners.domain(d)).collect();
    orphans.extend(owners.volumes());
    orphans.extend(owners.replaced());
    orphans.extend(owners.replaced_disks());
    orphans.extend(owners.filters());
    orphans.extend(owners.addresses());
    orphans.extend(owners.names());
    orphans.extend(owners.logs());
    orphans.extend(owners.locks());
    orphans.extend(owners.leftovers());
    orphans.extend(owners.temporary());
    let unrecorded = domains.iter().filter(|d| owners.kept.contains(&d.uuid)).map(|d| d.name.clone()).collect();
    Orphans { orphans, unrecorded, unknown: owners.unknown(), remotes: facts.lost_remotes.clone() }
}

/// A volume, for people: one that nobody knows may have any name.
pub fn volume_subject(volume: &str) -> String {
    format!("volume `{}`", escaped(volume))
}

impl<'a> Owners<'a> {
    fn new(facts: &'a Facts, domains: &'a [DomainFacts]) -> Self {
        let with_row = facts.with_row();
        let ownerless =
            |d: &&DomainFacts| facts.is_here(d) && !with_row.contains(&d.uuid) && !facts.busy.contains(&d.uuid);
        // One whose record is gone or of a later version is no less somebody's machine.
        let (delete_recorded, whole): (Vec<_>, Vec<_>) = domains
            .iter()
            .filter(ownerless)
            .partition(|d| d.record.is_some() && facts.memory.delete_recorded.contains(&d.uuid));
        let told = facts.volumes.iter().flatten().filter_map(|v| owner_of(Namespace::Volume, &v.name));
        let told = told.filter(|(kind, _)| kind.description().is_told_by_name()).map(|(_, id)| id);
        let ours = facts.memory.known.iter().copied().chain(told).chain(delete_recorded.iter().map(|d| d.uuid));
        let ours = ours.collect();
        Owners { facts, domains, with_row, delete_recorded, kept: whole.into_iter().map(|d| d.uuid).collect(), ours }
    }

    /// No row, no live process and no domain of ours that stays.
    fn has_no_owner(&self, id: &Uuid) -> bool {
        !self.with_row.contains(id) && !self.facts.busy.contains(id) && !self.kept.contains(id)
    }

    /// Nobody's, and proved to be of this installation.
    fn may_go(&self, id: &Uuid) -> bool {
        self.has_no_owner(id) && self.ours.contains(id)
    }

    /// Another domain that uses it.
    fn user(&self, uses: impl Fn(&DomainFacts) -> bool) -> Option<String> {
        let goes = |d: &DomainFacts| self.delete_recorded.iter().any(|other| other.uuid == d.uuid);
        self.domains.iter().find(|d| !goes(d) && uses(d)).map(|d| d.name.clone())
    }

    fn domain(&self, domain: &DomainFacts) -> Orphan {
        let subject = format!("domain `{}`", domain.name);
        Orphan { subject, ..Orphan::of(OwnedKind::Domain, Object::Domain { uuid: domain.uuid }, domain.uuid, None) }
    }

    fn volumes(&self) -> impl Iterator<Item = Orphan> {
        self.facts.volumes.iter().flatten().filter_map(|volume| {
            let (kind, owner) = owner_of(Namespace::Volume, &volume.name).filter(|(_, id)| self.may_go(id))?;
            let object = Object::Volume { pool: self.facts.pool_name.clone(), name: volume.name.clone() };
            Some(Orphan::of(kind, object, owner, self.user(|d| d.disks.contains(&volume.path))))
        })
    }

    /// Root disks of instances that have another by now: a restore that was cut off with the database lost left them.
    fn replaced(&self) -> impl Iterator<Item = Orphan> {
        let open: HashSet<Uuid> = self.facts.before.open.iter().chain(&self.facts.after.open).map(owner).collect();
        let (before, after) = (&self.facts.before, &self.facts.after);
        let rows: Vec<&Record> = [&before.instances, &before.kept, &after.instances, &after.kept]
            .into_iter()
            .flatten()
            .map(|instance| &instance.record)
            .collect();
        self.facts.volumes.iter().flatten().filter_map(move |volume| {
            let (kind, owner) = owner_of(Namespace::Volume, &volume.name)?;
            let mut own = rows.iter().filter(|record| record.uuid == owner).peekable();
            let is_idle = !self.facts.busy.contains(&owner) && !open.contains(&owner);
            let is_replaced = own.peek().is_some() && own.all(|record| is_replaced(&volume.name, record));
            (is_idle && is_replaced).then(|| {
                let object = Object::Volume { pool: self.facts.pool_name.clone(), name: volume.name.clone() };
                Orphan::of(kind, object, owner, self.user(|d| d.disks.contains(&volume.path)))
            })
        })
    }

    /// Volumes of disks that have another by now: the record of the instance that has one tells which is the disk.
    fn replaced_disks(&self) -> impl Iterator<Item = Orphan> {
        self.facts.volumes.iter().flatten().filter_map(|volume| {
            let (id, _) = self.replaced_disk(&volume.name).filter(|(_, is_held)| *is_held)?;
            let object = Object::Volume { pool: self.facts.pool_name.clone(), name: volume.name.clone() };
            Some(Orphan::of(OwnedKind::Disk, object, id, self.user(|d| d.disks.contains(&volume.path))))
        })
    }

    /// The disk that a volume is of and that has another one, and whether an instance has that disk. None: it is the disk, or somebody may
    /// be at work on it.
    fn replaced_disk(&self, volume: &str) -> Option<(Uuid, bool)> {
        let (_, id) = owner_of(Namespace::Volume, volume).filter(|(kind, _)| *kind == OwnedKind::Disk)?;
        let (before, after) = (&self.facts.before, &self.facts.after);
        let rows: Vec<&Disk> = before.disks.iter().chain(&after.disks).filter(|disk| disk.id == id).collect();
        let instances = [&before.instances, &before.kept, &after.instances, &after.kept].into_iter().flatten();
        let has = |instance: &&Instance| instance.record.attachment(id).is_some();
        let holders: Vec<&Record> = instances.filter(has).map(|instance| &instance.record).collect();
        let open: HashSet<Uuid> = before.open.iter().chain(&after.open).map(owner).collect();
        let is_idle = |id: &Uuid| !self.facts.busy.contains(id) && !open.contains(id);
        let is_settled = rows.iter().all(|disk| disk.state == DiskState::Available)
            && is_idle(&id)
            && holders.iter().all(|record| is_idle(&record.uuid));
        let own = holders.iter().filter_map(|record| record.attachment(id)).map(|one| one.volume);
        let mut numbers = rows.iter().map(|disk| disk.volume).chain(own);
        let is_other = !rows.is_empty() && numbers.all(|number| disk_volume(id, number) != volume);
        (is_settled && is_other).then_some((id, !holders.is_empty()))
    }

    /// Volumes that are marked as ours, and that no kind's rule reads, or only one that reads other things as well. One of a disk that
    /// nobody has and that has another is among them: nothing tells which of the two is right.
    fn unknown(&self) -> Vec<String> {
        let names = self.facts.volumes.iter().flatten().map(|v| &v.name);
        let names = names.filter(|name| is_marked(name) || owner_of(Namespace::Volume, name).is_some());
        let unknown = names.filter(|name| match owner_of(Namespace::Volume, name) {
            Some((_, id)) if self.has_no_owner(&id) => !self.ours.contains(&id),
            Some(_) => self.replaced_disk(name).is_some_and(|(_, is_held)| !is_held),
            None => true,
        });
        unknown.cloned().collect()
    }

    fn filters(&self) -> impl Iterator<Item = Orphan> {
        self.facts.filters.iter().flatten().filter_map(|name| {
            let (kind, owner) = owner_of(Namespace::Filter, name).filter(|(_, id)| self.may_go(id))?;
            let user = self.user(|d| d.filters.contains(name));
            Some(Orphan::of(kind, Object::Filter { name: name.clone() }, owner, user))
        })
    }

    /// An address has no name: the journal or the record of a domain that was to go tells its owner.
    fn addresses(&self) -> impl Iterator<Item = Orphan> {
        self.facts.addresses.iter().flatten().filter_map(|seen| {
            let host = &seen.host;
            let object = Object::DhcpHost { network: self.facts.network_name.clone(), host: host.clone() };
            let journalled = self.facts.journalled.iter().find(|(_, thing)| *thing == object).map(|(owner, _)| *owner);
            let own = |r: &Record| r.mac == host.mac && r.address == Some(host.address);
            let recorded = self.delete_recorded.iter().find(|d| d.record.as_ref().is_some_and(own)).map(|d| d.uuid);
            let owner = journalled.or(recorded)?;
            let mut rows = self.facts.before.instances.iter().chain(&self.facts.after.instances);
            if !self.has_no_owner(&owner) || rows.any(|i| i.record.mac == host.mac) {
                return None;
            }
            Some(Orphan::of(OwnedKind::DhcpHost, object, owner, self.user(|d| d.macs.contains(&host.mac))))
        })
    }

    /// An entry tells a name, and the journal whose it was last.
    fn names(&self) -> impl Iterator<Item = Orphan> {
        let rows = || self.facts.before.instances.iter().chain(&self.facts.after.instances);
        self.facts.names.iter().flatten().filter_map(move |seen| {
            let name = named_instance(&seen.host).filter(|name| rows().all(|i| i.record.name != *name))?;
            let (_, owner) = self.facts.memory.owners.get(name.as_str()).filter(|(_, id)| self.has_no_owner(id))?;
            Some(Orphan {
                subject: format!("name `{}` of {}", full_name(&name), seen.host.address),
                owner: Some((ResourceKind::Instance, *owner)),
                removal: Removal::Name(seen.host.clone()),
                user: None,
            })
        })
    }

    fn logs(&self) -> impl Iterator<Item = Orphan> {
        let logs = self.facts.logs.iter().flatten().filter(|(id, _)| self.may_go(id));
        let object = |file: &String| Object::Logs { files: vec![file.clone()] };
        logs.map(move |(owner, file)| Orphan::of(OwnedKind::ConsoleLog, object(file), *owner, None))
    }

    fn locks(&self) -> impl Iterator<Item = Orphan> {
        // That of an operation goes with it: the operation is what is told.
        let open = self.facts.before.open.iter().chain(&self.facts.after.open);
        let of_operations: HashSet<Uuid> = open.map(owner).collect();
        let ours = self.facts.free_locks.iter().filter(|id| !is_shared(id) && self.has_no_owner(id));
        let free = ours.filter(move |id| !of_operations.contains(id));
        free.map(|id| Orphan::of(OwnedKind::Lock, Object::Lock { instance: *id }, *id, None))
    }

    /// A disk of an instance that the database does not know may lie on an image file.
    fn leftovers(&self) -> impl Iterator<Item = Orphan> {
        let volumes = self.facts.volumes.as_ref();
        let hidden = volumes.is_none_or(|all| all.iter().any(|v| is_without_row(&v.name, &self.with_row)));
        let used = move |l: &Leftover| hidden || self.facts.images_in_use.iter().any(|image| image == l.name());
        let gone = move |l: &&Leftover| l.kind != leftovers::Kind::Version || !used(l);
        self.facts.leftovers.iter().flatten().filter(gone).map(|leftover| Orphan {
            subject: format!("file `{}` of image `{}`", leftover.path.display(), leftover.id),
            owner: None,
            removal: Removal::Image(leftover.clone()),
            user: None,
        })
    }

    fn temporary(&self) -> impl Iterator<Item = Orphan> {
        self.facts.temporary.iter().map(|path| Orphan {
            subject: format!("half-written file `{}`", path.display()),
            owner: None,
            removal: Removal::File(path.clone()),
            user: None,
        })
    }
}

impl Orphan {
    fn of(kind: OwnedKind, object: Object, owner: Uuid, user: Option<String>) -> Self {
        let owner = (kind.description().owner_kind(), owner);
        Self { subject: object.subject(), owner: Some(owner), removal: Removal::Owned(object), user }
    }
}
