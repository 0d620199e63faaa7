//! create: a working application from one command, or nothing.
//!
//! ```text
//! accept   name, address, capacity and request id are taken, and the operation is in the journal: returns at once
//! run      image ─► disk ─► boot ─► address ─► cloud-init ─► application
//!          └── fails: all is undone ──┘└── fails: the instance stays, as `failed`, with its logs
//! resume   its process died: undone until its domain ran with its network, kept after that
//! ```

use std::time::{Duration, Instant};

use crate::{
    catalog::Health,
    engine::{
        Ctx, allocate, brought_disks,
        follow::{Subject, Wait},
        handover, host, image_leftovers, images,
        journal::{self, Run},
        lock::{Attempt, Lock},
        making, names,
        off_site::content_of,
        progress::Reporter,
        provision::{self, Job, Purpose},
        ready::{gone, wait_ready},
        removal::purge::make_room,
        reports::clean_seed,
        request::{ImageChoice, Request},
        room,
        undo::{owner_died, undo_of_dead_owner},
        warm::{self, Kind},
    },
    image::{Arriving, Image, Memory},
    model::{Code, Error, EventKind, Hint, Observer, Phase, Record, ResourceKind, Result, Stage, Verb, WithinStage},
    plan,
    render::render_output,
    store::{self, Operation, OperationState},
};

/// How long what works on a new instance when the wait for its application ends is waited for.
const TAKE_BACK: Duration = Duration::from_secs(5);

/// A new instance.
#[derive(Debug)]
pub struct Created {
    /// Its record.
    pub record: Record,
    /// Its blueprint's output lines, label and value.
    pub output: Vec<(String, String)>,
    /// Its secrets that are shown once.
    pub secrets: Vec<store::Secret>,
    /// The operation that made it.
    pub operation: String,
    /// Whether the application answered.
    pub ready: bool,
    /// The instance existed: an earlier request of the same id made it.
    pub repeated: bool,
}

/// What became of a request.
pub enum Accepted {
    /// All is reserved; [`run`] makes it.
    New(Box<Job>),
    /// An earlier request of the same id made it.
    Repeated(Box<Created>),
}

impl Accepted {
    /// The id of the operation.
    pub fn operation(&self) -> &str {
        match self {
            Self::New(job) => &job.operation.id,
            Self::Repeated(created) => &created.operation,
        }
    }
}

/// Makes an instance. Refused before any change, rolled back until it runs, kept as `failed` after that.
///
/// # Errors
/// Those of [`accept`] and [`run`].
pub fn create(ctx: &mut Ctx, request: Request, observer: &mut dyn Observer) -> Result<Created> {
    match accept(ctx, request, observer)? {
        Accepted::New(job) => run(ctx, *job, None, observer),
        Accepted::Repeated(created) => Ok(*created),
    }
}

/// Reserves all that the instance needs, in one transaction. Needs no image, and takes no time worth waiting for but on a
/// host without lite's pool and network, which are made first.
///
/// # Errors
/// Refused where the host is not fit, something is taken, or does not fit. Nothing is left then.
pub fn accept(ctx: &mut Ctx, request: Request, observer: &mut dyn Observer) -> Result<Accepted> {
    if let Some(earlier) = earlier(ctx, &request)? {
        return Ok(Accepted::Repeated(Box::new(earlier)));
    }
    let kind = ResourceKind::Instance;
    // What is refused costs nobody his deleted instances.
    request.name.as_ref().map_or(Ok(()), |name| ctx.store.refuse_taken(kind, name.as_str()))?;
    make_room(ctx, &request.promised(), observer)?;
    let job = provision::reserve(ctx, request, Purpose::Instance, observer)?;
    brought_disks::tell_names(ctx, &job.request, &job.record, observer)?;
    Ok(Accepted::New(Box::new(job)))
}

