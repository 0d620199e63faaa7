//! What is going on: one look at the instances, for all who watch them. Each caller is shown its part of it.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    App, Caller, Right,
    instance::list::{self, has_tags},
    metric,
    scope::Target,
};
use crate::{
    hypervisor::FolderChanges,
    model::{Class, Metric, OperationState, Result, Unobserved, Via},
    monitor::run::QEMU,
    store::{Operation, Store},
    view::{HostView, ListRow, StorageRow},
};

/// How long a connection to the database is kept: a file that was replaced is found after that.
const KEPT: Duration = Duration::from_secs(10);

/// An operation at work on an instance.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AtWork {
    /// Its id.
    pub id: String,
    /// What it does.
    pub kind: String,
    /// Its stage.
    pub stage: Option<String>,
}

/// What there is, as of one look.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// The instances.
    pub rows: Vec<ListRow>,
    /// What they cost beside themselves.
    pub storage: Vec<StorageRow>,
    /// What is at work on each.
    pub at_work: HashMap<Uuid, AtWork>,
    /// What was measured last of each, by its name: of [`MEASURED`].
    pub measured: HashMap<String, Vec<Option<f64>>>,
    /// What the host has and has promised; none: it cannot be asked.
    pub host: Option<HostView>,
}

/// What is told of how busy an instance is.
pub const MEASURED: [Metric; 3] = [Metric::CpuUtilization, Metric::MemoryUtilization, Metric::DiskSpaceUtilization];

impl Looked {
    /// What a caller sees of it.
    ///
    /// # Errors
    /// It may not look.
    pub fn part(&self, app: &App, caller: &Caller) -> Result<Self> {
        app.authorise(caller, Right::Read, Target::Sorted)?;
        let tags = caller.with_scope(&[]);
        let rows: Vec<ListRow> = self.rows.iter().filter(|row| has_tags(&row.tags, &tags)).cloned().collect();
        let is_of = |one: &&StorageRow| rows.iter().any(|row| one.instance.as_ref() == Some(&row.name));
        let storage = self.storage.iter().filter(|one| tags.is_empty() || is_of(one)).cloned().collect();
        let at_work = rows.iter().filter_map(|row| Some((row.uuid, self.at_work.get(&row.uuid)?.clone()))).collect();
        let measured =
            rows.iter().filter_map(|row| Some((row.name.clone(), self.measured.get(&row.name)?.clone()))).collect();
        let host = self.host.filter(|_| caller.scope().is_all());
        Ok(Self { rows, storage, at_work, measured, host })
    }
}

/// Looks, and knows when a look is worth it.
pub struct Looker {
    app: App,
    store: Option<(Store, i64, Instant)>,
    changes: Option<Box<dyn FolderChanges>>,
}

impl Looker {
    /// Has not looked yet.
    pub fn new(app: &App) -> Self {
        let machine = &app.machine;
        let changes = machine.runs_guests().then(|| machine.follow(Path::new(QEMU)).ok()).flatten();
        Self { app: app.clone(), store: None, changes }
    }

    /// Whether somebody changed the database, or a QEMU came or went, since the last time. Costs microseconds.
    pub fn has_changed(&mut self) -> bool {
        let moved = self.changes.as_mut().is_some_and(|changes| changes.any());
        self.database_changed() || moved
    }

    fn database_changed(&mut self) -> bool {
        let now = self.app.clock.instant();
        if let Some((store, version, opened)) = &mut self.store
            && now.saturating_duration_since(*opened) < KEPT
        {
            return match store.data_version() {
                Ok(new) => std::mem::replace(version, new) != new,
                Err(_) => {
                    self.store = None;
                    true
                }
            };
        }
        // What was written between two connections was not told by either: that is looked at.
        let opened = self.app.store_as_it_is().ok().flatten();
        self.store = opened.and_then(|store| Some((store.data_version().ok()?, store))).map(|(v, s)| (s, v, now));
        true
    }

    /// Looks at all there is.
    ///
    /// # Errors
    /// Those of the database.
    pub fn look(&self) -> Result<Looked> {
        look(&self.app)
    }
}

fn look(app: &App) -> Result<Looked> {
    let root = Caller::root(Via::Console);
    let (rows, storage, host) = match list::with_host(app, &root, &mut Unobserved) {
        Ok(found) => found,
        // As the database has them: their states are unknown.
        Err(error) if error.class == Class::Unreachable => {
            let (rows, storage) = list::cost(app, &root, &[], &mut Unobserved)?;
            (rows, storage, None)
        }
        Err(error) => return Err(error),
    };
    let measured = metric::latest_of_all(app, &root, &MEASURED, &mut Unobserved)?;
    Ok(Looked { rows, storage, at_work: at_work(app)?, measured, host })
}

/// What is at work on instances, by their ids.
///
/// # Errors
/// Those of the database.
pub fn at_work(app: &App) -> Result<HashMap<Uuid, AtWork>> {
    let open = app.store_as_it_is()?.map(|store| store.open_operations()).transpose()?.unwrap_or_default();
    let at_work = open.into_iter().filter(|operation| operation.state == OperationState::Started);
    let of = |operation: Operation| {
        let of = operation.instance()?;
        Some((of, AtWork { id: operation.id, kind: operation.kind.to_string(), stage: operation.progress.stage }))
    };
    Ok(at_work.filter_map(of).collect())
}
