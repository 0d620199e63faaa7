//! `lite create`.

use std::{path::PathBuf, time::Duration};

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete, values};
use crate::model::{Name, NetworkMode, Result, Tag};

const EXAMPLES: &str = "\
EXAMPLES:
  lite create nginx
      A web server, named `nginx-1`, with the smallest bundle that fits
  lite create nginx --bundle small --name shop --tag client=acme
      Two GiB of memory, a name and a tag of your own
  lite create debian-13 --ssh-key ~/.ssh/id_ed25519.pub --user-data setup.sh
      A plain Debian with your key, and your own script at its first boot
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
/// the instance is kept as `failed` for its logs (`lite logs NAME --boot`).
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// What runs in it; `lite blueprints` lists them
    #[arg(add = ArgValueCompleter::new(complete::blueprints))]
    pub blueprint: String,
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
    /// A `#cloud-config` or `#!` file, run after the blueprint's own parts
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// A label of yours; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = Tag::parse)]
    pub tags: Vec<Tag>,
    /// `nat`, or `bridge:NAME` for a place on your own network
    #[arg(long, default_value = "nat", value_parser = NetworkMode::parse)]
    pub network: NetworkMode,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = values::duration)]
    pub timeout: Duration,
    /// Return once the machine runs, before its application answers
    #[arg(long)]
    pub no_wait: bool,
    /// Your own id of this request: asked twice, made once
    #[arg(long, value_name = "ID", value_parser = values::request_id)]
    pub request_id: Option<String>,
    #[command(flatten)]
    pub change: common::Change,
}

/// Makes an instance; the stages go to [`crate::ui::Stages`], the end to [`crate::ui::view::print_created`].
pub fn run(_args: &Args, _env: &mut Env) -> Result<()> {
    Err(common::not_wired("create"))
}
