//! `lite alarm`.

use clap_complete::ArgValueCompleter;

use super::{Env, alarm_put, common, complete, events, session, values};
use crate::{
    model::{AlarmState, Code, Error, EventKind, Instance, Name, Result, Statistic},
    monitor::{Decision, Happening, machine},
    store::{
        Store,
        alarms::{self, Alarm, Told},
        events::{Stamp, Which},
    },
    ui::print::{print_alarm, print_alarms, print_changed},
    view::{AlarmRow, AlarmView, Changed},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite alarm list
      Every alarm and its state
  lite alarm put shop --metric MemoryUtilization --when '>=90'
      Watch the memory of an instance
  lite alarm mute shop-memory-utilization --for 2h
      Send nothing while you work on it";

/// Watch metrics and say when they go wrong
///
/// An alarm watches one metric of one instance. It fires when enough of its last
/// periods breach a threshold, and is resolved when they no longer do. Both are
/// sent to every contact (`lite contact`) and kept (`lite events`). `lite watch`
/// evaluates alarms; each blueprint brings some along.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Put(alarm_put::Args),
    /// List alarms and their states
    ///
    /// Lists alarms by name with their state, since when, and what makes them fire.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite alarm list\n      All of them\n  lite alarm list shop\n      Those of one instance"
    )]
    List {
        /// Only alarms of this instance
        #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::instances))]
        instance: Option<Name>,
    },
    /// Show an alarm
    ///
    /// Shows everything about an alarm: what it watches, its state and why, whether
    /// an incident is open, and until when it is muted.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite alarm show shop-memory-utilization\n      Why it fires"
    )]
    Show {
        #[command(flatten)]
        alarm: OneAlarm,
    },
    /// Delete alarms
    ///
    /// Deletes one or more alarms. An incident that is open is closed, and contacts
    /// are told so with the reason `deleted`.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite alarm delete shop-memory-utilization --yes\n      Without asking"
    )]
    Delete {
        /// Names of alarms
        #[arg(value_name = "ALARM", required = true, value_parser = Name::parse, add = ArgValueCompleter::new(complete::alarms))]
        alarms: Vec<Name>,
        #[command(flatten)]
        sure: common::Sure,
        /// Say what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Give an alarm a state by hand, to see what follows
    ///
    /// Gives an alarm a state as an evaluation would: an event is stored and
    /// contacts are told by the watcher. The next evaluation gives it the state it
    /// really has.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite alarm test shop-memory-utilization --state ALARM\n      Does the message arrive?"
    )]
    Test {
        #[command(flatten)]
        alarm: OneAlarm,
        /// The state: ALARM, OK or INSUFFICIENT_DATA
        #[arg(long, value_name = "STATE", value_parser = AlarmState::parse)]
        state: AlarmState,
    },
    /// Send nothing about an alarm for a while
    ///
    /// A muted alarm is evaluated and its events are stored, but nothing is sent. If
    /// it is still firing at the end, one message says so.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite alarm mute shop-memory-utilization --for 2h\n      Until then\n  lite alarm mute shop-memory-utilization --off\n      No longer"
    )]
    Mute {
        #[command(flatten)]
        alarm: OneAlarm,
        /// For how long, at most 24h
        #[arg(long = "for", value_name = "TIME", value_parser = values::duration, required_unless_present = "off")]
        time: Option<std::time::Duration>,
        /// End it now
        #[arg(long, conflicts_with = "time")]
        off: bool,
    },
    /// List what happened to alarms
    ///
    /// Lists the events of alarms, oldest first: fired, reminded, resolved, no data.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite alarm history\n      Of all alarms\n  lite alarm history shop-memory-utilization\n      Of one"
    )]
    History {
        /// Name of an alarm
        #[arg(value_name = "ALARM", value_parser = Name::parse, add = ArgValueCompleter::new(complete::alarms))]
        alarm: Option<Name>,
        /// At most so many, the latest
        #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
}

/// One alarm.
#[derive(Debug, clap::Args)]
struct OneAlarm {
    /// Name of an alarm
    #[arg(value_name = "ALARM", value_parser = Name::parse, add = ArgValueCompleter::new(complete::alarms))]
    alarm: Name,
}

