//! `lite delete`.

use super::{Env, common};
use crate::{app::instance::delete, model::Result, ui::print::print_delete_receipt};

const EXAMPLES: &str = "\
EXAMPLES:
  lite delete nginx-1
      Ask, then remove it with its disk
  lite delete shop blog --yes
      Remove two without asking
  lite delete nginx-1 --dry-run
      Show what would go and what would stay";

/// Delete instances with their disks
///
/// Removes one or more instances with their disks, addresses and firewall rules,
/// and prints a receipt: what went, and what stayed. This cannot be undone. It
/// asks first on a terminal; elsewhere --yes is needed. A delete that was cut off
/// is finished by the next command.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    #[command(flatten)]
    pub sure: common::Sure,
    #[command(flatten)]
    pub change: common::Change,
}

impl Args {
    /// The question asked before anything goes; `published` are the ports of the host that lead there.
    pub fn question(&self, published: &[String]) -> String {
        let names: Vec<String> = self.names.each().iter().map(|n| format!("`{n}`")).collect();
        let ends = if published.is_empty() { String::new() } else { format!(" (published: {})", published.join(", ")) };
        match names.as_slice() {
            [one] => format!("delete {one} and its disk{ends}?"),
            many => format!("delete {} instances and their disks{ends}: {}?", many.len(), many.join(", ")),
        }
    }
}

/// Deletes instances and prints [`crate::ui::print::print_delete_receipt`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    let wait = args.change.wait;
    let found = delete::find(&app, &env.caller(), &args.names.each(), wait, &mut env.progress())?;
    if args.change.dry_run {
        return print_delete_receipt(&env.ui, &found.plan()?, true);
    }
    if !found.is_empty() {
        args.sure.ask(&env.ui, &args.question(&found.published()?))?;
    }
    print_delete_receipt(&env.ui, &found.run(&app)?, false)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Args;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_question_names_each_once_and_what_leads_there() {
        let question = |names: &[&str], published: &[&str]| {
            let published: Vec<String> = published.iter().map(|end| (*end).to_owned()).collect();
            Cli::try_parse_from(["delete"].iter().chain(names)).map(|c| c.args.question(&published)).ok()
        };
        assert_eq!(question(&["web-1", "web-1"], &[]).as_deref(), Some("delete `web-1` and its disk?"));
        assert_eq!(question(&["b", "a"], &[]).as_deref(), Some("delete 2 instances and their disks: `b`, `a`?"));
        assert_eq!(
            question(&["web-1"], &["8080/tcp to 80", "53/udp"]).as_deref(),
            Some("delete `web-1` and its disk (published: 8080/tcp to 80, 53/udp)?")
        );
    }
}
