//! `lite bundles`.

use super::{
    Env,
    session::{self, Session},
};
use crate::{engine, model::Result, ui::print::print_bundles, view::BundleRow};

const EXAMPLES: &str = "\
EXAMPLES:
  lite bundles
      Sizes, prices, and how many more of each this host has room for
  lite bundles --json | jq '.bundles[] | {id, price}'
      For a script";

/// List the sizes and prices there are
///
/// Lists the bundles: fixed sizes, each with a flat monthly price, and how many
/// more of each fit on this host. Prices and currency are yours to set, in
/// /etc/lite/blueprints/bundles.yaml.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {}

/// Lists the bundles with [`crate::ui::print::print_bundles`].
pub fn run(_args: &Args, env: &mut Env) -> Result<()> {
    let catalog = session::catalog(&env.settings()?)?;
    let capacity = Session::open(env).and_then(|s| engine::capacity(&s.engine_as_it_is(false)?));
    if let Err(e) = &capacity {
        env.ui.warn(&format!("how many fit is not known: {}", e.message));
    }
    let rows: Vec<BundleRow> = catalog
        .bundles
        .iter()
        .map(|b| BundleRow {
            id: b.id.clone(),
            vcpus: b.vcpus,
            memory: b.memory,
            disk: b.disk,
            transfer: b.transfer,
            price: b.price,
            currency: b.currency.clone(),
            fits: capacity.as_ref().ok().map(|c| c.count(b)),
        })
        .collect();
    print_bundles(&env.ui, &rows)
}
