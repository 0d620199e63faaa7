//! The one error type that reaches a user: what, where, the allowed form, and the next step.

use std::fmt;

use super::{Class, Code, Hint};

/// The result of everything that can fail in front of a user.
pub type Result<T> = std::result::Result<T, Error>;

/// An error as a user reads it: one sentence, causes below it, and hints with the literal next command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What went wrong, for machines.
    pub code: Code,
    /// How it concerns the caller, and ends the process: the class of the code, or [`Class::Failed`] where a change had
    /// begun already.
    pub class: Class,
    /// What and where, lower case, no full stop. Never holds a secret.
    pub message: String,
    /// What lies beneath, outermost first: libvirt's or the system's own words.
    pub causes: Vec<String>,
    /// What to do next, each with a command to copy where one helps.
    pub hints: Vec<Hint>,
}

impl Error {
    /// An error of the class of its code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, class: code.class(), message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// Tried and failed (exit 1), whatever the class of the code: what is refused elsewhere was met under way.
    pub fn failed(code: Code, message: impl Into<String>) -> Self {
        Self { class: Class::Failed, ..Self::new(code, message) }
    }

    /// The same error as a part of something larger: `message` in its place, its own words as the first cause.
    #[must_use]
    pub fn within(mut self, message: impl Into<String>) -> Self {
        self.causes.insert(0, std::mem::replace(&mut self.message, message.into()));
        self
    }

    /// Adds what lies beneath.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The hints as the command line spells them.
    pub fn hint_texts(&self) -> Vec<String> {
        self.hints.iter().map(ToString::to_string).collect()
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        self.class.exit_code()
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

/// The known word nearest to `word`, if one is near enough to be what was meant. Of those that go on with a hyphen after it, the
/// one with the highest numbers: `ubuntu` is `ubuntu-24.04`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let goes_on = |k: &&str| !word.is_empty() && k.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'));
    let numbers = |k: &str| k.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect::<Vec<u64>>();
    if let Some(newest) = known.iter().copied().filter(goes_on).max_by_key(|k| numbers(k)) {
        return Some(newest);
    }
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), k))
        .min()
        .filter(|(distance, k)| *distance <= (k.len().max(word.len()) / 2).clamp(1, 4))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_newest_of_those_that_go_on_is_meant_then_the_nearest() {
        let known = ["debian-9", "debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04", "nginx", "node-js"];
        for (word, meant) in [
            ("ubuntu", Some("ubuntu-24.04")),
            ("debian", Some("debian-13")),
            ("debian-1", Some("debian-12")),
            ("node", Some("node-js")),
            ("ngnix", Some("nginx")),
            ("", None),
            ("wordpress", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word:?}");
        }
    }
}
