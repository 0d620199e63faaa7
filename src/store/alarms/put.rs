//! New alarms and edited ones, and how they are called if the user does not say.

use rusqlite::params;

use super::{close, select, update};
use crate::{
    catalog::AlarmSpec,
    model::{
        AlarmSettings, AlarmState, Code, Condition, Error, Metric, Missing, Name, Notify, ResourceKind, Result,
        Statistic, Subject,
    },
    store::{
        Transaction,
        column::{Stored, Time, to_json},
        events::{Stamp, new_id},
        resources::{self, NewResource},
        sql,
    },
};

/// Puts an alarm: a new one, or an edit of the one of this name. Whether it is new.
pub fn put(
    t: &Transaction<'_>,
    subject: &Subject,
    name: &Name,
    settings: &AlarmSettings,
    stamp: &Stamp,
) -> Result<bool> {
    settings.check()?;
    if let Some(mut old) = select(&t.0, "WHERE name = ?1", Some(name.as_str()))?.pop() {
        if old.subject != subject.id() {
            return Err(Error::new(
                Code::NameTaken,
                format!("the alarm `{name}` belongs to another instance or load balancer"),
            )
            .hint("choose another with `--name`"));
        }
        close(t, &mut old, subject, "edited", stamp)?;
        old.settings = settings.clone();
        old.generation += 1;
        (old.state, old.since) = (AlarmState::InsufficientData, stamp.now);
        old.reason = "edited".to_owned();
        return update(t, &old).map(|()| false);
    }
    let id = new_id("al");
    resources::insert(
        t,
        &NewResource { kind: ResourceKind::Alarm, id: &id, name: name.as_str(), host: None, created_at: stamp.now },
    )?;
    t.0.execute(
        "INSERT INTO alarm (id, name, instance, settings, generation, state, since, reason)
         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, 'new')",
        params![
            id,
            name.as_str(),
            subject.id().to_string(),
            to_json("an alarm", settings)?,
            Stored(AlarmState::InsufficientData),
            Time(stamp.now),
        ],
    )
    .map_err(sql)?;
    Ok(true)
}

/// Puts the alarms that a blueprint brings along.
pub fn put_defaults(t: &Transaction<'_>, subject: &Subject, specs: &[AlarmSpec], stamp: &Stamp) -> Result<()> {
    for spec in specs {
        let settings = AlarmSettings {
            metric: Metric::parse(&spec.metric)?,
            condition: Condition::parse(&spec.when)?,
            datapoints: spec.datapoints,
            of: spec.of,
            period_minutes: spec.period_minutes,
            statistic: Statistic::Average,
            missing: Missing::parse(&spec.missing)?,
            notify: vec![Notify::Alarm, Notify::Ok],
            repeat_minutes: AlarmSettings::REPEAT,
        };
        let name = free_name(t, subject, settings.metric)?;
        put(t, subject, &name, &settings, stamp)?;
    }
    Ok(())
}

/// The name of an alarm if the user gives none: that of what it watches and the metric's, with a number if that is taken.
fn free_name(t: &Transaction<'_>, subject: &Subject, metric: Metric) -> Result<Name> {
    let taken = resources::names(t)?;
    for number in 1.. {
        let name = default_name(subject.name(), metric, number)?;
        if !taken.iter().any(|t| t == name.as_str()) {
            return Ok(name);
        }
    }
    Err(Error::new(Code::Internal, "no name is free"))
}

/// `shop` and `MemoryUtilization` are `shop-memory-utilization`; a long name is cut.
pub fn default_name(subject: &str, metric: Metric, number: u32) -> Result<Name> {
    let mut tail = String::new();
    let letters: Vec<char> = metric.as_str().chars().filter(|c| *c != '_').collect();
    for (at, letter) in letters.iter().enumerate() {
        let word_begins = letter.is_ascii_uppercase()
            && (at == 0
                || letters[at - 1].is_ascii_lowercase()
                || letters.get(at + 1).is_some_and(char::is_ascii_lowercase));
        if word_begins {
            tail.push('-');
        }
        tail.push(letter.to_ascii_lowercase());
    }
    if number > 1 {
        tail += &format!("-{number}");
    }
    let head: String = subject.chars().take(63 - tail.len()).collect();
    Name::parse(&format!("{}{tail}", head.trim_end_matches('-')))
}
