//! `lite import`.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use clap_complete::ArgValueCompleter;
use ipnet::Ipv4Net;

use super::{Env, common, complete, create::MAX_KEY, signals, values};
use crate::{
    app::{
        files::Attachment,
        instance::{
            create::Create,
            import::{self, Import},
        },
    },
    model::{Name, NetworkMode, Result, Tag},
    ui::print::{print_created, print_plan},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite import web-1.lite
      The instance as it was exported, by the name that it had
  lite import web-1.lite --name web-2 --bundle small
      By another name, on a larger machine
  lite import shop.lite.age --identity key.txt
      One that was exported with --encrypt
  lite import web-1.lite --dry-run
      What would be made, and what does it cost?";

/// Make an instance from a file that `lite export` wrote
///
/// The new instance has the disk in the file, with its data and passwords, and an
/// address, host keys and a machine id of its own. Nothing is installed or
/// configured again, and an application that knows its own address, such as
/// WordPress, is told the new one. Disks that it was given are made and attached as
/// they were; one whose name is taken is called `NAME-2`. The host needs no image
/// and nothing else of where the file comes from. It is read as one that somebody
/// may have changed: what is not as `lite export` writes it is refused, its digests are
/// compared, and its domain.xml is not used.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name [default: the one that it had]
    #[arg(long, value_parser = Name::parse)]
    name: Option<Name>,
    /// Size and price [default: the one that it had, or the smallest that fits]
    #[arg(long, add = ArgValueCompleter::new(complete::bundles))]
    bundle: Option<String>,
    /// File with the secret key of age, for a file that is encrypted
    #[arg(long, value_name = "KEYFILE")]
    identity: Option<PathBuf>,
    /// A file with a public SSH key that may log in; may be repeated
    #[arg(long = "ssh-key", value_name = "FILE")]
    ssh_keys: Vec<PathBuf>,
    /// A label of yours; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = Tag::parse)]
    tags: Vec<Tag>,
    /// `nat`, or `bridge:NAME` for a place on your own network
    #[arg(long, default_value = "nat", value_parser = NetworkMode::parse)]
    network: NetworkMode,
    /// Its address on that bridge, such as `192.168.1.50/24` [default: by DHCP]
    #[arg(long, value_name = "ADDRESS/PREFIX", value_parser = values::lan_address, requires = "gateway")]
    address: Option<Ipv4Net>,
    /// The router and name server for that address
    #[arg(long, value_name = "ADDRESS", value_parser = values::ipv4, requires = "address")]
    gateway: Option<Ipv4Addr>,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
    timeout: Duration,
    /// Return once the machine runs, before its application answers
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    change: common::Change,
}

/// Makes an instance of an export, or shows what would be made.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    let checked = import::check(&app, &env.caller(), request(args)?, &mut env.progress())?;
    if args.change.dry_run {
        return print_plan(&env.ui, &checked.plan(&app.settings)?);
    }
    signals::heed(&app.cancel)?;
    let made = checked.run(&app, &mut env.progress())?;
    print_created(&env.ui, &made.view)
}

fn request(args: &Args) -> Result<Import> {
    let key = |file: &PathBuf| Attachment::read(file, MAX_KEY);
    Ok(Import {
        file: args.file.clone(),
        identity: args.identity.clone(),
        create: Create {
            blueprint: String::new(),
            from_snapshot: None,
            bundle: args.bundle.clone(),
            name: args.name.clone(),
            base: None,
            parameters: Vec::new(),
            ssh_keys: args.ssh_keys.iter().map(key).collect::<Result<_>>()?,
            user_data: None,
            fqdn: None,
            timezone: None,
            tags: args.tags.clone(),
            network: args.network.clone(),
            address: args.address.zip(args.gateway),
            use_baked: false,
            use_warm: false,
            asked: None,
            request_id: None,
            wait: args.change.wait,
            timeout: args.timeout,
            until_ready: !args.no_wait,
        },
    })
}
