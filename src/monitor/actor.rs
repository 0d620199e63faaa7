//! Does what the watcher decided, apart from the thread that samples: a start may wait minutes for libvirt, and a look must
//! come every ten seconds.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::Scope,
};

use uuid::Uuid;

use super::policy::Action;
use crate::{
    engine::{self, Ctx},
    kill_point,
    model::{Code, Error, EventKind, Result},
};

/// Threads that act: as many as may ask libvirt for something slow at once, and one for copies, which wait for other machines.
const WORKERS: usize = 5;

/// Something to be done.
#[derive(Debug, Clone)]
pub enum Job {
    /// Actions on one instance, in order, up to the first that is not accepted.
    Act {
        /// The instance.
        uuid: Uuid,
        /// The user's decision they were planned for; after another one they are dropped.
        generation: i64,
        /// The actions; what is told is told with the acceptance of a stop.
        actions: Vec<Action>,
    },
    /// Finishes or undoes what dead processes left, purges the deleted instances that are due, and takes over what guests reported.
    Reconcile,
    /// Makes the automatic snapshots that are due.
    Snapshots,
    /// Boots the automatic snapshot that is due to be verified.
    Verify,
    /// Copies automatic snapshots to their remotes.
    Pushes,
    /// Asks for the certificates that are due.
    Certificates,
    /// Loads the rules of the firewall again, if others are loaded or none, puts links of guests back on their bridges, and has the
    /// web front serve what it is to.
    Network,
}

/// What came of a job.
#[derive(Debug)]
pub enum Outcome {
    /// Actions on an instance: done (true), dropped since somebody else is at work or decided otherwise, or failed.
    Acted(Uuid, Result<bool>),
    /// What was reconciled, a sentence each; also what could not be.
    Reconciled(Vec<String>),
    /// What came of automatic snapshots, a sentence each.
    Snapshots(Result<Vec<String>>),
    /// What came of a verification, a sentence.
    Verified(Result<Vec<String>>),
    /// What came of copies of them, a sentence each.
    Pushes(Result<Vec<String>>),
    /// What came of certificates, a sentence each.
    Certificates(Result<Vec<String>>),
    /// What had to be put right, a sentence each; also what could not be.
    Network(Result<Vec<String>>),
}

/// Where jobs are done.
pub enum Actor {
    /// By the caller, at once: for tests on a clock of their own.
    Inline(VecDeque<Outcome>),
    /// By threads.
    Threads {
        /// Work for them.
        jobs: Sender<Job>,
        /// Their answers.
        outcomes: Receiver<Outcome>,
        /// Answers taken and not handed on yet.
        taken: VecDeque<Outcome>,
    },
}

impl Actor {
    /// Jobs are done by the caller, within [`Actor::submit`].
    pub fn inline() -> Self {
        Self::Inline(VecDeque::new())
    }

    /// Starts the threads, each with an engine of its own; they end when the actor is dropped.
    ///
    /// # Errors
    /// Failed if an engine or a thread cannot be made.
    pub fn start<'scope, 'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        engine: impl Fn() -> Result<Ctx>,
    ) -> Result<Self> {
        let (jobs, queue) = channel::<Job>();
        let (answer, outcomes) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..WORKERS {
            let (queue, answer, mut engine) = (queue.clone(), answer.clone(), engine()?);
            std::thread::Builder::new()
                .name("actor".to_owned())
                .spawn_scoped(scope, move || serve(&queue, &answer, |job| perform(&mut engine, job)))
                .map_err(|e| Error::new(Code::Internal, "cannot start a thread").cause(e))?;
        }
        Ok(Self::Threads { jobs, outcomes, taken: VecDeque::new() })
    }

    /// Takes a job over. `engine` is the caller's, for a job that is done at once.
    pub(super) fn submit(&mut self, engine: &mut Ctx, job: Job) {
        match self {
            Self::Inline(done) => done.push_back(perform(engine, &job)),
            // The threads live as long as this value.
            Self::Threads { jobs, .. } => drop(jobs.send(job)),
        }
    }

    /// Whether an outcome waits to be taken.
    pub(super) fn has_outcome(&mut self) -> bool {
        match self {
            Self::Inline(done) => !done.is_empty(),
            Self::Threads { outcomes, taken, .. } => {
                taken.extend(outcomes.try_iter());
                !taken.is_empty()
            }
        }
    }

    /// The next outcome, if one is there.
    pub(super) fn take(&mut self) -> Option<Outcome> {
        self.has_outcome();
        match self {
            Self::Inline(done) => done.pop_front(),
            Self::Threads { taken, .. } => taken.pop_front(),
        }
    }
}

