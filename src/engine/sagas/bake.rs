//! bake: a base image with a blueprint's install part already run, sealed and packed.
//!
//! The operation is one on the image. A virtual machine of its own runs the install part and seals its disk. It is allocated and
//! made like an instance, in the phase `baking`, and undone at every end: also by the next command, where this process is killed.

use std::{collections::BTreeMap, path::Path, time::Duration};

use crate::{
    catalog::{Blueprint, Bundle},
    engine::{
        Ctx,
        follow::{Follower, Subject},
        image_operation::{self, journal_of},
        journal,
        lock::Lock,
        making,
        provision::{self, Job, Purpose},
        recipe::{bake_of, check_bakeable},
        removal::purge::make_room,
        request::Request,
        undo::{Because, undo, undo_of_dead_owner},
    },
    guest::report::Report,
    hypervisor::DomainState,
    image::{self, Baked, Image},
    kill_point,
    model::{
        Code, Error, Hint, Money, Observer, OperationKind, Phase, Port, ResourceKind, Result, Size, Stage, Verb,
        WithinStage,
    },
    store::Operation,
};

/// What to bake; every value is checked already.
#[derive(Debug, Clone)]
pub struct BakeRequest {
    /// The blueprint.
    pub blueprint: Blueprint,
    /// Memory and CPUs of the machine that bakes.
    pub bundle: Bundle,
    /// The image to start from.
    pub base: Image,
    /// All parameters.
    pub parameters: BTreeMap<String, String>,
    /// Public keys that may log in where the machine is kept.
    pub ssh_keys: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// Keep the machine, as a `failed` instance, where baking fails.
    pub keep: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The image.
    pub image: Image,
    /// It was there already.
    pub present: bool,
    /// The operation that baked it; none if it was there.
    pub operation: Option<String>,
}

/// A bake that is in the journal. Holds the lock of its owner.
pub struct Bake {
    /// The operation.
    pub operation: Operation,
    request: BakeRequest,
    baked: Baked,
    lock: Lock,
}

/// What became of a request.
pub enum Accepted {
    /// It is in the journal; [`run`] bakes it.
    New(Box<Bake>),
    /// The image is there.
    Present(Box<Image>),
}

/// Accepts a bake: one transaction, without a look at the host.
///
/// # Errors
/// Refused where the blueprint cannot be baked. Nothing is left then.
pub fn accept(ctx: &mut Ctx, request: BakeRequest) -> Result<Accepted> {
    check_bakeable(&request.blueprint)?;
    let base = &request.base;
    let baked = bake_of(&request.blueprint, &base.id, &base.digest, &request.parameters)?
        .ok_or_else(|| Error::failed(Code::NotBakeable, "nothing to bake"))?;
    let id = baked.id();
    if let Some(image) = image::get(&ctx.images()?, &id)? {
        return Ok(Accepted::Present(Box::new(image)));
    }
    let requester = ctx.requester.clone();
    let (operation, lock) = journal_of(ctx)?.begin(OperationKind::Bake, &id, &requester)?;
    kill_point::reached("accepted");
    Ok(Accepted::New(Box::new(Bake { operation, request, baked, lock })))
}

/// Bakes what was accepted. The machine is thrown away, unless `keep` was asked for and it failed. Waits while another process
/// works on the same image.
///
/// # Errors
/// The host is not fit, something does not fit, or what failed.
pub fn run(ctx: &mut Ctx, bake: Bake, observer: &mut dyn Observer) -> Result<Outcome> {
    let Bake { operation, request, baked, lock } = bake;
    let id = operation.id.clone();
    let made = image_operation::run(ctx, (operation, lock), observer, |ctx, operation, observer| {
        one_at_a_time(ctx, operation, &request, baked, observer)
    });
    made.map(|(image, present)| Outcome { image, present, operation: Some(id) })
}

/// The image, and whether another process made it meanwhile.
fn one_at_a_time(
    ctx: &mut Ctx,
    operation: &Operation,
    request: &BakeRequest,
    baked: Baked,
    observer: &mut dyn Observer,
) -> Result<(Image, bool)> {
    let images = &ctx.images()?;
    let (image_lock, present) = image::begin(images, &baked.id(), false, &ctx.ending, &mut WithinStage(observer))?;
    if let Some(image) = present {
        return Ok((image, true));
    }
    let machine = machine(request, &baked)?;
    make_room(ctx, &machine.bundle, observer)?;
    let job = provision::reserve(ctx, machine, Purpose::Bake(operation), observer)?;
    in_machine(ctx, job, request, baked, &image_lock, observer).map(|image| (image, false))
}

/// Bakes in a machine that is reserved, and ends the operation with it.
fn in_machine(
    ctx: &mut Ctx,
    mut job: Job,
    request: &BakeRequest,
    baked: Baked,
    image_lock: &image::Lock,
    observer: &mut dyn Observer,
) -> Result<Image> {
    observer.begin(Stage::Disk);
    if let Err(error) = making::make(ctx, &mut job, &request.base) {
        observer.fail();
        return Err(provision::abandon(ctx, job, error));
    }
    observer.finish();
    let packed =
        sealed(ctx, &job, observer).and_then(|()| pack(ctx, &job, (&request.base, baked), image_lock, observer));
    kill_point::reached("effect");
    match packed {
        Ok(image) => {
            undo(ctx, &job.operation, job.record.uuid, &job.started, Because::Done)?;
            job.retire();
            Ok(image)
        }
        Err(error) if request.keep && error.code != Code::Interrupted => {
            ctx.store.set_phase(job.record.uuid, Phase::Failed, Some(&error.message))?;
            let name = &job.record.name;
            let error = error
                .hint(
                    Hint::from(format!("the virtual machine is kept as `{name}`: "))
                        .run_with(Verb::Logs, &[&name, &"--boot"])
                        .text(", ")
                        .run_with(Verb::Ssh, &[&name]),
                )
                .hint(Hint::from("to remove it: ").run_with(Verb::Delete, &[&name]));
            journal::end(ctx, &job.operation, Err(error))
        }
        Err(error) => {
            let error = match request.keep {
                true => error,
                false => error.hint("`--keep` keeps the virtual machine of a bake that fails, for a look"),
            };
            Err(provision::abandon(ctx, job, error))
        }
    }
}

