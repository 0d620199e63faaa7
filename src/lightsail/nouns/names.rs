//! The names that are in use.

use crate::{
    app::{alarm, disk, instance::list, key_pair, load_balancer, snapshot, static_ip},
    lightsail::{
        call::Call,
        fault::Answer,
        pages::page,
        wire::{ActiveNames, Page},
    },
    model::Unobserved,
};

/// The names that the caller sees.
pub fn active(call: &Call<'_>, input: Page) -> Answer<ActiveNames> {
    let (app, caller, quiet) = (call.app(), call.caller, &mut Unobserved);
    let (rows, ..) = list::list(app, caller, &[], quiet)?;
    let mut names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
    names.extend(disk::list(app, caller, quiet)?.into_iter().map(|row| row.name));
    names.extend(snapshot::list(app, caller, None, quiet)?.into_iter().map(|view| view.name));
    names.extend(static_ip::list(app, caller, quiet)?.into_iter().map(|row| row.name));
    names.extend(alarm::list(app, caller, None, quiet)?.into_iter().map(|row| row.name));
    names.extend(key_pair::list(app, caller, quiet)?.into_iter().map(|row| row.name));
    if caller.scope().is_all() {
        names.extend(load_balancer::list(app, caller, quiet)?.into_iter().map(|view| view.name));
    }
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (active_names, next_page_token) = page("names", names, Clone::clone, at)?;
    Ok(ActiveNames { active_names, next_page_token })
}
