//! Follows a guest: what it reports and what becomes of its domain, until something is reached. One loop for the set-up of
//! an instance and for a bake.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{Ctx, handover};
use crate::{
    guest::{
        self,
        lines::Lines,
        report::{Report, parse_line},
    },
    hypervisor::DomainState,
    model::{Code, Error, Hint, Name, Observer, Result, Stage, Verb},
    store::Operation,
};

/// How often the domain's state is asked for while nothing is reported.
pub const POLL: Duration = Duration::from_secs(1);
/// Lines of the console shown with an error.
const CONSOLE_LINES: usize = 8;

/// Whose guest it is: for what is said when the wait fails.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// An instance, which stays, and the operation that waits for it.
    Instance(&'a Name, &'a Operation),
    /// A machine that bakes an image.
    Bake,
    /// A machine that a snapshot is booted in.
    Snapshot(&'a Name),
}

/// What to wait for.
pub struct Wait<'a> {
    /// Whose guest it is.
    pub subject: Subject<'a>,
    /// The domain.
    pub uuid: Uuid,
    /// The report channel's log.
    pub report: &'a Path,
    /// The console's log.
    pub console: &'a Path,
    /// Bytes of the report log that belong to earlier boots.
    pub start: u64,
    /// When to give up, on the monotonic clock.
    pub deadline: Instant,
    /// The time-out as the user gave it, for the message.
    pub timeout: Duration,
}

/// A guest that is followed.
pub struct Follower<'a> {
    /// The context.
    pub ctx: &'a Ctx,
    /// What is waited for.
    pub wait: &'a Wait<'a>,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
    /// The stage that runs.
    pub stage: Stage,
    lines: Lines,
    unread: Vec<Report>,
}

impl<'a> Follower<'a> {
    /// Begins with a stage.
    ///
    /// # Errors
    /// The folder of the report log cannot be watched.
    pub fn start(ctx: &'a Ctx, wait: &'a Wait<'a>, stage: Stage, observer: &'a mut dyn Observer) -> Result<Self> {
        observer.begin(stage);
        let lines = guest::tail::follow(&*ctx.machine, wait.report, wait.start)?;
        Ok(Self { ctx, wait, observer, stage, lines, unread: Vec::new() })
    }

