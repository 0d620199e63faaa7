//! Flags and arguments that several verbs share.

use std::ffi::OsString;

use clap_complete::ArgValueCompleter;

use super::complete;
use crate::{
    app::instance::change::Targets,
    model::{Code, Error, Name, Result},
    ui::{ColorChoice, Ui},
};

/// Flags of every verb.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Print JSON on stdout, in a documented and versioned shape
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only what was asked for, and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more about what happens
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// When to colour; NO_COLOR and CLICOLOR_FORCE are heeded
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true, value_parser = ["auto", "always", "never"])]
    color: String,
}

impl Global {
    /// The flags as far as they can be told from arguments that do not parse.
    pub fn guess(args: &[OsString]) -> Self {
        let words: Vec<&str> = args.iter().take_while(|a| *a != "--").filter_map(|a| a.to_str()).collect();
        let has = |flag| words.contains(&flag);
        let after = words.iter().position(|w| *w == "--color").and_then(|at| words.get(at + 1).copied());
        let color = words.iter().find_map(|w| w.strip_prefix("--color=")).or(after).unwrap_or("auto").to_owned();
        Self { json: has("--json"), quiet: has("--quiet") || has("-q"), verbose: has("--verbose") || has("-v"), color }
    }

    /// Applies the flags to the printer.
    pub fn apply(&self, ui: &mut Ui) {
        (ui.json, ui.quiet, ui.verbose) = (self.json, self.quiet, self.verbose);
        ui.set_color(match self.color.as_str() {
            "always" => ColorChoice::Always,
            "never" => ColorChoice::Never,
            _ => ColorChoice::Auto,
        });
    }
}

/// One or more instances.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Names {
    /// Names of instances
    #[arg(value_name = "NAME", required = true, value_parser = Name::parse, add = ArgValueCompleter::new(complete::instances))]
    names: Vec<Name>,
}

impl Names {
    /// The names in the order given, each once.
    pub fn each(&self) -> Vec<Name> {
        each_once(&self.names)
    }

    /// The instances that a verb is to change.
    pub fn targets(&self, change: Change) -> Targets {
        Targets { names: self.each(), wait: change.wait, dry_run: change.dry_run }
    }
}

/// Names in the order given, each once.
pub fn each_once(names: &[Name]) -> Vec<Name> {
    let mut each: Vec<Name> = Vec::with_capacity(names.len());
    for name in names {
        if !each.contains(name) {
            each.push(name.clone());
        }
    }
    each
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct OneName {
    /// Name of an instance
    #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::instances))]
    pub name: Name,
}

/// Flags of every verb that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Change {
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Wait while another command works on the same instance
    #[arg(long)]
    pub wait: bool,
}

/// The flag of every verb that destroys something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Sure {
    /// Do not ask; needed where there is no terminal to ask on
    #[arg(long, short)]
    pub yes: bool,
}

impl Sure {
    /// Whether to go on: `--yes`, or a yes on the terminal. A no is the error `declined` (exit 2).
    pub fn ask(self, ui: &Ui, prompt: &str) -> Result<()> {
        if self.yes || ui.confirm(prompt)? {
            Ok(())
        } else {
            Err(Error::new(Code::Declined, "nothing was changed: the answer was no"))
        }
    }
}

/// A program of OpenSSH that does not start.
pub fn no_program(program: &str, error: std::io::Error) -> Error {
    Error::new(Code::NoSsh, format!("cannot run `{program}`"))
        .cause(error)
        .hint("install it: `apt-get install openssh-client`")
}

#[cfg(test)]
mod tests {
    use super::{Names, Sure};
    use crate::{model::Name, ui::testing::Capture};

    #[test]
    fn names_are_taken_once_in_order() {
        let names = Names { names: ["b", "a", "b"].into_iter().flat_map(Name::parse).collect() };
        assert_eq!(names.each().iter().map(Name::as_str).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn yes_asks_nothing_and_no_changes_nothing() {
        let (ui, capture) = Capture::terminal("n\n");
        assert_eq!(Sure { yes: true }.ask(&ui, "sure?"), Ok(()));
        assert_eq!(capture.stderr(), "");
        assert_eq!(
            Sure { yes: false }.ask(&ui, "sure?").map_err(|e| (e.code.as_str(), e.exit_code())),
            Err(("declined", 2))
        );
    }
}
