//! `lite publish`.

use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::{Env, common};
use crate::{
    app::instance::{
        change::{self, Targets},
        publish::Publish,
    },
    model::{PortPair, Result, source},
    ui::print::print_published,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite publish shop 80 443
      Its web server, on the same ports of this host
  lite publish shop 80:8080 --from 203.0.113.0/24
      On port 8080 of this host, for one network alone
  lite publish dns 53/udp --address 203.0.113.7
      On one address of this host";

/// Make ports of an instance reachable from outside
///
/// A port of this host leads to a port of the instance: from other machines, from
/// this host and from other instances, for as long as both exist. The instance
/// sees the client's own address. A port that something else has is refused, and
/// so is one that the instance's firewall closes (`lite firewall`). Firewalls such
/// as ufw do not stop what is published; --from does. With --address only that
/// address of this host leads there; without it each does.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// Ports of the instance; behind a colon another port of this host
    #[arg(value_name = "PORT[:HOSTPORT][/udp]", required = true, value_parser = PortPair::parse)]
    ports: Vec<PortPair>,
    /// The address of this host that leads there
    #[arg(long, value_name = "ADDRESS")]
    address: Option<Ipv4Addr>,
    /// Only from these networks
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = source)]
    from: Vec<IpNet>,
    #[command(flatten)]
    change: common::Change,
}

/// Publishes ports.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let publish = Publish { pairs: args.ports.clone(), address: args.address, sources: args.from.clone() };
    let common::Change { wait, dry_run } = args.change;
    let targets = Targets { names: vec![args.instance.name.clone()], wait, dry_run };
    let views = change::run(&env.app()?, &env.caller(), &publish, &targets, &mut env.progress())?;
    views.iter().try_for_each(|view| print_published(&env.ui, view))
}
