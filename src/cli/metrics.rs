//! `lite metrics`.

use clap_complete::ArgValueCompleter;

use super::{Env, complete, values};
use crate::{
    app::metric,
    model::{Metric, Name, Result},
    ui::print::{print_metric, print_metrics},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite metrics shop
      The latest value of each metric
  lite metrics shop --metric CPUUtilization
      A chart of the last 24 hours
  lite metrics shop --metric MemoryUtilization --since 7d --json
      The points, for a script";

/// Show what was measured of an instance or a load balancer
///
/// Without --metric, lists the latest value of every metric. With it, draws the
/// metric over time on a terminal, and lists its points elsewhere. `lite watch`
/// measures: points of a minute are kept for a day, of 5 minutes for 63 days, of
/// an hour for 15 months.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Name of an instance or a load balancer
    #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::measured))]
    name: Name,
    /// The metric, such as CPUUtilization
    #[arg(long, value_name = "METRIC", value_parser = Metric::parse, add = ArgValueCompleter::new(complete::metrics))]
    metric: Option<Metric>,
    /// How far back, at most 456d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = values::long_duration, requires = "metric")]
    since: std::time::Duration,
}

/// Prints metrics with [`crate::ui::print::print_metrics`] and `print_metric`.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, name, mut progress) = (env.app()?, env.caller(), &args.name, env.progress());
    match args.metric {
        None => {
            let rows = metric::latest(&app, &caller, name, &mut progress)?;
            print_metrics(&env.ui, name.as_str(), &rows)
        }
        Some(metric) => print_metric(&env.ui, &metric::points(&app, &caller, name, metric, args.since, &mut progress)?),
    }
}
