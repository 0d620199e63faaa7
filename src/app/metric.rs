//! Metrics: what was measured of an instance.

use std::time::Duration;

use jiff::Timestamp;

use super::{App, Caller, Right};
use crate::{
    model::{Code, Error, Metric, Name, Observer, Record, Result},
    store::{Store, instances::no_such_instance},
    view::{MetricPoint, MetricRow, MetricView},
};

/// Seconds after which a value is not the latest any more.
const LATEST: i64 = 15 * 60;

/// The latest value of every metric of an instance.
pub fn latest(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Vec<MetricRow>> {
    let (store, record) = find(app, caller, name, observer)?;
    let now = app.clock.now().as_second();
    let latest = store.latest(record.uuid, now - LATEST, now + LATEST)?;
    let row = |metric: &Metric| {
        let found = latest.iter().find(|(m, _)| m == metric).map(|(_, p)| p);
        let point = found.map(|p| Ok((time(p.at)?, p.point.sum / f64::from(p.point.count.max(1)))));
        Ok(MetricRow { metric: *metric, unit: metric.unit(), point: point.transpose()? })
    };
    Metric::ALL.iter().map(row).collect()
}

/// One metric of an instance over the time up to now.
pub fn points(
    app: &App,
    caller: &Caller,
    name: &Name,
    metric: Metric,
    since: Duration,
    observer: &mut dyn Observer,
) -> Result<MetricView> {
    let (store, record) = find(app, caller, name, observer)?;
    let now = app.clock.now();
    let since = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let (from, to) = (now.as_second().saturating_sub(since).max(Timestamp::MIN.as_second()), now.as_second() + 60);
    let points: Result<Vec<MetricPoint>> = store
        .points(record.uuid, metric, from, to)?
        .into_iter()
        .map(|p| {
            let average = p.point.sum / f64::from(p.point.count.max(1));
            let (minimum, maximum, sum) = (p.point.min, p.point.max, p.point.sum);
            Ok(MetricPoint { at: time(p.at)?, seconds: p.step, average, minimum, maximum, sum })
        })
        .collect();
    Ok(MetricView {
        instance: record.name.to_string(),
        metric,
        unit: metric.unit(),
        from: time(from)?,
        to: now,
        points: points?,
    })
}

fn find(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<(Store, Record)> {
    caller.require(Right::Read)?;
    let store = app.store(observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let record = store.require(name)?.record;
    Ok((store, record))
}

fn time(seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(seconds).map_err(|e| Error::new(Code::StateError, "a time cannot be read").cause(e))
}
