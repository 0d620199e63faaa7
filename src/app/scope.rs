//! What of the host a caller sees: decided here alone. What is outside a caller's scope answers as what does not exist.
//!
//! [`Caller::require`] refuses every caller with a scope, so a use case is closed to them until it says by [`App::authorise`] what
//! it is about, or sorts what it lists by [`Sight`].

use std::collections::HashSet;

use uuid::Uuid;

use super::{App, Caller, Right};
use crate::{
    model::{AnySnapshot, Code, Disk, Error, Hint, HostId, Name, Phase, Result, Snapshot, Tag, Verb},
    store::{
        Operation, Store, alarms::no_such_alarm, disks::no_such_disk, events::StoredEvent, instances::no_such_instance,
        snapshots::no_such_snapshot, static_ips::no_such_static_ip,
    },
};

/// What a use case is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'a> {
    /// What is no account's own, as the catalog is; or what the use case itself sorts by [`Sight`].
    Sorted,
    /// Instances, deleted ones that are kept among them.
    Instances(&'a [Name]),
    /// An instance by its id.
    Id(Uuid),
    /// Snapshots.
    Snapshots(&'a [Name]),
    /// Disks that an instance has.
    Disks(&'a [Name]),
    /// Alarms.
    Alarms(&'a [Name]),
    /// A static address that leads to an instance.
    StaticIp(&'a Name),
    /// Operations.
    Operations(&'a [String]),
}

impl<'a> Target<'a> {
    /// One instance.
    pub(super) fn instance(name: &'a Name) -> Self {
        Self::Instances(std::slice::from_ref(name))
    }

    /// The first name of it.
    fn name(self) -> Option<&'a Name> {
        match self {
            Self::Instances(names) | Self::Snapshots(names) | Self::Disks(names) | Self::Alarms(names) => names.first(),
            Self::StaticIp(name) => Some(name),
            Self::Sorted | Self::Id(_) | Self::Operations(_) => None,
        }
    }
}

impl App {
    /// Refused unless the caller has the right to what the use case is about. What the caller does not see is not there.
    ///
    /// # Errors
    /// `forbidden`, or the error of what does not exist: without a word of anything else that does.
    pub(super) fn authorise(&self, caller: &Caller, right: Right, target: Target<'_>) -> Result<()> {
        self.noted(caller, right, target.name(), caller.require_somewhere(right))?;
        if caller.scope().is_all() || matches!(target, Target::Sorted) {
            return Ok(());
        }
        let store = self.store_as_it_is()?;
        let seen = store.map(|store| Ok((Sight::of(&store, &self.settings.host.id, caller)?, store))).transpose()?;
        let seen = seen.as_ref();
        let check = |is_seen: bool, error| if is_seen { Ok(()) } else { Err(error) };
        match target {
            Target::Sorted => Ok(()),
            Target::Instances(names) => names.iter().try_for_each(|name| {
                check(seen.map_or(Ok(false), |(sight, _)| Ok(sight.named(name)))?, no_such_instance(name, None))
            }),
            Target::Id(id) => check(seen.is_some_and(|(sight, _)| sight.instance(id)), no_deleted_id(id)),
            Target::Snapshots(names) => {
                let all = seen.map_or(Ok(Vec::new()), |(_, store)| store.all_snapshots(&self.settings.host.id))?;
                names.iter().try_for_each(|name| {
                    let found = all.iter().find(|one| one.resource().name == name.as_str());
                    let is_seen = found.zip(seen).is_some_and(|(one, (sight, _))| sight.any_snapshot(one));
                    check(is_seen, no_such_snapshot(name))
                })
            }
            Target::Disks(names) => {
                let all = seen.map_or(Ok(Vec::new()), |(_, store)| store.disks(&self.settings.host.id))?;
                names.iter().try_for_each(|name| {
                    let found = all.iter().find(|one| one.name == *name);
                    check(found.zip(seen).is_some_and(|(disk, (sight, _))| sight.disk(disk)), no_such_disk(name))
                })
            }
            Target::Alarms(names) => {
                let all = seen.map_or(Ok(Vec::new()), |(_, store)| store.alarms())?;
                names.iter().try_for_each(|name| {
                    let found = all.iter().find(|one| one.name == *name);
                    let is_seen = found.zip(seen).is_some_and(|(alarm, (sight, _))| sight.instance(alarm.subject));
                    check(is_seen, no_such_alarm(name))
                })
            }
            Target::StaticIp(name) => {
                let all = seen.map_or(Ok(Vec::new()), |(_, store)| store.static_ips(&self.settings.host.id))?;
                let leads_to = all.into_iter().find(|ip| ip.name == *name).and_then(|ip| ip.instance);
                let is_seen = leads_to.zip(seen).is_some_and(|(id, (sight, _))| sight.instance(id));
                check(is_seen, no_such_static_ip(name))
            }
            Target::Operations(ids) => ids.iter().try_for_each(|id| {
                let Some((sight, store)) = seen else { return Err(no_such_operation(id)) };
                let found = store.operation(id)?;
                check(found.is_some_and(|operation| sight.operation(&operation)), no_such_operation(id))
            }),
        }
    }
}

/// The error of a deleted instance that is not there.
pub(super) fn no_deleted_id(id: Uuid) -> Error {
    Error::new(Code::NoSuchInstance, format!("no deleted instance of the id `{id}` is kept")).hint(deleted_list())
}

/// The command that lists the deleted instances.
pub(super) fn deleted_list() -> Hint {
    Hint::new().run_with(Verb::List, &[&"--deleted"]).text(" shows those that are")
}

/// The error of an operation that is not there.
pub(super) fn no_such_operation(id: &str) -> Error {
    Error::new(Code::NoSuchOperation, format!("there is no operation `{id}`"))
        .hint(Hint::new().run(Verb::Operations).text(" lists them"))
}

/// What a caller sees of what belongs to instances, as the database is now.
#[derive(Debug, Default)]
pub(super) struct Sight(Option<Part>);

/// The part of the host that a tag makes out.
#[derive(Debug)]
struct Part {
    tag: Tag,
    instances: HashSet<Uuid>,
    names: HashSet<Name>,
    disks: HashSet<Uuid>,
    /// Operations that were about what had the tag then.
    operations: HashSet<String>,
}

impl Sight {
    /// What a caller sees of a host.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) fn of(store: &Store, host: &HostId, caller: &Caller) -> Result<Self> {
        let Some(tag) = caller.scope().tag() else { return Ok(Self::default()) };
        let (live, kept) = (store.instances()?, store.kept(host)?);
        let all = live.iter().filter(|instance| instance.phase != Phase::Baking).chain(&kept);
        let own: Vec<_> = all.map(|instance| &instance.record).filter(|record| record.tags.contains(tag)).collect();
        let instances: HashSet<Uuid> = own.iter().map(|record| record.uuid).collect();
        // A name that another has too, or a deleted instance of somebody else's had, is not theirs to use.
        let others = live.iter().map(|instance| &instance.record).filter(|record| !instances.contains(&record.uuid));
        let others: HashSet<&Name> = others.map(|record| &record.name).collect();
        let lives = |name: &Name| live.iter().any(|i| i.record.name == *name && instances.contains(&i.record.uuid));
        let others_kept = kept.iter().map(|i| &i.record).filter(|record| !instances.contains(&record.uuid));
        let others_kept: HashSet<&Name> = others_kept.map(|record| &record.name).collect();
        let names = own.iter().map(|record| &record.name);
        let names = names.filter(|name| !others.contains(name) && (lives(name) || !others_kept.contains(name)));
        Ok(Self(Some(Part {
            names: names.cloned().collect(),
            disks: own.iter().flat_map(|record| &record.disks).map(|attached| attached.disk).collect(),
            operations: store.operations_tagged(tag)?,
            tag: tag.clone(),
            instances,
        })))
    }

    fn sees(&self, is_own: impl FnOnce(&Part) -> bool) -> bool {
        self.0.as_ref().is_none_or(is_own)
    }

    /// An instance by its id.
    pub(super) fn instance(&self, id: Uuid) -> bool {
        self.sees(|part| part.instances.contains(&id))
    }

    /// An instance by its name, or the deleted one that had it last.
    pub(super) fn named(&self, name: &Name) -> bool {
        self.sees(|part| part.names.contains(name))
    }

    /// A snapshot: of an instance that is seen, or that had the tag when it was made.
    fn snapshot(&self, snapshot: &Snapshot) -> bool {
        let record = &snapshot.record;
        self.sees(|part| record.tags.contains(&part.tag) || part.instances.contains(&record.uuid))
    }

    /// A snapshot of an instance; or of a disk, whose instance has it now.
    pub(super) fn any_snapshot(&self, snapshot: &AnySnapshot) -> bool {
        match snapshot {
            AnySnapshot::Instance(one) => self.snapshot(&one.snapshot),
            AnySnapshot::Disk(one) => self.sees(|part| part.disks.contains(&one.snapshot.disk.disk)),
        }
    }

    /// A disk that an instance has.
    pub(super) fn disk(&self, disk: &Disk) -> bool {
        self.sees(|part| part.disks.contains(&disk.id))
    }

    /// An event about an instance.
    pub(super) fn event(&self, event: &StoredEvent) -> bool {
        let about = event.event.data.instance.as_ref().map(|instance| instance.id);
        self.sees(|part| about.is_some_and(|id| part.instances.contains(&id)))
    }

    /// An operation on an instance that is seen, or on what had the tag when it was accepted.
    pub(super) fn operation(&self, operation: &Operation) -> bool {
        self.sees(|part| {
            part.operations.contains(&operation.id)
                || operation.instance().is_some_and(|id| part.instances.contains(&id))
        })
    }
}
