//! Start, stop and reboot.

use std::time::Duration;

use crate::{
    app::{App, Caller, Right, context::instances},
    engine::{self, Stopped},
    model::{Name, Observer, Result},
    view::Changed,
};

/// Instances to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Their names.
    pub names: Vec<Name>,
    /// How long each application may take until it answers; none: nobody waits for it.
    pub until_ready: Option<Duration>,
    /// Wait while something else works on the same instance.
    pub wait: bool,
    /// Say what would be done, and change nothing.
    pub dry_run: bool,
}

/// Starts instances. One that runs already is left alone.
pub fn start(app: &App, caller: &Caller, request: &Start, observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    caller.require(Right::Change)?;
    let mut ctx = app.change(caller, request.wait, observer)?;
    let mut changed = Vec::new();
    for instance in instances(&ctx.store, &request.names)? {
        let now = match request.dry_run {
            true => "would be started",
            false if engine::start(&mut ctx, &instance, request.until_ready, observer)? => "running",
            false => "running already",
        };
        changed.push(Changed::new(&instance.record.name, now));
    }
    Ok(changed)
}

/// Instances to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Their names.
    pub names: Vec<Name>,
    /// Switch one off that does not shut down in time.
    pub force: bool,
    /// How long each may take.
    pub timeout: Duration,
    /// Wait while something else works on the same instance.
    pub wait: bool,
    /// Say what would be done, and change nothing.
    pub dry_run: bool,
}

/// Stops instances: asks each to shut down, and waits.
pub fn stop(app: &App, caller: &Caller, request: &Stop, observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    caller.require(Right::Change)?;
    let mut ctx = app.change(caller, request.wait, observer)?;
    let mut changed = Vec::new();
    for instance in instances(&ctx.store, &request.names)? {
        let name = &instance.record.name;
        let now = if request.dry_run {
            "would be stopped"
        } else {
            observer.status(&format!("asking `{name}` to shut down"));
            match engine::stop(&mut ctx, &instance, request.force, request.timeout, observer)? {
                Stopped::Already => "stopped already",
                Stopped::Gently => "stopped",
                Stopped::Forced => "switched off",
            }
        };
        changed.push(Changed::new(name, now));
    }
    Ok(changed)
}

/// Instances to reboot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reboot {
    /// Their names.
    pub names: Vec<Name>,
    /// Press the reset button instead of asking.
    pub force: bool,
    /// Wait while something else works on the same instance.
    pub wait: bool,
    /// Say what would be done, and change nothing.
    pub dry_run: bool,
}

/// Reboots instances.
pub fn reboot(app: &App, caller: &Caller, request: &Reboot, observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    caller.require(Right::Change)?;
    let mut ctx = app.change(caller, request.wait, observer)?;
    let mut changed = Vec::new();
    for instance in instances(&ctx.store, &request.names)? {
        let now = if request.dry_run {
            "would be rebooted"
        } else {
            engine::reboot(&mut ctx, &instance, request.force)?;
            "rebooting"
        };
        changed.push(Changed::new(&instance.record.name, now));
    }
    Ok(changed)
}
