//! Names of what there is, for completion: read without any lock or change. Whatever fails gives none.

use super::sources::catalog;
use crate::{
    catalog::Catalog,
    model::Settings,
    store::names::{Named, names},
};

/// Names of the instances.
pub fn instances(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Instance).unwrap_or_default()
}

/// Names of deleted instances that are kept.
pub fn deleted(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Kept).unwrap_or_default()
}

/// Names of the alarms.
pub fn alarms(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Alarm).unwrap_or_default()
}

/// Names of the contacts.
pub fn contacts(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Contact).unwrap_or_default()
}

/// Names of the static addresses.
pub fn static_ips(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::StaticIp).unwrap_or_default()
}

/// Names of the load balancers.
pub fn load_balancers(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::LoadBalancer).unwrap_or_default()
}

/// Names of the snapshots.
pub fn snapshots(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Snapshot).unwrap_or_default()
}

/// Names of the disks.
pub fn disks(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Disk).unwrap_or_default()
}

/// Names of the remotes.
pub fn remotes(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Remote).unwrap_or_default()
}

/// Published domains.
pub fn domains(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Domain).unwrap_or_default()
}

/// Ids of the jobs that have not ended.
pub fn jobs(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Job).unwrap_or_default()
}

/// Names of users.
pub fn users(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::User).unwrap_or_default()
}

/// Ids of keys of the API.
pub fn keys(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Key).unwrap_or_default()
}

/// Ids of the latest operations.
pub fn operations(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::Operation).unwrap_or_default()
}

/// Ids of the operations under way.
pub fn open_operations(settings: &Settings) -> Vec<String> {
    names(&settings.paths.state, Named::OpenOperation).unwrap_or_default()
}

/// Ids of the blueprints.
pub fn blueprints(settings: Option<&Settings>) -> Vec<String> {
    usable_catalog(settings).blueprints.into_keys().collect()
}

/// Ids of the bundles, smallest first.
pub fn bundles(settings: Option<&Settings>) -> Vec<String> {
    usable_catalog(settings).bundles.into_iter().map(|b| b.id).collect()
}

/// Ids of the base images: those that blueprints run on.
pub fn bases(settings: Option<&Settings>) -> Vec<String> {
    let mut names: Vec<String> = usable_catalog(settings).blueprints.into_values().flat_map(|b| b.bases).collect();
    names.sort();
    names.dedup();
    names
}

/// The catalog as it is now; the embedded one if the operator's files have faults.
fn usable_catalog(settings: Option<&Settings>) -> Catalog {
    let whole = settings.and_then(|s| catalog(s).ok());
    whole.or_else(|| Catalog::embedded().ok()).unwrap_or_default()
}
