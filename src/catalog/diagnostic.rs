//! What is wrong with a data file: every diagnostic with its place, collected, never one at a time.

use std::fmt;

use crate::model::{Error, escaped, nearest};

/// One diagnostic of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// File as it was named to the catalog.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Path of the key, such as `parameters.title.pattern`; `-` for the whole file.
    pub key: String,
    /// What is wrong and what is allowed, lower case, no full stop.
    pub message: String,
    /// The nearest known word, for one that is not known.
    pub suggestion: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", escaped(&self.file), self.line, escaped(&self.key), self.message)?;
        match &self.suggestion {
            Some(word) => write!(f, "; did you mean `{word}`?"),
            None => Ok(()),
        }
    }
}

/// The diagnostics of one file while it is read.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    file: String,
    pub(crate) list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    pub(crate) fn add(&mut self, line: usize, key: &str, message: impl Into<String>) {
        let key = if key.is_empty() { "-" } else { key };
        self.list.push(Diagnostic {
            file: self.file.clone(),
            line,
            key: key.to_owned(),
            message: message.into(),
            suggestion: None,
        });
    }

    /// A word that is not among the known ones.
    pub(crate) fn unknown<'a>(
        &mut self,
        line: usize,
        key: &str,
        message: String,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        self.add(line, key, message);
        if let (Some(diagnostic), Some(near)) = (self.list.last_mut(), nearest(word, known)) {
            diagnostic.suggestion = Some(near.to_owned());
        }
    }

    /// What a model type refused, with its allowed form.
    pub(crate) fn refused(&mut self, line: usize, key: &str, error: &Error) {
        let form = error.hints.first().map(|h| format!("; {h}")).unwrap_or_default();
        self.add(line, key, format!("{}{form}", error.message));
    }

    /// In the order of the file.
    pub(crate) fn sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| diagnostic.line);
        self.list
    }
}
