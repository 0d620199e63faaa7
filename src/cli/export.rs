//! `lite export`.

use std::path::PathBuf;

use clap_complete::ArgValueCompleter;

use super::{Env, common, complete};
use crate::{
    app::export::{self, Export},
    model::{Name, Recipient, Result},
    ui::print::print_changed,
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite export web-1 web-1.lite
      An instance as it is now, also while it runs
  lite export before-update before-update.lite
      A snapshot
  lite export shop /mnt/usb/shop.lite --dry-run
      What would be written?";

/// Write an instance or a snapshot into a file
///
/// The file is a tar, for another host or to be kept elsewhere: `lite.json` says
/// what it is, `domain.xml` is a virtual machine for any libvirt, `disk-0.qcow2` is
/// the disk, compressed, which lies on nothing else, and `disk-1.qcow2` and so on
/// are the disks that it was given. An instance that runs is exported from a
/// snapshot that is made for it and goes afterwards, so that all are of one moment.
/// Disks hold passwords and keys as they always did: the file's mode is 0600. With
/// --encrypt it can be read with one key alone (`age -d -i KEYFILE FILE`).
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// Name of an instance or a snapshot
    #[arg(value_name = "NAME", value_parser = Name::parse, add = ArgValueCompleter::new(complete::exportable))]
    name: Name,
    /// The file; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Public key of age of who alone can read it
    #[arg(long, value_name = "KEY", value_parser = Recipient::parse)]
    encrypt: Option<Recipient>,
    /// With the passwords that lite made for it; only with --encrypt
    #[arg(long)]
    with_secrets: bool,
    #[command(flatten)]
    change: common::Change,
}

/// Writes an export.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let export = Export {
        of: args.name.clone(),
        file: args.file.clone(),
        recipient: args.encrypt.clone(),
        with_secrets: args.with_secrets,
        wait: args.change.wait,
        dry_run: args.change.dry_run,
    };
    let exported = export::run(&env.app()?, &env.caller(), &export, &mut env.progress())?;
    print_changed(&env.ui, &[exported])
}
