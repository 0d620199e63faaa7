//! Alarms: put, listed, tested, deleted.

use super::{begun, change::Started};
use crate::{
    app::alarm,
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        map::monitoring as map,
        pages::page,
        past,
        wire::{Alarms, GetAlarms, OfAlarm, PutAlarm, TestAlarm},
    },
    model::{AlarmSettings, AlarmState, Condition, Metric, Missing, Name, Notify, Threshold, Unobserved},
};

/// Minutes of a period.
const PERIOD: u32 = 5;

/// The alarms, by name.
pub fn all(call: &Call<'_>, input: GetAlarms) -> Answer<Alarms> {
    let (app, caller, place) = (call.app(), call.caller, call.place()?);
    let (one, of) = (input.alarm_name.as_deref(), input.monitored_resource_name.as_deref());
    if let Some(one) = one {
        alarm::show(app, caller, &name(one)?, &mut Unobserved)?;
    }
    let mut all = alarm::described(app, caller, &mut Unobserved)?;
    all.retain(|alarm| one.is_none_or(|one| alarm.row.name == one));
    all.retain(|alarm| of.is_none() || alarm.row.subject() == of);
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (all, next_page_token) = page("alarms", all, |alarm| alarm.row.name.clone(), at)?;
    Ok(Alarms { alarms: all.into_iter().map(|one| map::alarm(one, &place)).collect(), next_page_token })
}

fn done(call: &Call<'_>, what: &str, of: &Name) -> Answer<Started> {
    Ok((past::done(what, ("Alarm", of.as_str()), call.app().clock.now(), &call.place()?), None))
}

/// Makes an alarm, or changes the one of this name.
pub fn put(call: &Call<'_>) -> Answer<Done> {
    let input: PutAlarm = call.input()?;
    let of = name(&input.alarm_name)?;
    let put = alarm::Put {
        subject: name(&input.monitored_resource_name)?,
        name: Some(of.clone()),
        settings: settings(&input)?,
        dry_run: false,
    };
    alarm::put(call.app(), call.caller, &put, &mut Unobserved)?;
    begun(done(call, "PutAlarm", &of)?)
}

fn settings(input: &PutAlarm) -> Answer<AlarmSettings> {
    if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        return Err(Fault::invalid("alarms have no tags here"));
    }
    let ways = input.contact_protocols.iter().flatten();
    if let Some(other) = ways.into_iter().find(|way| !["Email", "Webhook"].contains(&way.as_str())) {
        let text = format!("nobody is told by `{}` here", crate::model::escaped(other));
        return Err(Fault::invalid(text).tip("`lite contact add` adds an address of mail, or a webhook"));
    }
    let metric = Metric::parse(&input.metric_name)?;
    let (comparator, threshold) = (map::comparator(input.comparison_operator), Threshold::try_from(input.threshold)?);
    Ok(AlarmSettings {
        metric,
        condition: Condition { comparator, threshold },
        datapoints: input.datapoints_to_alarm.unwrap_or(input.evaluation_periods),
        of: input.evaluation_periods,
        period_minutes: PERIOD,
        statistic: map::statistic_of(metric),
        missing: input.treat_missing_data.as_deref().map_or(Ok(Missing::Missing), Missing::parse)?,
        notify: notify(input)?,
        repeat_minutes: 0,
    })
}

/// Of what is told.
fn notify(input: &PutAlarm) -> Answer<Vec<Notify>> {
    let Some(triggers) = &input.notification_triggers else {
        return Ok(if input.notification_enabled == Some(false) { Vec::new() } else { vec![Notify::Alarm] });
    };
    let all = triggers.iter().map(|trigger| {
        Ok(match AlarmState::parse(trigger)? {
            AlarmState::Alarm => Notify::Alarm,
            AlarmState::Ok => Notify::Ok,
            AlarmState::InsufficientData => Notify::NoData,
        })
    });
    let all = all.collect::<Answer<Vec<Notify>>>()?;
    match (all.contains(&Notify::Alarm), input.notification_enabled) {
        (false, _) => Err(Fault::invalid("`notificationTriggers` have to hold `ALARM`")),
        (true, Some(false)) => Ok(Vec::new()),
        (true, _) => Ok(all),
    }
}

/// Gives an alarm a state, as an evaluation does.
pub fn test(call: &Call<'_>) -> Answer<Done> {
    let input: TestAlarm = call.input()?;
    let (of, state) = (name(&input.alarm_name)?, AlarmState::parse(&input.state)?);
    alarm::test(call.app(), call.caller, &of, state, &mut Unobserved)?;
    begun(done(call, "TestAlarm", &of)?)
}

/// Deletes an alarm.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfAlarm = call.input()?;
    let of = name(&input.alarm_name)?;
    alarm::find(call.app(), call.caller, std::slice::from_ref(&of), &mut Unobserved)?.run(call.app())?;
    begun(done(call, "DeleteAlarm", &of)?)
}
