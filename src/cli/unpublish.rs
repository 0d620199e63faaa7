//! `lite unpublish`.

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::{
    app::instance::{
        change::{self, Targets},
        publish::Unpublish,
    },
    model::{Domain, Result, Service},
    ui::print::print_published,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite unpublish shop 8080
      Port 8080 of this host leads there no longer
  lite unpublish shop shop.example.org
      Nor does that domain
  lite unpublish shop
      Nothing does";

/// Take published ports and domains away
///
/// The ports of this host and the domains that are named, or all, lead to the
/// instance no longer; connections over them end. The certificate of a domain is
/// kept for 30 days. The firewall of the instance stays as it is.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// Ports of this host, such as `8080` or `53/udp`, and domains; none: all
    #[arg(value_name = "HOSTPORT|DOMAIN", value_parser = Lead::parse, add = ArgValueCompleter::new(complete::domains))]
    leads: Vec<Lead>,
    #[command(flatten)]
    change: common::Change,
}

/// What leads to an instance.
#[derive(Debug, Clone)]
enum Lead {
    Port(Service),
    Domain(Domain),
}

impl Lead {
    /// No domain is without a point, and no port has one.
    fn parse(text: &str) -> Result<Self> {
        match text.contains('.') {
            true => Domain::parse(text).map(Self::Domain),
            false => Service::parse(text).map(Self::Port),
        }
    }
}

/// Takes publications away.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let mut unpublish = Unpublish { ports: Vec::new(), domains: Vec::new() };
    for lead in &args.leads {
        match lead {
            Lead::Port(port) => unpublish.ports.push(*port),
            Lead::Domain(domain) => unpublish.domains.push(domain.clone()),
        }
    }
    let common::Change { wait, dry_run } = args.change;
    let targets = Targets { names: vec![args.instance.name.clone()], wait, dry_run };
    let views = change::run(&env.app()?, &env.caller(), &unpublish, &targets, &mut env.progress())?;
    views.iter().try_for_each(|view| print_published(&env.ui, view))
}
