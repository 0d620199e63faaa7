//! Objects of libvirt by their names. What is not there is none, and no error.

use uuid::Uuid;
use virt::{
    connect::Connect, domain::Domain, error::ErrorNumber, network::Network, storage_pool::StoragePool,
    storage_vol::StorageVol,
};

use super::errors::{Outcome, present};
use crate::model::{Code, Error, escaped};

/// The domain of that uuid.
pub fn domain(connection: &Connect, uuid: Uuid) -> Outcome<Option<Domain>> {
    present(connection.lookup_domain_by_uuid(uuid), ErrorNumber::NoDomain)
}

/// The network of that name.
pub fn network(connection: &Connect, name: &str) -> Outcome<Option<Network>> {
    present(connection.lookup_network_by_name(name), ErrorNumber::NoNetwork)
}

/// The volume of that name in a pool.
pub fn volume(pool: &StoragePool, name: &str) -> Outcome<Option<StorageVol>> {
    present(pool.lookup_storage_vol_by_name(name), ErrorNumber::NoStorageVolume)
}

/// The volume of that name in a pool, which must be there.
pub fn must_volume(pool: &StoragePool, name: &str) -> Outcome<StorageVol> {
    let error = || Error::new(Code::NoVolume, format!("libvirt has no volume `{}`", escaped(name)));
    volume(pool, name)?.ok_or_else(|| error().into())
}
