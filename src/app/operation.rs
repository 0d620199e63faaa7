//! Operations: the journal of changes.

use std::time::Duration;

use super::{
    App, Caller, Right,
    scope::{Sight, Target, no_such_operation},
};
use crate::{
    engine::has_owner,
    model::{AuditAction, AuditEntry, Code, Error, Hint, Observer, OperationState, Progress, Result, Verb},
    plan::Step,
    store::{OpenStep, Operation, Store},
    view::{Changed, OperationRow, OperationView, StepView},
};

/// How often an operation that is followed is looked at.
const POLL: Duration = Duration::from_millis(500);

/// The latest operations, the latest first.
pub fn list(app: &App, caller: &Caller, limit: u32, observer: &mut dyn Observer) -> Result<Vec<OperationRow>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    if caller.scope().is_all() {
        return Ok(store.operations(limit)?.into_iter().map(row).collect());
    }
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let seen = store.operations(u32::MAX)?.into_iter().filter(|operation| sight.operation(operation));
    Ok(seen.take(limit as usize).map(row).collect())
}

/// One operation with its steps.
pub fn show(app: &App, caller: &Caller, id: &str, observer: &mut dyn Observer) -> Result<OperationView> {
    app.authorise(caller, Right::Read, Target::Operations(&[id.to_owned()]))?;
    let store = app.store(caller, observer)?.ok_or_else(|| no_such_operation(id))?;
    view(&store, store.require_operation(id)?)
}

/// Follows an operation until it ends: what it is doing is handed on as sentences. Ends early with what is known then, where
/// nobody works on it any more or the follower wants to end.
pub fn follow(app: &App, caller: &Caller, id: &str, observer: &mut dyn Observer) -> Result<OperationView> {
    app.authorise(caller, Right::Read, Target::Operations(&[id.to_owned()]))?;
    let store = app.store(caller, observer)?.ok_or_else(|| no_such_operation(id))?;
    let mut told = None;
    loop {
        // Before the operation is read: an owner that is gone by now has ended it, or never will.
        let operation = store.require_operation(id)?;
        let owned = has_owner(&app.settings.paths.state, &operation)?;
        let operation = if owned { operation } else { store.require_operation(id)? };
        if operation.state != OperationState::Started || !owned || app.is_cancelled() {
            return view(&store, operation);
        }
        let sentence = sentence(&operation.progress);
        if sentence.is_some() && sentence != told {
            sentence.iter().for_each(|text| observer.status(text));
            told = sentence;
        }
        app.clock.sleep(POLL);
    }
}

/// What the cancelling of operations would do.
pub fn plan_cancel(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    cancellable(app, caller, ids, observer)
        .map(|_| ids.iter().map(|id| Changed::new(id, "would be cancelled")).collect())
}

/// Asks operations to end. Their processes see that between two steps and while they wait, as they do Ctrl-C.
pub fn cancel(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    let mut store = cancellable(app, caller, ids, observer)?;
    ids.iter()
        .map(|id| {
            let entry = app.done(caller, AuditAction::Cancel);
            let entry = AuditEntry { resource: Some((None, id.clone())), ..entry };
            store.audited(entry).request_cancel(id, app.clock.now())?;
            Ok(Changed::new(id, "is asked to end"))
        })
        .collect()
}

/// The database, in which all of these are under way; refused before any is asked.
fn cancellable(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Store> {
    app.authorise(caller, Right::Change, Target::Operations(ids))?;
    let mut found = app.store(caller, observer)?;
    for id in ids {
        let store = found.as_mut().ok_or_else(|| no_such_operation(id))?;
        let operation = store.require_cancellable(id)?;
        if !has_owner(&app.settings.paths.state, &operation)? {
            let text = format!("nobody works on operation `{id}` any more");
            return Err(Error::new(Code::OperationEnded, text)
                .hint(Hint::new().run(Verb::Repair).text(" finishes or undoes it")));
        }
    }
    found.ok_or_else(|| no_such_operation(""))
}

/// `image: installing packages`.
fn sentence(progress: &Progress) -> Option<String> {
    let words: Vec<&str> = progress.stage.iter().chain(&progress.note).map(String::as_str).collect();
    (!words.is_empty()).then(|| words.join(": "))
}

fn view(store: &Store, operation: Operation) -> Result<OperationView> {
    let steps = store.steps(&operation.id)?.into_iter().map(step).collect();
    let running = operation.state == OperationState::Started;
    let progress = if running { operation.progress.clone() } else { Progress::default() };
    Ok(OperationView {
        row: row(operation),
        stage: progress.stage,
        note: progress.note,
        done_bytes: progress.done,
        total_bytes: progress.total,
        steps,
    })
}

/// An operation in a list.
pub(super) fn row(o: Operation) -> OperationRow {
    OperationRow {
        milliseconds: o
            .ended_at
            .and_then(|end| u64::try_from(end.as_millisecond() - o.started_at.as_millisecond()).ok()),
        instance: o.instance(),
        id: o.id,
        kind: o.kind.to_string(),
        resource: o.resource.name,
        resource_kind: o.resource.kind,
        state: o.state.as_str().to_owned(),
        actor: o.requester.actor,
        via: o.requester.via.to_string(),
        started_at: o.started_at,
        error: o.error,
        error_code: o.error_code,
    }
}

fn step(s: OpenStep) -> StepView {
    let name =
        serde_json::from_str::<Step>(&s.step).map_or_else(|_| "unreadable step".to_owned(), |step| step.subject());
    StepView { name, state: s.state.to_string(), error: None }
}
