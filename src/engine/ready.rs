//! Waits for an instance to be ready: its guest's own report first, then the health check.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use super::{
    Ctx,
    follow::{Follower, POLL, Subject, Wait},
    guest_address::guest_address,
};
use crate::{
    catalog::Health,
    guest::{
        self,
        report::{Report, Status},
    },
    hypervisor::DomainState,
    model::{Code, Error, Hint, Instance, Observer, Record, Result, Stage, Verb},
    plan,
    store::Operation,
};

/// Pause between two tries of the health check.
const PROBE_PAUSE: Duration = Duration::from_millis(200);
/// Time-out of one try of the health check.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is said at the end if the guest never ran its health check's command.
const NO_ANSWER: &str = "none yet";

/// What a successful wait learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// The guest's address.
    pub address: Option<Ipv4Addr>,
}

/// Waits until the guest's set-up is done and its application answers, as `health` asks.
///
/// # Errors
/// What the guest reports, the time-out, an interrupt, or a domain that is no longer there to wait for.
pub fn wait_ready(
    ctx: &Ctx,
    record: &Record,
    health: Option<&Health>,
    wait: &Wait<'_>,
    observer: &mut dyn Observer,
) -> Result<Waited> {
    let result = follow(ctx, record, health, wait, observer);
    told(result, observer)
}

/// Waits until the application of a guest that is followed answers again, as `health` asks; `reboots`: the guest starts anew first.
///
/// # Errors
/// Those of [`wait_ready`].
pub fn answers_again(
    guest: &mut Follower<'_>,
    record: &Record,
    health: Option<&Health>,
    reboots: bool,
) -> Result<Waited> {
    let mut answer = None;
    if reboots {
        guest.enter(Stage::Boot);
        answer = set_up(guest, record)?;
    }
    guest.enter(Stage::Application);
    application(guest, record, health, answer)
}

/// What is said where an instance is no longer there to wait for.
pub fn gone(name: &str) -> Error {
    Error::new(Code::GuestLost, format!("instance `{name}` is gone"))
}

/// Ends the stage that runs as the wait ended.
pub fn told<T>(result: Result<T>, observer: &mut dyn Observer) -> Result<T> {
    match &result {
        Ok(_) => observer.finish(),
        Err(_) => observer.fail(),
    }
    result
}

/// Where what the guest of an instance says in its next run begins: how much it has reported until now.
pub fn reported(ctx: &Ctx, record: &Record) -> u64 {
    let report = plan::report_log(record, &ctx.settings.host.folders.logs);
    ctx.machine.info(&report).map_or(0, |info| info.length)
}

/// Waits until the application of an instance that was started answers; `start` is what [`reported`] said before, and the time
/// runs from `begun`.
///
/// # Errors
/// Those of [`wait_ready`].
pub fn wait_started(
    ctx: &Ctx,
    (operation, instance): (&Operation, &Instance),
    start: u64,
    (begun, timeout): (Instant, Duration),
    observer: &mut dyn Observer,
) -> Result<()> {
    with_health(ctx, (operation, &instance.record), start, begun + timeout, timeout, |health, wait| {
        wait_ready(ctx, &instance.record, health, wait, observer).map(drop)
    })
}

/// Waits until the application of an instance answers that was started by a process which died. What its guest has said meanwhile is
/// not known to be of this run, so that is not asked for.
///
/// # Errors
/// Those of [`wait_ready`].
pub fn wait_answering(
    ctx: &Ctx,
    (operation, instance): (&Operation, &Instance),
    timeout: Duration,
    observer: &mut dyn Observer,
) -> Result<()> {
    let (record, deadline) = (&instance.record, ctx.clock.instant() + timeout);
    with_health(ctx, (operation, record), reported(ctx, record), deadline, timeout, |health, wait| {
        let answered = Follower::start(ctx, wait, Stage::Application, observer)
            .and_then(|mut guest| application(&mut guest, record, health, None));
        told(answered, observer).map(drop)
    })
}