/// Makes what was accepted, and waits until its application answers if that was asked for. `arriving` are the disks of an export, where its
/// disks are to be those.
///
/// # Errors
/// What failed. Until the domain runs all is undone, the reservation too; after that the instance stays, as `failed`.
pub fn run(ctx: &mut Ctx, mut job: Job, arriving: Option<Arriving>, observer: &mut dyn Observer) -> Result<Created> {
    let reporter = Reporter::start(ctx, &job.operation.id);
    let observer = &mut reporter.observe(observer);
    if let Err(error) = make(ctx, &mut job, arriving, observer) {
        observer.fail();
        let error = provision::abandon(ctx, job, error);
        // Tried again by the next command.
        let _ = image_leftovers::tidy(ctx);
        return Err(error);
    }
    let created = match job.request.wait {
        true => wait(ctx, &mut job, observer),
        false => leave_unverified(ctx, &job),
    };
    job.retire_own();
    created
}

fn make(ctx: &mut Ctx, job: &mut Job, arriving: Option<Arriving>, observer: &mut dyn Observer) -> Result<()> {
    // Others know the name from now on, and not only once disk and seed are made.
    names::apply(ctx)?;
    observer.begin(Stage::Image);
    let (image, _lock) = match arriving {
        Some(arriving) => {
            let what = format!("an import of instance `{}`", job.record.name);
            // A disk behind the first is there twice until its volume has it.
            let needed = arriving.bytes().saturating_add(arriving.largest_behind());
            host::check_copy(ctx, &what, needed)?;
            refuse_other(ctx, &arriving, observer)?;
            let received = images::receive(ctx, arriving, observer);
            let (image, rest, lock) = received.map_err(|e| room::explained(ctx, needed, e))?;
            let (id, record) = (job.operation.id.clone(), job.record.clone());
            let mut run = Run::new(&id);
            let received = brought_disks::receive(ctx, &mut run, &record, (rest, &lock), observer);
            job.started = run.started;
            received.map_err(|e| room::explained(ctx, needed, e))?;
            (image, Some(lock))
        }
        None => (images::choose(ctx, &job.request, observer)?, None),
    };
    observer.finish();
    observer.begin(Stage::Disk);
    match memory(ctx, job, &image, observer) {
        Some((warm, memory)) => match making::make_warm(ctx, job, &warm, &memory) {
            Ok(()) => observer.status(&format!("it goes on from the memory of image `{}`", warm.id)),
            Err(error) if matches!(error.code, Code::Interrupted | Code::UndoFailed) => return Err(error),
            Err(error) => {
                observer.warn(&Hint::from(format!("it is started cold, for {error}")));
                making::make(ctx, job, &image)?;
            }
        },
        None => making::make(ctx, job, &image)?,
    }
    ctx.store.finish_disks_of(job.record.uuid)?;
    observer.finish();
    Ok(())
}

/// The saved memory that the instance can go on from, and the image that it then lies on. Without any it starts cold.
fn memory(ctx: &Ctx, job: &Job, image: &Image, observer: &mut dyn Observer) -> Option<(Image, Memory)> {
    let request = &job.request;
    let may = request.image == ImageChoice::Warm && request.blueprint.starts_warm && job.can_be_told();
    let kind = Kind {
        blueprint: &request.blueprint,
        image,
        vcpus: job.record.vcpus,
        memory: job.record.memory,
        disk: job.record.disk,
    };
    if !may {
        return None;
    }
    warm::find(ctx, kind, job.kvm()).unwrap_or_else(|error| {
        observer.warn(&Hint::from(format!("it is started cold, for {error}")));
        None
    })
}

/// Refused where the disk of an export would be put over another one: a volume's name has a part of the digest alone, and somebody may
/// have made a file for that, to get under the disk of an instance that is there.
fn refuse_other(ctx: &Ctx, arriving: &Arriving, observer: &mut dyn Observer) -> Result<()> {
    let (Some(volume), Some(told)) = (images::received_volume(arriving), arriving.next_declared()) else {
        return Ok(());
    };
    if ctx.hypervisor.volume(&ctx.settings.host.pool, &volume)?.is_none() {
        return Ok(());
    }
    let there = content_of(ctx, &volume, &mut WithinStage(observer))?;
    match (there.length, &there.sha256) == (told.length, &told.sha256) {
        true => Ok(()),
        false => Err(Error::new(Code::InvalidExport, format!("volume `{volume}` is there, and another disk"))
            .hint("export it again: the digests of two disks begin alike, which chance does not make")),
    }
}

