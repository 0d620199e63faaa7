//! Everything about instances but their secrets.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use super::{leads, list, state};
use crate::{
    app::{App, Caller, Right, scope::Target, storage},
    catalog::Health,
    engine::{self, Ctx, Listed},
    guest::{self, report::Status},
    model::{Instance, InstanceState, Name, Observer, OperationKind, Phase, Record, Result},
    plan::report_log,
    render::render_output,
    store::instances::no_such_instance,
    view::{OpenService, ShowView},
};

/// How long the health check may take that a look runs.
const PROBE: Duration = Duration::from_secs(3);

/// The instances named, in that order. Nothing is changed.
pub fn show(app: &App, caller: &Caller, names: &[Name], observer: &mut dyn Observer) -> Result<Vec<ShowView>> {
    app.authorise(caller, Right::Read, Target::Instances(names))?;
    let Some(ctx) = app.look(caller, observer)? else {
        return names.first().map_or(Ok(Vec::new()), |name| Err(no_such_instance(name, None)));
    };
    let wanted = names.iter().map(|name| instance_or_deleted(&ctx, name)).collect::<Result<Vec<_>>>()?;
    let mut listed = engine::list(&ctx)?;
    let storage = storage::all(&ctx.store, &app.settings, caller, observer)?;
    let deleted = wanted.iter().filter(|instance| instance.phase == Phase::Kept).cloned();
    let (state, power, drift) = (InstanceState::Kept, InstanceState::Kept, Vec::new());
    listed.extend(deleted.map(|instance| Listed { instance, state, power, drift: drift.clone() }));
    wanted
        .iter()
        .filter_map(|w| listed.iter().find(|l| l.instance.record.uuid == w.record.uuid))
        .map(|l| {
            let inspected = engine::inspect(&ctx, state::as_reported(&ctx, l.clone()))?;
            state::warn_of_drift(&inspected, observer);
            let name = Some(inspected.instance.record.name.to_string());
            let own = storage.iter().filter(|one| one.instance == name).cloned();
            Ok(ShowView { storage: own.collect(), ..view(&ctx, &inspected)? })
        })
        .collect()
}

/// An instance; where none has the name, the deleted one that had it last and is kept.
fn instance_or_deleted(ctx: &Ctx, name: &Name) -> Result<Instance> {
    ctx.store.require(name).or_else(|error| ctx.store.kept_of(&ctx.host_id(), name)?.ok_or(error))
}

fn view(ctx: &Ctx, listed: &Listed) -> Result<ShowView> {
    let record = &listed.instance.record;
    let (blueprint, parameters) = ctx.store.blueprint_of(record.uuid)?;
    let mut row = list::row(listed);
    let mut status = None;
    let static_ips = ctx.store.static_ips(&ctx.host_id())?;
    row.static_address = static_ips.into_iter().find(|ip| ip.instance == Some(record.uuid)).map(|ip| ip.address);
    row.sites = leads::sites(ctx)?.remove(&record.uuid).unwrap_or_default();
    row.job = ctx.store.job_of(record.uuid)?.map(|job| job.id);
    if listed.power == InstanceState::Running {
        // On a network of somebody else's the guest alone knows its address.
        row.address = engine::guest_address(ctx, record)?;
        let log = report_log(record, &ctx.settings.host.folders.logs);
        let said = guest::status::latest(&*ctx.machine, &log, ctx.store.last_start(record.uuid)?, ctx.now());
        if listed.instance.phase == Phase::Ready {
            row.health = health(ctx, record, said.as_ref(), row.address, blueprint.health.as_ref())?;
        }
        status = said.ok();
    }
    let address = row.address.map_or_else(String::new, |a| a.to_string());
    Ok(ShowView {
        row,
        desired_state: listed.instance.desired_state,
        kept_until: record.kept.filter(|_| listed.instance.phase == Phase::Kept).map(|kept| kept.until),
        blueprint_version: record.blueprint_version.clone(),
        transfer: record.transfer.to_string(),
        mac: record.mac,
        firewall: OpenService::all(&record.rules()),
        image_digest: record.image_digest.clone(),
        outputs: render_output(&blueprint, &record.name, &address, &parameters)?,
        power: listed.power,
        drift: listed.drift.clone(),
        metrics: metrics(ctx, record)?,
        failure: listed.instance.failure.clone(),
        storage: Vec::new(),
        operation: ctx.store.open_operation_of(record.uuid)?,
        host_key: ctx.store.host_key(record.uuid)?,
        reboot_required: status.as_ref().and_then(|s| s.reboot_required),
        os: status.and_then(|s| s.os),
    })
}

/// The latest values of the metrics, none older than a quarter of an hour.
fn metrics(ctx: &Ctx, record: &Record) -> Result<BTreeMap<&'static str, f64>> {
    let now = ctx.now().as_second();
    let latest = ctx.store.latest(record.uuid, now - 900, now + 900)?;
    Ok(latest.into_iter().map(|(m, p)| (m.as_str(), p.point.sum / f64::from(p.point.count.max(1)))).collect())
}

/// What the health check says now, `said` being what the guest last said of itself; none where there is none.
fn health(
    ctx: &Ctx,
    record: &Record,
    said: std::result::Result<&Status, &String>,
    address: Option<Ipv4Addr>,
    health: Option<&Health>,
) -> Result<Option<String>> {
    let by = ctx.store.last_started_by(record.uuid)?;
    let answer = match (health, address) {
        (None, _) => return Ok(None),
        (Some(Health::Command { .. }), _) => guest::status::health(said),
        (Some(health), Some(address)) => guest::health::probe(health, address, PROBE),
        (Some(_), None) => Err("unknown: this host does not know the guest's address".to_owned()),
    };
    let measured = ctx.store.healthy(&ctx.host_id())?.remove(&record.uuid);
    let answered = measured.filter(|(healthy, _)| *healthy).map(|(_, at)| at);
    // A create that is ready has heard its application, also where no watcher runs.
    let is_ready = ctx.store.require(&record.name)?.phase == Phase::Ready;
    let created = by.as_ref().filter(|by| is_ready && by.kind == OperationKind::Create).map(|by| by.started_at);
    let started = by.as_ref().map(|by| by.started_at);
    Ok(engine::health_word(Some(answer), engine::is_starting(started, answered.max(created), ctx.now())))
}
