//! `lite lb`.

use std::time::Duration;

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete, publish::web_port, values};
use crate::{
    app::load_balancer::{self, Flags, New},
    model::{Domain, HealthPath, Name, Result},
    ui::print::{print_changed, print_load_balancer, print_load_balancers},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite lb create shop --domain shop.example.org
      A domain that several instances share, over HTTP and HTTPS
  lite lb attach shop web-1 web-2
      Behind it: each gets its share of the requests
  lite lb show shop
      How healthy are they?
  lite lb detach shop web-1
      Let it finish its work, and take it out";

/// Spread requests over several instances
///
/// A load balancer leads to the same port of several instances and hands each
/// request to the next one that is healthy. Each instance is asked for a path every
/// two seconds; two answers other than 2xx or 3xx, or none, and it gets nothing
/// more until two are well again. A request that an instance could not take goes to
/// another. Instances speak HTTP and are told the client's address in
/// X-Forwarded-For. One without healthy instances answers with status 503.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a load balancer
    ///
    /// With --domain the host's ports 80 and 443 lead to it for that name, which has
    /// to lead to this host in DNS, with a certificate that is renewed. With --listen
    /// a port of this host leads to it for any name, over HTTP. Without both it gets
    /// what comes to port 80 for a name that no domain has. It has no instances until
    /// some are attached.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite lb create shop --port 80\n      Port 80 of this host, whatever name is asked for\n  lite lb create shop --domain shop.example.org --sticky\n      Visitors stay with their instance\n  lite lb create api --port 3000 --listen 8080 --health-path /health\n      Port 8080 of this host, for port 3000 of the instances"
    )]
    Create {
        /// Name of the load balancer
        #[arg(value_name = "LOAD_BALANCER", value_parser = Name::parse)]
        name: Name,
        /// The instances' port, which speaks HTTP
        #[arg(long, value_name = "PORT", default_value = "80", value_parser = web_port)]
        port: u16,
        /// A domain that leads to it, such as `shop.example.org`
        #[arg(long, value_name = "DOMAIN", value_parser = Domain::parse)]
        domain: Option<Domain>,
        /// A port of this host that leads to it; without --domain, 80
        #[arg(long, value_name = "PORT", value_parser = web_port)]
        listen: Option<u16>,
        /// The path that each instance is asked for, to tell whether it is healthy
        #[arg(long, value_name = "PATH", default_value = "/", value_parser = HealthPath::parse)]
        health_path: HealthPath,
        /// Let each visitor stay with one instance, by a cookie
        #[arg(long)]
        sticky: bool,
        /// Say what would be made, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Put instances behind a load balancer
    ///
    /// Each gets requests as soon as it is healthy. Its firewall has to be open at the
    /// load balancer's port (`lite firewall`).
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite lb attach shop web-1 web-2\n      Both get requests from now on"
    )]
    Attach {
        #[command(flatten)]
        balancer: OneBalancer,
        #[command(flatten)]
        instances: common::Names,
        #[command(flatten)]
        change: common::Change,
    },
    /// Take instances out of a load balancer
    ///
    /// They get no new visitors, and are taken out once nobody is connected to them
    /// any more. With --sticky visitors of theirs may come back, so the whole time is
    /// waited. What is not done after that is ended.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite lb detach shop web-1\n      Once its visitors are gone, after 30 seconds at the latest\n  lite lb detach shop web-1 --drain 10m\n      Long downloads may end"
    )]
    Detach {
        #[command(flatten)]
        balancer: OneBalancer,
        #[command(flatten)]
        instances: common::Names,
        /// How long visitors are waited for, such as `30s` or `5m`
        #[arg(long, value_name = "TIME", default_value = "30s", value_parser = values::duration)]
        drain: Duration,
        #[command(flatten)]
        change: common::Change,
    },
    /// List the load balancers
    ///
    /// Lists them by name, with where each is reached and how many of its instances
    /// are healthy.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite lb list\n      All of them")]
    List,
    /// Show a load balancer
    ///
    /// Shows one with its instances: initial, healthy, unhealthy and why, draining, off,
    /// or unavailable where the web front does not run.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite lb show shop\n      How healthy are its instances?"
    )]
    Show {
        #[command(flatten)]
        balancer: OneBalancer,
    },
    /// Delete a load balancer
    ///
    /// Nothing leads to its instances any more, which stay as they are. The certificate
    /// of its domain is kept for 30 days.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite lb delete shop\n      Its instances stay")]
    Delete {
        #[command(flatten)]
        balancer: OneBalancer,
        #[command(flatten)]
        change: common::Change,
    },
}

/// One load balancer.
#[derive(Debug, clap::Args)]
struct OneBalancer {
    /// Name of a load balancer
    #[arg(value_name = "LOAD_BALANCER", value_parser = Name::parse, add = ArgValueCompleter::new(complete::load_balancers))]
    balancer: Name,
}

impl From<common::Change> for Flags {
    fn from(common::Change { wait, dry_run }: common::Change) -> Self {
        Self { wait, dry_run }
    }
}

/// Works on load balancers.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress) = (env.app()?, env.caller(), env.progress());
    let progress = &mut progress;
    let view = match &args.verb {
        Verb::Create { name, port, domain, listen, health_path, sticky, dry_run } => {
            let new = New {
                name: name.clone(),
                instance_port: *port,
                domain: domain.clone(),
                listen: *listen,
                health_path: health_path.clone(),
                sticky: *sticky,
            };
            load_balancer::create(&app, &caller, &new, *dry_run, progress)?.run(progress)?
        }
        Verb::Attach { balancer, instances, change } => {
            let names = (&balancer.balancer, instances.each());
            load_balancer::attach(&app, &caller, (names.0, &names.1), (*change).into(), progress)?.run(progress)?
        }
        Verb::Detach { balancer, instances, drain, change } => {
            let (names, how) = ((&balancer.balancer, instances.each()), (*drain, (*change).into()));
            load_balancer::detach(&app, &caller, (names.0, &names.1), how, progress)?.run(progress)?
        }
        Verb::List => return print_load_balancers(&env.ui, &load_balancer::list(&app, &caller, progress)?),
        Verb::Show { balancer } => load_balancer::show(&app, &caller, &balancer.balancer, progress)?,
        Verb::Delete { balancer, change } => {
            let deleted = load_balancer::delete(&app, &caller, &balancer.balancer, (*change).into(), progress)?;
            return print_changed(&env.ui, &[deleted.run(progress)?]);
        }
    };
    print_load_balancer(&env.ui, &view)
}
