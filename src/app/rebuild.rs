//! A database made again from what libvirt holds: first what is wrong, so that a front end can ask, then the change.

use std::path::Path;

use uuid::Uuid;

use super::{App, Caller, Right, sources::catalog};
use crate::{
    engine::{self, our_domains},
    model::{AuditAction, Code, Error, Result, escaped},
    store::{NetworkFile, OldDatabases, Store, create_private_dir},
    view::{RebuildPlan, RebuildView, RebuiltView},
};

/// What a rebuild starts from.
pub struct Rebuild {
    caller: Caller,
    damage: Option<Error>,
}

/// Looks what is wrong with the database.
pub fn look(app: &App, caller: &Caller) -> Result<Rebuild> {
    app.require(caller, Right::Administer)?;
    app.host()?;
    Ok(Rebuild { caller: caller.clone(), damage: damage(&app.settings.paths.state)? })
}

/// What is wrong with the database; none if it is sound, or was never there.
fn damage(state: &Path) -> Result<Option<Error>> {
    let readable = match Store::exists(state)? {
        true => Store::open(state).and_then(|store| store.read_all()),
        false => Ok(()),
    };
    match readable {
        Ok(()) => Ok(None),
        Err(e) if e.code == Code::StateDamaged => Ok(Some(e)),
        Err(e) => Err(e),
    }
}

impl Rebuild {
    /// Why the database is set aside; none if it is sound, or was never there.
    pub fn damage(&self) -> Option<&Error> {
        self.damage.as_ref()
    }

    /// What would be done.
    pub fn plan(&self, app: &App) -> Result<RebuildPlan> {
        let state = &app.settings.paths.state;
        let store = match self.damage.is_none() && Store::exists(state)? {
            true => Some(Store::open(state)?),
            false => None,
        };
        let known = store.as_ref().map(Store::instances).transpose()?.unwrap_or_default();
        let known: Vec<Uuid> = known.into_iter().map(|i| i.record.uuid).collect();
        let lost = |file| engine::lost_network(store.as_ref(), &file, &app.settings.host.id);
        let [load_balancers, static_addresses] = NetworkFile::read(state)?.map(lost).transpose()?.unwrap_or_default();
        let remotes = store.as_ref().map(Store::remotes).transpose()?.unwrap_or_default();
        let remotes = engine::lost_remotes(&app.settings, |id| remotes.iter().any(|one| one.id == *id))?;
        let remotes = remotes.into_iter().filter_map(|one| Some(one.remote?.name.to_string())).collect();
        let mut domains = our_domains(&*app.host()?, &app.settings)?;
        domains.retain(|d| !known.contains(&d.seen.uuid));
        let name = |d: engine::OurDomain| d.record.map_or_else(|| escaped(&d.seen.name), |r| r.name.to_string());
        Ok(RebuildPlan {
            dry_run: true,
            damaged: self.damage.is_some(),
            instances: domains.into_iter().map(name).collect(),
            remotes,
            load_balancers,
            static_addresses,
        })
    }

    /// Sets a damaged database aside; gives where it lies now.
    pub fn set_aside(&self, app: &App) -> Result<Option<String>> {
        if self.damage.is_none() {
            return Ok(None);
        }
        let (state, now) = (&app.settings.paths.state, app.clock.now());
        engine::refuse_while_busy(state, now)?;
        Ok(Store::set_aside(state, now)?.map(|path| path.display().to_string()))
    }

    /// Reads the instances back from the domains.
    pub fn run(self, app: &App, set_aside: Option<String>, wait: bool) -> Result<RebuildView> {
        let state = &app.settings.paths.state;
        let catalog = catalog(&app.settings)?;
        create_private_dir(state)?;
        let old = OldDatabases::open(state)?;
        let mut ctx = app.context_of_new_state(&self.caller, wait)?;
        ctx.store.record_audit(&app.done(&self.caller, AuditAction::Rebuild))?;
        let done = engine::rebuild(&mut ctx, &catalog, &old)?;
        let view = |r: engine::Rebuilt| RebuiltView { name: r.name, lost: r.lost, salvaged: r.salvaged };
        Ok(RebuildView {
            set_aside,
            rebuilt: done.taken.into_iter().map(view).collect(),
            snapshots: done.snapshots,
            disks: done.disks,
            remotes: done.remotes,
            load_balancers: done.load_balancers,
            static_addresses: done.static_ips,
            refused: done.refused,
        })
    }
}