/// Ends a create whose application nobody waits for.
fn leave_unverified(ctx: &mut Ctx, job: &Job) -> Result<Created> {
    ctx.store.set_phase(job.record.uuid, Phase::Unverified, None)?;
    let text = "it was made; nobody waited for its application";
    ctx.record_event(EventKind::InstanceCreated, Some(&job.record), text)?;
    journal::end(ctx, &job.operation, Ok(()))?;
    created(ctx, &job.record, &job.operation.id, false, false)
}

/// Waits for the application, and stores what came of it. Whoever wants something of the instance meanwhile has it: a stop, a
/// reboot or a delete ends the wait.
fn wait(ctx: &mut Ctx, job: &mut Job, observer: &mut dyn Observer) -> Result<Created> {
    job.free_instance();
    let (request, deadline) = (&job.request, job.deadline());
    let health = request.blueprint.health.as_ref();
    wait_until(ctx, (&job.operation, &job.record), health, (deadline, request.timeout), observer)
}

/// The same, for a create whose domain runs.
fn wait_until(
    ctx: &mut Ctx,
    (operation, record): (&Operation, &Record),
    health: Option<&Health>,
    (deadline, timeout): (Instant, Duration),
    observer: &mut dyn Observer,
) -> Result<Created> {
    let (uuid, logs) = (record.uuid, &ctx.settings.host.folders.logs);
    let wait = Wait {
        subject: Subject::Instance(&record.name, operation),
        uuid,
        report: &plan::report_log(record, logs),
        console: &plan::console_log(record, logs),
        start: 0,
        deadline,
        timeout,
    };
    let waited = wait_ready(ctx, record, health, &wait, observer);
    let (_lock, waited) = match take_back(ctx, operation, record) {
        Ok(lock) => (Some(lock), waited),
        Err(e) => (None, Err(e)),
    };
    match &waited {
        Ok(_) => {
            ctx.store.set_phase(uuid, Phase::Ready, None)?;
            ctx.record_event(EventKind::InstanceCreated, Some(record), "it was made and its application answers")?;
            clean(ctx, record, observer);
        }
        Err(e) if matches!(e.code, Code::Interrupted | Code::WaitEnded | Code::Busy | Code::GuestPoweredOff) => {
            ctx.store.end_creating(uuid)?;
        }
        Err(e) => {
            ctx.store.set_phase(uuid, Phase::Failed, Some(&e.message))?;
            ctx.record_event(EventKind::InstanceFailed, Some(record), &e.message)?;
            clean(ctx, record, observer);
        }
    }
    let waited = journal::end(ctx, operation, waited)?;
    let mut record = record.clone();
    record.address = waited.address;
    created(ctx, &record, &operation.id, true, false)
}

/// The process of a create died while it waited for the application: it is waited for again, for so long.
///
/// # Errors
/// What the guest reports, or that it is not ready in time. The instance stays, as `failed`.
pub fn go_on(
    ctx: &mut Ctx,
    operation: &Operation,
    own: Lock,
    timeout: Duration,
    observer: &mut dyn Observer,
) -> Result<()> {
    let reporter = Reporter::start(ctx, &operation.id);
    let observer = &mut reporter.observe(observer);
    let uuid = operation.resource.id;
    ctx.store.finish_disks_of(uuid)?;
    let waited = match ctx.store.instance_by_uuid(uuid)? {
        Some(instance) => {
            let (blueprint, _) = ctx.store.blueprint_of(uuid)?;
            let until = (ctx.clock.instant() + timeout, timeout);
            wait_until(ctx, (operation, &instance.record), blueprint.health.as_ref(), until, observer).map(drop)
        }
        None => journal::end(ctx, operation, Err(gone(&operation.resource.name))),
    };
    own.retire();
    waited
}

/// Replaces the seed by one without secrets: the guest has taken them over, or never will.
fn clean(ctx: &mut Ctx, record: &Record, observer: &mut dyn Observer) {
    if let Err(e) = clean_seed(ctx, record) {
        observer.warn(&Hint::from(format!("the seed still holds its secrets: {e}")));
    }
}

