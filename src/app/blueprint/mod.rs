//! Blueprints: what there is, how it was tested, and which instances are older.

pub mod check;
pub mod test;

mod ports;
mod results;

use super::{
    App, Caller, Right, elsewhere,
    scope::{Sight, Target},
    sources::catalog,
};
use crate::{
    catalog::{self as parts, Blueprint, Catalog, Group, Health, Verification},
    model::{Action, Error, Hint, Observer, Result, Verb},
    view::{BlueprintView, OutdatedRow, ParameterView, VerifiedView},
};

/// All blueprints.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<BlueprintView>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let catalog = catalog_with_tests(app, observer)?;
    Ok(catalog.blueprints.values().map(|b| view(&catalog, b)).collect())
}

/// The blueprints named.
pub fn show(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<BlueprintView>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let catalog = catalog_with_tests(app, observer)?;
    let known = |id: &String| catalog.blueprint(id).map_err(|e| elsewhere::hint(app, id, e));
    ids.iter().map(|id| known(id).map(|b| view(&catalog, b))).collect()
}

/// What is wrong with the values for a blueprint's parameters, each by the name of its parameter.
pub fn parameter_faults(
    app: &App,
    caller: &Caller,
    id: &str,
    set: &[(String, String)],
) -> Result<Vec<(String, Error)>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    Ok(parts::parameter_faults(catalog(&app.settings)?.blueprint(id)?, set))
}

/// The instances whose blueprint has another version today.
pub fn outdated(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<OutdatedRow>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let catalog = catalog(&app.settings)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let mut instances = store.instances()?;
    instances.retain(|instance| sight.instance(instance.record.uuid));
    let row = |record: crate::model::Record| {
        let blueprint = catalog.blueprints.get(&record.blueprint);
        let today = blueprint.map(|b| b.version.clone());
        let can = blueprint.is_some_and(|b| !b.upgrade.is_empty() && b.bases.contains(&record.base));
        let command = can.then(|| Action::new(Verb::Upgrade, &[&record.name]).command());
        (today.as_ref() != Some(&record.blueprint_version)).then(|| OutdatedRow {
            name: record.name.to_string(),
            blueprint: record.blueprint,
            version: record.blueprint_version,
            today,
            command,
            created_at: record.created_at,
        })
    };
    Ok(instances.into_iter().filter_map(|instance| row(instance.record)).collect())
}

/// The catalog, with the tests of this host after those that came with it.
fn catalog_with_tests(app: &App, observer: &mut dyn Observer) -> Result<Catalog> {
    let mut catalog = catalog(&app.settings)?;
    for diagnostic in catalog.spoiled.values().flatten() {
        observer.warn(&Hint::from(format!("a blueprint is left out: {diagnostic}")));
    }
    catalog.verified.extend(results::of_this_host(&app.settings, observer));
    Ok(catalog)
}

fn view(catalog: &Catalog, b: &Blueprint) -> BlueprintView {
    BlueprintView {
        id: b.id.clone(),
        group: match b.group {
            Group::Os => "os".to_owned(),
            Group::App => "app".to_owned(),
        },
        version: b.version.clone(),
        title: b.title.clone(),
        description: b.description.clone(),
        bases: b.bases.clone(),
        min_memory: b.min_memory,
        min_disk: b.min_disk,
        smallest_bundle: catalog.smallest_bundle(b).map(|s| s.id.clone()),
        ports: b.ports.clone(),
        parameters: b
            .parameters
            .iter()
            .map(|p| ParameterView {
                name: p.name.clone(),
                description: p.description.clone(),
                default: p.default.clone(),
            })
            .collect(),
        secrets: b.secrets.iter().map(|s| s.description.clone()).collect(),
        verified: b.bases.iter().map(|base| verified(catalog, b, base)).collect(),
        health: b.health.as_ref().map(health),
        user: b.user.clone(),
    }
}

/// A health check in words.
fn health(health: &Health) -> String {
    match health {
        Health::Http { port, path, status, text } => {
            let holds = text.as_ref().map_or(String::new(), |t| format!(" and holds `{t}`"));
            format!("http://ADDRESS:{port}{path} answers {status}{holds}")
        }
        Health::Tcp { port, banner } => {
            let says = banner.as_ref().map_or(String::new(), |b| format!(" and says `{b}`"));
            format!("port {port} accepts{says}")
        }
        Health::Command { run, timeout } => {
            let run = run.trim();
            let shown = if run.contains('\n') { "a script".to_owned() } else { format!("`{run}`") };
            format!("{shown} succeeds in the guest within {timeout} s")
        }
    }
}

fn verified(catalog: &Catalog, b: &Blueprint, base: &str) -> VerifiedView {
    let verification = catalog.verification(b, base);
    let seen = match verification {
        Verification::Boot(seen) | Verification::Changed(seen) => Some(seen),
        Verification::Render => None,
    };
    VerifiedView {
        base: base.to_owned(),
        how: verification.word().to_owned(),
        date: seen.map(|v| v.date),
        image: seen.and_then(|v| v.image.clone()),
        seconds: seen.and_then(|v| v.seconds),
    }
}
