//! create: a working application from one command, or nothing.

use std::time::{Duration, Instant};

use crate::{
    engine::{
        Ctx, Observer, Stage, allocate,
        generate::draw,
        journal,
        lock::Lock,
        provision::{self, Job, Purpose, Request},
        ready::{Wait, wait_ready},
        reports::clean_seed,
        undo::owner_died,
    },
    image::Image,
    model::{Code, Error, EventKind, Phase, Record, Result},
    render::render_output,
    store::{self, OperationState},
};

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

/// Makes an instance. Refused before any change, rolled back until it runs, kept as `failed` after that.
pub fn create(
    ctx: &mut Ctx,
    request: &Request<'_>,
    image: &mut dyn FnMut(&mut dyn Observer) -> Result<Image>,
    observer: &mut dyn Observer,
) -> Result<Created> {
    if let Some(earlier) = earlier(ctx, request)? {
        return Ok(earlier);
    }
    let begun = Instant::now();
    observer.begin(Stage::Host);
    let (view, kvm) = provision::host_stage(ctx, request, observer).inspect_err(|_| observer.fail())?;
    observer.finish();

    observer.begin(Stage::Image);
    let image = image(observer).inspect_err(|_| observer.fail())?;
    observer.finish();

    observer.begin(Stage::Disk);
    let drawn = draw(request.blueprint)?;
    let lock = Lock::acquire(&ctx.locks(), drawn.uuid, "new", "create", ctx.now(), Duration::ZERO)?;
    let made = provision::disk_stage(ctx, request, &view, kvm, &image, drawn, Purpose::Instance);
    let job = match made {
        Ok(job) => job,
        Err(e) => {
            observer.fail();
            lock.retire();
            return Err(e);
        }
    };
    observer.finish();
    let result = ready_stage(ctx, request, &job, begun, observer);
    drop(lock);
    result
}

/// Waits for the application, and stores what came of it.
fn ready_stage(
    ctx: &mut Ctx,
    request: &Request<'_>,
    job: &Job,
    begun: Instant,
    observer: &mut dyn Observer,
) -> Result<Created> {
    let uuid = job.record.uuid;
    if !request.wait {
        ctx.store.set_phase(uuid, Phase::Started, None)?;
        ctx.record_event(
            EventKind::InstanceCreated,
            Some(&job.record),
            "it was made; nobody waited for its application",
        )?;
        journal::end(ctx, &job.operation, Ok(()))?;
        return created(ctx, &job.record, &job.operation.id, false, false);
    }
    let waited = wait_ready(
        ctx,
        &Wait {
            record: &job.record,
            health: request.blueprint.health.as_ref(),
            report: &job.report_log,
            console: &job.console_log,
            start: 0,
            deadline: begun + request.timeout,
            timeout: request.timeout,
        },
        observer,
    );
    match &waited {
        Ok(_) => {
            ctx.store.set_phase(uuid, Phase::Ready, None)?;
            ctx.record_event(EventKind::InstanceCreated, Some(&job.record), "it was made and its application answers")?;
            if let Err(e) = clean_seed(ctx, &job.record) {
                observer.warn(&format!("the seed still holds its secrets: {e}"));
            }
        }
        Err(e) if e.code == Code::Interrupted => ctx.store.set_phase(uuid, Phase::Started, None)?,
        Err(e) => {
            ctx.store.set_phase(uuid, Phase::Failed, Some(&e.message))?;
            ctx.record_event(EventKind::InstanceFailed, Some(&job.record), &e.message)?;
        }
    }
    let waited = journal::end(ctx, &job.operation, waited)?;
    let mut record = job.record.clone();
    record.address = waited.address;
    created(ctx, &record, &job.operation.id, true, false)
}

/// The result of an earlier request of the same id.
fn earlier(ctx: &mut Ctx, request: &Request<'_>) -> Result<Option<Created>> {
    let Some(id) = &request.request_id else { return Ok(None) };
    let Some(operation) = ctx.store.operation_by_request(id)? else { return Ok(None) };
    if operation.arguments.as_deref() != Some(&request.arguments) {
        return Err(Error::new(Code::RequestIdReused, "this request id was used for another request")
            .hint("use a new `--request-id` for a new request"));
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