/// Does jobs until there are no more to come. One that panics is answered too: its instance would never be acted on again.
fn serve(queue: &Mutex<Receiver<Job>>, answer: &Sender<Outcome>, mut perform: impl FnMut(&Job) -> Outcome) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // Its locks fell and its transaction was rolled back on the way here.
        let outcome = catch_unwind(AssertUnwindSafe(|| perform(&job))).unwrap_or_else(|_| panicked(&job));
        if answer.send(outcome).is_err() {
            return;
        }
    }
}

fn panicked(job: &Job) -> Outcome {
    let error = Error::new(Code::Internal, "a thread of the watcher panicked; what it said is in the watcher's log")
        .hint("report it as a fault of lite; the next look goes on");
    match job {
        Job::Act { uuid, .. } => Outcome::Acted(*uuid, Err(error)),
        Job::Reconcile => Outcome::Reconciled(vec![error.to_string()]),
        Job::Snapshots => Outcome::Snapshots(Err(error)),
        Job::Verify => Outcome::Verified(Err(error)),
        Job::Pushes => Outcome::Pushes(Err(error)),
        Job::Certificates => Outcome::Certificates(Err(error)),
        Job::Network => Outcome::Network(Err(error)),
    }
}

fn perform(engine: &mut Ctx, job: &Job) -> Outcome {
    match job {
        Job::Act { uuid, generation, actions } => {
            let told: Vec<(EventKind, &str)> = actions
                .iter()
                .filter_map(|action| match action {
                    Action::Tell(kind, text) => Some((*kind, text.as_str())),
                    _ => None,
                })
                .collect();
            let done = actions.iter().try_fold(true, |go_on, action| match go_on {
                true => act(engine, *uuid, *generation, action, &told),
                false => Ok(false),
            });
            kill_point::reached("acted");
            Outcome::Acted(*uuid, done)
        }
        Job::Reconcile => {
            let mut lines = engine::recover(engine).unwrap_or_else(|error| vec![error.to_string()]);
            lines.extend(engine::purge_due(engine).unwrap_or_else(|error| vec![error.to_string()]));
            lines.extend(engine::adopt_reports(engine).err().map(|error| error.to_string()));
            Outcome::Reconciled(lines)
        }
        Job::Snapshots => Outcome::Snapshots(engine::make_due_snapshots(engine)),
        Job::Verify => Outcome::Verified(engine::verify_due(engine)),
        Job::Pushes => Outcome::Pushes(engine::push_due(engine)),
        Job::Certificates => Outcome::Certificates(engine::renew_certificates(engine)),
        Job::Network => Outcome::Network(restore_network(engine)),
    }
}

/// What one of them cannot do is no reason to leave the others.
fn restore_network(engine: &mut Ctx) -> Result<Vec<String>> {
    let firewall = engine::restore_firewall(engine);
    let proxy = engine::restore_proxy(engine);
    let (links, names) = (engine::restore_links(engine), engine::restore_names(engine));
    let loaded = firewall?.then(|| "loaded the rules of the firewall again".to_owned());
    let named = names?.then(|| "wrote the names of instances again".to_owned());
    let served = proxy?.then(|| "made the web front serve the domains again".to_owned());
    Ok(loaded.into_iter().chain(links?).chain(named).chain(served).collect())
}

fn act(engine: &mut Ctx, uuid: Uuid, generation: i64, action: &Action, told: &[(EventKind, &str)]) -> Result<bool> {
    match action {
        Action::Restart | Action::Start => engine::restart(engine, uuid, generation),
        Action::Resume => engine::try_resume(engine, uuid, generation),
        Action::Reset => engine::reset_unresponsive(engine, uuid, generation),
        Action::WantStopped => engine::accept_stop(engine, uuid, generation, told),
        Action::Tell(..) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc::channel};

    use uuid::Uuid;

    use super::{Job, Outcome, serve};
    use crate::model::Code;

    #[test]
    fn a_job_that_panics_is_answered_and_the_next_is_done() {
        let ((jobs, queue), (answer, outcomes)) = (channel(), channel());
        let (uuid, actions) = (Uuid::from_u128(7), Vec::new());
        for job in [Job::Act { uuid, generation: 0, actions }, Job::Reconcile, Job::Reconcile] {
            jobs.send(job).unwrap();
        }
        drop(jobs);
        let mut left_to_panic = 2;
        serve(&Mutex::new(queue), &answer, |_| {
            left_to_panic -= 1;
            assert!(left_to_panic < 0, "a fault");
            Outcome::Reconciled(vec!["done".to_owned()])
        });
        let all: Vec<Outcome> = outcomes.try_iter().collect();
        let [Outcome::Acted(acted, Err(error)), Outcome::Reconciled(told), Outcome::Reconciled(done)] = &all[..] else {
            panic!("{all:?}");
        };
        assert_eq!(
            (acted, error.code, told, done.as_slice()),
            (&uuid, Code::Internal, &vec![error.to_string()], &["done".to_owned()][..])
        );
    }
}
