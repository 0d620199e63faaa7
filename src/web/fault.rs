//! Errors of a form: each leads to its field, in the words of the command line.

use serde::Serialize;

use crate::model::Error;

/// What is wrong with a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The field; none: it is about the form as a whole.
    pub field: Option<String>,
    text: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Fault {
    /// An error at its field.
    pub fn at(field: impl Into<String>, error: &Error) -> Self {
        Self { field: Some(field.into()), ..Self::of(error) }
    }

    /// An error of the form as a whole.
    pub fn of(error: &Error) -> Self {
        let hints = error.hint_texts();
        Self { field: None, text: error.message.clone(), causes: error.causes.clone(), hints }
    }

    /// The same error, of the form as a whole.
    pub fn whole(self) -> Self {
        Self { field: None, ..self }
    }
}

/// Values out of a form, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The value, or none and its error at the field.
    pub fn take<T>(&mut self, field: &str, value: Result<T, Error>) -> Option<T> {
        value.map_err(|error| self.0.push(Fault::at(field, &error))).ok()
    }
}
