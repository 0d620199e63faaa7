//! Block jobs and agents of the double: the test driver has neither.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Double;
use crate::{
    hypervisor::{BlockJob, BlockJobKind, BlockJobs, GuestAgent},
    model::{Code, DomainDefinition, Error, LiveDefinition, Mirror, Result},
};

/// A disk of a domain.
type Disk = (Uuid, String);

/// What is at work in domains that run.
#[derive(Debug, Default)]
pub(super) struct Work {
    jobs: BTreeMap<Disk, Job>,
    /// What disks lie on that were filled.
    filled: BTreeMap<Disk, String>,
    /// Copies that ended, each with whether it was whole.
    copies: Vec<(String, bool)>,
    /// How many looks a job takes.
    looks: u32,
    vanishes: bool,
    agents: BTreeSet<Uuid>,
    frozen: BTreeSet<Uuid>,
    freezes_late: bool,
    programs: Vec<String>,
    /// What was given to programs to read.
    read: Vec<String>,
    /// The report log of a guest, and what it says once it was given something to read.
    reports: Option<(std::path::PathBuf, String)>,
    exit: i64,
}

#[derive(Debug, Clone)]
struct Job {
    kind: BlockJobKind,
    path: String,
    looks: u32,
}

impl Double {
    /// Makes block jobs take so many looks until they are ready or done.
    pub fn slow_jobs(&self, looks: u32) {
        self.memory().work.looks = looks;
    }

    /// Makes block jobs end without a word before they are ready, as they do where the pool is full.
    pub fn lose_jobs(&self, lose: bool) {
        self.memory().work.vanishes = lose;
    }

    /// Has a guest write this into its report log whenever a program in it is given something to read.
    pub fn answer_input(&self, log: &std::path::Path, said: &str) {
        self.memory().work.reports = Some((log.to_owned(), said.to_owned()));
    }

    /// What was given to programs in guests to read.
    pub fn inputs(&self) -> Vec<String> {
        self.memory().work.read.clone()
    }

    /// Gives a guest an agent, or takes it away.
    pub fn set_agent(&self, uuid: Uuid, there: bool) {
        let work = &mut self.memory().work;
        if there {
            work.agents.insert(uuid);
        } else {
            work.agents.remove(&uuid);
        }
    }

    /// Makes agents freeze without an answer: the call fails, and the guest is frozen all the same.
    pub fn freeze_late(&self, late: bool) {
        self.memory().work.freezes_late = late;
    }

    /// The guests that are frozen.
    pub fn frozen(&self) -> Vec<Uuid> {
        self.memory().work.frozen.iter().copied().collect()
    }

    /// The disks that have a job, and what it works on.
    pub fn jobs(&self) -> Vec<(String, String)> {
        self.memory().work.jobs.iter().map(|((_, device), job)| (device.clone(), job.path.clone())).collect()
    }

    /// The copies that were ended, by their paths, each with whether it was whole.
    pub fn copies(&self) -> Vec<(String, bool)> {
        self.memory().work.copies.clone()
    }

    /// Makes programs in guests end with this exit code.
    pub fn end_programs_with(&self, exit: i64) {
        self.memory().work.exit = exit;
    }

    /// What guests were asked to run.
    pub fn programs(&self) -> Vec<String> {
        self.memory().work.programs.clone()
    }

    /// Begins a job, which takes as many looks as jobs do now.
    fn begin(&self, (uuid, device): (Uuid, &str), kind: BlockJobKind, path: String) -> Result<()> {
        self.running(uuid)?;
        let work = &mut self.memory().work;
        if work.jobs.contains_key(&(uuid, device.to_owned())) {
            return Err(Error::new(Code::LibvirtFailed, format!("disk `{device}` of domain {uuid} has a job")));
        }
        let looks = work.looks;
        work.jobs.insert((uuid, device.to_owned()), Job { kind, path, looks });
        Ok(())
    }

    /// Lets time pass for all jobs of a domain; those of one that does not run are gone.
    fn pass(&self, uuid: Uuid) -> Result<bool> {
        let runs = self.running(uuid).is_ok();
        let work = &mut self.memory().work;
        if !runs {
            work.jobs.retain(|(of, _), _| *of != uuid);
            work.filled.retain(|(of, _), _| *of != uuid);
            work.frozen.remove(&uuid);
            return Ok(false);
        }
        if work.vanishes {
            work.jobs.retain(|(of, _), _| *of != uuid);
        }
        for (_, job) in work.jobs.iter_mut().filter(|((of, _), _)| *of == uuid) {
            job.looks = job.looks.saturating_sub(1);
        }
        let done = |of: &Disk, job: &Job| of.0 == uuid && job.kind == BlockJobKind::Pull && job.looks == 0;
        let filled: Vec<_> = work
            .jobs
            .iter()
            .filter(|(of, job)| done(of, job))
            .map(|(of, job)| (of.clone(), job.path.clone()))
            .collect();
        for (disk, base) in filled {
            work.jobs.remove(&disk);
            work.filled.insert(disk, base);
        }
        Ok(true)
    }

