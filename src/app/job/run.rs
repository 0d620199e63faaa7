//! Runs a job: its machine is made, its command runs there, what it left is brought, and its machine goes.

use std::{
    path::PathBuf,
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use super::super::{App, Caller, Right, instance::create};
use crate::{
    engine::{
        self, Ctx, Request,
        jobs::{self, Held, NewJob},
        sagas,
    },
    guest::{
        collect::{self, Collected, LIMITS},
        job::{self as guest_job, Came},
        ssh::{self, Login},
    },
    model::{
        AuditAction, Code, Currency, Error, Hint, JobEnd, JobState, Money, Name, Observer, Record, ResourceKind,
        Result, Settings, Stage, Verb,
    },
    view::PlanView,
};

/// Most bytes of a command: `ssh` hands it on as one argument.
const LONGEST: usize = 64 << 10;
/// How long a guest that is ready is asked to let somebody in.
const LETS_IN: Duration = Duration::from_secs(30);
/// Pause between two tries.
const AGAIN: Duration = Duration::from_secs(1);
/// Exit code of `ssh` itself.
const SSH_FAILED: i32 = 255;

/// A job to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Id of the blueprint.
    pub blueprint: String,
    /// Id of the bundle; none: the smallest that fits the blueprint.
    pub bundle: Option<String>,
    /// The words of the command.
    pub command: Vec<String>,
    /// How long all of it may take.
    pub timeout: Duration,
    /// The folder that what it leaves is brought into.
    pub out: Option<PathBuf>,
    /// Its machine stays as an instance.
    pub keep: bool,
    /// Its machine goes on from saved memory where that is there.
    pub use_warm: bool,
    /// It waits where there is no room.
    pub queue: bool,
    /// The input of this process is that of the command.
    pub input: bool,
}

/// How the words are run in a guest.
type Open<'a> = &'a dyn Fn(&Login, &[String]) -> Result<Command>;

/// A job that was checked: all that can be refused without the host is.
pub struct Checked {
    caller: Caller,
    run: Run,
    machine: create::Checked,
}

/// The machine of a job, which stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its name.
    pub name: Name,
    /// What it costs a month.
    pub price: Money,
    /// In this currency.
    pub currency: Currency,
}

/// What came of a job.
#[derive(Debug)]
pub struct Finished {
    /// Its id.
    pub id: String,
    /// The exit code of its command, or what of lite's own failed.
    pub result: Result<u8>,
    /// Whether its time was over.
    pub timed_out: bool,
    /// Its machine, if that stays.
    pub left: Option<Left>,
    /// What was brought.
    pub collected: Option<Collected>,
}

/// Checks everything that can be checked without the host.
///
/// # Errors
/// What is refused.
pub fn check(app: &App, caller: &Caller, run: Run) -> Result<Checked> {
    app.require(caller, Right::Access)?;
    app.require(caller, Right::Change)?;
    if run.command.first().is_none_or(String::is_empty) {
        return Err(Error::new(Code::InvalidCommand, "there is no command to run")
            .hint(Hint::from("name it after `--`: ").run_with(Verb::Run, &[&run.blueprint, &"-- uname -a"])));
    }
    let length: usize = run.command.iter().map(|word| word.len() + 1).sum();
    if length > LONGEST || run.command.iter().any(|word| word.contains('\0')) {
        let text = format!("a command has at most {LONGEST} bytes and no NUL character");
        return Err(Error::new(Code::InvalidCommand, text).hint("give it more by its input: `< FILE`"));
    }
    run.out.as_deref().map_or(Ok(()), collect::check)?;
    let machine = create::check(app, caller, machine_of(&run))?;
    Ok(Checked { caller: caller.clone(), run, machine })
}

/// The create of its machine.
fn machine_of(run: &Run) -> create::Create {
    create::Create {
        bundle: run.bundle.clone(),
        use_warm: run.use_warm,
        ..create::Create::of(run.blueprint.clone(), run.timeout)
    }
}

impl Checked {
    /// What would be made and what it costs.
    ///
    /// # Errors
    /// Those of a create's plan.
    pub fn plan(&self, settings: &Settings) -> Result<PlanView> {
        self.machine.plan(settings)
    }