    /// The next stage begins.
    pub fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.observer.begin(stage);
    }

    /// Gives reports back that came behind the one that was waited for: they are the first of the next wait.
    pub fn give_back(&mut self, reports: impl IntoIterator<Item = Report>) {
        self.unread.extend(reports);
    }

    /// Asks `turn` with each batch of reports, and the domain's state from just before them, until it has an answer.
    ///
    /// # Errors
    /// What `turn` says, the time-out, an interrupt, or a host that cannot be asked.
    pub fn until<T>(
        &mut self,
        mut turn: impl FnMut(&mut Self, Vec<Report>, Option<DomainState>) -> Result<Option<T>>,
    ) -> Result<T> {
        loop {
            // Before the reports: what a guest says last is read after it was seen to be down.
            let state = self.state()?;
            let mut reports = std::mem::take(&mut self.unread);
            reports.extend(self.lines.lines()?.iter().filter_map(|line| parse_line(line)));
            if let Some(answer) = turn(self, reports, state)? {
                return Ok(answer);
            }
            self.check_time()?;
            self.lines.wait(&*self.ctx.clock, POLL.min(self.left()))?;
        }
    }

    /// The state of the domain; none: it is gone.
    pub fn state(&self) -> Result<Option<DomainState>> {
        Ok(self.ctx.hypervisor.domain(self.wait.uuid)?.map(|d| d.state))
    }

    fn left(&self) -> Duration {
        self.wait.deadline.saturating_duration_since(self.ctx.clock.instant())
    }

    /// Ends the wait when another operation wants the instance, the wait is cancelled, or its time is over.
    pub fn check_time(&self) -> Result<()> {
        let stage = self.stage.as_str();
        self.check_handover()?;
        if self.ctx.cancelled() {
            return Err(self.interrupted(stage));
        }
        if !self.left().is_zero() {
            return Ok(());
        }
        let seconds = self.wait.timeout.as_secs();
        let text = match self.wait.subject {
            Subject::Instance(name, _) => format!("instance `{name}` was not ready after {seconds} s: stage `{stage}`"),
            Subject::Bake => format!("not baked after {seconds} s: stage `{stage}`"),
            Subject::Snapshot(name) => {
                format!("the guest on snapshot `{name}` was not up after {seconds} s: stage `{stage}`")
            }
        };
        Err(self.with_console(Error::new(Code::Timeout, text)))
    }

    /// Ends the wait when another operation wants the instance.
    pub fn check_handover(&self) -> Result<()> {
        match self.wait.subject {
            Subject::Instance(name, operation) => handover::check(self.ctx, operation, name),
            Subject::Bake | Subject::Snapshot(_) => Ok(()),
        }
    }

    fn interrupted(&self, stage: &str) -> Error {
        match self.wait.subject {
            Subject::Bake | Subject::Snapshot(_) => Error::new(Code::Interrupted, "interrupted"),
            Subject::Instance(name, _) => {
                Error::new(Code::Interrupted, format!("interrupted while waiting for stage `{stage}`"))
                    .hint(
                        Hint::from(format!("instance `{name}` keeps running and finishes its set-up by itself; "))
                            .run_with(Verb::Show, &[&name]),
                    )
                    .hint(Hint::from("to remove it: ").run_with(Verb::Delete, &[&name]))
            }
        }
    }

    /// The error of a set-up that failed, from the guest's own report.
    pub fn set_up_failed(&self, report: Report) -> Error {
        let Report::Failed { module, command, code, line, tail } = report else {
            return Error::new(Code::SetupFailed, "set-up failed");
        };
        let mut error = Error::new(
            Code::SetupFailed,
            match self.wait.subject {
                Subject::Instance(name, _) => format!("set-up of instance `{name}` failed in module `{module}`"),
                Subject::Bake => format!("baking failed in module `{module}`"),
                Subject::Snapshot(name) => format!("the guest on snapshot `{name}` says that module `{module}` failed"),
            },
        );
        if !command.is_empty() {
            let place = if line > 0 { format!(" in line {line}") } else { String::new() };
            error = error.cause(format!("command{place}: {command} (exit {code})"));
        }
        error.causes.extend(tail.into_iter().filter(|l| !l.is_empty()));
        if module == "network" {
            error = error.hint(
                Hint::from("is it the way out of this host? ")
                    .run(Verb::Doctor)
                    .text(" checks its forwarding and firewall"),
            );
        }
        match self.wait.subject {
            Subject::Instance(name, _) => next_steps(error, name),
            Subject::Bake | Subject::Snapshot(_) if error.causes.is_empty() => self.with_console(error),
            Subject::Bake | Subject::Snapshot(_) => error,
        }
    }

    /// Adds the last lines of the console; for an instance, also how to look at it and remove it.
    pub fn with_console(&self, mut error: Error) -> Error {
        let lines = guest::tail::last_lines(&*self.ctx.machine, self.wait.console, CONSOLE_LINES);
        error.causes.extend(lines.into_iter().map(|l| format!("console: {l}")));
        match self.wait.subject {
            Subject::Instance(name, _) => next_steps(error, name),
            Subject::Bake | Subject::Snapshot(_) => error,
        }
    }
}

fn next_steps(error: Error, name: &Name) -> Error {
    error
        .hint(
            Hint::from("the instance is kept as `failed`: ")
                .run_with(Verb::Logs, &[&name, &"--boot"])
                .text(", ")
                .run_with(Verb::Ssh, &[&name]),
        )
        .hint(Hint::from("to remove it: ").run_with(Verb::Delete, &[&name]))
}
