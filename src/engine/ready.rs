//! Waits for a guest to be ready: its own report first, then the health check from the host.

use std::{
    net::Ipv4Addr,
    path::Path,
    time::{Duration, Instant},
};

use super::{Ctx, Observer, Stage};
use crate::{
    catalog::Health,
    guest::{
        self,
        report::{Report, Status},
        tail::Tail,
    },
    hypervisor::DomainState,
    model::{Code, Error, Record, Result},
};

/// How often the domain's state is looked at while nothing is reported.
const LOOK: Duration = Duration::from_secs(1);
/// Pause between two tries of the health check.
const PROBE_PAUSE: Duration = Duration::from_millis(200);
/// Time-out of one try of the health check.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is told at the end if the guest never ran its health check's command.
const NO_ANSWER: &str = "none yet";

/// What a successful wait learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// The guest's address.
    pub address: Option<Ipv4Addr>,
}

/// What to wait for.
pub struct Wait<'a> {
    /// The instance.
    pub record: &'a Record,
    /// How the application is seen to answer.
    pub health: Option<&'a Health>,
    /// The report channel's log.
    pub report: &'a Path,
    /// The console's log.
    pub console: &'a Path,
    /// Bytes of the report log that belong to earlier boots.
    pub start: u64,
    /// When to give up.
    pub deadline: Instant,
    /// The time-out as the user gave it, for the message.
    pub timeout: Duration,
}

/// Waits until the guest's set-up is done and its application answers.
pub fn wait_ready(ctx: &Ctx, wait: &Wait<'_>, observer: &mut dyn Observer) -> Result<Waited> {
    let mut stage = Stage::Boot;
    observer.begin(stage);
    let result = follow(ctx, wait, &mut stage, observer);
    if result.is_err() {
        observer.fail();
    }
    result
}

fn follow(ctx: &Ctx, wait: &Wait<'_>, stage: &mut Stage, observer: &mut dyn Observer) -> Result<Waited> {
    let advance = |stage: &mut Stage, next: Stage, observer: &mut dyn Observer| {
        observer.finish();
        *stage = next;
        observer.begin(next);
    };
    let mut tail = Tail::open(wait.report, wait.start)?;
    let mut done = false;
    let mut answer = None;
    while !done {
        for line in tail.lines()? {
            let Some(report) = guest::report::parse_line(&line) else { continue };
            if *stage == Stage::Boot {
                advance(stage, Stage::Address, observer);
            }
            match report {
                Report::Failed { .. } => return Err(set_up_failed(wait, &report)),
                Report::Stage { stage } => observer.note(&stage),
                // Only a bake's guest says so, and it is not waited for here.
                Report::Sealed => {}
                Report::Done { .. } | Report::Booted => done = true,
                // Of what ran before this boot's end nothing is asked.
                Report::Status(status) => answer = status.health.filter(|_| done),
            }
        }
        let here = wait.record.address.is_none_or(guest::answers_arp);
        if *stage == Stage::Address && (here || done) {
            advance(stage, Stage::CloudInit, observer);
        }
        if !done {
            check_alive(ctx, wait, *stage)?;
            tail.wait(LOOK.min(wait.deadline.saturating_duration_since(Instant::now())))?;
        }
    }
    advance(stage, Stage::Application, observer);
    let address = match wait.health {
        Some(Health::Command { .. }) => {
            command(ctx, wait, &mut tail, answer, observer)?;
            address(ctx, wait)?
        }
        Some(health) => Some(probe(ctx, wait, health, observer)?),
        None => address(ctx, wait)?,
    };
    observer.finish();
    Ok(Waited { address })
}

/// The guest's address: the reserved one, or what the host sees of it.
fn address(ctx: &Ctx, wait: &Wait<'_>) -> Result<Option<Ipv4Addr>> {
    match wait.record.address {
        Some(address) => Ok(Some(address)),
        None => ctx.hypervisor.guest_address(wait.record.uuid, wait.record.mac),
    }
}

/// Waits until the application answers from the network; gives the address it answers at.
fn probe(ctx: &Ctx, wait: &Wait<'_>, health: &Health, observer: &mut dyn Observer) -> Result<Ipv4Addr> {
    let mut known = None;
    loop {
        known = if known.is_some() { known } else { address(ctx, wait)? };
        let (answer, pause) = match known.map(|at| (at, guest::health::probe(health, at, PROBE_TIMEOUT))) {
            Some((address, Ok(()))) => return Ok(address),
            Some((_, Err(answer))) => (answer, PROBE_PAUSE),
            None => ("this host does not know the guest's address".to_owned(), LOOK),
        };
        observer.note(&answer);
        check_alive(ctx, wait, Stage::Application).map_err(|e| after_answer(e, &answer))?;
        std::thread::sleep(pause);
    }
}

