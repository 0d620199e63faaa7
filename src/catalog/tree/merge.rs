//! Merge keys, such as `<<: *defaults`, as PyYAML understands them (<https://yaml.org/type/merge.html>).

use super::{Key, Node, Open, Value};

/// The key, as a plain word.
pub(super) const KEY: &str = "<<";

/// A finished list or mapping, with the entries that its merge keys bring. Its own entries win; of others an earlier item of one
/// list, and the later of two merge keys.
pub(super) fn resolve(open: Open) -> Result<Node, String> {
    let Open { mut node, merges, mut seen, .. } = open;
    let Value::Map(entries) = &mut node.value else { return Ok(node) };
    for merged in merges.into_iter().rev() {
        for (key, node) in brought(merged)? {
            if seen.insert(key.text.clone(), key.line).is_none() {
                entries.push((key, node));
            }
        }
    }
    Ok(node)
}

/// The entries that the value of a merge key holds, the strongest first.
fn brought(value: Node) -> Result<Vec<(Key, Node)>, String> {
    let wrong = || Err("a merge key takes a mapping or a list of mappings".to_owned());
    match value.value {
        Value::Map(entries) => Ok(entries),
        Value::List(items) => {
            let mut all = Vec::new();
            for item in items {
                let Value::Map(entries) = item.value else { return wrong() };
                all.extend(entries);
            }
            Ok(all)
        }
        Value::Scalar { .. } | Value::Binary(_) => wrong(),
    }
}
