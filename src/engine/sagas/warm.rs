//! warm: the memory of a machine whose application is installed, saved for new instances to go on from.
//!
//! The operation is one on the image that comes of it. A machine of its own is made as for a bake, in the phase `baking`; no network
//! reaches it, and it has no secret. When it says that it is ready its memory is saved, its disk is packed, and all else is undone.
//! Then one machine goes on from it, on trial: only memory that was tried is used.

use std::{collections::BTreeMap, path::Path};

use crate::{
    catalog::{Blueprint, Bundle},
    engine::{
        Ctx,
        follow::{Follower, Subject},
        image_operation::{self, journal_of},
        lock::Lock,
        making,
        provision::{self, Job, Purpose},
        removal::purge::make_room,
        request::Request,
        undo::{Because, undo},
        warm::{Kind, saved_by, warm_of},
    },
    guest::report::Report,
    hypervisor::DomainState,
    image::{self, Baked, Image, Memory, SavedBy},
    kill_point,
    model::{Code, Error, Money, Observer, OperationKind, Result, Stage, WithinStage},
    store::Operation,
};

/// What to keep warm; every value is checked already.
#[derive(Debug, Clone)]
pub struct WarmRequest {
    /// The blueprint.
    pub blueprint: Blueprint,
    /// The size of the machine.
    pub bundle: Bundle,
    /// The image that it lies on: a baked one, or a base that nothing is installed on.
    pub image: Image,
    /// What the blueprint is set to.
    pub parameters: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: std::time::Duration,
    /// Whether guests run with KVM.
    pub kvm: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The image with the memory.
    pub image: Image,
    /// It was there already.
    pub present: bool,
    /// The operation that made it; none if it was there.
    pub operation: Option<String>,
}

/// One that is in the journal. Holds the lock of its owner.
pub struct Warm {
    /// The operation.
    pub operation: Operation,
    request: WarmRequest,
    baked: Baked,
    lock: Lock,
}

/// What became of a request.
pub enum Accepted {
    /// It is in the journal; [`run`] does it.
    New(Box<Warm>),
    /// The memory is there.
    Present(Box<Image>),
}

/// Accepts it: one transaction.
///
/// # Errors
/// Refused where nothing would be gained. Nothing is left then.
pub fn accept(ctx: &mut Ctx, request: WarmRequest) -> Result<Accepted> {
    let (blueprint, bundle) = (&request.blueprint, &request.bundle);
    let (vcpus, memory, disk) = (bundle.vcpus, bundle.memory, bundle.disk);
    let baked = warm_of(Kind { blueprint, image: &request.image, vcpus, memory, disk })?;
    let (id, by) = (baked.id(), saved_by(ctx, request.kvm)?);
    if let Some(image) = image::get(&ctx.images()?, &id)?.filter(|image| is_of(image, &by) && is_tried(image)) {
        return Ok(Accepted::Present(Box::new(image)));
    }
    let requester = ctx.requester.clone();
    let (operation, lock) = journal_of(ctx)?.begin(OperationKind::Warm, &id, &requester)?;
    kill_point::reached("accepted");
    Ok(Accepted::New(Box::new(Warm { operation, request, baked, lock })))
}

/// Whether it has memory that was saved by this.
fn is_of(image: &Image, by: &SavedBy) -> bool {
    image.memory.as_ref().is_some_and(|memory| memory.by == *by)
}

/// Whether a machine went on from its memory.
fn is_tried(image: &Image) -> bool {
    image.memory.as_ref().is_some_and(|memory| memory.tried)
}

/// Does what was accepted. The machines are thrown away.
///
/// # Errors
/// The host is not fit, something does not fit, or what failed.
pub fn run(ctx: &mut Ctx, warm: Warm, observer: &mut dyn Observer) -> Result<Outcome> {
    let Warm { operation, request, baked, lock } = warm;
    let id = operation.id.clone();
    let made = image_operation::run(ctx, (operation, lock), observer, |ctx, operation, observer| {
        one_at_a_time(ctx, operation, &request, baked, observer)
    });
    let (image, present) = made?;
    let image = if is_tried(&image) { image } else { trial(ctx, &request, image, observer)? };
    Ok(Outcome { image, present, operation: Some(id) })
}

