//! `lite metrics`.

use clap_complete::ArgValueCompleter;
use jiff::Timestamp;

use super::{Env, common, complete, session, values};
use crate::{
    model::{Code, Error, Metric, Result},
    ui::print::{print_metric, print_metrics},
    view::{MetricPoint, MetricRow, MetricView},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite metrics shop
      The latest value of each metric
  lite metrics shop --metric CPUUtilization
      A chart of the last 24 hours
  lite metrics shop --metric MemoryUtilization --since 7d --json
      The points, for a script";

/// Show what was measured of an instance
///
/// Without --metric, lists the latest value of every metric. With it, draws the
/// metric over time on a terminal, and lists its points elsewhere. `lite watch`
/// measures: points of a minute are kept for a day, of 5 minutes for 63 days, of
/// an hour for 15 months.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    instance: common::OneName,
    /// The metric, such as CPUUtilization
    #[arg(long, value_name = "METRIC", value_parser = Metric::parse, add = ArgValueCompleter::new(complete::metrics))]
    metric: Option<Metric>,
    /// How far back, at most 456d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = values::long_duration, requires = "metric")]
    since: std::time::Duration,
}

/// A value older than this is not the latest any more.
const LATEST: i64 = 15 * 60;

/// Prints metrics with [`crate::ui::print::print_metrics`] and `print_metric`.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let Some(store) = session::store(env)? else {
        let text = format!("there is no instance `{}`", args.instance.name);
        return Err(Error::new(Code::NoSuchInstance, text).hint("`lite list` shows all instances"));
    };
    let record = store.require(&args.instance.name)?.record;
    let now = (env.clock)();
    let time = |seconds: i64| {
        Timestamp::from_second(seconds).map_err(|e| Error::new(Code::StateError, "a time cannot be read").cause(e))
    };
    let Some(metric) = args.metric else {
        let latest = store.latest(record.uuid, now.as_second() - LATEST, now.as_second() + LATEST)?;
        let rows: Result<Vec<MetricRow>> = Metric::ALL
            .iter()
            .map(|metric| {
                let found = latest.iter().find(|(m, _)| m == metric).map(|(_, p)| p);
                let point = found.map(|p| Ok((time(p.at)?, p.point.sum / f64::from(p.point.count.max(1)))));
                Ok(MetricRow { metric: *metric, unit: metric.unit(), point: point.transpose()? })
            })
            .collect();
        return print_metrics(&env.ui, record.name.as_str(), &rows?);
    };
    let since = i64::try_from(args.since.as_secs()).unwrap_or(i64::MAX);
    let (from, to) = (now.as_second() - since, now.as_second() + 60);
    let points: Result<Vec<MetricPoint>> = store
        .points(record.uuid, metric, from, to)?
        .into_iter()
        .map(|p| {
            let average = p.point.sum / f64::from(p.point.count.max(1));
            let (minimum, maximum, sum) = (p.point.min, p.point.max, p.point.sum);
            Ok(MetricPoint { at: time(p.at)?, seconds: p.step, average, minimum, maximum, sum })
        })
        .collect();
    let view = MetricView {
        instance: record.name.to_string(),
        metric,
        unit: metric.unit(),
        from: time(from)?,
        to: now,
        points: points?,
    };
    print_metric(&env.ui, &view)
}
