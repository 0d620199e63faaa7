//! The file of bundles.

use super::{blueprint::id, diagnostic::Diagnostics, reader::Fields, tree::Node, types::Bundle};
use crate::model::{Currency, Money, Size, StoragePrices};

const KEYS: [&str; 6] = ["id", "vcpus", "memory", "disk", "transfer", "price"];

/// Reads the bundles of a file, in its order.
pub(crate) fn read(root: &Node, diagnostics: &mut Diagnostics) -> Vec<Bundle> {
    let Some(top) = Fields::of(root, "", &["currency", "storage", "bundles"], diagnostics) else { return Vec::new() };
    storage(&top, diagnostics);
    let currency = top.parsed("currency", diagnostics, Currency::parse);
    top.need("bundles", diagnostics);
    let mut bundles: Vec<Bundle> = Vec::new();
    for (i, node) in top.list("bundles", diagnostics).iter().enumerate() {
        let Some(bundle) = bundle(node, &format!("bundles[{i}]"), currency.as_ref(), diagnostics) else { continue };
        if bundles.iter().any(|b| b.id == bundle.id) {
            diagnostics.add(node.line, &format!("bundles[{i}].id"), format!("`{}` is listed twice", bundle.id));
        }
        bundles.push(bundle);
    }
    bundles
}

/// What the file says of storage; none: nothing.
pub(crate) fn read_storage(root: &Node, diagnostics: &mut Diagnostics) -> Option<StoragePrices> {
    let top = Fields::any(root, "", diagnostics)?;
    let (disk, snapshot) = storage(&top, diagnostics)?;
    Some(StoragePrices { disk, snapshot, currency: top.parsed("currency", diagnostics, Currency::parse)? })
}

/// The price of a GiB and month of disks and of snapshots; what is not said costs nothing.
fn storage(top: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<(Money, Money)> {
    let fields = Fields::of(top.get("storage")?, "storage", &["disk", "snapshot"], diagnostics)?;
    let mut price = |key| match fields.get(key) {
        Some(_) => fields.parsed(key, diagnostics, Money::parse),
        None => Some(Money::default()),
    };
    price("disk").zip(price("snapshot"))
}

fn bundle(node: &Node, path: &str, currency: Option<&Currency>, diagnostics: &mut Diagnostics) -> Option<Bundle> {
    let fields = Fields::of(node, path, &KEYS, diagnostics)?;
    let id = fields.parsed("id", diagnostics, id);
    let vcpus = fields.number("vcpus", 1..=256, diagnostics);
    let memory = fields.parsed("memory", diagnostics, Size::parse);
    let disk = fields.parsed("disk", diagnostics, Size::parse);
    let transfer = fields.parsed("transfer", diagnostics, Size::parse);
    let price = fields.parsed("price", diagnostics, Money::parse);
    Some(Bundle {
        id: id?,
        vcpus: vcpus?,
        memory: memory?,
        disk: disk?,
        transfer: transfer?,
        price: price?,
        currency: currency?.clone(),
    })
}