    /// Runs the job. Its output is that of this process.
    ///
    /// # Errors
    /// It was refused, and nothing was made.
    pub fn run(self, app: &App, observer: &mut dyn Observer) -> Result<Finished> {
        let state = app.settings.paths.state.clone();
        self.run_by(app, &|login, words| ssh::exactly(&state, login, words), observer)
    }

    /// The same, with another way into the guest.
    ///
    /// # Errors
    /// Those of [`Self::run`].
    pub fn run_by(self, app: &App, open: Open<'_>, observer: &mut dyn Observer) -> Result<Finished> {
        let end = app.clock.instant() + self.run.timeout;
        app.check_host()?;
        let mut ctx = app.change(&self.caller, false, observer)?;
        let wanted = self.machine.wanted(app)?;
        let new = NewJob {
            blueprint: wanted.blueprint.id.clone(),
            bundle: wanted.bundle.id.clone(),
            command: self.run.command.clone(),
            keep: self.run.keep,
        };
        let held = jobs::open(&ctx, new)?;
        observer.status(&format!("this is job `{}`", held.job.id));
        let id = held.job.id.clone();
        let mut work = Work { app, ctx: &mut ctx, held: &held, checked: &self, open, end, collected: None };
        let result = work.run(wanted, observer);
        let collected = work.collected.take();
        let timed_out = result.as_ref().is_err_and(|e| e.code == Code::Timeout) && app.clock.instant() >= end;
        let ended = match &result {
            Ok(code) => JobEnd::exited(*code),
            Err(e) if timed_out => JobEnd { error: Some(e.to_string()), ..JobEnd::of(JobState::TimedOut) },
            Err(e) if e.code == Code::Interrupted => JobEnd::of(JobState::Cancelled),
            Err(e) => JobEnd::failed(e),
        };
        let name = ctx.store.job(&id).ok().flatten().and_then(|job| job.name);
        let left = jobs::end(&mut ctx, held, &ended, observer).unwrap_or_else(|e| {
            let text = format!("the machine of job `{id}` could not be removed: {e}; the next change, or ");
            observer.warn(&Hint::from(text).run(Verb::Repair).text(", tries again"));
            None
        });
        let left = left.map(|instance| Left {
            name: instance.record.name,
            price: instance.record.price,
            currency: instance.record.currency,
        });
        let result = match (&left, name) {
            (None, Some(name)) => result.map_err(|e| without(e, &name)),
            _ => result,
        };
        Ok(Finished { id, result, timed_out, left, collected })
    }
}

/// An error without the hints that are about a machine which is gone.
fn without(mut error: Error, name: &str) -> Error {
    error.hints.retain(|hint| hint.actions().all(|a| !a.arguments.iter().any(|argument| argument == name)));
    error
}

/// A job at work.
struct Work<'a> {
    app: &'a App,
    ctx: &'a mut Ctx,
    held: &'a Held,
    checked: &'a Checked,
    open: Open<'a>,
    end: Instant,
    collected: Option<Collected>,
}

