//! `lite audit`.

use std::time::Duration;

use super::{Env, signals, values};
use crate::{
    app::audit::{self, Filter},
    model::{AuditOutcome, Result, Via},
    ui::print::{print_audit_log, print_audit_row},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite audit
      Who did what lately
  lite audit --resource shop --since 7d
      To one instance, this week
  lite audit --actor anna --via console
      What one account did in the console
  lite audit --outcome refused
      What somebody wanted and may not
  lite audit --follow --json | jq -r .action
      For a script: one JSON object a line";

/// List who did what
///
/// Lists the audit, oldest first: a row for each change and for each password that
/// was shown, with the account, the way it asked by and what came of it. The row of
/// an operation is written with the operation, or there is none. Rows are only ever
/// added, and go after 400 days; root can change the file that holds them.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Only of this account
    #[arg(long, value_name = "ACCOUNT")]
    actor: Option<String>,
    /// Only by this way: `cli`, `console`, `api` or `watcher`
    #[arg(long, value_name = "WAY", value_parser = Via::parse)]
    via: Option<Via>,
    /// Only this action, or kind of operation
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only about what has this name
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// Only with this outcome: `accepted`, `done` or `refused`
    #[arg(long, value_name = "OUTCOME", value_parser = AuditOutcome::parse)]
    outcome: Option<AuditOutcome>,
    /// How far back, at most 456d
    #[arg(long, value_name = "TIME", value_parser = values::long_duration)]
    since: Option<Duration>,
    /// Go on with what is done
    #[arg(long, short)]
    follow: bool,
    /// At most so many, the latest
    #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Lists the audit, and follows it.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let filter = Filter {
        actor: args.actor.clone(),
        via: args.via,
        action: args.action.clone(),
        resource: args.resource.clone(),
        outcome: args.outcome,
        since: args.since,
        limit: args.limit,
    };
    if !args.follow {
        return print_audit_log(&env.ui, &audit::list(&app, &caller, &filter, &mut progress)?);
    }
    signals::heed(&app.cancel)?;
    audit::follow(&app, &caller, &filter, &mut progress, &mut |row| print_audit_row(&env.ui, row))
}
