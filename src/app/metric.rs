//! Metrics: what was measured of an instance or a load balancer.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    App, Caller, Right,
    scope::{Sight, Target},
};
use crate::{
    model::{Code, Error, LoadBalancer, Metric, Name, Observer, Phase, Point, Result, Subject},
    monitor::export::{self, BalancerLine, Line, Shown},
    store::{Store, instances::no_such_instance},
    view::{MetricPoint, MetricRow, MetricView},
};

/// Seconds after which a value is not the latest any more.
const LATEST: i64 = 15 * 60;

/// The latest value of every metric of an instance or a load balancer.
pub fn latest(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Vec<MetricRow>> {
    let (store, subject) = find(app, caller, name, observer)?;
    let now = app.clock.now().as_second();
    let latest = store.latest(subject.id(), now - LATEST, now + LATEST)?;
    let row = |metric: Metric| {
        let found = latest.iter().find(|(m, _)| *m == metric).map(|(_, p)| p);
        let point = found.map(|p| Ok((time(p.at)?, p.point.sum / f64::from(p.point.count.max(1)))));
        Ok(MetricRow { metric, unit: metric.unit(), point: point.transpose()? })
    };
    Metric::all_of(subject.is_load_balancer()).map(row).collect()
}

/// The latest values of these metrics of each instance that the caller sees, by its name, in their order.
///
/// # Errors
/// Those of the database.
pub fn latest_of_all(
    app: &App,
    caller: &Caller,
    metrics: &[Metric],
    observer: &mut dyn Observer,
) -> Result<HashMap<String, Vec<Option<f64>>>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(HashMap::new()) };
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let now = app.clock.now().as_second();
    let all = store.instances()?.into_iter().map(|instance| instance.record);
    all.filter(|record| sight.instance(record.uuid))
        .map(|record| {
            let latest = store.latest_of(record.uuid, metrics, now - LATEST, now + LATEST)?;
            let value = |metric: &Metric| {
                let (_, found) = latest.iter().find(|(own, _)| own == metric)?;
                Some(found.point.sum / f64::from(found.point.count.max(1)))
            };
            Ok((record.name.into(), metrics.iter().map(value).collect()))
        })
        .collect()
}

/// One metric of an instance or a load balancer over the time up to now.
pub fn points(
    app: &App,
    caller: &Caller,
    name: &Name,
    metric: Metric,
    since: Duration,
    observer: &mut dyn Observer,
) -> Result<MetricView> {
    let (store, subject) = find(app, caller, name, observer)?;
    refuse_of_others(&subject, metric)?;
    let now = app.clock.now();
    let since = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let (from, to) = (now.as_second().saturating_sub(since).max(Timestamp::MIN.as_second()), now.as_second() + 60);
    let points: Result<Vec<MetricPoint>> = store
        .points(subject.id(), metric, from, to)?
        .into_iter()
        .map(|p| {
            let average = p.point.sum / f64::from(p.point.count.max(1));
            let (minimum, maximum, sum) = (p.point.min, p.point.max, p.point.sum);
            Ok(MetricPoint { at: time(p.at)?, seconds: p.step, average, minimum, maximum, sum, samples: p.point.count })
        })
        .collect();
    Ok(MetricView {
        instance: name.to_string(),
        metric,
        unit: metric.unit(),
        from: time(from)?,
        to: now,
        points: points?,
    })
}

/// What Prometheus reads: the last minute that was closed, of all that the caller sees. Without one of late there are the names alone.
pub fn exposition(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<String> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(export::text(&Shown::default())) };
    let (host, now) = (&app.settings.host.id, app.clock.now().as_second());
    let last = store.last_minute(host)?.filter(|(_, at)| (now - at).abs() < LATEST);
    let minutes = last.map(|(minute, _)| store.minutes_since(host, minute)).transpose()?.unwrap_or_default();
    let mut points: HashMap<Uuid, Vec<(Metric, Point)>> = HashMap::new();
    for ((id, metric), minutes) in minutes {
        points.entry(id).or_default().extend(minutes.last().map(|(_, point)| (metric, *point)));
    }
    let sight = Sight::of(&store, host, caller)?;
    let mut lines = Vec::new();
    for instance in store.instances()? {
        let record = instance.record;
        if sight.instance(record.uuid) && instance.phase != Phase::Baking {
            let points = points.remove(&record.uuid).unwrap_or_default();
            let (instance, blueprint, bundle) = (record.name.to_string(), record.blueprint, record.bundle);
            lines.push(Line { instance, blueprint, bundle, points });
        }
    }
    // What belongs to no instance is there for who sees all.
    let balancers = if caller.scope().is_all() { store.load_balancers(host)? } else { Vec::new() };
    let balancer = |balancer: LoadBalancer| BalancerLine {
        points: points.remove(&balancer.id).unwrap_or_default(),
        load_balancer: balancer.name.to_string(),
    };
    let balancers = balancers.into_iter().map(balancer).collect();
    Ok(export::text(&Shown { lines, balancers, look: None }))
}

fn find(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<(Store, Subject)> {
    app.authorise(caller, Right::Read, Target::instance(name))?;
    let store = app.store(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let subject = store.require_subject(&app.settings.host.id, name)?;
    Ok((store, subject))
}

/// Refused: a metric of instances for a load balancer, or the other way round.
pub(super) fn refuse_of_others(subject: &Subject, metric: Metric) -> Result<()> {
    let is_load_balancer = subject.is_load_balancer();
    if metric.is_of_load_balancers() == is_load_balancer {
        return Ok(());
    }
    let (own, other) = if is_load_balancer { ("load balancers", "instances") } else { ("instances", "load balancers") };
    let all: Vec<&str> = Metric::all_of(is_load_balancer).map(Metric::as_str).collect();
    let text = format!("`{metric}` is a metric of {other}, and `{}` is none of them", subject.name());
    Err(Error::new(Code::UnknownMetric, text).hint(format!("the metrics of {own} are {}", all.join(", "))))
}

fn time(seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(seconds).map_err(|e| Error::new(Code::StateError, "a time cannot be read").cause(e))
}
