//! bake: a base image with a blueprint's install part already run, sealed and packed.
//!
//! A virtual machine of its own runs the install part and seals its disk. It is allocated, journalled and made like an
//! instance, in the phase `baking`, and undone at every end: also by the next command, where this process is killed.

use std::{collections::BTreeMap, path::Path, time::Duration};

use uuid::Uuid;

use crate::{
    catalog::{Blueprint, Bundle},
    engine::{
        Ctx,
        follow::{Follower, Subject, Wait},
        journal,
        lock::Lock,
        progress::Reporter,
        provision::{self, Job, Purpose},
        recipe::{bake_of, check_bakeable},
        request::{ImageChoice, Request},
        undo::{Because, undo, undo_of_dead_owner},
    },
    guest::report::Report,
    hypervisor::DomainState,
    image::{self, Baked, Image},
    kill_point,
    model::{Code, Error, Hint, Money, NetworkMode, Observer, Phase, Port, Result, Size, Stage, Verb, WithinStage},
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

/// A bake whose machine is reserved. Holds the locks of the machine and of the image.
pub struct Bake {
    job: Job,
    baked: Baked,
    base: Image,
    keep: bool,
    image_lock: image::Lock,
}

/// What became of a request.
pub enum Accepted {
    /// All is reserved; [`run`] bakes it.
    New(Box<Bake>),
    /// The image is there.
    Present(Box<Image>),
}

/// Bakes an image, or gives the one that is there. Whatever fails, no half image stays.
///
/// # Errors
/// Those of [`accept`] and [`run`].
pub fn bake(ctx: &mut Ctx, request: BakeRequest, observer: &mut dyn Observer) -> Result<Outcome> {
    match accept(ctx, request, observer)? {
        Accepted::New(bake) => run(ctx, *bake, observer),
        Accepted::Present(image) => Ok(Outcome { image: *image, present: true, operation: None }),
    }
}

/// Reserves all that the machine needs, in one transaction. Waits while another process works on the same image.
///
/// # Errors
/// Refused where the blueprint cannot be baked, the host is not fit, or something does not fit. Nothing is left then.
pub fn accept(ctx: &mut Ctx, request: BakeRequest, observer: &mut dyn Observer) -> Result<Accepted> {
    check_bakeable(&request.blueprint)?;
    let base = &request.base;
    let baked = bake_of(&request.blueprint, &base.id, &base.digest, &request.parameters)?
        .ok_or_else(|| Error::failed(Code::NotBakeable, "nothing to bake"))?;
    let dir = &ctx.settings.host.folders.pool;
    let (image_lock, present) = image::begin(dir, &baked.id(), false, &ctx.cancel, &mut WithinStage(observer))?;
    if let Some(image) = present {
        return Ok(Accepted::Present(Box::new(image)));
    }
    let machine = machine(&request, &baked)?;
    let job = provision::reserve(ctx, machine, Purpose::Bake, observer)?;
    Ok(Accepted::New(Box::new(Bake { job, baked, base: request.base, keep: request.keep, image_lock })))
}

/// Bakes what was accepted. The machine is thrown away, unless `keep` was asked for and it failed.
///
/// # Errors
/// What failed.
pub fn run(ctx: &mut Ctx, bake: Bake, observer: &mut dyn Observer) -> Result<Outcome> {
    let Bake { mut job, baked, base, keep, image_lock } = bake;
    let reporter = Reporter::start(ctx, &job.operation.id);
    let observer = &mut reporter.observe(observer);
    observer.begin(Stage::Disk);
    if let Err(error) = provision::make(ctx, &mut job, &base) {
        observer.fail();
        return Err(provision::abandon(ctx, job, error));
    }
    observer.finish();
    let packed = sealed(ctx, &job, observer).and_then(|()| pack(ctx, &job, baked, &image_lock, observer));
    kill_point::reached("effect");
    match packed {
        Ok(image) => {
            undo(ctx, &job.operation, job.record.uuid, &job.started, Because::Done)?;
            let operation = Some(job.operation.id.clone());
            job.retire();
            Ok(Outcome { image, present: false, operation })
        }
        Err(error) if keep && error.code != Code::Interrupted => {
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
            let error = match keep {
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
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid, lock: Lock) -> Result<String> {
    let steps = journal::journalled(ctx, &operation.id)?;
    undo_of_dead_owner(ctx, operation, uuid, steps)?;
    lock.retire();
    Ok(format!("removed `{}`, which baked an image and was cut off", operation.resource.name))
}

fn pack(ctx: &Ctx, job: &Job, baked: Baked, image_lock: &image::Lock, observer: &mut dyn Observer) -> Result<Image> {
    observer.begin(Stage::Pack);
    let (dir, disk) = (&ctx.settings.host.folders.pool, job.root_path());
    let flat =
        image::flatten(dir, Path::new(&disk), baked, image_lock, &*ctx.clock, &ctx.ending, &mut WithinStage(observer));
    match &flat {
        Ok(_) => observer.finish(),
        Err(_) => observer.fail(),
    }
    flat
}

/// Waits until the guest has installed, sealed its disk and gone down.
fn sealed(ctx: &Ctx, job: &Job, observer: &mut dyn Observer) -> Result<()> {
    let wait = Wait {
        subject: Subject::Bake,
        uuid: job.record.uuid,
        report: &job.report_log,
        console: &job.console_log,
        start: 0,
        deadline: job.deadline(),
        timeout: job.request.timeout,
    };
    let result = Follower::start(ctx, &wait, observer).and_then(|mut guest| until_sealed(&mut guest));
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
    Ok(Request {
        blueprint: install_alone(&request.blueprint, baked)?,
        bundle: room(request),
        base: request.base.id.clone(),
        image: ImageChoice::Given(Box::new(request.base.clone())),
        parameters: baked.parameters.clone(),
        name: None,
        ssh_keys: request.ssh_keys.clone(),
        user_data: None,
        tags: vec![],
        network: NetworkMode::Nat,
        timeout: request.timeout,
        wait: true,
        request_id: None,
        arguments: baked.key.clone(),
    })
}

/// The blueprint with nothing in it that belongs to an instance.
fn install_alone(blueprint: &Blueprint, baked: &Baked) -> Result<Blueprint> {
    let mut bare = blueprint.clone();
    bare.configure = String::new();
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
