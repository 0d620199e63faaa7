//! `lite unpublish`.

use super::{Env, common};
use crate::{
    app::instance::{
        change::{self, Targets},
        publish::Unpublish,
    },
    model::{Result, Service},
    ui::print::print_published,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite unpublish shop 8080
      Port 8080 of this host leads there no longer
  lite unpublish shop
      Nothing does";

/// Take published ports away
///
/// The ports of this host that are named, or all, lead to the instance no longer;
/// connections over them end. The firewall of the instance stays as it is.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// Ports of this host, such as `8080` or `53/udp`; none: all
    #[arg(value_name = "HOSTPORT", value_parser = Service::parse)]
    ports: Vec<Service>,
    #[command(flatten)]
    change: common::Change,
}

/// Takes publications away.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let unpublish = Unpublish { ports: args.ports.clone() };
    let common::Change { wait, dry_run } = args.change;
    let targets = Targets { names: vec![args.instance.name.clone()], wait, dry_run };
    let views = change::run(&env.app()?, &env.caller(), &unpublish, &targets, &mut env.progress())?;
    views.iter().try_for_each(|view| print_published(&env.ui, view))
}
