//! Jobs: a command that has a machine of its own.
//!
//! ```text
//! open     the job's lock: whoever holds it runs the job
//! accept   a create whose reservation writes the job too; without room: refused, or in the queue until there is
//! end      how it ended is written, then its machine is deleted, or is an ordinary instance
//! clean    its process died: dropped from the queue, or ended, with its machine
//! ```
//!
//! The machine is an instance like others, made by a create and removed by a delete; the job's row says that it goes.

use std::time::{Duration, Instant};

use super::{
    Ctx, Observer, Request, capacity, host,
    lock::{self, Attempt, Lock},
    provision,
    sagas::{create, delete},
};
use crate::{
    catalog::Bundle,
    kill_point,
    model::{Code, Error, Instance, Job, JobEnd, JobState, NetworkMode, Result, Stage, Unobserved, WithinStage},
    store::Allocated,
};

/// How often a job that waits asks for its place.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it asks for Ctrl-C meanwhile.
const MOMENT: Duration = Duration::from_millis(200);
/// How often the first of the queue tries at least, whatever the instances hold: others may have used the host.
const TRY: Duration = Duration::from_secs(15);
/// How long whoever works on the machine of a job that ended is waited for.
const LAST: Duration = Duration::from_secs(60);

/// A job of this process.
pub struct Held {
    /// The job, as it was asked for.
    pub job: Job,
    lock: Lock,
}

/// What a job is to be.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Blueprint id.
    pub blueprint: String,
    /// Bundle id.
    pub bundle: String,
    /// The words of its command.
    pub command: Vec<String>,
    /// Its machine stays.
    pub keep: bool,
}

/// A job that this process runs. Nothing is written of it before its machine is reserved, or it waits for that.
///
/// # Errors
/// The lock cannot be taken.
pub fn open(ctx: &Ctx, new: NewJob) -> Result<Held> {
    let id = format!("job-{:08x}", rand::random::<u32>());
    let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), lock::of_job(&id), "run", ctx.now())? else {
        return Err(Error::new(Code::Busy, "the id of this job is in use").hint("try again"));
    };
    let job = Job {
        id,
        state: JobState::Waiting,
        blueprint: new.blueprint,
        bundle: new.bundle,
        command: new.command,
        keep: new.keep,
        requester: ctx.requester.clone(),
        created_at: ctx.now(),
        started_at: None,
        ended_at: None,
        cancel_at: None,
        exit_code: None,
        error: None,
        name: None,
        instance: None,
    };
    Ok(Held { job, lock })
}

/// Whether a job is to end: Ctrl-C, or somebody asked. A database that cannot be read now is asked again.
pub fn is_cancelled(ctx: &Ctx, held: &Held) -> bool {
    ctx.cancelled() || ctx.store.job(&held.job.id).is_ok_and(|job| job.is_some_and(|job| job.cancel_at.is_some()))
}

/// Reserves the machine of a job. Without room it is refused, or waits in the order of arrival until `end`.
///
/// # Errors
/// Those of [`create::accept`]; `timeout` and `interrupted` while it waits.
pub fn accept(
    ctx: &mut Ctx,
    held: &Held,
    request: Request,
    queue: Option<Instant>,
    observer: &mut dyn Observer,
) -> Result<Box<provision::Job>> {
    let request = Request { job: Some(held.job.clone()), ..request };
    let Some(end) = queue else {
        let refused = |e: Error| e.hint("with `--queue` it waits in the order of arrival until there is room");
        return reserve(ctx, &request, observer)?.map_err(refused);
    };
    observer.begin(Stage::Queue);
    let reserved = reserve_in_order(ctx, held, &request, end, observer);
    match &reserved {
        Ok(_) => observer.finish(),
        Err(_) => observer.fail(),
    }
    reserved
}

/// Reserves at once where nobody waits and there is room, else in the order of arrival.
fn reserve_in_order(
    ctx: &mut Ctx,
    held: &Held,
    request: &Request,
    end: Instant,
    observer: &mut dyn Observer,
) -> Result<Box<provision::Job>> {
    let host = ctx.host_id();
    if ctx.store.waiting_jobs(&host)?.is_empty()
        && let Ok(job) = reserve(ctx, request, &mut WithinStage(observer))?
    {
        return Ok(job);
    }
    fits_at_all(ctx, &request.promised())?;
    ctx.store.insert_job(&host, &held.job)?;
    kill_point::reached("queued");
    wait_for_room(ctx, held, request, end, observer)
}

