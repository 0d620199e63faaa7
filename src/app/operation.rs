//! Operations: the journal of changes.

use super::{App, Caller, Right};
use crate::{
    model::{Code, Error, Hint, Observer, Result, Verb},
    plan::Step,
    store::{OpenStep, Operation},
    view::{OperationRow, OperationView, StepView},
};

/// The latest operations, the latest first.
pub fn list(app: &App, caller: &Caller, limit: u32, observer: &mut dyn Observer) -> Result<Vec<OperationRow>> {
    caller.require(Right::Read)?;
    let operations = app.store(observer)?.map_or(Ok(Vec::new()), |s| s.operations(limit))?;
    Ok(operations.into_iter().map(row).collect())
}

/// One operation with its steps.
pub fn show(app: &App, caller: &Caller, id: &str, observer: &mut dyn Observer) -> Result<OperationView> {
    caller.require(Right::Read)?;
    let store = app.store(observer)?;
    let found = store.as_ref().map_or(Ok(None), |s| s.operation(id))?;
    let (Some(store), Some(operation)) = (store, found) else {
        return Err(Error::new(Code::NoSuchOperation, format!("there is no operation `{id}`"))
            .hint(Hint::new().run(Verb::Operations).text(" lists them")));
    };
    let steps = store.steps(id)?.into_iter().map(step).collect();
    Ok(OperationView { row: row(operation), steps })
}

fn row(o: Operation) -> OperationRow {
    OperationRow {
        milliseconds: o
            .ended_at
            .and_then(|end| u64::try_from(end.as_millisecond() - o.started_at.as_millisecond()).ok()),
        instance: o.instance(),
        id: o.id,
        kind: o.kind.to_string(),
        resource: o.resource.name,
        state: o.state.as_str().to_owned(),
        started_at: o.started_at,
        error: o.error,
    }
}

fn step(s: OpenStep) -> StepView {
    let name =
        serde_json::from_str::<Step>(&s.step).map_or_else(|_| "unreadable step".to_owned(), |step| step.subject());
    StepView { name, state: s.state.to_string(), error: None }
}
