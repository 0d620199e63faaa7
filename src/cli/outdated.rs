//! `lite blueprints outdated`.

use super::{Env, session};
use crate::{model::Result, ui::print::print_outdated, view::OutdatedRow};

/// Lists the instances whose blueprint has another version today, with [`crate::ui::print::print_outdated`].
pub fn run(env: &Env) -> Result<()> {
    let catalog = session::catalog(&env.settings()?)?;
    let instances = session::store(env)?.map_or(Ok(Vec::new()), |store| store.instances())?;
    let rows: Vec<OutdatedRow> = instances
        .into_iter()
        .map(|instance| instance.record)
        .filter_map(|record| {
            let today = catalog.blueprints.get(&record.blueprint).map(|b| b.version.clone());
            (today.as_ref() != Some(&record.blueprint_version)).then(|| OutdatedRow {
                name: record.name.to_string(),
                blueprint: record.blueprint,
                version: record.blueprint_version,
                today,
                created_at: record.created_at,
            })
        })
        .collect();
    print_outdated(&env.ui, &rows)
}