/// The process of a bake died: its machine is undone.
///
/// # Errors
/// What could not be undone.
pub fn resume(ctx: &mut Ctx, operation: &Operation, lock: Lock) -> Result<String> {
    // An older lite journalled a bake on its machine.
    let told = match operation.machine.or(operation.instance()) {
        None => journal::close_of_dead_owner(ctx, operation)?,
        Some(uuid) => {
            let instance = ctx.store.instance_by_uuid(uuid)?;
            let name = instance.map_or_else(|| operation.resource.name.clone(), |i| i.record.name.to_string());
            let steps = journal::journalled(ctx, &operation.id)?;
            undo_of_dead_owner(ctx, operation, uuid, steps)?;
            let what = match operation.kind {
                OperationKind::Warm => "whose memory was to be saved or tried",
                _ => "which baked an image",
            };
            format!("removed `{name}`, {what} and was cut off")
        }
    };
    if operation.resource.kind == ResourceKind::Image {
        journal_of(ctx)?.forget_unless_there(operation)?;
    }
    lock.retire();
    Ok(told)
}

fn pack(
    ctx: &Ctx,
    job: &Job,
    (base, baked): (&Image, Baked),
    image_lock: &image::Lock,
    observer: &mut dyn Observer,
) -> Result<Image> {
    observer.begin(Stage::Pack);
    let disk = job.root_path();
    let flat = ctx.images().and_then(|images| {
        let (disk, observer) = ((Path::new(&disk), Path::new(&base.path)), &mut WithinStage(observer));
        image::flatten(&images, disk, baked, image_lock, &*ctx.clock, &ctx.ending, observer)
    });
    match &flat {
        Ok(_) => observer.finish(),
        Err(_) => observer.fail(),
    }
    flat
}

/// Waits until the guest has installed, sealed its disk and gone down.
fn sealed(ctx: &Ctx, job: &Job, observer: &mut dyn Observer) -> Result<()> {
    let wait = job.wait(Subject::Bake);
    let result = Follower::start(ctx, &wait, Stage::Boot, observer).and_then(|mut guest| until_sealed(&mut guest));
    match result {
        Ok(()) => observer.finish(),
        Err(_) => observer.fail(),
    }
    result
}

fn until_sealed(guest: &mut Follower<'_>) -> Result<()> {
    let mut sealed = false;
    guest.until(|guest, reports, state| {
        for report in reports {
            match report {
                Report::Stage { stage: word } => {
                    let next = match word.as_str() {
                        "install" => Stage::Install,
                        "seal" => Stage::Seal,
                        _ => Stage::CloudInit,
                    };
                    match next == guest.stage {
                        true => guest.observer.note(&word),
                        false => guest.enter(next),
                    }
                }
                failed @ Report::Failed { .. } => return Err(guest.set_up_failed(failed)),
                Report::Sealed => sealed = true,
                _ => {}
            }
        }
        match state {
            Some(DomainState::Off) if sealed => Ok(Some(())),
            Some(DomainState::Off | DomainState::Crashed) | None => Err(guest.with_console(Error::new(
                Code::GuestStopped,
                "the virtual machine went down before its disk was sealed",
            ))),
            Some(DomainState::PausedIoError) => {
                Err(Error::new(Code::DiskFull, "the virtual machine is paused: the host's disk is full"))
            }
            Some(_) => Ok(None),
        }
    })
}

/// The request of the machine that bakes.
fn machine(request: &BakeRequest, baked: &Baked) -> Result<Request> {
    let blueprint = install_alone(&request.blueprint, baked)?;
    Ok(Request {
        parameters: baked.parameters.clone(),
        ssh_keys: request.ssh_keys.clone(),
        arguments: baked.key.clone(),
        ..Request::on(&request.base, blueprint, room(request), request.timeout)
    })
}

/// The blueprint with nothing in it that belongs to an instance.
fn install_alone(blueprint: &Blueprint, baked: &Baked) -> Result<Blueprint> {
    let mut bare = blueprint.clone();
    bare.configure = String::new();
    bare.published = String::new();
    bare.moved = String::new();
    bare.upgrade = String::new();
    bare.health = None;
    bare.secrets.clear();
    bare.output.clear();
    bare.alarms.clear();
    bare.parameters.retain(|p| baked.parameters.contains_key(&p.name));
    bare.ports = vec![Port::parse("22/tcp")?];
    Ok(bare)
}

/// The size of the machine that bakes: memory of the bundle, and a disk that every instance's disk can lie on.
fn room(request: &BakeRequest) -> Bundle {
    let mut bundle = request.bundle.clone();
    bundle.disk = Size::bytes(request.blueprint.min_disk.as_bytes().max(request.base.virtual_size));
    bundle.price = Money::hundredths(0);
    bundle
}
