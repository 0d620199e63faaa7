//! `lite show`.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use super::{
    Env, common, list,
    session::{self, Session},
};
use crate::{
    catalog::Health,
    engine::{self, Ctx, Listed},
    guest,
    model::{InstanceState, Phase, Record, Result},
    plan::report_log,
    render::render_output,
    ui::print::print_show,
    view::ShowView,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite show nginx-1
      Everything about one instance
  lite show shop blog
      About two
  lite show nginx-1 --json | jq -r .instances[0].outputs.URL
      Its URL, for a script";

/// Show everything about instances
///
/// Shows state, health, address, ports, price, size, tags and origin of one or
/// more instances, and why an instance failed if it did. Passwords are not shown
/// here: `lite secrets NAME` does that.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
}

/// How long the health check may take that `show` runs.
const PROBE: Duration = Duration::from_secs(3);

/// Shows instances with [`crate::ui::print::print_show`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let session = Session::open(env)?;
    let mut engine = session.engine(env, false)?;
    let wanted = session::instances(&engine, &args.names.each())?;
    engine::settle(&mut engine)?;
    let listed = engine::list(&engine)?;
    let views: Result<Vec<ShowView>> = wanted
        .iter()
        .filter_map(|w| listed.iter().find(|l| l.instance.record.uuid == w.record.uuid))
        .map(|l| view(env, &engine, &engine::inspect(&engine, l.clone())?))
        .collect();
    print_show(&env.ui, &views?)
}

fn view(env: &Env, engine: &Ctx, listed: &Listed) -> Result<ShowView> {
    common::warn_of_drift(&env.ui, listed);
    let record = &listed.instance.record;
    let (blueprint, parameters) = engine.store.blueprint_of(record.uuid)?;
    let mut row = list::row(listed);
    if listed.power == InstanceState::Running {
        // On a network of somebody else's the guest alone knows its address.
        row.address = match record.address {
            Some(address) => Some(address),
            None => engine.hypervisor.guest_address(record.uuid, record.mac)?,
        };
        if listed.instance.phase == Phase::Ready {
            row.health = health(engine, record, row.address, blueprint.health.as_ref())?;
        }
    }
    let address = row.address.map_or_else(String::new, |a| a.to_string());
    Ok(ShowView {
        row,
        wanted: listed.instance.wanted,
        blueprint_version: record.blueprint_version.clone(),
        transfer: record.transfer.to_string(),
        mac: record.mac,
        image_digest: record.image_digest.clone(),
        outputs: render_output(&blueprint, &record.name, &address, &parameters)?,
        power: listed.power,
        drift: listed.drift.clone(),
        metrics: metrics(engine, record)?,
        failure: listed.instance.failure.clone(),
        operation: engine.store.open_operation_of(record.uuid)?,
        host_key: engine.store.host_key(record.uuid)?,
    })
}

/// The latest values of the metrics, none older than a quarter of an hour.
fn metrics(engine: &Ctx, record: &Record) -> Result<BTreeMap<&'static str, f64>> {
    let now = engine.now().as_second();
    let latest = engine.store.latest(record.uuid, now - 900, now + 900)?;
    Ok(latest.into_iter().map(|(m, p)| (m.as_str(), p.point.sum / f64::from(p.point.count.max(1)))).collect())
}

/// What the health check says now; none where there is none.
fn health(engine: &Ctx, record: &Record, address: Option<Ipv4Addr>, health: Option<&Health>) -> Result<Option<String>> {
    let answer = match (health, address) {
        (None, _) => return Ok(None),
        (Some(Health::Command { .. }), _) => {
            let log = report_log(record, &engine.settings.host.folders.logs);
            guest::status::health(&log, engine.store.last_start(record.uuid)?, engine.now())
        }
        (Some(health), Some(address)) => guest::health::probe(health, address, PROBE),
        (Some(_), None) => Err("unknown: this host does not know the guest's address".to_owned()),
    };
    Ok(Some(answer.err().unwrap_or_else(|| "ok".to_owned())))
}
