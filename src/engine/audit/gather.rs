//! Reads database and host. What cannot be looked at is unknown, never absent.

use std::collections::{BTreeSet, HashSet};

use uuid::Uuid;

use super::facts::{Facts, Ledger, domain_facts};
use super::local;
use crate::{
    doctor,
    engine::{Capacity, Engine, gc::AGE, host::used_by_disks, lock::Lock},
    image,
    model::{Code, Error, Record, Result},
    plan::{Namespace, Object, OwnedKind, Step, owner_of, subnet_of},
};

impl Engine<'_> {
    /// Looks at database and host; `all`: also at the capacity, and at this machine's processes and libvirt's own files.
    ///
    /// An error is one of the database or the lock folder.
    pub(in crate::engine) fn facts(&self, all: bool) -> Result<Facts> {
        let s = self.settings;
        let mut f = Facts {
            before: self.ledger()?,
            pool_name: s.pool.clone(),
            network_name: s.network.clone(),
            pool_folders: vec![s.paths.pool.display().to_string()],
            ..Facts::default()
        };
        f.busy = self.survey()?.0;
        let rows = f.before.instances.iter().map(|i| &i.record);
        let records: Vec<Record> = rows.filter(|r| !f.busy.contains(&r.uuid)).cloned().collect();
        self.look_at_storage(&mut f, &records);
        self.look_at_network(&mut f, &records);
        self.look_at_domains(&mut f);
        let (logs, leftovers) = (local::logs(&s.paths.logs), image::leftovers(&s.paths.pool));
        f.logs = f.known("logs", logs);
        f.leftovers = f.known("image files", leftovers);
        let temporary = local::temporary(&s.paths.state, (self.now)(), AGE);
        f.temporary = f.known("state folder", temporary).unwrap_or_default();
        if all {
            self.look_at_machine(&mut f);
            self.look_at_capacity(&mut f);
        }
        self.look_again(&mut f)?;
        Ok(f)
    }

    /// The locks, the database, and the locks once more: an operation is nobody's if it is still open after its lock was
    /// seen free.
    fn look_again(&self, f: &mut Facts) -> Result<()> {
        let (held, free) = self.survey()?;
        f.after = self.ledger()?;
        f.memory = self.store.memory()?;
        f.journalled = self.journalled_things()?;
        f.images_in_use = self.store.images_in_use()?;
        let (held_last, free_last) = self.survey()?;
        f.busy.extend(held.into_iter().chain(held_last));
        f.free_locks = free.intersection(&free_last).copied().collect();
        f.free_locks.sort_unstable();
        let still = self.store.open_operations()?;
        f.after.open.retain(|o| still.contains(o));
        Ok(())
    }

    fn ledger(&self) -> Result<Ledger> {
        Ok(Ledger { instances: self.store.instances()?, open: self.store.open_operations()? })
    }

    /// The instances whose lock somebody holds, and those whose lock file nobody does.
    fn survey(&self) -> Result<(HashSet<Uuid>, HashSet<Uuid>)> {
        let (held, free): (Vec<_>, Vec<_>) = Lock::survey(&self.locks())?.into_iter().partition(|(_, held)| *held);
        let ids = |locks: Vec<(Uuid, bool)>| locks.into_iter().map(|(id, _)| id).collect();
        Ok((ids(held), ids(free)))
    }

    /// Things whose name does not tell their owner: the journal does.
    fn journalled_things(&self) -> Result<Vec<(Uuid, Object)>> {
        let unreadable = |e| Error::new(Code::StateError, "cannot read a step of the journal").cause(e);
        let mut things = Vec::new();
        for (owner, step) in self.store.steps_of_kind("dhcp_host")? {
            if let Step::Ensure { object, .. } = serde_json::from_str(&step).map_err(unreadable)? {
                things.push((owner, object));
            }
        }
        Ok(things)
    }

    /// Each domain whose row, disk or filter is there and that the list does not have is asked for by itself.
    fn look_at_domains(&self, f: &mut Facts) {
        let listed = self.hypervisor.domains();
        let Some(mut listed) = f.known("domains", listed) else { return };
        let rows = f.before.instances.iter().map(|i| i.record.uuid);
        let disks = f.volumes.iter().flatten().filter_map(|v| owner_of(Namespace::Volume, &v.name));
        let filters = f.filters.iter().flatten().filter_map(|name| owner_of(Namespace::Filter, name));
        let expected: BTreeSet<Uuid> = rows.chain(disks.chain(filters).map(|(_, id)| id)).collect();
        let mut found = Vec::new();
        for uuid in expected.into_iter().filter(|uuid| listed.iter().all(|d| d.uuid != *uuid)) {
            let direct = self.hypervisor.domain(uuid);
            found.extend(f.known("domains", direct).flatten());
        }
        if !found.is_empty() {
            // Another installation may have made it meanwhile.
            let again = self.hypervisor.domains();
            let Some(again) = f.known("domains", again) else { return };
            listed = again;
        }
        for seen in found {
            if listed.iter().all(|d| d.uuid != seen.uuid) {
                f.left_out("domains", &seen.name);
                listed.push(seen);
            }
        }
        let mut domains = Vec::with_capacity(listed.len());
        for domain in listed {
            let xml = self.hypervisor.domain_xml(domain.uuid);
            let facts = xml.and_then(|xml| xml.map(|x| domain_facts(domain.uuid, &domain.name, &x)).transpose());
            match f.known("domains", facts) {
                Some(facts) => domains.extend(facts),
                None => return,
            }
        }
        f.domains = Some(domains);
    }

    fn look_at_storage(&self, f: &mut Facts, records: &[Record]) {
        let pool = self.hypervisor.pool(&self.settings.pool);
        f.pool = f.known("storage pool", pool);
        let Some(pool) = f.pool.clone() else { return };
        f.pool_folders.extend(pool.as_ref().map(|p| p.path.clone()));
        if pool.is_none_or(|p| !p.active) {
            f.volumes = Some(Vec::new());
            return;
        }
        let listed = self.hypervisor.volumes(&self.settings.pool);
        let Some(mut listed) = f.known("volumes", listed) else { return };
        for object in self.owned(records) {
            let Object::Volume { pool, name } = object else { continue };
            if listed.iter().all(|v| v.name != name) {
                let direct = self.hypervisor.volume(&pool, &name);
                if let Some(seen) = f.known("volumes", direct).flatten() {
                    f.left_out("volumes", &name);
                    listed.push(seen);
                }
            }
        }
        f.volumes = Some(listed);
    }

    fn look_at_network(&self, f: &mut Facts, records: &[Record]) {
        let listed = self.hypervisor.filters();
        f.filters = f.known("filters", listed);
        for object in self.owned(records) {
            let Object::Filter { name } = object else { continue };
            if f.filters.as_ref().is_some_and(|listed| !listed.contains(&name)) {
                let direct = self.hypervisor.filter_xml(&name);
                if f.known("filters", direct).flatten().is_some() {
                    f.left_out("filters", &name);
                    f.filters.iter_mut().for_each(|listed| listed.push(name.clone()));
                }
            }
        }
        let addresses = self.hypervisor.dhcp_hosts(&self.settings.network);
        f.addresses = f.known("addresses", addresses);
        let network = self.hypervisor.network(&self.settings.network);
        let Some(network) = f.known("network", network) else { return };
        f.network = Some(network.is_some());
        let kept = network.and_then(|n| subnet_of(&n.xml).ok()).map_or(Vec::new(), |subnet| subnet.kept);
        for address in records.iter().filter_map(|r| r.address).filter(|a| kept.contains(a)) {
            if f.addresses.as_ref().is_some_and(|listed| listed.iter().all(|seen| seen.host.address != address)) {
                f.left_out("addresses", &address.to_string());
                f.addresses = None;
            }
        }
    }

    /// Of another machine's processes and files nothing is known here, and libvirt's test driver has none.
    fn look_at_machine(&self, f: &mut Facts) {
        if !(doctor::is_local(&self.settings.connect) && self.settings.connect.starts_with("qemu")) {
            return;
        }
        let processes = local::processes(&f.pool_folders, &self.settings.paths.pool);
        f.processes = f.known("processes", processes).unwrap_or_default();
        let files = self.store.memory().and_then(|memory| local::libvirt_files(&memory.names));
        f.libvirt_files = f.known("files of libvirt", files).unwrap_or_default();
        // Seen after the list of domains was made: one may have come meanwhile.
        for uuid in f.processes.iter().filter_map(|p| p.instance()).collect::<Vec<_>>() {
            let missing = f.domains.as_ref().is_some_and(|all| all.iter().all(|d| d.uuid != uuid));
            if missing {
                let direct = self.hypervisor.domain(uuid);
                if !matches!(f.known("processes", direct), Some(None)) {
                    f.processes.retain(|p| p.instance() != Some(uuid));
                }
            }
        }
    }

    fn look_at_capacity(&self, f: &mut Facts) {
        let (Some(Some(pool)), Some(volumes)) = (f.pool.clone(), &f.volumes) else { return };
        let used = used_by_disks(volumes);
        let (host, held) = (self.hypervisor.host(), self.store.allocated());
        let (host, held) = (f.known("capacity", host), f.known("capacity", held));
        if let (Some(host), Some(held)) = (host, held) {
            f.overdraft = Capacity::overdrawn(&host, &self.usable(pool), used, &held);
        }
    }

    /// Everything that these instances own.
    fn owned<'r>(&'r self, records: &'r [Record]) -> impl Iterator<Item = Object> + 'r {
        let place = self.settings.into();
        records.iter().flat_map(move |record| OwnedKind::all_of(record, place)).map(|(_, object)| object)
    }
}
