//! Has a guest run the part `upgrade` of a blueprint. The script and the runner that runs it are today's, whatever the instance was made
//! from: they are brought there by the guest's agent, or by SSH, and the guest tells over its report channel how it goes.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    Ctx,
    follow::{Follower, Subject, Wait},
    published,
    ready::{answers_again, check_alive, reported, told},
};
use crate::{
    catalog::{Blueprint, Health, embedded_script},
    guest::{
        output::bounded,
        report::{Report, UpgradedReport},
        ssh::{self, Login},
    },
    model::{Code, Error, Observer, Record, Result, Stage, escaped},
    plan,
    store::Operation,
};

/// What python3 in the guest is given as its program: it lays down what it reads, and has systemd run it, so that neither the agent
/// nor a log-in is waited for. What is left in `/run` is gone after the next boot.
const LAUNCH: &str = r#"
import json, os, subprocess, sys
os.umask(0o077)
folder = "/run/lite-upgrade"
os.makedirs(folder, exist_ok=True)
for name, text in json.load(sys.stdin).items():
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
        file.write(text)
unit = ["/usr/bin/systemd-run", "--no-block", "--collect", "--quiet", "--unit=lite-upgrade"]
runner = ["/usr/bin/python3", "-IS", folder + "/lite-guest.py", "upgrade", folder]
sys.exit(subprocess.call(unit + runner, stdin=subprocess.DEVNULL))
"#;
/// Where python3 is in a guest, and how it is called: neither the environment nor the folder it is in count.
const PYTHON: (&str, &str) = ("/usr/bin/python3", "-IS");
/// Longest that may take by SSH, and most that is read of what is said.
const BRING: (Duration, u64) = (Duration::from_secs(60), 16 << 10);

/// How a guest is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By its agent.
    Agent,
    /// By SSH.
    Ssh(Login),
}

/// How the guest of an instance that runs is reached; none: in no way.
///
/// # Errors
/// The host or the database cannot be asked.
pub fn way(ctx: &Ctx, record: &Record) -> Result<Option<Way>> {
    if ctx.hypervisor.live_definition(record.uuid)?.is_some_and(|live| live.has_agent) {
        return Ok(Some(Way::Agent));
    }
    let (blueprint, _) = ctx.store.blueprint_of(record.uuid)?;
    Ok(published::login(ctx, record, blueprint.user)?.map(Way::Ssh))
}

/// Until when an upgrade may take.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// When it began.
    pub begun: Instant,
    /// How long it may take.
    pub timeout: Duration,
}

/// Has the guest run the part of this blueprint, start anew if that asks for it, and waits until its application answers.
///
/// # Errors
/// What failed: the part, with its command and its last lines, or the application. What the guest is now nobody knows.
pub fn upgrade(
    ctx: &Ctx,
    (operation, record): (&Operation, &Record),
    part: (&Blueprint, &Way),
    limit: Limit,
    observer: &mut dyn Observer,
) -> Result<()> {
    let logs = &ctx.settings.host.folders.logs;
    let wait = Wait {
        subject: Subject::Instance(&record.name, operation),
        uuid: record.uuid,
        report: &plan::report_log(record, logs),
        console: &plan::console_log(record, logs),
        start: reported(ctx, record),
        deadline: limit.begun + limit.timeout,
        timeout: limit.timeout,
    };
    let upgraded = Follower::start(ctx, &wait, Stage::Upgrade, observer).and_then(|mut guest| {
        let reboots = run(&mut guest, record, part)?;
        answers_again(&mut guest, record, part.0.health.as_ref(), reboots)
    });
    told(upgraded, observer).map(drop)
}

/// Runs the part; whether the guest goes down for a reboot.
fn run(guest: &mut Follower<'_>, record: &Record, (blueprint, way): (&Blueprint, &Way)) -> Result<bool> {
    bring(guest.ctx, record, blueprint, way)?;
    guest.until(|guest, reports, state| {
        let mut reports = reports.into_iter();
        while let Some(report) = reports.next() {
            match report {
                Report::Progress { line } => guest.observer.note(&line),
                Report::Stage { stage } => guest.observer.note(&stage),
                Report::Upgraded(UpgradedReport { code: 0, reboot, .. }) => {
                    guest.give_back(reports);
                    return Ok(Some(reboot));
                }
                Report::Upgraded(failed) => return Err(part_failed(blueprint, failed)),
                _ => {}
            }
        }
        check_alive(guest, record, state).map(|()| None)
    })
}

fn part_failed(blueprint: &Blueprint, report: UpgradedReport) -> Error {
    let UpgradedReport { code, command, line, tail, .. } = report;
    let error = Error::new(Code::UpgradeFailed, format!("the part `upgrade` of blueprint `{}` failed", blueprint.id));
    let place = if line > 0 { format!(" in line {line}") } else { String::new() };
    let error = match command.as_str() {
        "" => error,
        command => error.cause(format!("command{place}: {command} (exit {code})")),
    };
    tail.into_iter().filter(|line| !line.is_empty()).fold(error, Error::cause)
}

/// Brings the part into the guest and has it started.
fn bring(ctx: &Ctx, record: &Record, blueprint: &Blueprint, way: &Way) -> Result<()> {
    let runner = embedded_script("lite-guest.py")
        .ok_or_else(|| Error::new(Code::RenderFailed, "this build of lite lacks its guest runner `lite-guest.py`"))?;
    let health = match &blueprint.health {
        Some(Health::Command { run, timeout }) => json!({"run": run, "timeout": timeout}),
        _ => json!({}),
    };
    let files = json!({"lite-guest.py": runner, "upgrade.sh": blueprint.upgrade, "health.json": health.to_string()})
        .to_string();
    let failed = |why: String| {
        Error::new(Code::UpgradeFailed, format!("the guest of instance `{}` did not begin the upgrade", record.name))
            .cause(why)
    };
    let (code, said) = match way {
        Way::Agent => {
            let arguments = [PYTHON.1, "-c", LAUNCH];
            (ctx.hypervisor.run_in_guest(record.uuid, PYTHON.0, &arguments, files.as_bytes())?, String::new())
        }
        Way::Ssh(login) => {
            let words = ["sudo", PYTHON.0, PYTHON.1, "-c", LAUNCH].map(str::to_owned);
            let mut command = ssh::command(&ctx.settings.paths.state, login, &words)?;
            let out = bounded(&mut command, files.as_bytes(), BRING.1, BRING.0, &*ctx.clock);
            let out = out.map_err(|e| failed(e.to_string()))?;
            let said = String::from_utf8_lossy(&out.stderr).lines().last().map(escaped).unwrap_or_default();
            (i64::from(out.status.code().unwrap_or(1)), said)
        }
    };
    match (code, said.as_str()) {
        (0, _) => Ok(()),
        (code, "") => Err(failed(format!("it ended with exit code {code}"))),
        (code, said) => Err(failed(format!("{said} (exit code {code})"))),
    }
}
