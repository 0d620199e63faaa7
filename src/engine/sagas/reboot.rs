//! reboot: the guest is asked, or the reset button pressed.

use crate::{
    engine::{Accepted, Ctx, domain::state_of, journal, links, lock},
    hypervisor::DomainState,
    kill_point,
    model::{Code, Error, Hint, Instance, OperationKind, Result, Verb},
};

/// Accepts a reboot.
///
/// # Errors
/// Refused (`not_running`), busy, or the host cannot be asked.
pub fn accept(ctx: &mut Ctx, instance: &Instance) -> Result<Accepted> {
    let lock = lock::take(ctx, instance, OperationKind::Reboot.as_str())?;
    let operation = journal::new_operation(ctx, OperationKind::Reboot, instance);
    let name = &instance.record.name;
    if state_of(ctx, instance)? != DomainState::Running {
        return Err(Error::new(Code::NotRunning, format!("instance `{name}` is not running"))
            .hint(Hint::from("start it: ").run_with(Verb::Start, &[&name])));
    }
    ctx.store.insert_operation(&operation)?;
    Ok(Accepted { operation, instance: instance.clone(), lock, found: () })
}

/// Reboots what was accepted. A guest whose link hangs on no bridge would come up without a network: that is put right first.
///
/// # Errors
/// What libvirt says.
pub fn run(ctx: &mut Ctx, accepted: Accepted, force: bool) -> Result<()> {
    let Accepted { operation, instance, lock: _lock, .. } = accepted;
    let uuid = instance.record.uuid;
    kill_point::reached("intent");
    let press = |_| if force { ctx.hypervisor.reset(uuid) } else { ctx.hypervisor.reboot(uuid) };
    let result = links::repair(ctx, Some(uuid)).and_then(press);
    kill_point::reached("effect");
    journal::end(ctx, &operation, result)
}