    /// A domain's run ended, and with it all that was at work in it.
    pub(super) fn end_work(&self, uuid: Uuid) {
        let work = &mut self.memory().work;
        work.jobs.retain(|(of, _), _| *of != uuid);
        work.filled.retain(|(of, _), _| *of != uuid);
    }

    fn agent(&self, uuid: Uuid) -> Result<()> {
        self.running(uuid)?;
        match self.memory().work.agents.contains(&uuid) {
            true => Ok(()),
            false => Err(Error::new(Code::GuestAgent, format!("domain {uuid} has no agent"))),
        }
    }
}

impl BlockJobs for Double {
    fn live_definition(&self, uuid: Uuid) -> Result<Option<LiveDefinition>> {
        let Some(mut live) = self.inner.live_definition(uuid)?.filter(|_| self.pass(uuid).unwrap_or(false)) else {
            return Ok(None);
        };
        self.memory().devices.show(uuid, &mut live);
        let work = &self.memory().work;
        live.has_agent = work.agents.contains(&uuid);
        for disk in &mut live.disks {
            let key = (uuid, disk.device.clone());
            let copy = work.jobs.get(&key).filter(|job| job.kind == BlockJobKind::Copy);
            disk.mirror = copy.map(|job| Mirror { path: job.path.clone(), is_ready: job.looks == 0 });
            if let Some(base) = work.filled.get(&key) {
                let end = disk.chain.iter().position(|path| path == base).unwrap_or(disk.chain.len());
                disk.chain.drain(1.min(end)..end);
            }
        }
        Ok(Some(live))
    }

    fn copy_disk(&self, uuid: Uuid, device: &str, xml: &str) -> Result<()> {
        let target = DomainDefinition::parse(&format!("<domain><devices>{xml}</devices></domain>"))?;
        let path = target.disk_paths().next().unwrap_or_default().to_owned();
        self.begin((uuid, device), BlockJobKind::Copy, path)
    }

    fn pull_disk(&self, uuid: Uuid, device: &str, base: &str) -> Result<()> {
        self.begin((uuid, device), BlockJobKind::Pull, base.to_owned())
    }

    fn block_job(&self, uuid: Uuid, device: &str) -> Result<Option<BlockJob>> {
        self.running(uuid)?;
        self.pass(uuid)?;
        let job = self.memory().work.jobs.get(&(uuid, device.to_owned())).cloned();
        Ok(job.map(|job| BlockJob { kind: job.kind, done: u64::from(job.looks == 0), total: 1 }))
    }

    fn abort_block_job(&self, uuid: Uuid, device: &str) -> Result<()> {
        let work = &mut self.memory().work;
        let ended = work.jobs.remove(&(uuid, device.to_owned())).filter(|job| job.kind == BlockJobKind::Copy);
        work.copies.extend(ended.map(|job| (job.path, job.looks == 0)));
        Ok(())
    }
}

impl GuestAgent for Double {
    fn freeze(&self, uuid: Uuid) -> Result<()> {
        self.agent(uuid)?;
        let work = &mut self.memory().work;
        if !work.frozen.insert(uuid) {
            return Err(Error::new(Code::GuestAgent, format!("domain {uuid} is frozen already")));
        }
        match work.freezes_late {
            true => Err(Error::new(Code::GuestAgent, format!("the agent in domain {uuid} does not answer"))),
            false => Ok(()),
        }
    }

    fn thaw(&self, uuid: Uuid) -> Result<()> {
        self.agent(uuid)?;
        self.memory().work.frozen.remove(&uuid);
        Ok(())
    }

    fn is_frozen(&self, uuid: Uuid) -> Result<bool> {
        self.agent(uuid)?;
        Ok(self.memory().work.frozen.contains(&uuid))
    }

    fn run_in_guest(&self, uuid: Uuid, program: &str, arguments: &[&str], input: &[u8]) -> Result<i64> {
        self.agent(uuid)?;
        let work = &mut self.memory().work;
        if !input.is_empty() {
            work.read.push(String::from_utf8_lossy(input).into_owned());
            if let Some((log, said)) = &work.reports {
                let written = std::fs::OpenOptions::new().append(true).create(true).open(log);
                let written = written.and_then(|mut log| std::io::Write::write_all(&mut log, said.as_bytes()));
                written.map_err(|e| Error::new(Code::FileUnreadable, "cannot write a guest's report").cause(e))?;
            }
        }
        work.programs.push(format!("{program} {}", arguments.join(" ")));
        Ok(work.exit)
    }
}
