//! What a server that stops has to let end, and what one that starts goes on with: an operation that only waits for its guest loses
//! nothing by the death of its process.

use std::{collections::HashSet, path::Path, time::Duration};

use super::{
    Ctx, journal,
    lock::{self, Lock, held_locks, locks_of_this_process, owner},
    sagas::{create, start},
};
use crate::{
    hypervisor::DomainState,
    model::{Observer, OperationKind, Phase, Result},
    plan::Step,
    store::{Operation, OperationState, Store},
};

/// How long an application is waited for again.
const READY: Duration = Duration::from_secs(900);

/// Whether nothing is left of an operation with these steps but to wait for its guest. Each step is with whether it is done.
fn only_waits(kind: OperationKind, steps: &[(i64, Step, bool)]) -> bool {
    matches!(kind, OperationKind::Create | OperationKind::Start) && journal::has_started(steps)
}

/// How many operations of this process are amid their steps.
///
/// # Errors
/// The database or the locks cannot be read.
pub fn in_steps(store: &Store, state: &Path) -> Result<usize> {
    let ours: HashSet<_> = locks_of_this_process(state)?.into_iter().collect();
    let mut found = 0;
    for operation in store.open_operations()? {
        if operation.state == OperationState::Started
            && ours.contains(&owner(&operation))
            && !only_waits(operation.kind, &journal::journalled_in(store, &operation.id)?)
        {
            found += 1;
        }
    }
    Ok(found)
}

/// An operation that only waits, taken from a process that died.
#[derive(Debug)]
pub struct Waiting {
    /// The operation.
    pub operation: Operation,
    own: Lock,
}

/// Takes the operations whose process died while they only waited, at most so many; and tells whether there are others whose process
/// died, which [`super::recover`] ends.
///
/// # Errors
/// The database, the locks or the host cannot be read.
pub fn abandoned(ctx: &mut Ctx, most: usize) -> Result<(Vec<Waiting>, bool)> {
    let (mut taken, mut others) = (Vec::new(), false);
    let open = ctx.store.open_operations()?;
    // Looked at after the operations: one whose lock was taken before it was written has it still, or has ended.
    let held: HashSet<_> = held_locks(&ctx.settings.paths.state)?.into_iter().collect();
    let dead = |o: &Operation| o.state == OperationState::Started && !held.contains(&owner(o));
    for operation in open.into_iter().filter(dead) {
        let only_waits = can_go_on(ctx, &operation)?;
        if !only_waits {
            others |= ctx.store.operation(&operation.id)?.is_some_and(|o| o.state == OperationState::Started);
        } else if taken.len() < most {
            taken.extend(take(ctx, operation)?);
        }
    }
    Ok((taken, others))
}

/// Whether its wait can be gone on with: the guest runs. What became of one that does not is `recover`'s answer.
fn can_go_on(ctx: &Ctx, operation: &Operation) -> Result<bool> {
    if !only_waits(operation.kind, &journal::journalled(ctx, &operation.id)?) {
        return Ok(false);
    }
    let Some(instance) = ctx.store.instance_by_uuid(operation.resource.id)? else { return Ok(false) };
    let is_waited_for = match operation.kind {
        OperationKind::Create => instance.phase == Phase::Creating,
        _ => instance.phase == Phase::Ready,
    };
    let domain = ctx.hypervisor.domain(instance.record.uuid)?;
    Ok(is_waited_for && domain.is_some_and(|domain| domain.state == DomainState::Running))
}

/// None: somebody was faster.
fn take(ctx: &Ctx, operation: Operation) -> Result<Option<Waiting>> {
    let Ok(own) = lock::own(&ctx.locks(), &operation, ctx.now()) else { return Ok(None) };
    let open = ctx.store.operation(&operation.id)?.filter(|o| o.state == OperationState::Started);
    Ok(open.map(|operation| Waiting { operation, own }))
}

/// Goes on with the wait of an operation that was taken.
///
/// # Errors
/// How the operation ended.
pub fn go_on(ctx: &mut Ctx, waiting: Waiting, observer: &mut dyn Observer) -> Result<()> {
    let Waiting { operation, own } = waiting;
    match operation.kind {
        OperationKind::Create => create::go_on(ctx, &operation, own, READY, observer),
        _ => start::go_on(ctx, &operation, own, READY, observer),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::only_waits;
    use crate::{model::OperationKind, plan::Step};

    #[test]
    fn only_a_create_or_a_start_whose_domain_runs_waits() {
        let start = |done| [(0, Step::Start { uuid: Uuid::nil() }, done)];
        for kind in [OperationKind::Create, OperationKind::Start] {
            assert!(only_waits(kind, &start(true)), "{kind}");
            assert!(!only_waits(kind, &start(false)) && !only_waits(kind, &[]), "{kind}");
        }
        for kind in [OperationKind::Restore, OperationKind::Resize, OperationKind::Bake, OperationKind::Delete] {
            assert!(!only_waits(kind, &start(true)), "{kind}");
        }
    }
}
