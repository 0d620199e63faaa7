//! A create that was checked against the catalog and read from its files: all that can be refused without the host is.

use std::collections::BTreeMap;

use super::{digest::digest, request::Create, user_data};
use crate::{
    app::{App, Caller, Right, elsewhere, files::Attachment, scope::Target, sources::catalog},
    catalog::{Blueprint, Resolved, resolve_params},
    engine::CopyOf,
    guest,
    image::Arriving,
    model::{Code, Error, Name, NetworkMode, Record, Result, Size, SnapshotState, Tag, Unobserved, escaped},
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
    /// Whose disk it is to have.
    pub(super) copy_of: Option<CopyOf>,
    /// That disk, where it comes with the request.
    pub(super) arriving: Option<Arriving>,
}

/// Checks everything that can be checked without the host.
pub fn check(app: &App, caller: &Caller, request: Create) -> Result<Checked> {
    app.authorise(caller, Right::Change, Target::Sorted)?;
    let request = within(app, caller, request)?;
    if let Some(name) = request.from_snapshot.clone() {
        app.authorise(caller, Right::Change, Target::Snapshots(std::slice::from_ref(&name)))?;
        return check_copy(app, caller, request, &name);
    }
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
    let (copy_of, arriving) = (None, None);
    Ok(Checked {
        caller,
        digest,
        request,
        resolved,
        parameters,
        ssh_keys,
        user_data,
        address,
        default_base,
        copy_of,
        arriving,
    })
}

/// The request as it is for its caller: a network of the host's own is for administrators, a remote for who sees the whole host, and what
/// is made within a scope gets its tag.
fn within(app: &App, caller: &Caller, mut request: Create) -> Result<Create> {
    if matches!(request.network, NetworkMode::Bridge(_)) {
        app.require(caller, Right::Administer)?;
    }
    if request.tags.iter().any(Tag::pushes) {
        app.require(caller, Right::Change)?;
    }
    let Some(tag) = caller.scope().tag() else { return Ok(request) };
    if request.tags.iter().any(|given| given.key == tag.key && given != tag) {
        return Err(kept(caller, tag));
    }
    if !request.tags.contains(tag) {
        request.tags.push(tag.clone());
    }
    // An id is the caller's own: that of another is not to be met.
    request.request_id = request.request_id.map(|id| format!("{}:{id}", caller.requester.actor));
    Ok(request)
}

/// The error for a change of the tag that a caller's scope is.
pub(super) fn kept(caller: &Caller, tag: &Tag) -> Error {
    Error::new(Code::Forbidden, format!("what `{}` makes and works on keeps the tag `{tag}`", caller.requester.actor))
        .hint(format!("leave out `{}`", tag.key))
}

/// Whose disk a new instance is to have, and what is known of that.
pub(super) struct Original {
    pub copy_of: CopyOf,
    pub arriving: Option<Arriving>,
    pub blueprint: Blueprint,
    pub parameters: BTreeMap<String, String>,
    pub record: Record,
    pub disk: Size,
}

/// Checks the create of an instance that has the disk of another, and so its blueprint, base and parameters.
pub(super) fn check_original(app: &App, caller: &Caller, request: Create, original: Original) -> Result<Checked> {
    let Original { copy_of, arriving, mut blueprint, parameters, record, disk } = original;
    let wanted = (request.bundle.as_deref(), &*record.bundle);
    let catalog = catalog(&app.settings)?;
    // How an application is moved is known better today than when its instance was made.
    if let Some(today) = catalog.blueprints.get(&blueprint.id) {
        blueprint.moved.clone_from(&today.moved);
    }
    let bundle = catalog.bundle_of_copy(&blueprint, disk, wanted)?;
    refuse_double_tag(&request.tags)?;
    Ok(Checked {
        caller: caller.clone(),
        digest: digest(&request)?,
        address: stated_address(&request)?,
        ssh_keys: request.ssh_keys.iter().map(public_keys).collect::<Result<Vec<_>>>()?.concat(),
        resolved: Resolved { blueprint, bundle, base: record.base },
        parameters,
        user_data: None,
        default_base: None,
        copy_of: Some(copy_of),
        arriving,
        request,
    })
}

/// Checks a create from a snapshot: blueprint, base and parameters are those of the snapshot's instance.
fn check_copy(app: &App, caller: &Caller, request: Create, name: &Name) -> Result<Checked> {
    let is_set_up = !request.parameters.is_empty() || request.user_data.is_some();
    if is_set_up || request.base.is_some() || request.fqdn.is_some() || request.timezone.is_some() {
        let text = "an instance that is made from a snapshot is set up already: it has the snapshot's disk";
        return Err(Error::new(Code::Usage, text).hint(
            "leave out `--base`, `--set`, `--user-data`, `--fqdn` and `--timezone`, and change it in the guest",
        ));
    }
    let store = app.store(caller, &mut Unobserved)?.map_or_else(|| app.new_store(), Ok)?;
    let stored = store.require_snapshot(&app.settings.host.id, name)?;
    if stored.state != SnapshotState::Available {
        let text = format!("snapshot `{name}` is {}", stored.state);
        return Err(Error::new(Code::NotSettled, text).hint("try again in a moment"));
    }
    let snapshot = stored.snapshot;
    let (blueprint, parameters) = store.blueprint_of_snapshot(snapshot.id)?;
    let (record, disk) = (snapshot.record.clone(), snapshot.size);
    let copy_of = CopyOf::Snapshot(Box::new(snapshot));
    check_original(app, caller, request, Original { copy_of, arriving: None, blueprint, parameters, record, disk })
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
