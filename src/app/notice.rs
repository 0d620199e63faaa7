//! What is said above every page of a console: what whoever works on this host is to know, whatever they look at.

use super::{App, Caller, Right, alarm, scope::Target, watch};
use crate::{
    engine,
    model::{AlarmState, Hint, Result, Unobserved, Verb},
    store::Store,
};

/// What whoever works on this host is to know, whatever they look at.
///
/// # Errors
/// The caller may not, or the database cannot be used.
pub fn all(app: &App, caller: &Caller) -> Result<Vec<Hint>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store_as_it_is()? else { return Ok(Vec::new()) };
    let mut all: Vec<Hint> = watcher(app, &store)?.into_iter().collect();
    all.extend(alarms(app, caller)?);
    all.extend(host(app, caller));
    Ok(all)
}

/// That nobody watches.
fn watcher(app: &App, store: &Store) -> Result<Option<Hint>> {
    let begins = || Hint::new().run(Verb::Watch).text(" on the host watches");
    Ok(match watch::evaluated(app, store)? {
        None => Some(Hint::from("nothing is measured, and no alarm fires: nobody watches this host; ").then(begins())),
        Some(age) if age > watch::STALE => {
            let minutes = age.as_mins();
            let text = format!("alarms were last evaluated {minutes} minutes ago: nobody watches this host; ");
            Some(Hint::from(text).then(begins()))
        }
        Some(_) => None,
    })
}

/// Which alarms fire.
fn alarms(app: &App, caller: &Caller) -> Result<Option<Hint>> {
    let mut all = alarm::list(app, caller, None, &mut Unobserved)?;
    all.retain(|row| row.state == AlarmState::Alarm);
    let names: Vec<String> = all.iter().take(3).map(|row| format!("`{}`", row.name)).collect();
    let more = all.len().saturating_sub(names.len());
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    Ok((!all.is_empty()).then(|| Hint::from(format!("in alarm: {}{rest}", names.join(", ")))))
}

/// That libvirt does not answer; or, for who sees the whole host, that its disk is full.
fn host(app: &App, caller: &Caller) -> Option<Hint> {
    let usage = app.context(caller, false).and_then(|ctx| engine::disk_usage(&ctx));
    match usage {
        Err(e) => Some(Hint::from(format!("the host does not answer, so states are not known: {}", e.message))),
        Ok(usage) => {
            let full = usage.filter(|usage| caller.scope().is_all() && usage.free <= usage.reserve)?;
            let text =
                format!("the disk is full: {} are free, and {} stay so", full.free.about(), full.reserve.about());
            Some(Hint::from(format!("{text}; nothing is made or started until there is more")))
        }
    }
}
