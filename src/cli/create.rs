//! `lite create`.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use clap_complete::ArgValueCompleter;
use ipnet::Ipv4Net;

use super::{Env, common, complete, signals, values};
use crate::{
    app::{
        files::Attachment,
        instance::create::{self, Create},
    },
    model::{DnsName, Hint, Name, NetworkMode, Result, Tag, TimeZone},
    ui::print::{print_created, print_plan},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite create nginx
      A web server, named `nginx-1`, with the smallest bundle that fits
  lite create nginx --bundle small --name shop --tag client=acme
      Two GiB of memory, a name and a tag of your own
  lite create debian-13 --ssh-key ~/.ssh/id_ed25519.pub --user-data setup.sh
      A plain Debian with your key, and your own script at its first boot
  lite create --from-snapshot before-update --name try-out
      A second instance with the disk of a snapshot
  lite create nginx --dry-run
      Show what would be made and what it costs, and make nothing
  lite create nginx --json | jq -r .instance.address
      The address, for a script";

/// Make an instance: a virtual machine with a working application
///
/// Makes a virtual machine from a blueprint and a bundle, and waits until its
/// application really answers. Each stage is shown with its time; at the end come
/// the address, the URL and what is needed to log in. If a stage fails it says
/// which and why; what was made before the machine existed is undone, after that
/// the instance is kept as `failed` for its logs (`lite logs NAME --boot`). An
/// image that `lite image bake` made of the same parts is taken by itself.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// What runs in it; `lite blueprints` lists them
    #[arg(required_unless_present = "from_snapshot", add = ArgValueCompleter::new(complete::blueprints))]
    pub blueprint: Option<String>,
    /// A snapshot whose disk it gets, in place of a blueprint
    ///
    /// The new instance has the snapshot's data and passwords, and a name, an address,
    /// host keys and a machine id of its own. Nothing is installed or configured again,
    /// and an application that knows its own address, such as WordPress, is told the
    /// new one. The bundle may be larger than that of the snapshot's instance, never
    /// with a smaller disk. The snapshot cannot be deleted until the new disk has taken
    /// over what it holds, which begins with the next command or the watcher.
    #[arg(
        long,
        value_name = "SNAPSHOT",
        value_parser = Name::parse,
        add = ArgValueCompleter::new(complete::snapshots),
        conflicts_with_all = ["blueprint", "base", "set", "user_data", "fqdn", "timezone", "no_baked"]
    )]
    pub from_snapshot: Option<Name>,
    /// Size and price [default: the smallest that fits the blueprint]
    #[arg(long, add = ArgValueCompleter::new(complete::bundles))]
    pub bundle: Option<String>,
    /// Its name [default: the blueprint's and the first free number]
    #[arg(long, value_parser = Name::parse)]
    pub name: Option<Name>,
    /// The operating system below an application [default: the blueprint's]
    #[arg(long, value_name = "IMAGE", add = ArgValueCompleter::new(complete::bases))]
    pub base: Option<String>,
    /// Set a parameter of the blueprint; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = values::assignment)]
    pub set: Vec<values::Assignment>,
    /// A file with a public SSH key that may log in; may be repeated
    #[arg(long = "ssh-key", value_name = "FILE")]
    pub ssh_keys: Vec<PathBuf>,
    /// A `#cloud-config`, `#!` or MIME file, run after the blueprint's own parts;
    /// `-` is standard input
    ///
    /// A script, or keys of cloud-init. As in cloud-init, `runcmd` is run by `sh` and
    /// goes on after a command that fails; with `set -e` as its first item it stops
    /// there. The last command's exit code counts. A `reboot` at the end of a script,
    /// or `power_state: {mode: reboot}`, is waited for: the instance is ready after the
    /// next boot. A `shutdown` planned for more than five minutes later is not.
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// Its name in DNS, such as `mail.example.org` [default: its name alone]
    #[arg(long, value_name = "NAME", value_parser = DnsName::parse)]
    pub fqdn: Option<DnsName>,
    /// Its time zone, such as `Europe/Berlin` [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = TimeZone::parse)]
    pub timezone: Option<TimeZone>,
    /// A label of yours; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = Tag::parse)]
    pub tags: Vec<Tag>,
    /// `nat`, or `bridge:NAME` for a place on your own network
    #[arg(long, default_value = "nat", value_parser = NetworkMode::parse)]
    pub network: NetworkMode,
    /// Its address on that bridge, such as `192.168.1.50/24` [default: by DHCP]
    #[arg(long, value_name = "ADDRESS/PREFIX", value_parser = values::lan_address, requires = "gateway")]
    pub address: Option<Ipv4Net>,
    /// The router and name server for that address
    #[arg(long, value_name = "ADDRESS", value_parser = values::ipv4, requires = "address")]
    pub gateway: Option<Ipv4Addr>,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
    pub timeout: Duration,
    /// Return once the machine runs, before its application answers
    #[arg(long)]
    pub no_wait: bool,
    /// Install at first boot even where a baked image is there
    #[arg(long)]
    pub no_baked: bool,
    /// Boot even where the memory of a machine like it is there to go on from
    #[arg(long)]
    pub no_warm: bool,
    /// Your own id of this request: asked twice, made once
    #[arg(long, value_name = "ID", value_parser = values::request_id)]
    pub request_id: Option<String>,
    #[command(flatten)]
    pub change: common::Change,
}

/// Largest public key read.
pub(super) const MAX_KEY: u64 = 64 << 10;
/// Largest user-data read: more is refused by its parser with the right words.
const MAX_USER_DATA: u64 = 1 << 20;

/// Makes an instance, or shows what would be made.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let app = env.app()?;
    let checked = create::check(&app, &env.caller(), request(args)?)?;
    if args.change.dry_run {
        return print_plan(&env.ui, &checked.plan(&app.settings)?);
    }
    signals::heed(&app.cancel)?;
    let made = checked.run(&app, &mut env.progress())?;
    if let Some(bake) = made.advice {
        env.ui.hint(&Hint::from("the next one is faster from a baked image: ").action(bake));
    }
    if made.repeated {
        env.ui.status("this request was made before; its instance is shown");
    }
    print_created(&env.ui, &made.view)
}

/// What the arguments ask for, with the content of the files they name.
fn request(args: &Args) -> Result<Create> {
    let key = |file: &PathBuf| Attachment::read(file, MAX_KEY);
    Ok(Create {
        blueprint: args.blueprint.clone().unwrap_or_default(),
        from_snapshot: args.from_snapshot.clone(),
        bundle: args.bundle.clone(),
        name: args.name.clone(),
        base: args.base.clone(),
        parameters: values::pairs(&args.set),
        ssh_keys: args.ssh_keys.iter().map(key).collect::<Result<_>>()?,
        user_data: args.user_data.as_deref().map(|file| Attachment::read(file, MAX_USER_DATA)).transpose()?,
        fqdn: args.fqdn.clone(),
        timezone: args.timezone.clone(),
        tags: args.tags.clone(),
        network: args.network.clone(),
        address: args.address.zip(args.gateway),
        use_baked: !args.no_baked,
        use_warm: !args.no_warm,
        asked: None,
        request_id: args.request_id.clone(),
        wait: args.change.wait,
        timeout: args.timeout,
        until_ready: !args.no_wait,
    })
}
