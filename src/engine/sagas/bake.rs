//! bake: a base image with a blueprint's install part already run, sealed and packed.
//!
//! A virtual machine of its own runs the install part and seals its disk. It is allocated, journalled and made like an
//! instance, in the phase `baking`, and undone at every end: also by the next command, where this process is killed.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    catalog::{Blueprint, Bundle, embedded_script},
    engine::{
        Ctx, Observer, Stage,
        generate::draw,
        journal,
        lock::Lock,
        provision::{self, Job, Purpose, Request},
        undo::{Because, undo},
    },
    guest::{self, report::Report, tail::Tail},
    hypervisor::DomainState,
    image::{self, Baked, Image},
    kill_point,
    model::{Code, Error, Money, NetworkMode, Phase, Port, Result, Size, WithinStage, hex},
};

/// Rises when a bake of the same parts comes out otherwise.
const RECIPE: u32 = 1;
/// How often the domain's state is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What to bake; every value is checked already.
pub struct BakeRequest<'a> {
    /// The blueprint.
    pub blueprint: &'a Blueprint,
    /// Memory and CPUs of the machine that bakes.
    pub bundle: &'a Bundle,
    /// The image to start from.
    pub base: &'a Image,
    /// All parameters.
    pub parameters: &'a BTreeMap<String, String>,
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

/// Refused where a blueprint has nothing to bake, or an install part that is not the same for each instance.
///
/// # Errors
/// Refused, with the reason.
pub fn check_bakeable(blueprint: &Blueprint) -> Result<()> {
    let refuse = |why: &str| Err(Error::new(Code::NotBakeable, format!("`{}` cannot be baked: {why}", blueprint.id)));
    if blueprint.install.is_empty() {
        return refuse("it has no install part").map_err(|e| e.hint("its instances are as fast without"));
    }
    match ["LITE_SECRET_", "LITE_NAME", "LITE_ADDRESS"].iter().find(|word| blueprint.install.contains(**word)) {
        None => Ok(()),
        Some(word) => refuse(&format!("its install part reads `${word}`, which differs from instance to instance"))
            .map_err(|e| e.hint("move that to the configure part")),
    }
}

