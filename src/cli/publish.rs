//! `lite publish`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Env, common};
use crate::{
    app::instance::{
        change::{self, Targets},
        publish::Publish,
        site::PublishSite,
    },
    model::{Code, Domain, Error, Port, PortPair, Protocol, Result, source},
    ui::print::print_published,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite publish shop 80 443
      Its web server, on the same ports of this host
  lite publish shop 80:8080 --from 203.0.113.0/24
      On port 8080 of this host, for one network alone
  lite publish shop --domain shop.example.org
      Its web server by a name, over HTTP and HTTPS, with a certificate
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
///
/// With --domain the host's ports 80 and 443 lead there for that name, by HAProxy.
/// The name has to lead to this host in DNS. The instance speaks HTTP and is told
/// the client's address in X-Forwarded-For. Many instances may share the ports.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// Ports of the instance; behind a colon another port of this host
    #[arg(value_name = "PORT[:HOSTPORT][/udp]", required_unless_present = "domain", conflicts_with = "domain", value_parser = PortPair::parse)]
    ports: Vec<PortPair>,
    /// The address of this host that leads there
    #[arg(long, value_name = "ADDRESS", conflicts_with = "domain")]
    address: Option<IpAddr>,
    /// A domain that leads there, such as `shop.example.org`
    #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse)]
    domain: Option<Domain>,
    /// The port of the instance that the domain leads to, which speaks HTTP
    #[arg(long, value_name = "PORT", default_value = "80", requires = "domain", value_parser = web_port)]
    port: u16,
    /// Only from these networks
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = source)]
    from: Vec<IpNet>,
    #[command(flatten)]
    change: common::Change,
}

pub(super) fn web_port(text: &str) -> Result<u16> {
    Port::parse(text).and_then(|port| match port.protocol {
        Protocol::Tcp => Ok(port.number),
        Protocol::Udp => Err(Error::new(Code::InvalidPort, "a domain leads to a TCP port").hint("leave out `/udp`")),
    })
}

/// Publishes ports or a domain.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller) = (env.app()?, env.caller());
    let publish = Publish { pairs: args.ports.clone(), address: args.address, sources: args.from.clone() };
    let common::Change { wait, dry_run } = args.change;
    let targets = Targets { names: vec![args.instance.name.clone()], wait, dry_run };
    let views = match &args.domain {
        None => change::run(&app, &caller, &publish, &targets, &mut env.progress())?,
        Some(domain) => {
            let site = PublishSite { domain: domain.clone(), guest_port: args.port, sources: args.from.clone() };
            change::run(&app, &caller, &site, &targets, &mut env.progress())?
        }
    };
    views.iter().try_for_each(|view| print_published(&env.ui, view))
}
