//! Metrics: what was measured of an instance or a load balancer.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{App, Caller, Right};
use crate::{
    model::{Code, Error, Metric, Name, Observer, Result},
    store::{Store, instances::no_such_instance},
    view::{MetricPoint, MetricRow, MetricView},
};

/// Seconds after which a value is not the latest any more.
const LATEST: i64 = 15 * 60;

/// The latest value of every metric of an instance or a load balancer.
pub fn latest(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Vec<MetricRow>> {
    let (store, measured) = find(app, caller, name, observer)?;
    let now = app.clock.now().as_second();
    let latest = store.latest(measured.id, now - LATEST, now + LATEST)?;
    let row = |metric: Metric| {
        let found = latest.iter().find(|(m, _)| *m == metric).map(|(_, p)| p);
        let point = found.map(|p| Ok((time(p.at)?, p.point.sum / f64::from(p.point.count.max(1)))));
        Ok(MetricRow { metric, unit: metric.unit(), point: point.transpose()? })
    };
    Metric::all_of(measured.is_load_balancer).map(row).collect()
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
    let (store, measured) = find(app, caller, name, observer)?;
    if metric.is_of_load_balancers() != measured.is_load_balancer {
        let (own, other) =
            if measured.is_load_balancer { ("load balancers", "instances") } else { ("instances", "load balancers") };
        let all: Vec<&str> = Metric::all_of(measured.is_load_balancer).map(Metric::as_str).collect();
        return Err(Error::new(
            Code::UnknownMetric,
            format!("`{metric}` is a metric of {other}, and `{name}` is none of them"),
        )
        .hint(format!("the metrics of {own} are {}", all.join(", "))));
    }
    let now = app.clock.now();
    let since = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let (from, to) = (now.as_second().saturating_sub(since).max(Timestamp::MIN.as_second()), now.as_second() + 60);
    let points: Result<Vec<MetricPoint>> = store
        .points(measured.id, metric, from, to)?
        .into_iter()
        .map(|p| {
            let average = p.point.sum / f64::from(p.point.count.max(1));
            let (minimum, maximum, sum) = (p.point.min, p.point.max, p.point.sum);
            Ok(MetricPoint { at: time(p.at)?, seconds: p.step, average, minimum, maximum, sum })
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

/// What is measured.
struct Measured {
    id: Uuid,
    is_load_balancer: bool,
}

fn find(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<(Store, Measured)> {
    caller.require(Right::Read)?;
    let store = app.store(observer)?.ok_or_else(|| no_such_instance(name, None))?;
    // Names are unique over all kinds.
    let balancer = store.load_balancers(&app.settings.host.id)?.into_iter().find(|balancer| balancer.name == *name);
    let measured = match balancer {
        Some(balancer) => Measured { id: balancer.id, is_load_balancer: true },
        None => Measured { id: store.require(name)?.record.uuid, is_load_balancer: false },
    };
    Ok((store, measured))
}

fn time(seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(seconds).map_err(|e| Error::new(Code::StateError, "a time cannot be read").cause(e))
}
