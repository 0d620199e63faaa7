//! What instances there are, how they are, and what they cost.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{leads, state};
use crate::{
    app::{App, Caller, Right, scope::Target, storage, watch},
    engine::{self, Ctx, Listed},
    model::{DiskUsage, Hint, Instance, InstanceState, Observer, Phase, Result, Tag, Verb},
    store::Store,
    view::{HostView, ListRow, StorageRow},
};

/// The instances that have all the tags, and the disk of the host, where it can be asked. Nothing is changed, and no database
/// is made.
pub fn list(
    app: &App,
    caller: &Caller,
    tags: &[Tag],
    observer: &mut dyn Observer,
) -> Result<(Vec<ListRow>, Vec<StorageRow>, Option<DiskUsage>)> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let tags = &caller.with_scope(tags);
    let Some(ctx) = app.look(caller, observer)? else { return Ok((Vec::new(), Vec::new(), None)) };
    let (rows, storage) = rows((app, caller, &ctx), tags, engine::list(&ctx)?, observer)?;
    let disk = caller.scope().is_all().then(|| engine::disk_usage(&ctx).ok().flatten()).flatten();
    Ok((rows, storage, disk))
}

/// The instances that the caller sees, and what the host has and has promised, for who sees all of it: none where it cannot be told.
pub fn with_host(
    app: &App,
    caller: &Caller,
    observer: &mut dyn Observer,
) -> Result<(Vec<ListRow>, Vec<StorageRow>, Option<HostView>)> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let tags = &caller.with_scope(&[]);
    let Some(ctx) = app.look(caller, observer)? else { return Ok((Vec::new(), Vec::new(), None)) };
    let (rows, storage) = rows((app, caller, &ctx), tags, engine::list(&ctx)?, observer)?;
    let host = caller.scope().is_all().then(|| engine::host_usage(&ctx).ok()).flatten();
    Ok((rows, storage, host.map(HostView::from)))
}

/// The same of so many instances by name, from the first after this name on, and the storage of all: one page of a long list. More
/// where the caller sees only some of them: which, is not told before all are read.
pub fn part(
    app: &App,
    caller: &Caller,
    (after, most): (&str, usize),
    observer: &mut dyn Observer,
) -> Result<(Vec<ListRow>, Vec<StorageRow>)> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let tags = &caller.with_scope(&[]);
    let Some(ctx) = app.look(caller, observer)? else { return Ok((Vec::new(), Vec::new())) };
    let listed = match tags.is_empty() {
        true => engine::list_after(&ctx, (after, most), || app.domains(!after.is_empty()))?,
        false => engine::list(&ctx)?,
    };
    rows((app, caller, &ctx), tags, listed, observer)
}

/// What is told of instances that were listed, and the storage.
fn rows(
    (app, caller, ctx): (&App, &Caller, &Ctx),
    tags: &[Tag],
    listed: Vec<Listed>,
    observer: &mut dyn Observer,
) -> Result<(Vec<ListRow>, Vec<StorageRow>)> {
    let measured = measured(app, &ctx.store, observer)?;
    let now = ctx.now();
    // Before the first moment there is no start.
    let recent = now.saturating_sub(SignedDuration::from_secs(engine::USUAL_START)).unwrap_or(now);
    let starts = ctx.store.starts_since(recent)?;
    let listed = listed.into_iter().map(|l| state::as_reported(ctx, l));
    let listed = listed.filter(|l| has_all(&l.instance, tags));
    let static_ips = ctx.store.static_ips(&ctx.host_id())?;
    let mut sites = leads::sites(ctx)?;
    let snapshots = ctx.store.newest_snapshots()?;
    let mut jobs = ctx.store.jobs_by_instance()?;
    let rows: Vec<ListRow> = listed
        .inspect(|l| state::warn_of_drift(l, observer))
        .map(|l| {
            let mut row = row(&l);
            row.static_address = static_ips.iter().find(|ip| ip.instance == Some(row.uuid)).map(|ip| ip.address);
            row.sites = sites.remove(&row.uuid).unwrap_or_default();
            row.job = jobs.remove(&row.uuid);
            row.last_snapshot = snapshots.get(&row.uuid).copied();
            if (l.state, l.instance.phase) == (InstanceState::Running, Phase::Ready) {
                let uuid = &l.instance.record.uuid;
                row.health = health(ctx, *uuid, measured.get(uuid), starts.get(uuid).copied());
            }
            row
        })
        .collect();
    // The instances are what was asked for.
    let storage = of(storage::all(&ctx.store, &app.settings, caller, observer)?, &rows, tags);
    Ok((rows, storage))
}

