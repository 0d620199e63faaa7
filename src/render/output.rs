//! The lines printed at the end of a create, and the accounts of its secrets.

use std::collections::BTreeMap;

use crate::{
    catalog::{Blueprint, render_template},
    model::{Code, Error, Name, Result},
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
    let line = |(label, template): (&String, &String)| {
        let what = format!("output `{label}`");
        filled(blueprint, &what, template, name, address, params).map(|value| (label.clone(), value))
    };
    let known = |(_, template): &(&String, &String)| !address.is_empty() || !template.contains("address");
    blueprint.output.iter().filter(known).map(line).collect()
}

/// The account of each secret that has one, by the secret's name.
///
/// # Errors
/// As [`render_output`].
pub fn render_accounts(
    blueprint: &Blueprint,
    name: &Name,
    address: &str,
    params: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let mut accounts = BTreeMap::new();
    for secret in &blueprint.secrets {
        if let Some(template) = &secret.user {
            let what = format!("account of secret `{}`", secret.name);
            accounts.insert(secret.name.clone(), filled(blueprint, &what, template, name, address, params)?);
        }
    }
    Ok(accounts)
}

fn filled(
    blueprint: &Blueprint,
    what: &str,
    template: &str,
    name: &Name,
    address: &str,
    params: &BTreeMap<String, String>,
) -> Result<String> {
    render_template(template, name.as_str(), address, params).map_err(|error| {
        Error::new(Code::RenderFailed, format!("{what} of `{}` does not render", blueprint.id)).cause(error)
    })
}
