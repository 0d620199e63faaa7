//! A command that puts a rule first in a chain of somebody else, and what takes that away.

use std::fmt;

/// The command: a program and its arguments, which no shell reads otherwise than they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insertion {
    /// The program.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How to take the rule away again, as a command to copy.
    pub undo: String,
}

impl Insertion {
    /// By an iptables, into a chain of a table.
    pub(super) fn by_iptables(program: &'static str, (table, chain): (&str, &str), rule: &str) -> Self {
        let words = |verb: &str| {
            let start = ["-t", table, verb, chain].map(str::to_owned);
            start.into_iter().chain(rule.split(' ').map(str::to_owned)).collect::<Vec<_>>()
        };
        Self { program, arguments: words("-I"), undo: line(program, &words("-D")) }
    }

    /// By nft, into a chain of a table, such as `inet filter forward`.
    pub(super) fn by_nft(chain: &str, rule: &str) -> Self {
        Self {
            program: "nft",
            arguments: vec![format!("insert rule {chain} {rule}")],
            undo: format!("nft delete rule {chain} handle N, with its N by `nft -a list chain {chain}`"),
        }
    }
}

impl fmt::Display for Insertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(self.program, &self.arguments))
    }
}

fn line(program: &str, arguments: &[String]) -> String {
    let words = std::iter::once(program).chain(arguments.iter().map(String::as_str));
    shlex::try_join(words).unwrap_or_default()
}
