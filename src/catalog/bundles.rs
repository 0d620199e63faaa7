//! The file of bundles.

use super::{blueprint::id, fault::Faults, reader::Fields, tree::Node, types::Bundle};
use crate::model::{Currency, Money, Size};

const KEYS: [&str; 6] = ["id", "vcpus", "memory", "disk", "transfer", "price"];

/// Reads the bundles of a file, in its order.
pub(crate) fn read(root: &Node, faults: &mut Faults) -> Vec<Bundle> {
    let Some(top) = Fields::of(root, "", &["currency", "bundles"], faults) else { return Vec::new() };
    let currency = top.parsed("currency", faults, Currency::parse);
    top.need("bundles", faults);
    let mut bundles: Vec<Bundle> = Vec::new();
    for (i, node) in top.list("bundles", faults).iter().enumerate() {
        let Some(bundle) = bundle(node, &format!("bundles[{i}]"), currency.as_ref(), faults) else { continue };
        if bundles.iter().any(|b| b.id == bundle.id) {
            faults.add(node.line, &format!("bundles[{i}].id"), format!("`{}` is listed twice", bundle.id));
        }
        bundles.push(bundle);
    }
    bundles
}

fn bundle(node: &Node, path: &str, currency: Option<&Currency>, faults: &mut Faults) -> Option<Bundle> {
    let fields = Fields::of(node, path, &KEYS, faults)?;
    let id = fields.parsed("id", faults, id);
    let vcpus = fields.number("vcpus", 1..=256, faults);
    let memory = fields.parsed("memory", faults, Size::parse);
    let disk = fields.parsed("disk", faults, Size::parse);
    let transfer = fields.parsed("transfer", faults, Size::parse);
    let price = fields.parsed("price", faults, Money::parse);
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
