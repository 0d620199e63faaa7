//! Runs steps under the journal: write intent, act, write done; or undo what was done, the failing step included.

use super::{Ctx, execute::Payload, execute::execute};
use crate::{
    kill_point,
    model::{Code, Error, EventKind, Hint, Instance, OperationKind, ResourceRef, Result, Verb},
    plan::Step,
    store::{Operation, OperationState, StepState, Store},
};

/// The error of an operation whose process died, and which was undone or closed.
pub const OWNER_DIED: (Code, &str) = (Code::OwnerDied, "its process died");

/// How far a run came.
pub struct Run<'a> {
    /// The operation's id.
    pub operation: &'a str,
    /// Steps whose intent was written, in order.
    pub started: Vec<(i64, Step)>,
}

impl<'a> Run<'a> {
    /// A run that has started nothing.
    pub fn new(operation: &'a str) -> Self {
        Self { operation, started: Vec::new() }
    }
}

/// Writes that an operation starts.
pub fn begin(ctx: &mut Ctx, kind: OperationKind, instance: &Instance) -> Result<Operation> {
    let operation = new_operation(ctx, kind, instance);
    ctx.store.insert_operation(&operation)?;
    Ok(operation)
}

/// An operation that starts now, not written yet.
pub fn new_operation(ctx: &Ctx, kind: OperationKind, instance: &Instance) -> Operation {
    let resource = ResourceRef::instance(&instance.record);
    Operation::started(kind, resource, ctx.host_id(), ctx.requester.clone(), ctx.now())
}

/// Writes how an operation ended and hands its result on.
pub fn end<T>(ctx: &mut Ctx, operation: &Operation, result: Result<T>) -> Result<T> {
    let (state, error) = match &result {
        Ok(_) => (OperationState::Succeeded, None),
        Err(e) if e.code == Code::UndoFailed => (OperationState::NeedsAttention, Some((e.code, e.to_string()))),
        Err(e) => (OperationState::Failed, Some((e.code, e.to_string()))),
    };
    let why = error.as_ref().map(|(code, text)| (*code, text.as_str()));
    ctx.store.end_operation(&operation.id, state, why, ctx.now())?;
    if let (OperationState::NeedsAttention, Some((_, text))) = (state, &error) {
        let text = format!("{} of `{}`, operation `{}`: {text}", operation.kind, operation.resource, operation.id);
        ctx.record_event(EventKind::OperationNeedsAttention, None, &text)?;
    }
    result
}

/// Ends an operation whose owner died and of which nothing is to be undone; says so.
pub fn close_of_dead_owner(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    ctx.store.end_operation(&operation.id, OperationState::Failed, Some(OWNER_DIED), ctx.now())?;
    Ok(format!("closed the {} of `{}` that was cut off", operation.kind, operation.resource.name))
}

/// Does one step: intent, act, done.
pub fn step(ctx: &mut Ctx, run: &mut Run<'_>, step: &Step, payload: &Payload<'_>) -> Result<()> {
    let sequence = i64::try_from(run.started.len()).unwrap_or(i64::MAX);
    let text = to_json(step)?;
    run.started.push((sequence, step.clone()));
    ctx.store.record_step(run.operation, sequence, &text, StepState::Intent)?;
    kill_point::reached("intent");
    execute(ctx, step, payload)?;
    kill_point::reached("effect");
    ctx.store.record_step(run.operation, sequence, &text, StepState::Done)
}

/// Writes that a step is about to be done, and does not do it: so that whoever finds the operation cut off knows.
pub fn announce(ctx: &mut Ctx, run: &mut Run<'_>, step: &Step) -> Result<()> {
    let sequence = i64::try_from(run.started.len()).unwrap_or(i64::MAX);
    run.started.push((sequence, step.clone()));
    ctx.store.record_step(run.operation, sequence, &to_json(step)?, StepState::Intent)
}

/// Does the steps of an operation that only goes forward.
pub fn go_on(ctx: &mut Ctx, operation: &Operation, steps: Vec<Step>) -> Result<()> {
    let (mut run, kind) = (Run::new(&operation.id), operation.kind);
    for wanted in steps {
        step(ctx, &mut run, &wanted, &Payload::none()).map_err(|mut e| {
            let text = format!("nothing is lost: the {kind} goes on with the next `lite` command, or ");
            e.hints.push(Hint::from(text).run(Verb::Repair));
            e
        })?;
    }
    Ok(())
}

/// Undoes everything a run started, last first. An undo that fails leaves the operation as `needs-attention`.
pub fn roll_back(ctx: &mut Ctx, operation: &str, started: &[(i64, Step)]) -> Result<()> {
    let mut failures = Vec::new();
    for (sequence, step) in started.iter().rev() {
        let Some(undo) = step.undo() else { continue };
        kill_point::reached("undo");
        match execute(ctx, &undo, &Payload::none()) {
            Ok(()) => {
                kill_point::reached("undone");
                ctx.store.record_step(operation, *sequence, &to_json(step)?, StepState::Undone)?;
            }
            Err(e) => failures.push((step.subject(), e)),
        }
    }
    match failures.into_iter().next() {
        None => Ok(()),
        Some((subject, e)) => {
            Err(Error::new(Code::UndoFailed, format!("could not undo the {subject} of operation `{operation}`"))
                .cause(e)
                .hint(
                    Hint::from("run ")
                        .run(Verb::Repair)
                        .text(" when the cause is gone; other instances are not affected"),
                ))
        }
    }
}

/// The steps of an operation that a dead owner left, for undoing or finishing.
pub fn journalled(ctx: &Ctx, operation: &str) -> Result<Vec<(i64, Step, bool)>> {
    journalled_in(&ctx.store, operation)
}

/// The same, where nothing else of the host is at hand.
pub fn journalled_in(store: &Store, operation: &str) -> Result<Vec<(i64, Step, bool)>> {
    store
        .steps(operation)?
        .into_iter()
        .filter(|s| s.state != StepState::Undone)
        .map(|s| {
            let step = serde_json::from_str(&s.step)
                .map_err(|e| Error::new(Code::StateError, "cannot read a step of the journal").cause(e))?;
            Ok((s.sequence, step, s.state == StepState::Done))
        })
        .collect()
}

/// Whether a create, by its steps, has started its domain with its network: it then stands, whatever comes.
pub fn has_started(steps: &[(i64, Step, bool)]) -> bool {
    steps.iter().any(|(_, step, done)| *done && matches!(step, Step::Start { .. } | Step::Plug { .. }))
}

fn to_json(step: &Step) -> Result<String> {
    serde_json::to_string(step).map_err(|e| Error::new(Code::StateError, "cannot write a step").cause(e))
}