/// Gives what to wait for with an instance that was started.
fn with_health(
    ctx: &Ctx,
    (operation, record): (&Operation, &Record),
    start: u64,
    deadline: Instant,
    timeout: Duration,
    wait: impl FnOnce(Option<&Health>, &Wait<'_>) -> Result<()>,
) -> Result<()> {
    let logs = &ctx.settings.host.folders.logs;
    let (blueprint, _) = ctx.store.blueprint_of(record.uuid)?;
    let what = Wait {
        subject: Subject::Instance(&record.name, operation),
        uuid: record.uuid,
        report: &plan::report_log(record, logs),
        console: &plan::console_log(record, logs),
        start,
        deadline,
        timeout,
    };
    wait(blueprint.health.as_ref(), &what)
}

fn follow(
    ctx: &Ctx,
    record: &Record,
    health: Option<&Health>,
    wait: &Wait<'_>,
    observer: &mut dyn Observer,
) -> Result<Waited> {
    let mut guest = Follower::start(ctx, wait, Stage::Boot, observer)?;
    let answer = set_up(&mut guest, record)?;
    guest.enter(Stage::Application);
    application(&mut guest, record, health, answer)
}

/// Waits for the application; `answer` is what the health check's command said so far.
fn application(
    guest: &mut Follower<'_>,
    record: &Record,
    health: Option<&Health>,
    answer: Option<String>,
) -> Result<Waited> {
    let ctx = guest.ctx;
    let address = match health {
        Some(Health::Command { .. }) => {
            command(guest, record, answer)?;
            guest_address(ctx, record)?
        }
        Some(health) => Some(probe(guest, record, health)?),
        None => guest_address(ctx, record)?,
    };
    Ok(Waited { address })
}

/// Waits for the end of the set-up; gives what the health check's command answered until then.
fn set_up(guest: &mut Follower<'_>, record: &Record) -> Result<Option<String>> {
    let mut last_stage = String::new();
    guest.until(|guest, reports, state| {
        let (mut done, mut answer) = (false, None);
        for report in reports {
            if guest.stage == Stage::Boot {
                guest.enter(Stage::Address);
            }
            match report {
                Report::Failed { .. } => return Err(guest.set_up_failed(report)),
                Report::Stage { stage } => {
                    guest.observer.note(&stage);
                    last_stage = stage;
                }
                // Of a bake's guest, which is not waited for here, of what is published, and of an upgrade.
                Report::Sealed
                | Report::Warm
                | Report::Published(_)
                | Report::Progress { .. }
                | Report::Upgraded(_) => {}
                Report::Done { login, warnings, .. } => {
                    done = true;
                    for warning in warnings {
                        guest.observer.warn(&Hint::from(format!("cloud-init doubts the user-data: {warning}")));
                    }
                    if let Some(why) = login {
                        guest.observer.warn(
                            &Hint::from("").run_with(Verb::Ssh, &[&record.name]).text(format!(" will not work: {why}")),
                        );
                    }
                }
                Report::Booted => done = true,
                // Of what ran before this boot's end nothing is asked.
                Report::Status(status) => answer = status.health.filter(|_| done),
            }
        }
        let here = record.address.is_none_or(|address| guest.ctx.machine.answers_arp(address));
        if guest.stage == Stage::Address && (here || done) {
            guest.enter(Stage::CloudInit);
        }
        if done {
            return Ok(Some(answer));
        }
        check_alive(guest, record, state).map_err(|e| powered_off(e, record, &last_stage)).map(|()| None)
    })
}

/// Tells a guest that went down in good order, by its own commands, from one whose set-up was cut off.
fn powered_off(error: Error, record: &Record, last_stage: &str) -> Error {
    if error.code != Code::GuestStopped || last_stage != "poweroff" {
        return error;
    }
    let name = &record.name;
    Error::new(Code::GuestPoweredOff, format!("the guest of `{name}` powered itself off, as its set-up asked"))
        .hint(Hint::from("its next boot goes on with what is left of the set-up: ").run_with(Verb::Start, &[name]))
}

/// Waits until the application answers from the network; gives the address it answers at.
fn probe(guest: &mut Follower<'_>, record: &Record, health: &Health) -> Result<Ipv4Addr> {
    let ctx = guest.ctx;
    let mut known = None;
    loop {
        known = if known.is_some() { known } else { guest_address(ctx, record)? };
        let (answer, pause) = match known.map(|at| (at, guest::health::probe(health, at, PROBE_TIMEOUT))) {
            Some((address, Ok(()))) => return Ok(address),
            Some((_, Err(answer))) => (answer, PROBE_PAUSE),
            None => ("this host does not know the guest's address".to_owned(), POLL),
        };
        guest.observer.note(&answer);
        guest
            .check_time()
            .and_then(|()| check_alive(guest, record, guest.state()?))
            .map_err(|e| after_answer(e, &answer))?;
        ctx.clock.sleep(pause);
    }
}

/// Waits until the guest says that its command succeeded; `answer` is what it said so far.
fn command(guest: &mut Follower<'_>, record: &Record, mut answer: Option<String>) -> Result<()> {
    guest.observer.note(answer.as_deref().unwrap_or("waiting for the health check's first answer"));
    let result = guest.until(|guest, reports, state| {
        for report in reports {
            if let Report::Status(Status { health: Some(said), .. }) = report {
                guest.observer.note(&said);
                answer = Some(said);
            }
        }
        match answer.as_deref() {
            Some("ok") => Ok(Some(())),
            _ => check_alive(guest, record, state).map(|()| None),
        }
    });
    result.map_err(|e| after_answer(e, answer.as_deref().unwrap_or(NO_ANSWER)))
}

/// Gives up where the virtual machine is no longer there to wait for; another operation that ended it is named.
pub fn check_alive(guest: &Follower<'_>, record: &Record, state: Option<DomainState>) -> Result<()> {
    let dead = dead(guest, record, state);
    if dead.is_err() {
        guest.check_handover()?;
    }
    dead
}

fn dead(guest: &Follower<'_>, record: &Record, state: Option<DomainState>) -> Result<()> {
    let name = &record.name;
    match state {
        Some(DomainState::Off) => Err(guest.with_console(Error::new(
            Code::GuestStopped,
            format!("the virtual machine of `{name}` powered off during its set-up"),
        ))),
        Some(DomainState::Crashed) => Err(guest.with_console(Error::new(
            Code::GuestCrashed,
            format!("the virtual machine of `{name}` crashed during its set-up"),
        ))),
        Some(DomainState::PausedIoError) => Err(Error::new(
            Code::DiskFull,
            format!("the virtual machine of `{name}` is paused: the host's disk is full"),
        )
        .hint("make space; the virtual machine then goes on by itself")),
        Some(DomainState::Paused) => Err(guest.with_console(
            Error::new(Code::GuestPaused, format!("the virtual machine of `{name}` was paused during its set-up")).hint(
                "if nobody paused it, QEMU met an error: see its log in /var/log/libvirt/qemu; `LITE_ACCEL=tcg` avoids KVM",
            ),
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