/// Takes the instance again, so that what came of the wait is not written over what another operation does.
fn take_back(ctx: &Ctx, operation: &Operation, record: &Record) -> Result<Lock> {
    let wait = ctx.wait.max(TAKE_BACK);
    let lock = Lock::acquire(&ctx.locks(), record.uuid, record.name.as_str(), "create", &*ctx.clock, wait);
    let ended = handover::check(ctx, operation, &record.name);
    match lock {
        Ok(lock) if ctx.store.instance_by_uuid(record.uuid)?.is_none() => {
            lock.retire();
            ended.and(Err(gone(record.name.as_str())))
        }
        lock => ended.and(lock),
    }
}

/// The process of a create died: one whose domain had started, with its network, stands; any other is undone.
///
/// # Errors
/// What could not be undone.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: uuid::Uuid, own: Lock) -> Result<Option<String>> {
    let name = &operation.resource.name;
    let steps = journal::journalled(ctx, &operation.id)?;
    let kept = journal::has_started(&steps);
    if kept {
        ctx.store.finish_disks_of(uuid)?;
        ctx.store.end_creating(uuid)?;
        ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
    } else {
        // Held only by the create itself until its domain has started: by one of an older lite that had no other lock.
        let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), uuid, "repair", ctx.now())? else { return Ok(None) };
        undo_of_dead_owner(ctx, operation, uuid, steps)?;
        lock.retire();
    }
    own.retire();
    Ok(Some(match kept {
        true => format!("kept instance `{name}`: its create was cut off after it had started"),
        false => format!("undid the create of `{name}` that was cut off"),
    }))
}

/// The result of an earlier request of the same id.
fn earlier(ctx: &mut Ctx, request: &Request) -> Result<Option<Created>> {
    let Some(id) = &request.request_id else { return Ok(None) };
    let Some(operation) = ctx.store.operation_by_request(id)? else { return Ok(None) };
    if operation.arguments.as_deref() != Some(&request.arguments) {
        return Err(other_request(&operation, request));
    }
    match operation.state {
        OperationState::Succeeded => {}
        OperationState::Started => {
            return Err(allocate::at_work(&operation.id));
        }
        // All of it was undone and nobody was told: the retry is the first to be.
        OperationState::Failed if owner_died(&operation) => {
            ctx.store.release_request(&operation.id)?;
            return Ok(None);
        }
        OperationState::Failed | OperationState::NeedsAttention => {
            return Err(Error::new(Code::RequestFailed, "the first request of this id failed")
                .cause(operation.error.unwrap_or_default())
                .hint("use a new `--request-id` to try again"));
        }
    }
    let instance = operation.instance().map(|uuid| ctx.store.instance_by_uuid(uuid)).transpose()?.flatten();
    let Some(instance) = instance else {
        return Err(Error::failed(Code::NoSuchInstance, "the instance of this request was deleted since")
            .hint("use a new `--request-id` to make another"));
    };
    created(ctx, &instance.record, &operation.id, instance.phase == Phase::Ready, true).map(Some)
}

/// The error for a request id whose digest is another. One in another form tells nothing of what was asked for.
fn other_request(operation: &Operation, request: &Request) -> Error {
    let form = |digest: &str| digest.split_once(':').map(|(form, _)| form.to_owned());
    if operation.arguments.as_deref().and_then(form) == form(&request.arguments) {
        return Error::new(Code::RequestIdReused, "this request id was used for another request")
            .hint("use a new `--request-id` for a new request");
    }
    let (name, text) = (&operation.resource.name, "this request id was used with another version of lite");
    Error::new(Code::RequestIdReused, text)
        .cause("what was asked for then cannot be compared with this request")
        .hint(Hint::from(format!("it was for `{name}`: ")).run_with(Verb::Show, &[name]))
        .hint("use a new `--request-id` if that is not what you want")
}

fn created(ctx: &Ctx, record: &Record, operation: &str, ready: bool, repeated: bool) -> Result<Created> {
    let (blueprint, parameters) = ctx.store.blueprint_of(record.uuid)?;
    let address = record.address.map_or_else(String::new, |a| a.to_string());
    Ok(Created {
        output: render_output(&blueprint, &record.name, &address, &parameters)?,
        secrets: ctx.store.secrets(record.uuid)?.into_iter().filter(|s| s.shown).collect(),
        record: record.clone(),
        operation: operation.to_owned(),
        ready,
        repeated,
    })
}
