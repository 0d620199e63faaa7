//! Bundles: the sizes and prices there are.

use super::{App, Caller, Right, sources::catalog};
use crate::{
    engine,
    model::{Hint, Observer, Result},
    view::BundleRow,
};

/// The bundles, and how many more of each this host has room for.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<BundleRow>> {
    caller.require(Right::Read)?;
    let catalog = catalog(&app.settings)?;
    let capacity = app.context(caller, false).and_then(|ctx| engine::capacity(&ctx));
    if let Err(e) = &capacity {
        observer.warn(&Hint::from(format!("how many fit is not known: {}", e.message)));
    }
    let row = |b: &crate::catalog::Bundle| BundleRow {
        id: b.id.clone(),
        vcpus: b.vcpus,
        memory: b.memory,
        disk: b.disk,
        transfer: b.transfer,
        price: b.price,
        currency: b.currency.clone(),
        fits: capacity.as_ref().ok().map(|c| c.count(b)),
    };
    Ok(catalog.bundles.iter().map(row).collect())
}
