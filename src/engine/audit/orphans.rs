//! What is marked ours and is in no record. Pure.
//!
//! Several installations may share a libvirt (another pool, another database), and people give names like ours to things
//! of their own. So a name alone is a mark only for what lies in our own pool. Filters, addresses and logs count as ours
//! if the journal, a volume in our pool or a condemned domain knows their instance.

use std::{collections::HashSet, path::PathBuf};

use uuid::Uuid;

use super::facts::{DomainFacts, Facts};
use crate::{
    engine::lock::is_shared,
    image::{Leftover, leftovers},
    plan::{Step, filter_is_ours, volume_is_ours},
};

/// What removes an orphan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// Steps, in order.
    Steps(Vec<Step>),
    /// The removal of a lock file that nobody holds.
    Lock(Uuid),
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
    /// The instance it was of.
    pub owner: Option<Uuid>,
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
    /// Names of domains on a disk of ours that the journal does not call dead: the database was lost. All theirs stays.
    pub unrecorded: Vec<String>,
}

/// What we know of the instances whose things we look at.
struct Judge<'a> {
    facts: &'a Facts,
    domains: &'a [DomainFacts],
    owned: HashSet<Uuid>,
    /// Domains that may go.
    dead: Vec<&'a DomainFacts>,
    /// Instances whose things stay, though no row owns them.
    spared: HashSet<Uuid>,
    /// Instances that are proved to be of this installation.
    ours: HashSet<Uuid>,
}

/// Everything that is in no record; nothing if the domains are not known.
pub fn orphans(facts: &Facts) -> Orphans {
    let Some(domains) = &facts.domains else { return Orphans::default() };
    let judge = Judge::new(facts, domains);
    let mut orphans: Vec<Orphan> = judge.dead.iter().map(|d| judge.domain(d)).collect();
    orphans.extend(judge.volumes());
    orphans.extend(judge.filters());
    orphans.extend(judge.addresses());
    orphans.extend(judge.logs());
    orphans.extend(judge.locks());
    orphans.extend(judge.leftovers());
    orphans.extend(judge.temporary());
    let unrecorded = domains.iter().filter(|d| judge.spared.contains(&d.uuid)).map(|d| d.name.clone()).collect();
    Orphans { orphans, unrecorded }
}

impl<'a> Judge<'a> {
    fn new(facts: &'a Facts, domains: &'a [DomainFacts]) -> Self {
        let owned = facts.owned();
        let ownerless =
            |d: &&DomainFacts| facts.is_here(d) && !owned.contains(&d.uuid) && !facts.busy.contains(&d.uuid);
        // One whose record is gone or of a later version is no less somebody's machine.
        let (dead, whole): (Vec<_>, Vec<_>) = domains
            .iter()
            .filter(ownerless)
            .partition(|d| d.record.is_some() && facts.memory.condemned.contains(&d.uuid));
        let mut ours = facts.memory.known.clone();
        ours.extend(facts.volumes.iter().flatten().filter_map(|v| volume_is_ours(&v.name)));
        ours.extend(dead.iter().map(|d| d.uuid));
        Judge { facts, domains, owned, dead, spared: whole.into_iter().map(|d| d.uuid).collect(), ours }
    }

    /// No row, no live process and no domain of ours that stays.
    fn is_nobodys(&self, id: &Uuid) -> bool {
        !self.owned.contains(id) && !self.facts.busy.contains(id) && !self.spared.contains(id)
    }

    /// Another domain that uses it.
    fn user(&self, uses: impl Fn(&DomainFacts) -> bool) -> Option<String> {
        let dead = |d: &DomainFacts| self.dead.iter().any(|dead| dead.uuid == d.uuid);
        self.domains.iter().find(|d| !dead(d) && uses(d)).map(|d| d.name.clone())
    }

    fn domain(&self, domain: &DomainFacts) -> Orphan {
        Orphan {
            subject: format!("domain `{}`", domain.name),
            owner: Some(domain.uuid),
            removal: Removal::Steps(vec![
                Step::Destroy { uuid: domain.uuid },
                Step::RemoveDomain { uuid: domain.uuid },
            ]),
            user: None,
        }
    }

    fn volumes(&self) -> impl Iterator<Item = Orphan> {
        self.facts.volumes.iter().flatten().filter_map(|volume| {
            let owner = volume_is_ours(&volume.name).filter(|id| self.is_nobodys(id))?;
            let step = Step::RemoveVolume { pool: self.facts.pool_name.clone(), name: volume.name.clone() };
            let user = self.user(|d| d.disks.contains(&volume.path));
            Some(Orphan::of(step, owner, user))
        })
    }

    fn filters(&self) -> impl Iterator<Item = Orphan> {
        self.facts.filters.iter().flatten().filter_map(|name| {
            let owner = filter_is_ours(name).filter(|id| self.is_nobodys(id) && self.ours.contains(id))?;
            let user = self.user(|d| d.filters.contains(name));
            Some(Orphan::of(Step::RemoveFilter { name: name.clone() }, owner, user))
        })
    }

    fn addresses(&self) -> impl Iterator<Item = Orphan> {
        self.facts.addresses.iter().flatten().filter_map(|seen| {
            let host = &seen.host;
            let journalled = self.facts.kept.iter().find(|k| k.network == self.facts.network_name && k.host == *host);
            let recorded = self
                .dead
                .iter()
                .find(|d| d.record.as_ref().is_some_and(|r| r.mac == host.mac && r.address == Some(host.address)));
            let owner = journalled.map(|k| k.owner).or(recorded.map(|d| d.uuid))?;
            let taken = |r: &crate::model::Record| r.mac == host.mac;
            let rows = self.facts.before.instances.iter().chain(&self.facts.after.instances);
            if !self.is_nobodys(&owner) || rows.map(|i| &i.record).any(taken) {
                return None;
            }
            let user = self.user(|d| d.macs.contains(&host.mac));
            let network = self.facts.network_name.clone();
            Some(Orphan::of(Step::RemoveDhcpHost { network, host: host.clone() }, owner, user))
        })
    }

    fn logs(&self) -> impl Iterator<Item = Orphan> {
        self.facts.logs.iter().flatten().filter(|(id, _)| self.is_nobodys(id) && self.ours.contains(id)).map(
            |(owner, file)| Orphan {
                subject: format!("log `{file}`"),
                ..Orphan::of(Step::RemoveLogs { files: vec![file.clone()] }, *owner, None)
            },
        )
    }

    fn locks(&self) -> impl Iterator<Item = Orphan> {
        let strays = self.facts.free_locks.iter().filter(|id| !is_shared(id) && self.is_nobodys(id));
        strays.map(|id| Orphan {
            subject: format!("lock file of instance {id}"),
            owner: Some(*id),
            removal: Removal::Lock(*id),
            user: None,
        })
    }

    /// A disk of an instance that the database does not know may lie on an image file.
    fn leftovers(&self) -> impl Iterator<Item = Orphan> {
        let strangers = self.facts.volumes.as_ref().is_none_or(|volumes| {
            volumes.iter().filter_map(|v| volume_is_ours(&v.name)).any(|id| !self.owned.contains(&id))
        });
        let used = move |l: &Leftover| {
            let name = l.path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            strangers || self.facts.images_in_use.iter().any(|image| image == name)
        };
        let gone = move |l: &&Leftover| l.kind == leftovers::Kind::Work || !used(l);
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
    fn of(step: Step, owner: Uuid, user: Option<String>) -> Self {
        Self { subject: step.subject(), owner: Some(owner), removal: Removal::Steps(vec![step]), user }
    }
}