/// Has a machine go on from the memory, as any instance would. Memory that none can go on from is removed.
fn trial(ctx: &mut Ctx, request: &WarmRequest, image: Image, observer: &mut dyn Observer) -> Result<Image> {
    let requester = ctx.requester.clone();
    let begun = journal_of(ctx)?.begin(OperationKind::Warm, &image.id, &requester)?;
    image_operation::run(ctx, begun, observer, |ctx, operation, observer| {
        observer.begin(Stage::Trial);
        let tried = tried(ctx, operation, request, &image, &mut WithinStage(observer));
        match &tried {
            Ok(()) => observer.finish(),
            Err(_) => observer.fail(),
        }
        if tried.as_ref().is_err_and(|error| is_of_memory(error.code)) {
            let used = |volume: &str| ctx.store.users_of_image(volume);
            // One that cannot be removed stays without its trial: nobody uses it.
            let _ = ctx.images().and_then(|images| image::remove(&images, &image.id, &used));
        }
        tried.and_then(|()| image::set_tried(&ctx.images()?, &image))
    })
}

/// Whether an error tells something of the memory that a machine was to go on from.
fn is_of_memory(code: Code) -> bool {
    !matches!(
        code,
        Code::Interrupted | Code::NoCapacity | Code::UndoFailed | Code::LibvirtUnreachable | Code::StateBusy
    )
}

fn tried(
    ctx: &mut Ctx,
    operation: &Operation,
    request: &WarmRequest,
    image: &Image,
    observer: &mut dyn Observer,
) -> Result<()> {
    let Some(memory) = &image.memory else { return Ok(()) };
    image::check_memory(&image.id, &image.path, memory)?;
    let blueprint = Blueprint { alarms: Vec::new(), ports: Vec::new(), ..request.blueprint.clone() };
    let parameters = request.parameters.clone();
    let machine = Request { parameters, ..Request::on(image, blueprint, free(&request.bundle), request.timeout) };
    let mut job = provision::reserve(ctx, machine, Purpose::Trial(operation), observer)?;
    let made = making::make_warm(ctx, &mut job, image, memory);
    match made.and_then(|()| until(ctx, &job, observer, |report| matches!(report, Report::Done { .. }))) {
        Ok(()) => {
            undo(ctx, &job.operation, job.record.uuid, &job.started, Because::Done)?;
            job.retire();
            Ok(())
        }
        Err(error) => Err(provision::abandon(ctx, job, error)),
    }
}

/// The image, and whether another process made it meanwhile.
fn one_at_a_time(
    ctx: &mut Ctx,
    operation: &Operation,
    request: &WarmRequest,
    baked: Baked,
    observer: &mut dyn Observer,
) -> Result<(Image, bool)> {
    let (images, by) = (&ctx.images()?, saved_by(ctx, request.kvm)?);
    // One that another version saved is replaced.
    let force = image::get(images, &baked.id())?.is_some_and(|image| !is_of(&image, &by));
    let (image_lock, present) = image::begin(images, &baked.id(), force, &ctx.ending, &mut WithinStage(observer))?;
    if let Some(image) = present {
        return Ok((image, true));
    }
    let machine = Request { arguments: baked.key.clone(), ..machine(request) };
    make_room(ctx, &machine.bundle, observer)?;
    let mut job = provision::reserve(ctx, machine, Purpose::Template(operation), observer)?;
    observer.begin(Stage::Disk);
    if let Err(error) = making::make(ctx, &mut job, &request.image) {
        observer.fail();
        return Err(provision::abandon(ctx, job, error));
    }
    observer.finish();
    let ready = until(ctx, &job, observer, |report| *report == Report::Warm);
    let kept = ready.and_then(|()| keep(ctx, &job, (request, baked), &image_lock, observer));
    kill_point::reached("effect");
    match kept {
        Ok(image) => {
            undo(ctx, &job.operation, job.record.uuid, &job.started, Because::Done)?;
            job.retire();
            Ok((image, false))
        }
        Err(error) => Err(provision::abandon(ctx, job, error)),
    }
}

