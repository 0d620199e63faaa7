//! lite's own element in a domain's `<metadata>`, found by its namespace URI.

use uuid::Uuid;
use virt::error::ErrorNumber;
use virt_sys as sys;

use super::{
    connect::{Link, ORDINARY, no_nul},
    errors::present,
    lifecycle::absent,
    lookup,
};
use crate::model::Result;

const ELEMENT: i32 = sys::VIR_DOMAIN_METADATA_ELEMENT.cast_signed();

/// Reads it from the persistent definition. It comes back without prefix and namespace: match on local names.
pub fn get(link: &Link, uuid: Uuid, uri: &str) -> Result<Option<String>> {
    no_nul(&[uri])?;
    let uri = uri.to_owned();
    link.call(&format!("read the metadata of domain {uuid}"), ORDINARY, move |c| {
        let Some(domain) = lookup::domain(c, uuid)? else { return Ok(None) };
        match domain.metadata(ELEMENT, Some(&uri), sys::VIR_DOMAIN_AFFECT_CONFIG) {
            Err(error) if error.code().is(ErrorNumber::NoDomain) => Ok(None),
            answer => present(answer, ErrorNumber::NoDomainMetadata),
        }
    })
}

/// Writes it to the persistent definition.
pub fn set(link: &Link, uuid: Uuid, uri: &str, prefix: &str, xml: &str) -> Result<()> {
    no_nul(&[uri, prefix, xml])?;
    let (uri, prefix, xml) = (uri.to_owned(), prefix.to_owned(), xml.to_owned());
    link.call(&format!("write the metadata of domain {uuid}"), ORDINARY, move |c| {
        let Some(domain) = lookup::domain(c, uuid)? else {
            return Err(absent(uuid).into());
        };
        Ok(domain.set_metadata(ELEMENT, Some(&xml), Some(&prefix), Some(&uri), sys::VIR_DOMAIN_AFFECT_CONFIG)?)
    })
}
