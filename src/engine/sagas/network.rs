//! repair --network: the network of the instances forwards in another mode.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    engine::{
        Ctx,
        execute::{Payload, execute},
        forward,
        journal::{self, Run},
        lock::{HOST, Lock},
    },
    model::{Class, ForwardMode, NetworkDefinition, OperationKind, ResourceKind, ResourceRef, Result, Tap},
    plan::{self, Step},
    store::{Operation, OperationState},
};

/// How long to wait for another process that makes or moves the network.
const WAIT: Duration = Duration::from_secs(60);

/// What is to be done to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Its name.
    pub network: String,
    /// Its bridge.
    pub bridge: String,
    /// How it forwards from then on.
    pub mode: ForwardMode,
    /// What is on its bridge, and is put on the new one.
    pub links: Vec<Tap>,
    before: String,
}

/// What has to be done so that the network forwards in this mode; none: nothing.
///
/// # Errors
/// Refused: no network, or one in a third mode or with a translation of its own. Or libvirt or `ip` cannot be asked.
pub fn plan(ctx: &Ctx, mode: ForwardMode) -> Result<Option<Move>> {
    let name = &ctx.settings.host.network;
    let (seen, before) = forward::defined(ctx, name)?;
    let running = NetworkDefinition::parse(&seen.xml)?;
    let differs = plan::with_forward_mode(&before, mode)?.is_some();
    if !differs && running.forward.as_deref() == Some(mode.as_str()) {
        return Ok(None);
    }
    let bridge = running.bridge.unwrap_or_default();
    let links = forward::links_on(ctx, &bridge)?;
    Ok(Some(Move { network: name.clone(), bridge, mode, links, before }))
}

/// Moves the network; none: it forwards in this mode already.
///
/// # Errors
/// Those of [`plan`]. What libvirt, `ip` or `nft` says: all is as it was before then.
pub fn run(ctx: &mut Ctx, mode: ForwardMode) -> Result<Option<Move>> {
    let _lock = Lock::acquire(&ctx.locks(), HOST, "host", "move the network", &*ctx.clock, WAIT)?;
    let Some(planned) = plan(ctx, mode)? else { return Ok(None) };
    let resource = ResourceRef { kind: ResourceKind::Network, id: Uuid::nil(), name: planned.network.clone() };
    let kind = OperationKind::MoveNetwork;
    let operation = Operation::started(kind, resource, ctx.host_id(), ctx.requester.clone(), ctx.now());
    ctx.store.insert_operation(&operation)?;
    let Move { network: name, before, links, .. } = planned.clone();
    let mut run = Run::new(&operation.id);
    let step = Step::MoveNetwork { name, mode, before, links };
    let moved = journal::step(ctx, &mut run, &step, &Payload::none());
    let result = moved.or_else(|error| journal::roll_back(ctx, &operation.id, &run.started).and(Err(error)));
    journal::end(ctx, &operation, result.map(|()| Some(planned)))
}

/// The process of a move died: it is done again, or undone if that fails.
///
/// # Errors
/// libvirt cannot be reached, or the undo fails too.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    let steps: Vec<_> = journal::journalled(ctx, &operation.id)?.into_iter().map(|(n, step, _)| (n, step)).collect();
    let name = &operation.resource.name;
    let Some((_, step)) = steps.first() else { return journal::close_of_dead_owner(ctx, operation) };
    let error = match execute(ctx, step, &Payload::none()) {
        Ok(()) => {
            ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
            return Ok(format!("finished the move of network `{name}` that was cut off"));
        }
        Err(error) if error.class == Class::Unreachable => return Err(error),
        Err(error) => error,
    };
    let text = format!("undid the move of network `{name}` that was cut off: {error}");
    let undone = journal::roll_back(ctx, &operation.id, &steps);
    let is_undone = undone.is_ok();
    let ended = journal::end(ctx, operation, undone.and(Err(error)));
    if is_undone { Ok(text) } else { ended }
}