/// Waits until the guest says that its command succeeded; `answer` is what it said so far.
fn command(
    ctx: &Ctx,
    wait: &Wait<'_>,
    tail: &mut Tail,
    mut answer: Option<String>,
    observer: &mut dyn Observer,
) -> Result<()> {
    observer.note(answer.as_deref().unwrap_or("waiting for the health check's first answer"));
    loop {
        for line in tail.lines()? {
            if let Some(Report::Status(Status { health: Some(said), .. })) = guest::report::parse_line(&line) {
                observer.note(&said);
                answer = Some(said);
            }
        }
        if answer.as_deref() == Some("ok") {
            return Ok(());
        }
        let last = answer.as_deref().unwrap_or(NO_ANSWER);
        check_alive(ctx, wait, Stage::Application).map_err(|e| after_answer(e, last))?;
        tail.wait(LOOK.min(wait.deadline.saturating_duration_since(Instant::now())))?;
    }
}

/// Gives up when time is over, Ctrl-C was pressed, or the virtual machine is no longer there to wait for.
fn check_alive(ctx: &Ctx, wait: &Wait<'_>, stage: Stage) -> Result<()> {
    let name = &wait.record.name;
    if ctx.cancelled() {
        return Err(Error::new(Code::Interrupted, format!("interrupted while waiting for stage `{}`", stage.as_str()))
            .hint(format!("instance `{name}` keeps running and finishes its set-up by itself; `lite show {name}`"))
            .hint(format!("to remove it: `lite delete {name}`")));
    }
    if Instant::now() >= wait.deadline {
        let seconds = wait.timeout.as_secs();
        return Err(with_console(
            Error::new(
                Code::Timeout,
                format!("instance `{name}` was not ready after {seconds} s: stage `{}`", stage.as_str()),
            ),
            wait,
        ));
    }
    match ctx.hypervisor.domain(wait.record.uuid)?.map(|d| d.state) {
        Some(DomainState::Off) => Err(with_console(
            Error::new(Code::GuestStopped, format!("the virtual machine of `{name}` powered off during its set-up")),
            wait,
        )),
        Some(DomainState::Crashed) => Err(with_console(
            Error::new(Code::GuestCrashed, format!("the virtual machine of `{name}` crashed during its set-up")),
            wait,
        )),
        Some(DomainState::PausedIoError) => Err(Error::new(Code::DiskFull,
            format!("the virtual machine of `{name}` is paused: the host's disk is full"),
        )
        .hint("make space; the virtual machine then goes on by itself")),
        Some(DomainState::Paused) => Err(with_console(
            Error::new(Code::GuestPaused, format!("the virtual machine of `{name}` was paused during its set-up"))
                .hint("if nobody paused it, QEMU met an error: see its log in /var/log/libvirt/qemu; `LITE_ACCEL=tcg` avoids KVM"),
            wait,
        )),
        None => Err(Error::new(Code::GuestLost, format!("the virtual machine of `{name}` was removed meanwhile"))),
        Some(_) => Ok(()),
    }
}

/// Puts the health check's last answer before the other causes.
fn after_answer(mut error: Error, answer: &str) -> Error {
    error.causes.insert(0, format!("last answer: {answer}"));
    error
}

fn set_up_failed(wait: &Wait<'_>, report: &Report) -> Error {
    let Report::Failed { module, command, code, line, tail } = report else {
        return Error::new(Code::SetupFailed, "set-up failed");
    };
    let name = &wait.record.name;
    let mut error = Error::new(Code::SetupFailed, format!("set-up of instance `{name}` failed in module `{module}`"));
    if !command.is_empty() {
        let place = if *line > 0 { format!(" in line {line}") } else { String::new() };
        error = error.cause(format!("command{place}: {command} (exit {code})"));
    }
    error.causes.extend(tail.iter().filter(|l| !l.is_empty()).cloned());
    if module == "network" {
        error = error.hint("is it the way out of this host? `lite doctor` checks its forwarding and firewall");
    }
    next_steps(error, wait)
}

fn with_console(mut error: Error, wait: &Wait<'_>) -> Error {
    error.causes.extend(guest::tail::last_lines(wait.console, 8).into_iter().map(|l| format!("console: {l}")));
    next_steps(error, wait)
}

fn next_steps(error: Error, wait: &Wait<'_>) -> Error {
    let name = &wait.record.name;
    error
        .hint(format!("the instance is kept as `failed`: `lite logs {name} --boot`, `lite ssh {name}`"))
        .hint(format!("to remove it: `lite delete {name}`"))
}
