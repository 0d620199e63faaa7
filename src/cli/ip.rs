//! `lite ip`.

use std::net::Ipv4Addr;

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete, values};
use crate::{
    app::static_ip,
    model::{Name, Result},
    ui::print::{print_changed, print_static_ips},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite ip allocate site
      Keep an address of the instances' network
  lite ip allocate site --address 203.0.113.7
      Keep an additional address of this host
  lite ip attach site shop-1
      Let it lead to an instance
  lite ip attach site shop-2
      Now to another, while both run";

/// Keep addresses that outlive instances
///
/// A static address is kept by name and leads whole, with all its ports, to one
/// instance at a time. It is one of two kinds: an additional address of this host,
/// by which the instance is reached from the world and goes out itself, or one of
/// the instances' network, for this host and other instances. The instance is told
/// nothing, and its own address and firewall stay. An instance that is deleted
/// leaves its static address kept.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Keep an address
    ///
    /// Keeps an address under a name. Without --address it is a free one of the
    /// instances' network. An additional address of this host has to be on one of
    /// its interfaces already; the one by which the host itself goes out stays its
    /// own: publish ports of it (`lite publish`).
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite ip allocate site --address 203.0.113.7\n      An additional address of this host"
    )]
    Allocate {
        /// Name of the static address
        #[arg(value_name = "STATIC_IP", value_parser = Name::parse)]
        name: Name,
        /// The address itself
        #[arg(long, value_name = "ADDRESS", value_parser = values::static_address)]
        address: Option<Ipv4Addr>,
        /// Say which it would be, and keep nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Let a static address lead to an instance
    ///
    /// From now on every port of the address leads there, as far as the instance's
    /// firewall is open. Does it lead to another instance, it is moved: connections
    /// to that one end. An instance has one static address at most.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite ip attach site shop-2\n      To this instance, wherever it led before"
    )]
    Attach {
        #[command(flatten)]
        ip: OneIp,
        #[command(flatten)]
        instance: common::OneName,
        #[command(flatten)]
        change: common::Change,
    },
    /// Let a static address lead nowhere
    ///
    /// The address stays kept under its name, for this instance or another. What
    /// came in over it ends, and the instance goes out by the host's own address.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite ip detach site\n      Keep it for later")]
    Detach {
        #[command(flatten)]
        ip: OneIp,
        #[command(flatten)]
        change: common::Change,
    },
    /// Give a static address back
    ///
    /// The address is kept no longer, and its name is free. One that leads to an
    /// instance is refused: detach it first.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite ip release site\n      It is kept no longer")]
    Release {
        #[command(flatten)]
        ip: OneIp,
        /// Say what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the static addresses
    ///
    /// Lists them by name, each with the instance that it leads to.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite ip list\n      All of them")]
    List,
    /// Show a static address
    ///
    /// Shows one with its address and the instance that it leads to, if any.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite ip show site\n      Where does it lead?")]
    Show {
        #[command(flatten)]
        ip: OneIp,
    },
}

/// One static address.
#[derive(Debug, clap::Args)]
struct OneIp {
    /// Name of a static address
    #[arg(value_name = "STATIC_IP", value_parser = Name::parse, add = ArgValueCompleter::new(complete::static_ips))]
    ip: Name,
}

/// Works on static addresses.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let progress = &mut progress;
    let rows = match &args.verb {
        Verb::Allocate { name, address, dry_run } => {
            vec![static_ip::allocate(&app, &caller, (name, *address), *dry_run, progress)?]
        }
        Verb::Attach { ip, instance, change } => {
            let names = (&ip.ip, &instance.name);
            vec![static_ip::attach(&app, &caller, names, (change.wait, change.dry_run), progress)?.run(progress)?]
        }
        Verb::Detach { ip, change } => {
            vec![static_ip::detach(&app, &caller, &ip.ip, (change.wait, change.dry_run), progress)?.run(progress)?]
        }
        Verb::Release { ip, dry_run } => {
            return print_changed(&env.ui, &[static_ip::release(&app, &caller, &ip.ip, *dry_run, progress)?]);
        }
        Verb::List => static_ip::list(&app, &caller, progress)?,
        Verb::Show { ip } => vec![static_ip::show(&app, &caller, &ip.ip, progress)?],
    };
    print_static_ips(&env.ui, &rows)
}
