//! What a create draws, and what it writes down of it.

use std::collections::BTreeMap;

use secrecy::SecretString;
use uuid::Uuid;

use super::request::Request;
use crate::{
    catalog::Blueprint,
    guest,
    model::{Mac, Record, Result},
    render::{HostKey, render_accounts},
    store,
};

/// What is generated once, before planning, and is data from then on.
pub struct Generated {
    /// Instance id.
    pub uuid: Uuid,
    /// Hardware address.
    pub mac: Mac,
    /// The guest's SSH host key.
    pub host_key: HostKey,
    /// Every secret of the blueprint.
    pub secrets: BTreeMap<String, SecretString>,
}

/// Generates everything random.
pub fn generate(blueprint: &Blueprint) -> Result<Generated> {
    Ok(Generated {
        uuid: Uuid::new_v4(),
        mac: Mac::ours(rand::random()),
        host_key: guest::keys::new_host_key()?,
        secrets: blueprint.secrets.iter().map(|s| (s.name.clone(), guest::keys::new_secret(s))).collect(),
    })
}

/// The secrets as they are stored.
pub fn secret_rows(request: &Request, record: &Record, generated: &Generated) -> Result<Vec<store::Secret>> {
    let address = record.address.map_or_else(String::new, |a| a.to_string());
    let accounts = render_accounts(&request.blueprint, &record.name, &address, &request.parameters)?;
    let rows = request
        .blueprint
        .secrets
        .iter()
        .filter_map(|spec| {
            Some(store::Secret {
                name: spec.name.clone(),
                account: accounts.get(&spec.name).cloned(),
                description: spec.description.clone(),
                shown: spec.show,
                value: generated.secrets.get(&spec.name)?.clone(),
            })
        })
        .collect();
    Ok(rows)
}
