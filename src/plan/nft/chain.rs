//! A chain of a table.

use std::fmt;

/// A chain that no hook leads to but a rule.
pub(super) struct Chain {
    pub name: String,
    pub rules: Vec<String>,
}

impl Chain {
    pub(super) fn new(name: impl Into<String>, rules: impl IntoIterator<Item = String>) -> Self {
        Self { name: name.into(), rules: rules.into_iter().collect() }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tchain {} {{", self.name)?;
        self.rules.iter().try_for_each(|rule| writeln!(f, "\t\t{rule}"))?;
        writeln!(f, "\t}}")
    }
}
