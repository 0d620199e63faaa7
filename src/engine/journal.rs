//! Runs steps under the journal: write intent, act, write done; or undo what was done, the failing step included.

use super::{Engine, execute::Payload};
use crate::{
    kill_point,
    model::{Code, Error, Result},
    plan::Step,
    store::StepState,
};

/// How far a run came.
pub(super) struct Run<'a> {
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

impl Engine<'_> {
    /// Does one step: intent, act, done.
    pub(super) fn step(&mut self, run: &mut Run<'_>, step: &Step, payload: &Payload<'_>) -> Result<()> {
        let sequence = i64::try_from(run.started.len()).unwrap_or(i64::MAX);
        let text = to_json(step)?;
        run.started.push((sequence, step.clone()));
        self.store.record_step(run.operation, sequence, &text, StepState::Intent)?;
        kill_point::reached("intent");
        self.execute(step, payload)?;
        kill_point::reached("effect");
        self.store.record_step(run.operation, sequence, &text, StepState::Done)
    }

    /// Undoes everything a run started, last first. An undo that fails leaves the operation as `needs-attention`.
    pub(super) fn roll_back(&mut self, operation: &str, started: &[(i64, Step)]) -> Result<()> {
        let mut failures = Vec::new();
        for (sequence, step) in started.iter().rev() {
            let Some(undo) = step.undo() else { continue };
            kill_point::reached("undo");
            match self.execute(&undo, &Payload::none()) {
                Ok(()) => self.store.record_step(operation, *sequence, &to_json(step)?, StepState::Undone)?,
                Err(e) => failures.push((step.subject(), e)),
            }
        }
        match failures.into_iter().next() {
            None => Ok(()),
            Some((subject, e)) => {
                Err(Error::new(Code::UndoFailed, format!("could not undo the {subject} of operation `{operation}`"))
                    .cause(e)
                    .hint("run `lite repair` when the cause is gone; other instances are not affected"))
            }
        }
    }

    /// The steps of an operation that a dead owner left, for undoing or finishing.
    pub(super) fn journalled(&self, operation: &str) -> Result<Vec<(i64, Step, bool)>> {
        self.store
            .steps(operation)?
            .into_iter()
            .filter(|s| s.state != StepState::Undone.as_str())
            .map(|s| {
                let step = serde_json::from_str(&s.step)
                    .map_err(|e| Error::new(Code::StateError, "cannot read a step of the journal").cause(e))?;
                Ok((s.sequence, step, s.state == StepState::Done.as_str()))
            })
            .collect()
    }
}

fn to_json(step: &Step) -> Result<String> {
    serde_json::to_string(step).map_err(|e| Error::new(Code::StateError, "cannot write a step").cause(e))
}