impl Work<'_> {
    /// Makes its machine and runs its command there; gives its exit code.
    fn run(&mut self, wanted: Request, observer: &mut dyn Observer) -> Result<u8> {
        let run = &self.checked.run;
        let mut job = jobs::accept(self.ctx, self.held, wanted, run.queue.then_some(self.end), observer)?;
        job.begun = self.app.clock.instant();
        job.request.timeout = self.end.saturating_duration_since(job.begun);
        let created = sagas::create::run(self.ctx, *job, None, observer).map_err(|e| match e.code {
            Code::Timeout => e.within(self.late().message),
            _ => e,
        })?;
        let login = self.login(&created.record)?;
        let (caller, name) = (&self.checked.caller, &created.record.name);
        let entry = self.app.done(caller, AuditAction::RunJob).about(ResourceKind::Instance, name);
        self.app.attest(&mut self.ctx.store, &entry, observer)?;
        observer.status(&format!("the command runs in `{name}`"));
        let code = self.command(&login)?;
        let Some(folder) = &run.out else { return Ok(code) };
        observer.begin(Stage::Output);
        match self.collect(&login, folder) {
            Ok(collected) => self.collected = Some(collected),
            Err(e) => {
                observer.fail();
                return Err(e.cause(format!("its command had ended with exit code {code}")));
            }
        }
        observer.finish();
        Ok(code)
    }

    fn login(&self, record: &Record) -> Result<Login> {
        let (blueprint, _) = self.ctx.store.blueprint_of(record.uuid)?;
        let login = engine::login(self.ctx, record, blueprint.user)?;
        login.ok_or_else(|| {
            let text = format!("nobody can log in to `{}`: its address or its key is not known", record.name);
            Error::new(Code::NotReached, text).hint("a blueprint for jobs lets SSH in: `22/tcp` is among its ports")
        })
    }

    /// Runs the command to its end.
    fn command(&self, login: &Login) -> Result<u8> {
        let run = &self.checked.run;
        let words = guest_job::run_words(&run.command);
        let last_try = self.app.clock.instant() + LETS_IN;
        loop {
            let mut command = (self.open)(login, &words)?;
            command.stdin(guest_job::input(run.input));
            let ended = guest_job::run(&mut command, &mut || self.is_over(), &*self.app.clock).map_err(no_ssh)?;
            self.check_over(ended.is_none())?;
            match ended.as_ref().and_then(ExitStatus::code) {
                Some(SSH_FAILED) => {}
                Some(code) => return Ok(u8::try_from(code).unwrap_or(u8::MAX)),
                None => return Err(self.cut(login, "`ssh` was killed")),
            }
            // Its own, or that of the command?
            match self.came(login)? {
                Some(Came::Ended(code)) => return Ok(code),
                Some(Came::Nowhere) if self.app.clock.instant() < last_try => self.app.clock.sleep(AGAIN),
                Some(Came::Nowhere) => return Err(self.cut(login, "it could not be begun")),
                Some(Came::Begun) => return Err(self.cut(login, "the connection was lost while it ran")),
                None => return Err(self.cut(login, "the guest does not answer any more")),
            }
        }
    }

    /// Asks the guest how far the command came; none: it does not say. Nothing is begun twice.
    fn came(&self, login: &Login) -> Result<Option<Came>> {
        let last_try = self.app.clock.instant() + LETS_IN;
        loop {
            self.check_over(false)?;
            let came = guest_job::came(&mut (self.open)(login, &guest_job::state_words())?, &*self.app.clock);
            if came.is_some() || self.app.clock.instant() >= last_try {
                return Ok(came);
            }
            self.app.clock.sleep(AGAIN);
        }
    }

    fn cut(&self, login: &Login, why: &str) -> Error {
        let text = format!("nobody knows how the command of job `{}` ended", self.held.job.id);
        Error::new(Code::JobCut, text)
            .cause(why)
            .hint(Hint::from("what its machine said: ").run_with(Verb::Logs, &[&login.name]))
            .hint("with `--keep` its machine stays for a look")
    }

    /// Whether it is to end.
    fn is_over(&self) -> bool {
        self.app.clock.instant() >= self.end || jobs::is_cancelled(self.ctx, self.held)
    }

    /// Refused where it was to end, or was ended.
    fn check_over(&self, stopped: bool) -> Result<()> {
        if jobs::is_cancelled(self.ctx, self.held) {
            return Err(Error::new(Code::Interrupted, format!("job `{}` was cancelled", self.held.job.id)));
        }
        if stopped || self.app.clock.instant() >= self.end {
            return Err(self.late());
        }
        Ok(())
    }

    fn late(&self) -> Error {
        let seconds = self.checked.run.timeout.as_secs();
        Error::new(Code::Timeout, format!("job `{}` did not end within {seconds} s", self.held.job.id))
            .hint("`--timeout` gives it longer, up to 24 hours")
    }

    fn collect(&self, login: &Login, folder: &std::path::Path) -> Result<Collected> {
        // Somebody may have made it meanwhile.
        collect::check(folder)?;
        let mut command = (self.open)(login, &guest_job::pack_words())?;
        let brought = collect::collect(&mut command, folder, LIMITS, &mut || self.is_over(), &*self.app.clock);
        brought.map_err(|e| {
            if let Err(over) = self.check_over(e.kind() == std::io::ErrorKind::TimedOut) {
                return over;
            }
            let code = match e.kind() {
                std::io::ErrorKind::InvalidData => Code::OutputRefused,
                _ => Code::CopyFailed,
            };
            Error::new(code, format!("what job `{}` left was not brought, and nothing of it is here", self.held.job.id))
                .cause(e)
        })
    }
}

fn no_ssh(e: std::io::Error) -> Error {
    Error::new(Code::NoSsh, "cannot run `ssh`").cause(e).hint("install it: `apt-get install openssh-client`")
}
