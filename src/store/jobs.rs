//! Jobs, and the order in which they wait.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Params, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Stored, Time, id, json, some_id, some_parsed, some_time, time, to_json, word},
    sql,
};
use crate::model::{Code, Error, Hint, HostId, Job, JobEnd, JobState, Record, Requester, Result, Verb, escaped};

/// How long an ended job is remembered.
const REMEMBERED: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: row.get("id")?,
        state: word(row, "state")?,
        blueprint: row.get("blueprint")?,
        bundle: row.get("bundle")?,
        command: json(row, "command")?,
        keep: row.get("keep")?,
        requester: Requester {
            actor: row.get("actor")?,
            via: word(row, "via")?,
            address: some_parsed(row, "address")?,
        },
        created_at: time(row, "created_at")?,
        started_at: some_time(row, "started_at")?,
        ended_at: some_time(row, "ended_at")?,
        cancel_at: some_time(row, "cancel_at")?,
        exit_code: row.get("exit_code")?,
        error: row.get("error")?,
        name: row.get("name")?,
        instance: some_id(row, "instance")?,
    })
}

/// The error of a job that is not there.
pub fn no_such_job(id: &str) -> Error {
    Error::new(Code::NoSuchJob, format!("there is no job `{}`", escaped(id)))
        .hint(Hint::new().run_with(Verb::Run, &[&"--list"]).text(" lists them"))
}

fn has_ended(job: &Job) -> Error {
    Error::new(Code::JobEnded, format!("job `{}` has ended: {}", job.id, job.state)).hint("nothing is left to cancel")
}

impl Store {
    fn jobs_where(&self, what: &str, values: impl Params) -> Result<Vec<Job>> {
        let mut statement = self.read().prepare_cached(&format!("SELECT * FROM job WHERE {what}")).map_err(sql)?;
        let rows = statement.query_map(values, job).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// The jobs of a host in the order of their arrival: those that have not ended, and those that ended since.
    pub fn jobs(&self, host: &HostId, since: Timestamp) -> Result<Vec<Job>> {
        let which = "host = ?1 AND (ended_at IS NULL OR instance IS NOT NULL OR ended_at >= ?2) ORDER BY number";
        self.jobs_where(which, params![host.as_str(), Time(since)])
    }

    /// The jobs of which something is left to do.
    pub fn open_jobs(&self, host: &HostId) -> Result<Vec<Job>> {
        self.jobs_where("host = ?1 AND (ended_at IS NULL OR instance IS NOT NULL) ORDER BY number", [host.as_str()])
    }

    /// The jobs that wait for room, in the order of their arrival.
    pub fn waiting_jobs(&self, host: &HostId) -> Result<Vec<Job>> {
        self.jobs_where("host = ?1 AND state = 'waiting' ORDER BY number", [host.as_str()])
    }

    /// One job.
    pub fn job(&self, id: &str) -> Result<Option<Job>> {
        Ok(self.jobs_where("id = ?1", [id])?.pop())
    }

    /// The job that an instance is the machine of.
    pub fn job_of(&self, instance: Uuid) -> Result<Option<Job>> {
        Ok(self.jobs_where("instance = ?1", [Id(instance)])?.pop())
    }

    /// The ids of the jobs that instances are the machines of.
    pub fn jobs_by_instance(&self) -> Result<HashMap<Uuid, String>> {
        let query = "SELECT instance, id FROM job WHERE instance IS NOT NULL";
        let mut statement = self.read().prepare_cached(query).map_err(sql)?;
        let rows = statement.query_map([], |row| Ok((id(row, "instance")?, row.get("id")?))).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Writes a job that waits for room. Jobs that ended long ago are forgotten.
    pub fn insert_job(&mut self, host: &HostId, job: &Job) -> Result<()> {
        self.write(|t| insert(t, host, job))
    }

    /// Asks a job to end. Its process sees that within a second.
    ///
    /// # Errors
    /// [`Code::NoSuchJob`]; [`Code::JobEnded`].
    pub fn request_job_cancel(&mut self, id: &str, now: Timestamp) -> Result<Job> {
        let job = self.require_open_job(id)?;
        let asked = self.write(|t| {
            let query = "UPDATE job SET cancel_at = coalesce(cancel_at, ?2) WHERE id = ?1 AND ended_at IS NULL";
            t.0.execute(query, params![id, Time(now)]).map_err(sql)
        })?;
        if asked == 1 { Ok(job) } else { Err(has_ended(&self.job(id)?.unwrap_or(job))) }
    }

    /// A job that has not ended.
    ///
    /// # Errors
    /// [`Code::NoSuchJob`]; [`Code::JobEnded`].
    pub fn require_open_job(&self, id: &str) -> Result<Job> {
        let job = self.job(id)?.ok_or_else(|| no_such_job(id))?;
        if job.ended_at.is_none() { Ok(job) } else { Err(has_ended(&job)) }
    }

    /// Writes how a job ended. The first end counts.
    pub fn end_job(&mut self, id: &str, end: &JobEnd, now: Timestamp) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE job SET state = ?2, exit_code = ?3, error = ?4, ended_at = ?5 WHERE id = ?1 AND ended_at IS NULL",
                params![id, Stored(end.state), end.exit_code, end.error, Time(now)],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// The machine of a job is an ordinary instance from now on.
    pub fn leave_machine(&mut self, id: &str) -> Result<()> {
        self.write(|t| t.0.execute("UPDATE job SET instance = NULL WHERE id = ?1", [id]).map_err(sql).map(drop))
    }
}

fn insert(t: &Transaction<'_>, host: &HostId, job: &Job) -> Result<()> {
    let long_ago = job.created_at.saturating_sub(REMEMBERED).unwrap_or(Timestamp::UNIX_EPOCH);
    t.0.execute("DELETE FROM job WHERE instance IS NULL AND ended_at < ?1", [Time(long_ago)]).map_err(sql)?;
    t.0.execute(
        "INSERT INTO job (id, host, state, blueprint, bundle, command, keep, actor, via, address, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            job.id,
            host.as_str(),
            Stored(job.state),
            job.blueprint,
            job.bundle,
            to_json("a command", &job.command)?,
            job.keep,
            job.requester.actor,
            Stored(job.requester.via),
            job.requester.address.map(|address| address.to_string()),
            Time(job.created_at),
        ],
    )
    .map_err(sql)
    .map(drop)
}

/// The machine of a job is reserved: from now on it goes with the job. Writes the job, if it did not wait.
///
/// # Errors
/// `interrupted`: somebody asked meanwhile that it end.
pub fn begin(t: &Transaction<'_>, host: &HostId, job: &Job, machine: &Record, now: Timestamp) -> Result<()> {
    let waits = t.0.prepare_cached("SELECT 1 FROM job WHERE id = ?1").map_err(sql)?.exists([&job.id]).map_err(sql)?;
    if !waits {
        insert(t, host, job)?;
    }
    let begun =
        t.0.execute(
            "UPDATE job SET state = ?2, started_at = ?3, instance = ?4, name = ?5
             WHERE id = ?1 AND ended_at IS NULL AND cancel_at IS NULL",
            params![job.id, Stored(JobState::Running), Time(now), Id(machine.uuid), machine.name.as_str()],
        )
        .map_err(sql)?;
    if begun == 1 { Ok(()) } else { Err(Error::new(Code::Interrupted, format!("job `{}` was cancelled", job.id))) }
}