/// What the instances that have all the tags cost. The prices need the database alone; a host that does not answer leaves
/// their states unknown.
pub fn cost(
    app: &App,
    caller: &Caller,
    tags: &[Tag],
    observer: &mut dyn Observer,
) -> Result<(Vec<ListRow>, Vec<StorageRow>)> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let tags = &caller.with_scope(tags);
    let Some(store) = app.store(caller, observer)? else { return Ok((Vec::new(), Vec::new())) };
    let mut instances = store.instances()?;
    instances.retain(|i| i.phase != Phase::Baking && has_all(i, tags));
    measured(app, &store, observer)?;
    let states = match instances.is_empty() {
        true => HashMap::new(),
        false => states(app, caller, tags, observer),
    };
    let row = |i: Instance| {
        let state = states.get(&i.record.uuid).copied().unwrap_or(InstanceState::Unknown);
        ListRow::new(&i.record, state, None)
    };
    let rows: Vec<ListRow> = instances.into_iter().map(row).collect();
    let storage = of(storage::all(&store, &app.settings, caller, observer)?, &rows, tags);
    Ok((rows, storage))
}

/// Where instances are chosen by their tags, only what is of those.
fn of(mut storage: Vec<StorageRow>, rows: &[ListRow], tags: &[Tag]) -> Vec<StorageRow> {
    let is_of = |one: &StorageRow| rows.iter().any(|row| one.instance.as_ref() == Some(&row.name));
    storage.retain(|one| tags.is_empty() || is_of(one));
    storage
}

/// The states that libvirt tells; none where it does not answer, which is said.
fn states(app: &App, caller: &Caller, tags: &[Tag], observer: &mut dyn Observer) -> HashMap<Uuid, InstanceState> {
    let listed = app.context(caller, false).and_then(|ctx| {
        let listed = engine::list(&ctx)?;
        Ok(listed.into_iter().map(|l| state::as_reported(&ctx, l)).collect::<Vec<_>>())
    });
    match listed {
        Ok(mut listed) => {
            listed.retain(|l| has_all(&l.instance, tags));
            listed.iter().for_each(|l| state::warn_of_drift(l, observer));
            listed.into_iter().map(|l| (l.instance.record.uuid, l.state)).collect()
        }
        Err(e) => {
            observer.warn(&Hint::from(format!("the states are not known: {e}")));
            HashMap::new()
        }
    }
}

fn has_all(instance: &Instance, tags: &[Tag]) -> bool {
    has_tags(&instance.record.tags, tags)
}

/// Whether all of the tags are among others.
pub(in crate::app) fn has_tags(among: &[Tag], tags: &[Tag]) -> bool {
    let has =
        |wanted: &Tag, have: &Tag| have.key == wanted.key && (wanted.value.is_empty() || have.value == wanted.value);
    tags.iter().all(|wanted| among.iter().any(|have| has(wanted, have)))
}

/// What the watcher last found of an application, if that is of its present run, and when that began.
fn health(ctx: &Ctx, uuid: Uuid, measured: Option<&(bool, Timestamp)>, started: Option<Timestamp>) -> Option<String> {
    let of_this_run = measured.filter(|(_, at)| started.is_none_or(|started| *at >= started));
    let answered = of_this_run.filter(|(healthy, _)| *healthy).map(|(_, at)| *at);
    // Only of one that was just started the blueprint is asked whether there is anything to wait for.
    let is_checked = || ctx.store.blueprint_of(uuid).is_ok_and(|(blueprint, _)| blueprint.health.is_some());
    let starting = engine::is_starting(started, answered, ctx.now()) && is_checked();
    let answer = of_this_run.map(|(healthy, _)| if *healthy { Ok(()) } else { Err("failing".to_owned()) });
    engine::health_word(answer, starting)
}

/// What the watcher last found of the applications. A watcher that has ever run and does no longer is told of.
fn measured(app: &App, store: &Store, observer: &mut dyn Observer) -> Result<HashMap<Uuid, (bool, Timestamp)>> {
    match watch::evaluated(app, store)? {
        None => Ok(HashMap::new()),
        Some(age) if age > watch::STALE => {
            let minutes = age.as_mins();
            observer.warn(
                &Hint::from(format!("alarms were last evaluated {minutes} minutes ago: is "))
                    .run(Verb::Watch)
                    .text(" running?"),
            );
            Ok(HashMap::new())
        }
        Some(_) => store.healthy(&app.settings.host.id),
    }
}

/// The row of one instance.
pub(super) fn row(listed: &Listed) -> ListRow {
    let health = match (listed.instance.phase, listed.power) {
        (Phase::Failed, _) => Some("failed".to_owned()),
        (Phase::Unverified, InstanceState::Running) => Some("setting-up".to_owned()),
        _ => None,
    };
    ListRow { power: listed.power, ..ListRow::new(&listed.instance.record, listed.state, health) }
}
