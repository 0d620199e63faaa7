//! Jobs: a command that has a machine of its own, which goes with it.

mod run;

use std::time::Duration;

pub use run::{Checked, Finished, Left, Run, check};

use super::{App, Caller, Right};
pub use crate::guest::collect::Collected;
use crate::{
    model::{AuditAction, AuditEntry, Job, JobState, Observer, Result},
    store::{Store, jobs::no_such_job},
    view::{Changed, JobRow},
};

/// How long a job is listed after its end.
const LISTED: Duration = Duration::from_secs(24 * 3600);

/// The jobs that wait or run, and those that ended in the last day, in the order of their arrival.
///
/// # Errors
/// Those of the database.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<JobRow>> {
    app.require(caller, Right::Read)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    let since = app.clock.now().saturating_sub(LISTED).unwrap_or_default();
    let mut places = 1..;
    let jobs = store.jobs(&app.settings.host.id, since)?.into_iter();
    Ok(jobs
        .map(|job| {
            let place = if job.state == JobState::Waiting { places.next() } else { None };
            row(job, place)
        })
        .collect())
}

/// What the cancelling of jobs would do.
///
/// # Errors
/// Those of [`cancel`].
pub fn plan_cancel(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    app.require(caller, Right::Change)?;
    let store = app.store(caller, observer)?;
    ids.iter().try_for_each(|id| require_open(store.as_ref(), id))?;
    Ok(ids.iter().map(|id| Changed::new(id, "would be cancelled")).collect())
}

/// Asks jobs to end. Their processes see that within a second; what is left of one whose process died is removed here.
///
/// # Errors
/// There is no such job, or it has ended. None is asked then.
pub fn cancel(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    app.require(caller, Right::Change)?;
    let store = app.store(caller, observer)?;
    ids.iter().try_for_each(|id| require_open(store.as_ref(), id))?;
    drop(store);
    let mut ctx = app.change(caller, false, observer)?;
    let mut changed = Vec::new();
    for id in ids {
        // Those whose process had died are ended by now.
        if ctx.store.job(id)?.is_some_and(|job| job.state == JobState::CutOff) {
            changed.push(Changed::new(id, "had been cut off, and is ended"));
            continue;
        }
        let entry = AuditEntry { resource: Some((None, id.clone())), ..app.done(caller, AuditAction::CancelJob) };
        let job = ctx.store.audited(entry).request_job_cancel(id, app.clock.now())?;
        // The create of its machine looks for a request of its own.
        let create = job.instance.map(|uuid| ctx.store.open_operation_of(uuid)).transpose()?.flatten();
        if let Some(create) = create {
            // It may have ended meanwhile.
            let _ = ctx.store.request_cancel(&create, app.clock.now());
        }
        changed.push(Changed::new(id, "is asked to end"));
    }
    Ok(changed)
}

fn require_open(store: Option<&Store>, id: &str) -> Result<()> {
    store.ok_or_else(|| no_such_job(id))?.require_open_job(id).map(drop)
}

fn row(job: Job, place: Option<u64>) -> JobRow {
    let command = shlex::try_join(job.command.iter().map(String::as_str)).unwrap_or_default();
    JobRow {
        id: job.id,
        state: job.state,
        place,
        command,
        blueprint: job.blueprint,
        bundle: job.bundle,
        instance: job.name,
        keep: job.keep,
        exit_code: job.exit_code,
        error: job.error,
        actor: job.requester.actor,
        created_at: job.created_at,
        started_at: job.started_at,
        ended_at: job.ended_at,
    }
}