/// Works on alarms; none of it needs the host.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let stamp = Stamp::here((env.clock)());
    let mut store = match (session::store(env)?, &args.verb) {
        (Some(store), _) => store,
        // A listing makes no database.
        (None, Verb::List { instance: None }) => return print_alarms(&env.ui, &[]),
        (None, Verb::History { alarm: None, .. }) => return events::print(env, &[]),
        (None, _) => Store::open(&env.settings()?.paths.state)?,
    };
    match &args.verb {
        Verb::Put(args) => alarm_put::run(args, env, &mut store, &stamp),
        Verb::List { instance } => {
            let of = instance.as_ref().map(|name| store.require(name)).transpose()?;
            let instances = store.instances()?;
            let alarms = match &of {
                Some(instance) => store.alarms_of(instance.record.uuid)?,
                None => store.alarms()?,
            };
            print_alarms(&env.ui, &alarms.iter().map(|a| row(a, &instances, stamp.now)).collect::<Vec<_>>())
        }
        Verb::Show { alarm } => {
            let alarm = store.require_alarm(&alarm.alarm)?;
            let row = row(&alarm, &store.instances()?, stamp.now);
            print_alarm(&env.ui, &view(&alarm, row))
        }
        Verb::Delete { alarms, sure, dry_run } => {
            alarms.iter().try_for_each(|name| store.require_alarm(name).map(drop))?;
            if !dry_run {
                let names: Vec<String> = alarms.iter().map(|n| format!("`{n}`")).collect();
                sure.ask(&env.ui, &format!("delete the alarm {}?", names.join(", ")))?;
                alarms.iter().try_for_each(|name| store.delete_alarm(name, &stamp))?;
            }
            let now = if *dry_run { "would be deleted" } else { "deleted" };
            changed(env, alarms.iter(), now)
        }
        Verb::Test { alarm, state } => {
            let alarm = store.require_alarm(&alarm.alarm)?;
            let now = set(&mut store, alarm, *state, &stamp)?;
            changed(env, std::iter::once(&now.name), now.state.as_str())
        }
        Verb::Mute { alarm, time, .. } => {
            let until = time
                .map(|t| stamp.now.checked_add(t))
                .transpose()
                .map_err(|e| Error::new(Code::InvalidDuration, "this time cannot be").cause(e))?;
            store.mute_alarm(&alarm.alarm, until, &stamp)?;
            let now =
                until.map_or_else(|| "not muted".to_owned(), |t| format!("muted until {}", t.strftime("%F %T UTC")));
            changed(env, std::iter::once(&alarm.alarm), &now)
        }
        Verb::History { alarm, limit } => {
            let alarm = alarm.as_ref().map(ToString::to_string);
            let mut which = Which { after: 0, instance: None, alarm, limit: *limit };
            if which.alarm.is_none() {
                which.limit = u32::MAX;
            }
            let mut all = store.events(&which)?;
            all.retain(|e| e.event.data.alarm.is_some());
            let from = all.len().saturating_sub(*limit as usize);
            events::print(env, &all[from..])
        }
    }
}

fn changed<'a>(env: &Env, names: impl Iterator<Item = &'a Name>, now: &str) -> Result<()> {
    let all: Vec<Changed> = names.map(|n| Changed { name: n.to_string(), now: now.to_owned() }).collect();
    print_changed(&env.ui, &all)
}

/// Gives an alarm a state as an evaluation does (A4).
fn set(store: &mut Store, mut alarm: Alarm, state: AlarmState, stamp: &Stamp) -> Result<Alarm> {
    let decision = match state {
        AlarmState::Alarm => Decision::Alarm,
        AlarmState::Ok => Decision::Ok,
        AlarmState::InsufficientData => Decision::NoData,
    };
    let context = machine::Context {
        incident: alarm.incident.is_some(),
        repeat_due: false,
        tell_no_data: alarm.settings.notify.contains(&crate::model::Notify::NoData),
    };
    let (next, happening) = machine::step(alarm.state, decision, context);
    let kind = happening.map(|h| match h {
        Happening::Firing => EventKind::AlarmFiring,
        Happening::Reminder => EventKind::AlarmReminder,
        Happening::Resolved => EventKind::AlarmResolved,
        Happening::NoData => EventKind::AlarmNoData,
    });
    let told = kind.map(|kind| Told { kind, reason: "set by hand, for a test".to_owned(), points: Vec::new() });
    let Some(instance) = store.instance_by_uuid(alarm.instance)? else {
        return Err(Error::new(Code::NoSuchInstance, "the instance of this alarm is gone"));
    };
    store.write(|t| alarms::change(t, &mut alarm, &instance.record, next, told.as_ref(), stamp))?;
    Ok(alarm)
}

fn row(alarm: &Alarm, instances: &[Instance], now: jiff::Timestamp) -> AlarmRow {
    let s = &alarm.settings;
    let instance = instances.iter().find(|i| i.record.uuid == alarm.instance);
    let statistic = if s.statistic == Statistic::Average { String::new() } else { format!("{} ", s.statistic) };
    AlarmRow {
        name: alarm.name.to_string(),
        instance: instance.map_or_else(String::new, |i| i.record.name.to_string()),
        state: alarm.state,
        since: alarm.since,
        metric: s.metric,
        condition: format!("{statistic}{}", s.condition),
        datapoints: s.datapoints,
        of: s.of,
        period_minutes: s.period_minutes,
        muted_until: alarm.muted_until.filter(|_| alarm.is_muted(now)),
    }
}

fn view(alarm: &Alarm, row: AlarmRow) -> AlarmView {
    let s = &alarm.settings;
    AlarmView {
        row,
        statistic: s.statistic,
        missing: s.missing,
        notify: s.notify.clone(),
        repeat_minutes: s.repeat_minutes,
        reason: alarm.reason.clone(),
        incident: alarm.incident.clone(),
    }
}
