//! What a store says of a name that nothing has.

use crate::model::{Code, Error, Hint, Name, Verb, escaped, nearest};

/// What things with names are called in errors, and what lists them.
pub(super) struct Noun {
    pub code: Code,
    pub one: &'static str,
    pub many: &'static str,
    pub list: Verb,
}

impl Noun {
    /// The error for a name that none of them has: it says which is the nearest.
    pub(super) fn absent<'a>(&self, name: &Name, known: impl IntoIterator<Item = &'a str>) -> Error {
        let error = Error::new(self.code, format!("there is no {} `{}`", self.one, escaped(name.as_str())));
        error.hint(match nearest(name.as_str(), known) {
            Some(near) => Hint::from(format!("did you mean `{near}`? ")).run(self.list).text(" shows all"),
            None => Hint::new().run(self.list).text(format!(" shows all {}", self.many)),
        })
    }
}
