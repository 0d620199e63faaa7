//! The lines printed at the end of a create.

use std::collections::BTreeMap;

use crate::{
    catalog::{Blueprint, render_template},
    model::{Error, Name, Result},
};

/// The blueprint's output lines, label and value, in the order of labels. Values hold what the user set: print them escaped.
/// Without an address, as long as a guest on a foreign network has not told its own, the lines that need it are left out.
///
/// # Errors
/// Failed if a template does not render, which the catalog's check rules out.
pub fn render_output(
    blueprint: &Blueprint,
    name: &Name,
    address: &str,
    params: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>> {
    let mut lines = Vec::new();
    for (label, template) in &blueprint.output {
        if address.is_empty() && template.contains("address") {
            continue;
        }
        let value = render_template(template, name.as_str(), address, params).map_err(|error| {
            Error::failed("render_failed", format!("output `{label}` of `{}` does not render", blueprint.id))
                .cause(error)
        })?;
        lines.push((label.clone(), value));
    }
    Ok(lines)
}
