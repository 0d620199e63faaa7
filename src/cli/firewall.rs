//! `lite firewall`.

use ipnet::IpNet;

use super::{Env, common};
use crate::{
    app::instance::firewall::{self, Action, Refirewall},
    model::{Code, Error, Result, Service, source},
    ui::print::print_firewall,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite firewall shop
      What is open, and from where
  lite firewall shop open 8080 9000-9010/udp
      Two more
  lite firewall shop close 8080
      Not any more
  lite firewall shop set 22 80 443 --from 203.0.113.0/24,2001:db8::/32
      These alone, and from there alone";

/// Show and change what the firewall of an instance lets in
///
/// A new instance is open for the ports of its blueprint and for ICMP (`ping`); all
/// else is refused. A port is such as `443`, `53/udp` or `8000-8010/tcp`, or the
/// word `icmp`. With --from it is open for these networks alone, and for this host,
/// which no source keeps out. A change is in force at once, also in a running
/// instance; connections to what was closed end.
///
/// A port or range with one source is a rule; an instance has at most 60.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
    /// What to do: list, open, close or set
    #[arg(value_name = "ACTION", default_value = "list", hide_default_value = true, hide_possible_values = true)]
    action: Word,
    /// Ports to open, to close, or to be open alone
    #[arg(value_name = "PORT", value_parser = Service::parse)]
    ports: Vec<Service>,
    /// Only from these networks, IPv4 or IPv6
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = source)]
    from: Vec<IpNet>,
    #[command(flatten)]
    change: common::Change,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    /// Show what is open
    List,
    /// Open ports
    Open,
    /// Close ports
    Close,
    /// Open these ports alone
    Set,
}

/// Shows what is open, or changes that.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let action = match args.action {
        Word::List => None,
        Word::Open => Some(Action::Open),
        Word::Close => Some(Action::Close),
        Word::Set => Some(Action::Set),
    };
    let (app, name, mut progress) = (env.app()?, &args.instance.name, env.progress());
    let Some(action) = action else {
        if !args.ports.is_empty() || !args.from.is_empty() {
            return Err(Error::new(Code::Usage, "`list` shows all that is open: it takes no PORT and no --from"));
        }
        return print_firewall(&env.ui, &firewall::show(&app, &env.caller(), name, &mut progress)?);
    };
    if args.ports.is_empty() {
        return Err(
            Error::new(Code::Usage, "no PORT is given").hint("such as `443`, `53/udp`, `8000-8010/tcp` or `icmp`")
        );
    }
    let request = Refirewall {
        name: name.clone(),
        action,
        services: args.ports.clone(),
        sources: args.from.clone(),
        seen: None,
        wait: args.change.wait,
        dry_run: args.change.dry_run,
    };
    print_firewall(&env.ui, &firewall::change(&app, &env.caller(), &request, &mut progress)?)
}
