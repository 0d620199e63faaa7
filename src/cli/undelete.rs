//! `lite undelete`.

use std::time::Duration;

use clap_complete::ArgValueCompleter;
use uuid::Uuid;

use super::{Env, common, complete, signals, values};
use crate::{
    app::instance::undelete::{self, Deleted, Target, Undelete},
    model::{Name, Result},
    ui::print::print_changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite list --deleted
      Which there are, and until when
  lite undelete shop
      Bring the last one of that name back
  lite undelete shop --name shop-old
      Under another name, as another instance has that one now";

/// Bring a deleted instance back
///
/// `lite delete` keeps an instance for 24 hours (the setting `keep_deleted`). It
/// comes back with its disk, its passwords, alarms, tags and firewall rules, and
/// is started if it ran. It gets its address again; where another instance has
/// that by now, it gets a free one, and its application is told so where its
/// blueprint can. Published ports and domains, load balancers and static
/// addresses do not lead to it any more.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Name of a deleted instance, or its id where several had that name
    #[arg(value_name = "NAME", value_parser = deleted, add = ArgValueCompleter::new(complete::deleted))]
    pub deleted: Deleted,
    /// Its name from now on
    #[arg(long, value_name = "NAME", value_parser = Name::parse)]
    pub name: Option<Name>,
    /// Leave it stopped
    #[arg(long)]
    pub no_start: bool,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
    pub timeout: Duration,
    /// Return once the machine runs, before its application answers
    #[arg(long)]
    pub no_wait: bool,
    #[command(flatten)]
    pub change: common::Change,
}

fn deleted(text: &str) -> Result<Deleted> {
    match Uuid::try_parse(text).ok().filter(|id| id.to_string() == text) {
        Some(id) => Ok(Deleted::Id(id)),
        None => Name::parse(text).map(Deleted::Name),
    }
}

/// Brings a deleted instance back and reports with [`print_changed`].
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    signals::heed(&app.cancel)?;
    let undelete = Undelete {
        name: args.name.clone(),
        start: !args.no_start,
        until_ready: (!args.no_wait).then_some(args.timeout),
    };
    let target = Target { deleted: args.deleted.clone(), wait: args.change.wait, dry_run: args.change.dry_run };
    let changed = undelete::run(&app, &env.caller(), &undelete, &target, &mut env.progress())?;
    print_changed(&env.ui, &[changed])
}
