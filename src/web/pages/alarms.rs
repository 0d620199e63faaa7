//! `/alarms`: all of them, those that fire first; `/alarms/NAME`: one in full, and what is done with it; `/instances/NAME/alarms`: those of an instance, and the form that makes one.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted},
    },
    instance::{self, named, unknown_action},
    presets::{self, Preset},
};
use crate::{
    app::{
        App, Caller,
        alarm::{self, Put},
        load_balancer,
    },
    model::{
        AlarmSettings, AlarmState, Code, Condition, Error, Metric, Missing, Name, Notify, Result, Statistic,
        Unobserved, escaped,
    },
    view::{AlarmRow, AlarmView, EventRow, time_text},
};

/// How many of its events the page of an alarm has.
const EVENTS: u32 = 50;

/// All of them.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct AllView {
    alarms: Vec<AlarmRow>,
    choices: Choices,
    presets: &'static [Preset],
    /// What an alarm may watch.
    subjects: Vec<String>,
}

impl Sheet for All {
    const AT: At = At::Alarms;
    const TEMPLATE: &'static str = "alarms.html.j2";
    type View = AllView;

    fn title(_: &str) -> String {
        "Alarms".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/alarms".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<AllView> {
        let (mut choices, mut subjects) = (Choices::of(false), instance::names(app, caller)?);
        // Load balancers are for who sees the whole host.
        if caller.scope().is_all() {
            choices.metrics.extend(Metric::all_of(true).map(Metric::as_str));
            let balancers = load_balancer::list(app, caller, &mut Unobserved)?;
            subjects.extend(balancers.into_iter().map(|balancer| balancer.name));
        }
        let alarms = firing_first(alarm::list(app, caller, None, said)?);
        Ok(AllView { alarms, choices, presets: presets::ALL, subjects })
    }

    fn begin(asked: &HashMap<String, String>) -> Fields {
        chosen(asked)
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let subject = faults.parse(fields, "instance", named);
        let own = faults.parse_some(fields, "name", named)?;
        put(subject, own, fields, faults)
    }
}

/// One alarm.
pub struct One;

/// What it shows.
#[derive(Serialize)]
pub struct OneView {
    one: AlarmView,
    history: Vec<Happened>,
    choices: Choices,
}

/// An event, as a line.
#[derive(Serialize)]
pub struct Happened {
    at: String,
    title: String,
    sent: bool,
}

impl Happened {
    /// The latest first.
    pub fn all(rows: Vec<EventRow>) -> Vec<Self> {
        let line = |row: EventRow| Self { at: time_text(row.event.at), sent: !row.event.suppressed, title: row.title };
        rows.into_iter().rev().map(line).collect()
    }
}

/// What a form offers.
#[derive(Serialize)]
struct Choices {
    metrics: Vec<&'static str>,
    statistics: Vec<&'static str>,
    missing: Vec<&'static str>,
}

impl Choices {
    fn of(load_balancers: bool) -> Self {
        Self {
            metrics: Metric::all_of(load_balancers).map(Metric::as_str).collect(),
            statistics: Statistic::ALL.iter().map(|one| one.as_str()).collect(),
            missing: Missing::ALL.iter().map(|one| one.as_str()).collect(),
        }
    }
}

impl Sheet for One {
    const AT: At = At::Alarms;
    const TEMPLATE: &'static str = "alarm.html.j2";
    type View = OneView;

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn back(name: &str, fields: &Fields) -> String {
        match fields.text("action") {
            "delete" => "/alarms".to_owned(),
            _ => format!("/alarms/{name}"),
        }
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<OneView> {
        let name = named(name)?;
        let one = alarm::show(app, caller, &name, said)?;
        let history = alarm::history(app, caller, Some(&name), EVENTS, &mut Unobserved)?;
        let choices = Choices::of(one.row.load_balancer.is_some());
        Ok(OneView { one, history: Happened::all(history), choices })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "test" => {
                let state = faults.parse(fields, "state", AlarmState::parse)?;
                Some(Wanted::at_once(move |app, caller| alarm::test(app, caller, &of, state, &mut Unobserved)))
            }
            "mute" => {
                let minutes = faults.parse(fields, "minutes", number)?;
                let time = Some(Duration::from_secs(u64::from(minutes) * 60)).filter(|time| !time.is_zero());
                Some(Wanted::at_once(move |app, caller| alarm::mute(app, caller, &of, time, &mut Unobserved)))
            }
            "change" => {
                let subject = faults.parse(fields, "instance", named);
                put(subject, Some(of), fields, faults)
            }
            "delete" => {
                Some(Wanted::at_once(move |app, caller| alarm::find(app, caller, &[of], &mut Unobserved)?.run(app)))
            }
            other => unknown_action(other, faults),
        }
    }
}

/// Those of an instance.
pub struct OfInstance;

/// What it shows.
#[derive(Serialize)]
pub struct View {
    name: String,
    alarms: Vec<AlarmRow>,
    choices: Choices,
    presets: &'static [Preset],
}

impl Sheet for OfInstance {
    const AT: At = At::Instances;
    const TEMPLATE: &'static str = "alarms_of.html.j2";
    type View = View;

    fn title(name: &str) -> String {
        format!("Alarms of {name}")
    }

    fn back(name: &str, _: &Fields) -> String {
        instance::under(name, "alarms")
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<View> {
        let alarms = firing_first(alarm::list(app, caller, Some(&named(name)?), said)?);
        Ok(View { name: name.to_owned(), alarms, choices: Choices::of(false), presets: presets::ALL })
    }

    fn begin(asked: &HashMap<String, String>) -> Fields {
        chosen(asked)
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let subject = faults.take("action", named(name));
        let own = faults.parse_some(fields, "name", named)?;
        put(subject, own, fields, faults)
    }
}

/// The form as the ready choice in an address fills it in.
fn chosen(asked: &HashMap<String, String>) -> Fields {
    presets::fields(asked.get("preset").map(String::as_str).unwrap_or_default())
}

/// What a person has to look at comes first.
fn firing_first(mut all: Vec<AlarmRow>) -> Vec<AlarmRow> {
    all.sort_by_key(|row| row.state != AlarmState::Alarm);
    all
}

/// An alarm as it was typed.
fn put(subject: Option<Name>, name: Option<Name>, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let metric = faults.parse(fields, "metric", Metric::parse);
    let condition = faults.parse(fields, "when", Condition::parse);
    let [datapoints, of, period, repeat] =
        ["datapoints", "of", "period", "repeat"].map(|field| faults.parse(fields, field, number));
    let statistic = faults.parse(fields, "statistic", Statistic::parse);
    let missing = faults.parse(fields, "missing", Missing::parse);
    let notify = faults.take("notify", fields.all("notify").map(Notify::parse).collect());
    let settings = AlarmSettings {
        metric: metric?,
        condition: condition?,
        datapoints: datapoints?,
        of: of?,
        period_minutes: period?,
        statistic: statistic?,
        missing: missing?,
        notify: notify?,
        repeat_minutes: repeat?,
    };
    let put = Put { subject: subject?, name, settings, dry_run: false };
    Some(Wanted::at_once(move |app, caller| alarm::put(app, caller, &put, &mut Unobserved)))
}

/// A whole number, up to a day of minutes.
fn number(text: &str) -> Result<u32> {
    let number = text.parse().ok().filter(|number| *number <= 24 * 60);
    number.ok_or_else(|| {
        Error::new(Code::InvalidWindow, format!("`{}` is no number here", escaped(text)))
            .hint("use a whole number from 0 to 1440")
    })
}
