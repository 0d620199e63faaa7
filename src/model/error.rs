//! The one error type that reaches a user: what, where, the allowed form, and the next step.

use std::fmt;

/// The result of everything that can fail in front of a user.
pub type Result<T> = std::result::Result<T, Error>;

/// How an error ends the process; the numbers are the exit codes of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something was tried and failed; the message says what was undone and what is left.
    Failed = 1,
    /// Refused before any change.
    Refused = 2,
    /// Somebody else is working on it.
    Busy = 3,
    /// A person has to look: an undo failed, or state and host disagree.
    NeedsAttention = 4,
    /// libvirt, or the host, cannot be reached.
    Unreachable = 5,
}

/// An error as a user reads it: one sentence, causes below it, and hints with the literal next command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// How it ends the process.
    pub kind: Kind,
    /// Stable identifier for scripts (`--json`), in snake_case.
    pub code: &'static str,
    /// What and where, lower case, no full stop. Never holds a secret.
    pub message: String,
    /// What lies beneath, outermost first: libvirt's or the system's own words.
    pub causes: Vec<String>,
    /// What to do next, each with a command to copy where one helps.
    pub hints: Vec<String>,
}

impl Error {
    /// An error of any kind.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// Tried and failed (exit 1).
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, code, message)
    }

    /// Refused before any change (exit 2).
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, code, message)
    }

    /// Adds what lies beneath.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        self.kind as u8
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A value from outside, safe to print: control and non-ASCII characters escaped, cut at 80 characters.
pub fn escaped(value: &str) -> String {
    let mut out: String = value.chars().take(80).flat_map(char::escape_default).collect();
    if value.chars().nth(80).is_some() {
        out.push('…');
    }
    out.replace("\\'", "'").replace("\\\"", "\"")
}

/// The known word nearest to `word`, if one is near enough to be what was meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), k))
        .min()
        .filter(|(distance, k)| *distance <= (k.len().max(word.len()) / 2).clamp(1, 4))
        .map(|(_, k)| k)
}