/// Tries a reservation; the inner error is a want of room.
fn reserve(ctx: &mut Ctx, request: &Request, observer: &mut dyn Observer) -> Result<Result<Box<provision::Job>>> {
    match create::accept(ctx, request.clone(), observer) {
        Ok(create::Accepted::New(job)) => Ok(Ok(job)),
        // It has no request id.
        Ok(create::Accepted::Repeated(_)) => Err(Error::new(Code::Internal, "a job was repeated")),
        Err(error) if matches!(error.code, Code::NoCapacity | Code::NoFreeAddress) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// Refused if a bundle would not fit even if no instance held anything: it would wait for ever.
fn fits_at_all(ctx: &Ctx, bundle: &Bundle) -> Result<()> {
    let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
    let overcommit = &ctx.settings.host.overcommit;
    let whole = capacity::Capacity::left(&view.info, &view.pool, view.used_by_disks, &Allocated::default(), overcommit);
    // What others use of the memory comes and goes.
    let whole = capacity::Capacity { memory: capacity::memory_there(&view.info).max(whole.memory), ..whole };
    whole.check(bundle, true)
}

/// Waits until a job is the first of the queue and there is room.
fn wait_for_room(
    ctx: &mut Ctx,
    held: &Held,
    request: &Request,
    end: Instant,
    observer: &mut dyn Observer,
) -> Result<Box<provision::Job>> {
    let (mut last, mut tried) = (0, None::<(Instant, Allocated)>);
    loop {
        if is_cancelled(ctx, held) {
            return Err(Error::new(Code::Interrupted, "interrupted"));
        }
        if ctx.clock.instant() >= end {
            return Err(Error::new(Code::Timeout, "there was no room for it in time"));
        }
        let place = place(ctx, &held.job.id)?;
        if place != last {
            observer.status(&format!("place {place} in the queue"));
            last = place;
        }
        let (now, holds) = (ctx.clock.instant(), ctx.store.allocated(&ctx.host_id())?);
        let is_due = tried.is_none_or(|(at, held)| held != holds || now >= at + TRY);
        if place == 1 && is_due {
            tried = Some((now, holds));
            if let Ok(job) = reserve(ctx, request, &mut Unobserved)? {
                return Ok(job);
            }
        }
        let next = ctx.clock.instant() + PAUSE;
        while ctx.clock.instant() < next.min(end) && !ctx.cancelled() {
            ctx.clock.sleep(MOMENT);
        }
    }
}

/// The place of a job in the queue, from 1. Those before it whose process died are dropped.
fn place(ctx: &mut Ctx, id: &str) -> Result<usize> {
    let mut before = 0;
    for job in ctx.store.waiting_jobs(&ctx.host_id())? {
        if job.id == id {
            break;
        }
        if clean_one(ctx, &job)?.is_none() {
            before += 1;
        }
    }
    Ok(before + 1)
}

/// Ends a job: its end is written, and its machine goes, or stays where it was asked for or is protected. Gives the one that stays.
///
/// # Errors
/// Its machine could not be removed; whoever comes next tries again.
pub fn end(ctx: &mut Ctx, held: Held, end: &JobEnd, observer: &mut dyn Observer) -> Result<Option<Instance>> {
    ctx.store.end_job(&held.job.id, end, ctx.now())?;
    kill_point::reached("ended");
    let wait = std::mem::replace(&mut ctx.wait, LAST);
    let left = settle(ctx, &held.job.id, observer);
    ctx.wait = wait;
    if left.is_ok() {
        held.lock.retire();
    }
    left
}

/// Removes the machine of a job that ended, or makes an ordinary instance of it.
fn settle(ctx: &mut Ctx, id: &str, observer: &mut dyn Observer) -> Result<Option<Instance>> {
    let Some(job) = ctx.store.job(id)? else { return Ok(None) };
    let instance = job.instance.map(|uuid| ctx.store.instance_by_uuid(uuid)).transpose()?.flatten();
    let Some(instance) = instance else { return Ok(None) };
    if job.keep || instance.is_protected() {
        ctx.store.leave_machine(id)?;
        return Ok(Some(instance));
    }
    observer.begin(Stage::Remove);
    let removed = delete::accept(ctx, &instance, None).and_then(|accepted| delete::run(ctx, accepted, &mut Unobserved));
    match &removed {
        Ok(_) => observer.finish(),
        Err(_) => observer.fail(),
    }
    removed.map(|_| None)
}

/// Ends the jobs whose process died, with their machines. A sentence for each.
///
/// # Errors
/// A machine could not be removed.
pub fn clean(ctx: &mut Ctx) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for job in ctx.store.open_jobs(&ctx.host_id())? {
        told.extend(clean_one(ctx, &job)?);
    }
    Ok(told)
}

/// Ends a job, if its process died; none: it lives, or somebody works on its machine, and the next comes again.
fn clean_one(ctx: &mut Ctx, job: &Job) -> Result<Option<String>> {
    let id = &job.id;
    let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), lock::of_job(id), "repair", ctx.now())? else {
        return Ok(None);
    };
    // Its process may have ended it between the query and the lock.
    let Some(job) = ctx.store.job(id)?.filter(|job| !job.is_settled()) else {
        lock.retire();
        return Ok(None);
    };
    ctx.store.end_job(id, &JobEnd::of(JobState::CutOff), ctx.now())?;
    kill_point::reached("cut off");
    let left = match settle(ctx, id, &mut Unobserved) {
        Err(error) if error.code == Code::Busy => return Ok(None),
        left => left?,
    };
    lock.retire();
    Ok(Some(match (left, job.name) {
        (Some(instance), _) => {
            format!("job `{id}` was cut off; its machine stays as instance `{}`", instance.record.name)
        }
        (None, Some(name)) => format!("removed `{name}`, the machine of job `{id}`, which was cut off"),
        (None, None) => format!("dropped job `{id}`, which was cut off, from the queue"),
    }))
}
