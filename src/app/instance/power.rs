//! Start, stop and reboot.

use std::time::Duration;

use super::change::Change;
use crate::{
    app::{Accepted, Right},
    engine::{
        Ctx, Stopped,
        sagas::{reboot, start, stop},
    },
    model::{Instance, Observer, Result},
    view::Changed,
};

/// A start. An instance that runs already is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// How long its application may take until it answers; none: nobody waits for it.
    pub until_ready: Option<Duration>,
}

impl Change for Start {
    type View = Changed;
    const RIGHT: Right = Right::Change;

    fn plan(&self, _: &Ctx, instance: &Instance) -> Result<Changed> {
        Ok(Changed::new(&instance.record.name, "would be started"))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, observer: &mut dyn Observer) -> Result<Accepted<Changed>> {
        let (until_ready, name) = (self.until_ready, instance.record.name.clone());
        let Some(accepted) = start::accept(&mut ctx, &instance, observer)? else {
            return Ok(Accepted::without_operation(move |_| Ok(Changed::new(&name, "running already"))));
        };
        Ok(Accepted::new(accepted.operation.clone(), move |observer| {
            start::run(&mut ctx, accepted, until_ready, observer)?;
            Ok(Changed::new(&name, "running"))
        }))
    }
}

/// A stop: the guest is asked to shut down, and waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Switch it off if it does not shut down in time.
    pub force: bool,
    /// How long it may take.
    pub timeout: Duration,
}

impl Change for Stop {
    type View = Changed;
    const RIGHT: Right = Right::Change;

    fn plan(&self, _: &Ctx, instance: &Instance) -> Result<Changed> {
        Ok(Changed::new(&instance.record.name, "would be stopped"))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, observer: &mut dyn Observer) -> Result<Accepted<Changed>> {
        let Self { force, timeout } = *self;
        observer.status(&format!("asking `{}` to shut down", instance.record.name));
        let Some(accepted) = stop::accept(&mut ctx, &instance)? else {
            return Ok(Accepted::without_operation(move |_| Ok(stopped(&instance, Stopped::Already))));
        };
        Ok(Accepted::new(accepted.operation.clone(), move |observer| {
            let how = stop::run(&mut ctx, accepted, force, timeout, observer)?;
            Ok(stopped(&instance, how))
        }))
    }
}

fn stopped(instance: &Instance, how: Stopped) -> Changed {
    let now = match how {
        Stopped::Already => "stopped already",
        Stopped::Gently => "stopped",
        Stopped::Forced => "switched off",
    };
    Changed::new(&instance.record.name, now)
}

/// A reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reboot {
    /// Press the reset button instead of asking.
    pub force: bool,
}

impl Change for Reboot {
    type View = Changed;
    const RIGHT: Right = Right::Change;

    fn plan(&self, _: &Ctx, instance: &Instance) -> Result<Changed> {
        Ok(Changed::new(&instance.record.name, "would be rebooted"))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<Changed>> {
        let force = self.force;
        let accepted = reboot::accept(&mut ctx, &instance)?;
        Ok(Accepted::new(accepted.operation.clone(), move |_| {
            reboot::run(&mut ctx, accepted, force)?;
            Ok(Changed::new(&instance.record.name, "rebooting"))
        }))
    }
}
