//! verify: a snapshot is booted once, in a machine of its own that no network reaches, to see whether it is whole.
//!
//! ```text
//! accept   the snapshot is held, and the operation is in the journal
//! run      machine ─► boot ─► its guest says that it is up, and what its health check's command answers ─► removed, whatever came of it
//! resume   its process died: the machine is removed, and nothing is said of the snapshot
//! ```
//!
//! The guest is the instance that the snapshot was made of, to itself: with another id cloud-init and lite's runner would set it up anew.

use std::time::Duration;

use crate::{
    catalog::{Blueprint, Bundle, Health},
    engine::{
        Ctx,
        follow::{Follower, Subject},
        images, journal,
        lock::Lock,
        making,
        progress::Reporter,
        provision::{self, Job, Purpose},
        request::{CopyOf, ImageChoice, Request},
        undo::{Because, undo, undo_of_dead_owner},
    },
    guest::report::{Report, Status},
    hypervisor::DomainState,
    model::{
        Class, Code, Error, Money, Name, Observer, OperationKind, OperationState, ResourceRef, Result, Snapshot,
        SnapshotState, Stage, Verification,
    },
    store::{Operation, snapshots},
};

const KIND: OperationKind = OperationKind::VerifySnapshot;

/// A verification that is in the journal. The lock of the snapshot is held: it is not removed meanwhile.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    snapshot: Snapshot,
    request: Request,
    _lock: Lock,
}

/// Accepts the verification of a snapshot.
///
/// # Errors
/// Refused: it is being made or removed, or somebody works on it.
pub fn accept(ctx: &mut Ctx, name: &Name, timeout: Duration) -> Result<Accepted> {
    let found = ctx.store.require_snapshot(&ctx.host_id(), name)?.snapshot;
    let what = format!("snapshot `{name}`");
    let lock = Lock::acquire_of(&ctx.locks(), (found.id, &what), KIND.as_str(), &*ctx.clock, ctx.wait)?;
    let now = ctx.store.snapshot_by_id(found.id)?.filter(|now| now.state == SnapshotState::Available);
    let Some(snapshot) = now.map(|now| now.snapshot) else {
        return Err(Error::new(Code::Busy, format!("{what} is being made, or goes")).hint("verify it when it is there"));
    };
    let (blueprint, parameters) = ctx.store.blueprint_of_snapshot(snapshot.id)?;
    let bundle = room(&snapshot, &blueprint);
    // Nothing is let in, and nobody is told of how it fares.
    let blueprint = Blueprint { ports: Vec::new(), alarms: Vec::new(), ..blueprint };
    let copy_of = Some(CopyOf::Snapshot(Box::new(snapshot.clone())));
    let image = (snapshot.record.base.as_str(), ImageChoice::Base);
    let request = Request { copy_of, parameters, ..Request::plain(blueprint, bundle, image, timeout) };
    let (resource, requester) = (ResourceRef::from(&snapshot), ctx.requester.clone());
    let operation = Operation::started(KIND, resource, ctx.host_id(), requester, ctx.now());
    ctx.store.insert_operation(&operation)?;
    Ok(Accepted { operation, snapshot, request, _lock: lock })
}

/// The size of the machine: that of the instance, on a disk as large as the snapshot's.
pub fn room(snapshot: &Snapshot, blueprint: &Blueprint) -> Bundle {
    let record = &snapshot.record;
    Bundle {
        id: record.bundle.clone(),
        vcpus: record.vcpus,
        memory: record.memory.max(blueprint.min_memory),
        disk: snapshot.size,
        transfer: record.transfer,
        price: Money::default(),
        currency: record.currency.clone(),
    }
}

/// Boots the snapshot that was accepted; how long it took until its guest said that it is up. The machine goes whatever comes of it.
///
/// # Errors
/// It is not whole, which is written down; or it could not be booted here.
pub fn run(ctx: &mut Ctx, accepted: Accepted, observer: &mut dyn Observer) -> Result<Duration> {
    let Accepted { operation, snapshot, request, _lock } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    let result = in_machine(ctx, &operation, &snapshot, request, &mut reporter.observe(observer));
    drop(reporter);
    // What made a machine has ended the operation with it.
    let open = ctx.store.operation(&operation.id)?.is_some_and(|o| o.state == OperationState::Started);
    if open { journal::end(ctx, &operation, result) } else { result }
}

