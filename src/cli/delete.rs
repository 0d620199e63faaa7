//! `lite delete`.

use super::{Env, common};
use crate::{
    app::instance::delete::{self, Delete},
    model::Result,
    ui::print::print_delete_receipt,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite delete nginx-1
      Ask, then remove it; `lite undelete nginx-1` brings it back for a day
  lite delete nginx-1 --now
      Ask, then remove it with its disk, for good
  lite delete shop blog --yes
      Remove two without asking
  lite delete nginx-1 --dry-run
      Show what would go and what would stay";

/// Delete instances with their disks
///
/// Removes one or more instances and prints a receipt: what went, and what stayed.
/// Name and address are free at once, and it costs nothing any more. Its disk is
/// kept for 24 hours (the setting `keep_deleted`): `lite undelete` brings the
/// instance back until then, or until its place is needed. With --now nothing is
/// kept, and that cannot be undone. It asks first on a terminal; elsewhere --yes
/// is needed. A delete that was cut off is finished by the next command.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub names: common::Names,
    #[command(flatten)]
    pub sure: common::Sure,
    /// Keep nothing: the disk goes at once, and there is no way back
    #[arg(long)]
    pub now: bool,
    #[command(flatten)]
    pub change: common::Change,
}

impl Args {
    /// The question asked before anything goes; `published` are the ports of the host that lead there. `for_good`: there is no way
    /// back.
    pub fn question(&self, published: &[String], for_good: bool) -> String {
        let names: Vec<String> = self.names.each().iter().map(|n| format!("`{n}`")).collect();
        let ends = if published.is_empty() { String::new() } else { format!(" (published: {})", published.join(", ")) };
        match names.as_slice() {
            [one] if for_good => format!("delete {one} and its disk for good{ends}?"),
            [one] => format!("delete {one}{ends}?"),
            many if for_good => {
                format!("delete {} instances and their disks for good{ends}: {}?", many.len(), many.join(", "))
            }
            many => format!("delete {} instances{ends}: {}?", many.len(), many.join(", ")),
        }
    }
}

/// Deletes instances and prints [`crate::ui::print::print_delete_receipt`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    let wait = args.change.wait;
    let how = (Delete { now: args.now }, wait);
    let found = delete::find(&app, &env.caller(), &args.names.each(), how, &mut env.progress())?;
    if args.change.dry_run {
        return print_delete_receipt(&env.ui, &found.plan()?, true);
    }
    if !found.is_empty() {
        args.sure.ask(&env.ui, &args.question(&found.published()?, found.is_for_good()?))?;
    }
    let receipts = found.run(&app, &mut env.progress())?;
    print_delete_receipt(&env.ui, &receipts, false)
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
        let question = |names: &[&str], published: &[&str], for_good: bool| {
            let published: Vec<String> = published.iter().map(|end| (*end).to_owned()).collect();
            Cli::try_parse_from(["delete"].iter().chain(names)).map(|c| c.args.question(&published, for_good)).ok()
        };
        let asked = |names: &[&str], for_good| question(names, &[], for_good);
        assert_eq!(asked(&["web-1", "web-1"], true).as_deref(), Some("delete `web-1` and its disk for good?"));
        assert_eq!(asked(&["web-1"], false).as_deref(), Some("delete `web-1`?"));
        let many = "delete 2 instances and their disks for good: `b`, `a`?";
        assert_eq!(asked(&["b", "a"], true).as_deref(), Some(many));
        assert_eq!(asked(&["b", "a"], false).as_deref(), Some("delete 2 instances: `b`, `a`?"));
        assert_eq!(
            question(&["web-1"], &["8080/tcp to 80", "53/udp"], true).as_deref(),
            Some("delete `web-1` and its disk for good (published: 8080/tcp to 80, 53/udp)?")
        );
    }
}
