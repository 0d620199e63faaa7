//! `lite alarm put`.

use std::time::Duration;

use clap_complete::ArgValueCompleter;

use super::{complete, values};
use crate::{
    app::alarm::Put,
    model::{AlarmSettings, Code, Condition, Error, Metric, Missing, Name, Notify, Result, Statistic},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite alarm put shop --metric MemoryUtilization --when '>=90'
      Fires when 3 of the last 5 minutes were at 90 percent or more
  lite alarm put shop --metric AppHealthy --when '<1' --datapoints 2 --of 2
      Fires when the application did not answer for two minutes
  lite alarm put shop --metric CPUUtilization --when '>80' --period 5m
      Looks at periods of five minutes
  lite alarm put front --metric HealthyHostCount --when '<2'
      Fires when a load balancer has fewer than two healthy instances";

/// Make an alarm, or change one
///
/// Makes an alarm on a metric of an instance or a load balancer. With the name of an alarm that is
/// there, or without --name and on a metric that has one, that alarm is changed:
/// an incident that is open is closed with the reason `edited`, and the alarm
/// starts anew.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Name of an instance or a load balancer
    #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::measured))]
    subject: Name,
    /// What is watched, such as MemoryUtilization
    #[arg(long, value_name = "METRIC", value_parser = Metric::parse, add = ArgValueCompleter::new(complete::metrics))]
    metric: Metric,
    /// When a period breaches: >, >=, < or <= and a number, in quotes
    #[arg(long, value_name = "CONDITION", value_parser = Condition::parse)]
    when: Condition,
    /// How many periods must breach
    #[arg(long, value_name = "M", default_value = "3")]
    datapoints: u32,
    /// How many of the last periods are looked at
    #[arg(long, value_name = "N", default_value = "5")]
    of: u32,
    /// Length of a period, whole minutes; N of them are at most 24h
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = minutes)]
    period: u32,
    /// What of a period is compared: average, maximum, minimum, sum
    #[arg(long, value_name = "STATISTIC", default_value = "average", value_parser = Statistic::parse)]
    statistic: Statistic,
    /// What a period without data counts as: missing, ignore, breaching,
    /// notBreaching
    #[arg(long, value_name = "HOW", default_value = "missing", value_parser = Missing::parse)]
    missing: Missing,
    /// What is sent, separated by commas: alarm, ok, no-data
    #[arg(long, value_name = "WHAT", default_value = "alarm,ok", value_delimiter = ',', value_parser = Notify::parse)]
    notify: Vec<Notify>,
    /// Time between reminders while it fires, whole minutes; 0 for none
    #[arg(long, value_name = "TIME", default_value = "4h", value_parser = repeat)]
    repeat: u32,
    /// Name of the alarm; else NAME and the metric's
    #[arg(long = "name", value_name = "ALARM", value_parser = Name::parse, add = ArgValueCompleter::new(complete::alarms))]
    alarm: Option<Name>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

fn minutes(text: &str) -> Result<u32> {
    let time: Duration = values::duration(text)?;
    if !time.as_secs().is_multiple_of(60) {
        return Err(Error::new(Code::InvalidPeriod, format!("`{}` is not whole minutes", crate::model::escaped(text)))
            .hint("a time is such as `1m`, `5m` or `1h`"));
    }
    Ok(u32::try_from(time.as_secs() / 60).unwrap_or(u32::MAX))
}

fn repeat(text: &str) -> Result<u32> {
    if text == "0" { Ok(0) } else { minutes(text) }
}

impl Args {
    /// What the arguments ask for.
    pub fn request(&self) -> Put {
        Put {
            subject: self.subject.clone(),
            name: self.alarm.clone(),
            settings: AlarmSettings {
                metric: self.metric,
                condition: self.when,
                datapoints: self.datapoints,
                of: self.of,
                period_minutes: self.period,
                statistic: self.statistic,
                missing: self.missing,
                notify: self.notify.clone(),
                repeat_minutes: self.repeat,
            },
            dry_run: self.dry_run,
        }
    }
}
