//! `lite bundles`.

use super::Env;
use crate::{app::bundle, model::Result, ui::print::print_bundles};

const EXAMPLES: &str = "\
EXAMPLES:
  lite bundles
      Sizes, prices, and how many more of each this host has room for
  lite bundles --json | jq '.bundles[] | {id, price}'
      For a script";

/// List the sizes and prices there are
///
/// Lists the bundles: fixed sizes, each with a flat monthly price, and how many
/// more of each fit on this host, or what is short: `no: memory`. Disks are thin:
/// more may be promised than there is (`disk_overcommit`), and a line on stderr
/// says what is promised, used and free. Prices and currency are yours to set, in
/// /etc/lite/blueprints/bundles.yaml.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {}

/// Lists the bundles with [`crate::ui::print::print_bundles`].
pub fn run(_args: &Args, env: &mut Env) -> Result<()> {
    let (rows, disk) = bundle::list(&env.app()?, &env.caller(), &mut env.progress())?;
    print_bundles(&env.ui, &rows, disk)
}
