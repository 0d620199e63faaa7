//! purge: deleted instances that were kept go for good, when their time is over or their place is needed.

use crate::{
    catalog::Bundle,
    engine::{
        Accepted, Capacity, Ctx, Observer, host, journal,
        lock::{Attempt, Lock},
        removal::{self, Receipt},
    },
    model::{Code, EventKind, Hint, Instance, OperationKind, Phase, Record, Result},
    plan,
    store::{kept, operations},
};

/// Why a deleted instance goes for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its time is over.
    Due,
    /// The pool is needed for something else.
    Space,
    /// Somebody wants it.
    Asked,
}

/// Accepts a purge; none: somebody works on the instance, or it is kept no more.
///
/// # Errors
/// Those of the database.
pub fn accept(ctx: &mut Ctx, instance: &Instance) -> Result<Option<Accepted>> {
    let uuid = instance.record.uuid;
    let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), uuid, OperationKind::Purge.as_str(), ctx.now())? else {
        return Ok(None);
    };
    let Some(now) = ctx.store.instance_by_uuid(uuid)?.filter(|now| now.phase == Phase::Kept) else { return Ok(None) };
    let operation = journal::new_operation(ctx, OperationKind::Purge, &now);
    let instance = Instance { phase: Phase::Deleting, ..removal::given_up(&now) };
    ctx.store.write(|t| {
        kept::give_up(t, &instance.record)?;
        operations::insert(t, &operation)
    })?;
    Ok(Some(Accepted { operation, instance, lock, found: () }))
}

/// Purges what was accepted, and tells of it as an event.
///
/// # Errors
/// What could not be removed. The operation stays open, and the next command goes on with it.
pub fn run(ctx: &mut Ctx, accepted: Accepted, reason: Reason) -> Result<Receipt> {
    let Accepted { operation, instance, lock, .. } = accepted;
    let (record, receipt) = (&instance.record, removal::receipt(ctx, &instance, None)?);
    removal::go_on(ctx, &operation, &instance, lock)?;
    ctx.record_event(EventKind::InstancePurged, Some(record), &sentence(record, reason))?;
    Ok(receipt)
}

fn sentence(record: &Record, reason: Reason) -> String {
    let why = match reason {
        Reason::Due => "its time is over",
        Reason::Space => "its place is needed",
        Reason::Asked => "it was asked for",
    };
    format!("deleted instance `{}` is gone for good: {why}", record.name)
}

/// A sentence; none: somebody works on the instance, or it is kept no more.
fn purge(ctx: &mut Ctx, instance: &Instance, reason: Reason) -> Result<Option<String>> {
    let Some(accepted) = accept(ctx, instance)? else { return Ok(None) };
    run(ctx, accepted, reason)?;
    Ok(Some(sentence(&instance.record, reason)))
}

/// Purges the deleted instances whose time is over; a sentence for each.
///
/// # Errors
/// What could not be removed of one; the others are purged all the same.
pub fn purge_due(ctx: &mut Ctx) -> Result<Vec<String>> {
    let now = ctx.now();
    let due = |instance: &Instance| instance.record.kept.is_none_or(|kept| kept.until <= now);
    let (mut told, mut failed) = (Vec::new(), None);
    for instance in ctx.store.kept(&ctx.host_id())?.into_iter().filter(due) {
        match purge(ctx, &instance, Reason::Due) {
            Ok(done) => told.extend(done),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(told), Err)
}

/// Purges deleted instances, the one that goes next first, until one more instance of a bundle fits, as far as disk is concerned.
/// Where it would not fit without any of them either, or for want of something else, none goes.
///
/// # Errors
/// The host cannot be asked, or what could not be removed.
pub fn make_room(ctx: &mut Ctx, bundle: &Bundle, observer: &mut dyn Observer) -> Result<()> {
    let kept = ctx.store.kept(&ctx.host_id())?;
    if kept.is_empty() || lacks(ctx, bundle, &[])? != ["disk"] || !lacks(ctx, bundle, &kept)?.is_empty() {
        return Ok(());
    }
    for instance in kept {
        if let Some(text) = purge(ctx, &instance, Reason::Space)? {
            observer.warn(&Hint::from(text));
        }
        if lacks(ctx, bundle, &[])?.is_empty() {
            break;
        }
    }
    Ok(())
}

/// What is left for new instances, those counted out that are deleted and kept: they make room.
///
/// # Errors
/// The host cannot be asked.
pub fn room(ctx: &Ctx) -> Result<Capacity> {
    let kept = ctx.store.kept(&ctx.host_id())?;
    left_without(ctx, &kept)
}

/// What one more instance of a bundle would lack without these.
fn lacks(ctx: &Ctx, bundle: &Bundle, without: &[Instance]) -> Result<Vec<&'static str>> {
    match left_without(ctx, without) {
        // What is missing is said by whoever needs it.
        Err(error) if error.code == Code::HostNotReady => Ok(Vec::new()),
        left => Ok(left?.short(bundle)),
    }
}

fn left_without(ctx: &Ctx, without: &[Instance]) -> Result<Capacity> {
    let mut left = host::capacity(ctx)?;
    for instance in without {
        let volume = ctx.hypervisor.volume(&ctx.settings.host.pool, &plan::root_disk(&instance.record))?;
        left.disk += instance.record.disk.as_bytes();
        left.disk_free += volume.map_or(0, |volume| volume.allocation);
    }
    Ok(left)
}