fn in_machine(
    ctx: &mut Ctx,
    operation: &Operation,
    snapshot: &Snapshot,
    request: Request,
    observer: &mut dyn Observer,
) -> Result<Duration> {
    let begun = ctx.clock.instant();
    let mut job = provision::reserve(ctx, request, Purpose::Verify(operation, snapshot), observer)?;
    observer.begin(Stage::Disk);
    let made = images::choose(ctx, &job.request, observer).and_then(|image| making::make(ctx, &mut job, &image));
    if let Err(error) = made {
        observer.fail();
        return Err(provision::abandon(ctx, job, error));
    }
    observer.finish();
    let up = wait(ctx, &job, &snapshot.name, observer);
    let took = ctx.clock.instant().saturating_duration_since(begun);
    // Of any other error nothing is learnt of the snapshot.
    let learnt = up.as_ref().err().is_none_or(|error| is_of_guest(error.code));
    let verification = Verification { at: ctx.now(), failure: up.as_ref().err().map(|error| error.message.clone()) };
    let written = match learnt {
        true => ctx.store.write(|t| snapshots::set_verified(t, snapshot.id, &verification)),
        false => Ok(()),
    };
    match up.and(written) {
        Ok(()) => {
            undo(ctx, &job.operation, job.record.uuid, &job.started, Because::Done)?;
            job.retire();
            Ok(took)
        }
        Err(error) if learnt => Err(provision::abandon(ctx, job, Error { class: Class::Failed, ..error })),
        Err(error) => Err(provision::abandon(ctx, job, error)),
    }
}

/// Whether an error tells something of the disk that was booted.
fn is_of_guest(code: Code) -> bool {
    matches!(code, Code::Timeout | Code::GuestStopped | Code::GuestCrashed | Code::SetupFailed)
}

/// Waits until the guest says that it is up. Its health check is asked for where a command of the guest's answers it: nothing else can be
/// reached.
fn wait(ctx: &Ctx, job: &Job, name: &Name, observer: &mut dyn Observer) -> Result<()> {
    let wait = job.wait(Subject::Snapshot(name));
    let asks = matches!(job.request.blueprint.health, Some(Health::Command { .. }));
    let up = Follower::start(ctx, &wait, Stage::Boot, observer).and_then(|mut guest| until_up(&mut guest, name, asks));
    match up {
        Ok(()) => observer.finish(),
        Err(_) => observer.fail(),
    }
    up
}

fn until_up(guest: &mut Follower<'_>, name: &Name, asks: bool) -> Result<()> {
    let mut up = false;
    guest.until(|guest, reports, state| {
        for report in reports {
            match report {
                failed @ Report::Failed { .. } => return Err(guest.set_up_failed(failed)),
                Report::Stage { stage } => guest.observer.note(&stage),
                Report::Booted | Report::Done { .. } if !up => {
                    up = true;
                    if asks {
                        guest.enter(Stage::Application);
                    }
                }
                Report::Status(Status { health: Some(said), .. }) if up && said != "ok" => guest.observer.note(&said),
                Report::Status(Status { health: Some(_), .. }) if up => return Ok(Some(())),
                _ => {}
            }
        }
        if up && !asks {
            return Ok(Some(()));
        }
        match state {
            Some(DomainState::Off | DomainState::Crashed) => Err(guest.with_console(Error::new(
                Code::GuestStopped,
                format!("the machine of snapshot `{name}` went down before its guest was up"),
            ))),
            None => Err(Error::new(Code::GuestLost, format!("the machine of snapshot `{name}` was removed meanwhile"))),
            Some(DomainState::PausedIoError) => {
                Err(Error::new(Code::DiskFull, "the virtual machine is paused: the host's disk is full"))
            }
            Some(_) => Ok(None),
        }
    })
}

/// The process of a verification died: its machine is removed.
///
/// # Errors
/// What could not be undone.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    let Some(uuid) = operation.machine else { return journal::close_of_dead_owner(ctx, operation) };
    let steps = journal::journalled(ctx, &operation.id)?;
    undo_of_dead_owner(ctx, operation, uuid, steps)?;
    Ok(format!("removed the machine in which snapshot `{}` was verified, which was cut off", operation.resource.name))
}
