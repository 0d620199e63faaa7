//! What removes an instance: for good, or so that it is kept for a while. Always forward: whoever finds one cut off goes on.

mod keep;
pub mod purge;

use jiff::Timestamp;

use super::{Ctx, firewall, image_leftovers, images::is_received, journal, lock::Lock, names, proxy};
use crate::{
    kill_point,
    model::{Hint, Instance, Kept, Result, Site, Verb},
    plan::{self, OwnedKind},
    store::{Operation, load_balancers, sites},
};

pub use keep::{given_up, kept, power_off};

/// What a delete removed and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Removed, a phrase each.
    pub removed: Vec<String>,
    /// Kept, a phrase each.
    pub kept: Vec<Hint>,
    /// Until when the instance can be brought back; none: it cannot.
    pub until: Option<Timestamp>,
}

/// What a removal removes and leaves; `back`: until when there is a way back.
///
/// # Errors
/// Those of the database.
pub fn receipt(ctx: &Ctx, instance: &Instance, back: Option<Kept>) -> Result<Receipt> {
    let record = &instance.record;
    let all = OwnedKind::ALL.iter().map(|kind| kind.description());
    let things: Vec<String> = all.filter_map(|d| d.removal(record)).collect();
    let mut removed = if back.is_some() { Vec::new() } else { things.clone() };
    removed.extend(back.is_none().then(|| "firewall rules".to_owned()));
    removed.extend(record.published.iter().map(|publication| format!("published port {publication}")));
    let sites = sites_of(ctx, instance)?;
    removed.extend(sites.iter().map(|site| format!("published domain {}", site.domain)));
    removed.extend(record.address.map(|address| format!("address {address}")));
    removed.extend(record.address6.map(|address| format!("address {address}")));
    let name = plan::dns_hosts(record).into_iter().next();
    removed.extend(name.and_then(|host| Some(format!("name `{}`", host.names.first()?))));
    let balancers = ctx.store.load_balancers(&ctx.host_id())?.into_iter().filter(|balancer| balancer.has(record.uuid));
    removed.extend(balancers.map(|balancer| format!("target of load balancer `{}`", balancer.name)));
    removed.extend(back.is_none().then(|| "logs and secrets".to_owned()));
    let mut kept: Vec<Hint> = match back {
        Some(back) => keep::way_back(record, back, &things),
        None => Vec::new(),
    };
    // The disk of an export, where it came with one, is no image and goes with the last that lies on it.
    let is_on_image = !ctx.store.image_of(record.uuid)?.is_some_and(|image| is_received(&image));
    kept.extend(is_on_image.then(|| Hint::from(format!("image `{}`", record.base))));
    kept.push(Hint::from("the operation's entry in ").run(Verb::Operations));
    for given in &record.disks {
        let disk = ctx.store.disk_by_id(given.disk)?;
        kept.extend(disk.map(|disk| Hint::from(format!("disk `{}` ({}) with its data", disk.name, disk.size))));
    }
    let snapshots = ctx.store.snapshots(&ctx.host_id())?;
    let snapshots = snapshots.into_iter().filter(|one| one.snapshot.record.uuid == record.uuid);
    kept.extend(snapshots.map(|one| {
        let what = if one.snapshot.automatic { "automatic snapshot" } else { "snapshot" };
        let size = one.allocation.map(|size| format!(" ({})", size.about())).unwrap_or_default();
        Hint::from(format!("{what} `{}`{size}", one.snapshot.name))
    }));
    kept.extend(sites.iter().map(|site| Hint::from(format!("the certificate of {}, for 30 days", site.domain))));
    Ok(Receipt { removed, kept, until: back.map(|back| back.until) })
}

/// Removes an instance, or keeps it, as its record says.
///
/// # Errors
/// What could not be removed. The operation stays open, and the next command goes on with it.
pub fn go_on(ctx: &mut Ctx, operation: &Operation, instance: &Instance, lock: Lock) -> Result<()> {
    leave_front(ctx, instance)?;
    if instance.record.kept.is_some() {
        return keep::go_on(ctx, operation, instance);
    }
    let image = ctx.store.image_of(instance.record.uuid)?;
    journal::go_on(ctx, operation, plan::delete(&instance.record, ctx.place()))?;
    names::remove(ctx, &instance.record)?;
    ctx.store.forget_deleted(&instance.record, &ctx.stamp())?;
    kill_point::reached("forgotten");
    firewall::apply(ctx)?;
    // It came with this instance alone.
    if image.is_some_and(|image| is_received(&image)) {
        image_leftovers::tidy(ctx)?;
    }
    journal::end(ctx, operation, Ok(()))?;
    lock.retire();
    Ok(())
}

fn sites_of(ctx: &Ctx, instance: &Instance) -> Result<Vec<Site>> {
    let rows = ctx.store.sites_on(&ctx.host_id())?.into_iter().filter(|row| row.instance == instance.record.uuid);
    Ok(rows.map(|row| row.site).collect())
}

/// Its domains lead nowhere, and load balancers lead elsewhere, before it is gone.
fn leave_front(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let (host, now, gone) = (ctx.host_id(), ctx.now(), sites_of(ctx, instance)?);
    let balanced = ctx.store.write(|t| {
        sites::remove(t, &host, &gone, now)?;
        load_balancers::forget_instance(t, instance.record.uuid)
    })?;
    if balanced || !gone.is_empty() { proxy::apply(ctx) } else { Ok(()) }
}
