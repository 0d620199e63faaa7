//! Bundles: the sizes and prices there are.

use super::{App, Caller, Right, scope::Target, sources::catalog};
use crate::{
    engine,
    model::{DiskUsage, Hint, Observer, Result},
    view::BundleRow,
};

/// The bundles, and how many more of each this host has room for; and its disk, where it can be asked.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<(Vec<BundleRow>, Option<DiskUsage>)> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let catalog = catalog(&app.settings)?;
    let seen =
        app.context(caller, false).and_then(|ctx| Ok((engine::removal::purge::room(&ctx)?, engine::disk_usage(&ctx)?)));
    let (capacity, disk) = seen.map_or_else(|e| (Err(e), None), |(capacity, disk)| (Ok(capacity), disk));
    let disk = disk.filter(|_| caller.scope().is_all());
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
        short: capacity.as_ref().map(|c| c.short(b)).unwrap_or_default(),
    };
    Ok((catalog.bundles.iter().map(row).collect(), disk))
}
