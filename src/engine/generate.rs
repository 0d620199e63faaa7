//! What a create draws, and what it writes down of it.

use std::collections::BTreeMap;

use secrecy::SecretString;
use uuid::Uuid;

use super::provision::Request;
use crate::{
    catalog::Blueprint,
    guest,
    image::Image,
    model::{Mac, Name, Record, Result},
    render::{HostKey, render_accounts},
    store,
};

/// What is drawn once, before planning, and is data from then on.
pub struct Drawn {
    /// Instance id.
    pub uuid: Uuid,
    /// Hardware address.
    pub mac: Mac,
    /// The guest's SSH host key.
    pub host_key: HostKey,
    /// Every secret of the blueprint.
    pub secrets: BTreeMap<String, SecretString>,
}

/// Draws everything random.
pub fn draw(blueprint: &Blueprint) -> Result<Drawn> {
    Ok(Drawn {
        uuid: Uuid::new_v4(),
        mac: Mac::ours(rand::random()),
        host_key: guest::keys::new_host_key()?,
        secrets: blueprint.secrets.iter().map(|s| (s.name.clone(), guest::keys::new_secret(s))).collect(),
    })
}

/// The record of the instance to be.
pub fn record(
    request: &Request<'_>,
    image: &Image,
    drawn: &Drawn,
    name: Name,
    address: Option<std::net::Ipv4Addr>,
    now: jiff::Timestamp,
) -> Record {
    let (blueprint, bundle) = (request.blueprint, request.bundle);
    Record {
        name,
        uuid: drawn.uuid,
        blueprint: blueprint.id.clone(),
        blueprint_version: blueprint.version.clone(),
        base: request.base.to_owned(),
        image_digest: image.digest.clone(),
        bundle: bundle.id.clone(),
        vcpus: bundle.vcpus,
        memory: bundle.memory,
        disk: bundle.disk,
        transfer: bundle.transfer,
        price: bundle.price,
        currency: bundle.currency.clone(),
        mac: drawn.mac,
        address,
        network: request.network.clone(),
        ports: blueprint.ports.clone(),
        tags: request.tags.clone(),
        created_at: now,
    }
}

/// The secrets as they are stored.
pub fn secret_rows(request: &Request<'_>, record: &Record, drawn: &Drawn) -> Result<Vec<store::Secret>> {
    let address = record.address.map_or_else(String::new, |a| a.to_string());
    let accounts = render_accounts(request.blueprint, &record.name, &address, &request.parameters)?;
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
                value: drawn.secrets.get(&spec.name)?.clone(),
            })
        })
        .collect();
    Ok(rows)
}
