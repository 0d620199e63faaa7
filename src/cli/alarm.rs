//! `lite alarm`.

use clap_complete::ArgValueCompleter;

use super::{Env, alarm_put, common, complete, values};
use crate::{
    app::alarm,
    model::{AlarmState, Name, Result},
    ui::print::{print_alarm, print_alarms, print_changed, print_events},
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
/// An alarm watches one metric of one instance or load balancer. It fires when
/// enough of its last periods breach a threshold, and is resolved when they no
/// longer do. Both are sent to every contact (`lite contact`) and kept (`lite
/// events`). `lite watch` evaluates alarms; each blueprint brings some along.
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
        after_help = "EXAMPLES:\n  lite alarm list\n      All of them\n  lite alarm list shop\n      Those of one instance or load balancer"
    )]
    List {
        /// Only alarms of this instance or load balancer
        #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::measured))]
        subject: Option<Name>,
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
    let (app, caller, mut progress, ui) = (env.app()?, env.caller(), env.progress(), &env.ui);
    match &args.verb {
        Verb::Put(args) => print_changed(ui, &[alarm::put(&app, &caller, &args.request(), &mut progress)?]),
        Verb::List { subject } => print_alarms(ui, &alarm::list(&app, &caller, subject.as_ref(), &mut progress)?),
        Verb::Show { alarm } => print_alarm(ui, &alarm::show(&app, &caller, &alarm.alarm, &mut progress)?),
        Verb::Delete { alarms, sure, dry_run } => {
            let found = alarm::find(&app, &caller, alarms, &mut progress)?;
            if *dry_run {
                return print_changed(ui, &found.plan());
            }
            let names: Vec<String> = alarms.iter().map(|n| format!("`{n}`")).collect();
            sure.ask(ui, &format!("delete the alarm {}?", names.join(", ")))?;
            print_changed(ui, &found.run(&app)?)
        }
        Verb::Test { alarm, state } => {
            print_changed(ui, &[alarm::test(&app, &caller, &alarm.alarm, *state, &mut progress)?])
        }
        Verb::Mute { alarm, time, .. } => {
            print_changed(ui, &[alarm::mute(&app, &caller, &alarm.alarm, *time, &mut progress)?])
        }
        Verb::History { alarm, limit } => {
            print_events(ui, &alarm::history(&app, &caller, alarm.as_ref(), *limit, &mut progress)?)
        }
    }
}
