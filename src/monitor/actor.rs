//! Does what the watcher decided, apart from the thread that samples: a start may wait minutes for libvirt, and a look must
//! come every ten seconds.

use std::{
    collections::VecDeque,
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

/// Threads that act: as many as may ask libvirt for something slow at once.
const WORKERS: usize = 4;

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
    /// Finishes or undoes what dead processes left, and takes over what guests reported.
    Reconcile,
}

/// What came of a job.
#[derive(Debug)]
pub enum Outcome {
    /// Actions on an instance: done (true), dropped since somebody else is at work or decided otherwise, or failed.
    Acted(Uuid, Result<bool>),
    /// What was reconciled, a sentence each; also what could not be.
    Reconciled(Vec<String>),
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
                .spawn_scoped(scope, move || {
                    loop {
                        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok(job) = job else { return };
                        if answer.send(perform(&mut engine, &job)).is_err() {
                            return;
                        }
                    }
                })
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
            lines.extend(engine::adopt_reports(engine).err().map(|error| error.to_string()));
            Outcome::Reconciled(lines)
        }
    }
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
