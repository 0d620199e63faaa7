//! A create that was checked against the catalog and read from its files: all that can be refused without the host is.

use std::collections::BTreeMap;

use super::{digest::digest, request::Create, user_data};
use crate::{
    app::{App, Caller, Right, elsewhere, files::Attachment, sources::catalog},
    catalog::{Resolved, resolve_params},
    guest,
    model::{Code, Error, NetworkMode, Result, Tag, escaped},
    render::{StaticAddress, UserData},
};

/// What was asked for, checked against the catalog and read from its files.
pub struct Checked {
    pub(super) caller: Caller,
    pub(super) request: Create,
    pub(super) resolved: Resolved,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) ssh_keys: Vec<String>,
    pub(super) user_data: Option<UserData>,
    pub(super) address: Option<StaticAddress>,
    pub(super) digest: String,
    /// The base where none is asked for.
    pub(super) default_base: Option<String>,
}

/// Checks everything that can be checked without the host.
pub fn check(app: &App, caller: &Caller, request: Create) -> Result<Checked> {
    caller.require(Right::Change)?;
    let catalog = catalog(&app.settings)?;
    let blueprint = catalog.blueprint(&request.blueprint).map_err(|e| elsewhere::hint(app, &request.blueprint, e))?;
    let bundle = match &request.bundle {
        Some(bundle) => bundle.clone(),
        None => catalog.smallest_bundle(blueprint).map(|b| b.id.clone()).unwrap_or_default(),
    };
    let resolved = catalog.resolve(&request.blueprint, &bundle, request.base.as_deref())?;
    let parameters = resolve_params(&resolved.blueprint, &request.parameters)?;
    refuse_double_tag(&request.tags)?;
    let address = stated_address(&request)?;
    let ssh_keys = request.ssh_keys.iter().map(public_keys).collect::<Result<Vec<_>>>()?.concat();
    let user_data = user_data::read(&request, &resolved.blueprint.user)?;
    let default_base = blueprint.bases.first().cloned();
    let caller = caller.clone();
    let digest = digest(&request)?;
    Ok(Checked { caller, digest, request, resolved, parameters, ssh_keys, user_data, address, default_base })
}

fn stated_address(request: &Create) -> Result<Option<StaticAddress>> {
    match (request.address, &request.network) {
        (None, _) => Ok(None),
        (Some((net, gateway)), NetworkMode::Bridge(_)) => StaticAddress::on_lan(net, gateway).map(Some),
        (Some(_), NetworkMode::Nat) => {
            let text = "an address is stated on a bridge alone: on the NAT network lite gives each instance its own";
            Err(Error::new(Code::InvalidAddress, text).hint("leave `--address` out, or add `--network bridge:NAME`"))
        }
    }
}

fn refuse_double_tag(tags: &[Tag]) -> Result<()> {
    let mut tags = tags.to_vec();
    tags.sort();
    match tags.windows(2).find(|w| w[0].key == w[1].key) {
        None => Ok(()),
        Some(twice) => {
            let text = format!("the tag `{}` is given twice", escaped(&twice[0].key));
            Err(Error::new(Code::InvalidTag, text).hint("give each key once"))
        }
    }
}

fn public_keys(file: &Attachment) -> Result<Vec<String>> {
    guest::keys::parse_public_keys(&file.bytes).map_err(|e| file.named_in(e))
}