/// What a baked image of this blueprint on this base is made of; none where it cannot be baked. `digest` is the base's.
///
/// # Errors
/// Failed only if this build lacks its runner.
pub fn bake_of(
    blueprint: &Blueprint,
    base: &str,
    digest: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<Baked>> {
    if check_bakeable(blueprint).is_err() {
        return Ok(None);
    }
    let runner = embedded_script("lite-guest.py")
        .ok_or_else(|| Error::new(Code::RenderFailed, "this build of lite lacks its guest runner `lite-guest.py`"))?;
    let read = blueprint.install_parameters();
    let parameters: BTreeMap<_, _> =
        parameters.iter().filter(|(k, _)| read.contains(&k.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
    // serde_json keeps the keys of a mapping in order: the same parts make the same text.
    let parts = json!({
        "recipe": RECIPE,
        "base": digest,
        "blueprint": blueprint.id,
        "version": blueprint.version,
        "install": blueprint.install,
        "cloud_config": blueprint.cloud_config,
        "parameters": parameters,
        "disk": blueprint.min_disk,
        "user": blueprint.user,
        "runner": hex(&Sha256::digest(runner.as_bytes())),
    });
    Ok(Some(Baked {
        key: hex(&Sha256::digest(parts.to_string())),
        blueprint: blueprint.id.clone(),
        version: blueprint.version.clone(),
        base: base.to_owned(),
        parameters,
    }))
}

/// Bakes an image, or gives the one that is there. Whatever fails, no half image stays.
pub fn bake(ctx: &mut Ctx, request: &BakeRequest<'_>, observer: &mut dyn Observer) -> Result<Outcome> {
    check_bakeable(request.blueprint)?;
    let dir = ctx.settings.host.folders.pool.clone();
    let baked = bake_of(request.blueprint, &request.base.id, &request.base.digest, request.parameters)?
        .ok_or_else(|| Error::failed(Code::NotBakeable, "nothing to bake"))?;
    let id = baked.id();
    let (image_lock, present) = image::begin(&dir, &id, false, &ctx.cancel, &mut WithinStage(observer))?;
    if let Some(image) = present {
        return Ok(Outcome { image, present: true, operation: None });
    }
    let blueprint = install_alone(request.blueprint, &baked)?;
    let bundle = room(request);
    let create = Request {
        blueprint: &blueprint,
        bundle: &bundle,
        base: &request.base.id,
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
    };
    let begun = Instant::now();
    observer.begin(Stage::Host);
    let (view, kvm) = provision::host_stage(ctx, &create, observer).inspect_err(|_| observer.fail())?;
    observer.finish();
    observer.begin(Stage::Disk);
    let drawn = draw(&blueprint)?;
    let lock = Lock::acquire(&ctx.locks(), drawn.uuid, "new", "bake", ctx.now(), Duration::ZERO)?;
    let job = match provision::disk_stage(ctx, &create, &view, kvm, request.base, drawn, Purpose::Bake) {
        Ok(job) => job,
        Err(e) => {
            observer.fail();
            lock.retire();
            return Err(e);
        }
    };
    observer.finish();

    let packed = sealed(ctx, &job, begun + request.timeout, request.timeout, observer).and_then(|()| {
        observer.begin(Stage::Pack);
        let flat = image::flatten(
            &dir,
            Path::new(&job.root_path),
            baked,
            &image_lock,
            &ctx.cancel,
            &mut WithinStage(observer),
        );
        match &flat {
            Ok(_) => observer.finish(),
            Err(_) => observer.fail(),
        }
        flat
    });
    kill_point::reached("effect");
    let steps: Vec<_> = (0..).zip(job.steps.iter().cloned()).collect();
    match packed {
        Ok(image) => {
            undo(ctx, &job.operation, job.record.uuid, &steps, Because::Done)?;
            lock.retire();
            Ok(Outcome { image, present: false, operation: Some(job.operation.id) })
        }
        Err(error) if request.keep && error.code != Code::Interrupted => {
            ctx.store.set_phase(job.record.uuid, Phase::Failed, Some(&error.message))?;
            let name = &job.record.name;
            let error = error
                .hint(format!("the virtual machine is kept as `{name}`: `lite logs {name} --boot`, `lite ssh {name}`"))
                .hint(format!("to remove it: `lite delete {name}`"));
            journal::end(ctx, &job.operation, Err(error))
        }
        Err(error) => {
            let error = match request.keep {
                true => error,
                false => error.hint("`--keep` keeps the virtual machine of a bake that fails, for a look"),
            };
            let error = provision::abandon(ctx, &job, &steps, error);
            lock.retire();
            Err(error)
        }
    }
}

/// Waits until the guest has installed, sealed its disk and gone down.
fn sealed(ctx: &Ctx, job: &Job, deadline: Instant, timeout: Duration, observer: &mut dyn Observer) -> Result<()> {
    let mut stage = Stage::Boot;
    observer.begin(stage);
    let result = follow_bake(ctx, job, (deadline, timeout), &mut stage, observer);
    match result {
        Ok(()) => observer.finish(),
        Err(_) => observer.fail(),
    }
    result
}

fn follow_bake(
    ctx: &Ctx,
    job: &Job,
    (deadline, timeout): (Instant, Duration),
    stage: &mut Stage,
    observer: &mut dyn Observer,
) -> Result<()> {
    let mut tail = Tail::open(&job.report_log, 0)?;
    let mut sealed = false;
    loop {
        // Before the lines: what a guest says last is read after it was seen to be down.
        let state = ctx.hypervisor.domain(job.record.uuid)?.map(|d| d.state);
        for line in tail.lines()? {
            match guest::report::parse_line(&line) {
                Some(Report::Stage { stage: word }) => {
                    let next = match word.as_str() {
                        "install" => Stage::Install,
                        "seal" => Stage::Seal,
                        _ => Stage::CloudInit,
                    };
                    if next == *stage {
                        observer.note(&word);
                    } else {
                        observer.finish();
                        *stage = next;
                        observer.begin(next);
                    }
                }
                Some(failed @ Report::Failed { .. }) => return Err(install_failed(job, failed)),
                Some(Report::Sealed) => sealed = true,
                _ => {}
            }
        }
        match state {
            Some(DomainState::Off) if sealed => return Ok(()),
            Some(DomainState::Off | DomainState::Crashed) | None => {
                return Err(with_console(
                    Error::new(Code::GuestStopped, "the virtual machine went down before its disk was sealed"),
                    job,
                ));
            }
            Some(DomainState::PausedIoError) => {
                return Err(Error::new(Code::DiskFull, "the virtual machine is paused: the host's disk is full"));
            }
            Some(_) => {}
        }
        if ctx.cancelled() {
            return Err(Error::new(Code::Interrupted, "interrupted"));
        }
        if Instant::now() >= deadline {
            let text = format!("not baked after {} s: stage `{}`", timeout.as_secs(), stage.as_str());
            return Err(with_console(Error::new(Code::Timeout, text), job));
        }
        tail.wait(LOOK.min(deadline.saturating_duration_since(Instant::now())))?;
    }
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
fn room(request: &BakeRequest<'_>) -> Bundle {
    let mut bundle = request.bundle.clone();
    bundle.disk = Size::bytes(request.blueprint.min_disk.as_bytes().max(request.base.virtual_size));
    bundle.price = Money::hundredths(0);
    bundle
}

fn install_failed(job: &Job, report: Report) -> Error {
    let Report::Failed { module, command, code, line, tail } = report else {
        return Error::new(Code::SetupFailed, "baking failed");
    };
    let mut error = Error::new(Code::SetupFailed, format!("baking failed in module `{module}`"));
    if !command.is_empty() {
        let place = if line > 0 { format!(" in line {line}") } else { String::new() };
        error = error.cause(format!("command{place}: {command} (exit {code})"));
    }
    error.causes.extend(tail.into_iter().filter(|l| !l.is_empty()));
    if module == "network" {
        error = error.hint("is it the way out of this host? `lite doctor` checks its forwarding and firewall");
    }
    if error.causes.is_empty() { with_console(error, job) } else { error }
}

fn with_console(mut error: Error, job: &Job) -> Error {
    let lines = guest::tail::last_lines(&job.console_log, 8);
    error.causes.extend(lines.into_iter().map(|l| format!("console: {l}")));
    error
}