/// Waits until the guest reports what is wanted.
fn until(ctx: &Ctx, job: &Job, observer: &mut dyn Observer, is_wanted: fn(&Report) -> bool) -> Result<()> {
    let wait = job.wait(Subject::Bake);
    let result =
        Follower::start(ctx, &wait, Stage::Boot, observer).and_then(|mut guest| reported(&mut guest, is_wanted));
    match result {
        Ok(()) => observer.finish(),
        Err(_) => observer.fail(),
    }
    result
}

fn reported(guest: &mut Follower<'_>, is_wanted: fn(&Report) -> bool) -> Result<()> {
    guest.until(|guest, reports, state| {
        for report in reports {
            match report {
                Report::Stage { stage } if guest.stage == Stage::CloudInit => guest.observer.note(&stage),
                Report::Stage { .. } => guest.enter(Stage::CloudInit),
                failed @ Report::Failed { .. } => return Err(guest.set_up_failed(failed)),
                report if is_wanted(&report) => return Ok(Some(())),
                _ => {}
            }
        }
        match state {
            Some(DomainState::Off | DomainState::Crashed) | None => Err(guest.with_console(Error::new(
                Code::GuestStopped,
                "the virtual machine went down before its guest said that it is ready",
            ))),
            Some(DomainState::PausedIoError) => {
                Err(Error::new(Code::DiskFull, "the virtual machine is paused: the host's disk is full"))
            }
            Some(_) => Ok(None),
        }
    })
}

/// Saves the memory, and keeps it with the disk as an image.
fn keep(
    ctx: &Ctx,
    job: &Job,
    (request, baked): (&WarmRequest, Baked),
    image_lock: &image::Lock,
    observer: &mut dyn Observer,
) -> Result<Image> {
    observer.begin(Stage::Pack);
    let images = ctx.images()?;
    let file = image::place_for_memory(&images, &baked.id())?;
    let kept = save(ctx, job, file.path()).and_then(|()| {
        let of = Memory {
            size: 0,
            digest: String::new(),
            vcpus: request.bundle.vcpus,
            memory: request.bundle.memory.as_bytes(),
            by: saved_by(ctx, request.kvm)?,
            tried: false,
        };
        let disk = job.root_path();
        let (overlay, base) = (Path::new(&disk), Path::new(&request.image.path));
        let by = (image_lock, &*ctx.clock, &*ctx.ending);
        image::keep_warm(&images, (overlay, base), (file.path(), of), baked, by, &mut WithinStage(observer))
    });
    match &kept {
        Ok(_) => observer.finish(),
        Err(_) => observer.fail(),
    }
    kept
}

fn save(ctx: &Ctx, job: &Job, file: &Path) -> Result<()> {
    let path = file.to_str().ok_or_else(|| Error::new(Code::ImageIo, "the path of the pool is no text"))?;
    ctx.hypervisor.save_memory(job.record.uuid, path)
}

/// The request of the machine that is frozen.
fn machine(request: &WarmRequest) -> Request {
    let mut blueprint = request.blueprint.clone();
    blueprint.health = None;
    blueprint.secrets.clear();
    blueprint.output.clear();
    blueprint.alarms.clear();
    blueprint.ports.clear();
    blueprint.parameters.clear();
    Request::on(&request.image, blueprint, free(&request.bundle), request.timeout)
}

/// The size without a price: nobody has the machine.
fn free(bundle: &Bundle) -> Bundle {
    Bundle { price: Money::default(), ..bundle.clone() }
}
