//! Which domains of the host are this lite's: they carry a record of ours, and their disk lies in our pool.
//!
//! A host may have more than one lite, each with a pool and a database of its own; their domains carry records too.

use std::{collections::HashSet, path::Path};

use uuid::Uuid;

use crate::{
    hypervisor::{DomainInfo, DomainState, Hypervisor},
    model::{Code, Error, Hint, Record, Result, Settings, Verb, escaped},
    plan::{METADATA_URI, Namespace, disks_in_domain, is_marked, owner_of, record_of},
    store::Store,
};

/// A domain of this lite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurDomain {
    /// As libvirt lists it.
    pub seen: DomainInfo,
    /// The record in its metadata; none if this lite cannot read it.
    pub record: Option<Record>,
}

/// All domains of this lite. An error of the host is never taken for absence.
pub fn our_domains(hypervisor: &dyn Hypervisor, settings: &Settings) -> Result<Vec<OurDomain>> {
    let domains = hypervisor.domains()?;
    if domains.is_empty() {
        return Ok(Vec::new());
    }
    let pool = hypervisor.pool(&settings.host.pool)?.map(|p| p.path).filter(|path| !path.is_empty());
    let pool = pool.map_or_else(|| settings.host.folders.pool.clone(), Into::into);
    let mut ours = Vec::new();
    for seen in domains {
        // No element of ours, or gone meanwhile.
        let Some(metadata) = hypervisor.domain_metadata(seen.uuid, METADATA_URI)? else { continue };
        let record = record_of(&metadata).filter(|r| r.uuid == seen.uuid);
        if is_here(hypervisor, settings, &pool, &seen)? {
            ours.push(OurDomain { record, seen });
        }
    }
    Ok(ours)
}

/// Whether a domain with a record has its disk in our pool.
fn is_here(hypervisor: &dyn Hypervisor, settings: &Settings, pool: &Path, seen: &DomainInfo) -> Result<bool> {
    // Its definition cannot be read while a call to it hangs. Its volumes can be seen; without a pool nothing can.
    if seen.state == DomainState::Unresponsive {
        let active = hypervisor.pool(&settings.host.pool)?.is_some_and(|p| p.active);
        let volumes = if active { hypervisor.volumes(&settings.host.pool)? } else { Vec::new() };
        return Ok(volumes.iter().any(|v| owner_of(Namespace::Volume, &v.name).is_some_and(|(_, id)| id == seen.uuid)));
    }
    let Some(xml) = hypervisor.domain_xml(seen.uuid)? else { return Ok(false) };
    Ok(disks_in_domain(&xml).iter().any(|disk| Path::new(disk).starts_with(pool)))
}

/// Whether a volume is one of lite's, and of no instance with a row: nobody can tell which image it lies on.
pub fn is_without_row(volume: &str, with_row: &HashSet<Uuid>) -> bool {
    match owner_of(Namespace::Volume, volume) {
        Some((_, id)) => !with_row.contains(&id),
        None => is_marked(volume),
    }
}

/// Refused (`state_missing`) if there is no database, but domains that only a database of this lite can have made.
pub fn refuse_lost_state(hypervisor: &dyn Hypervisor, settings: &Settings) -> Result<()> {
    let state = &settings.paths.state;
    if Store::exists(state)? {
        return Ok(());
    }
    let ours = our_domains(hypervisor, settings)?;
    // Another first command may have made the database, and then these, while this one looked.
    if ours.is_empty() || Store::exists(state)? {
        return Ok(());
    }
    let names: Vec<String> = ours.iter().map(|d| format!("`{}`", escaped(&d.seen.name))).collect();
    let text = format!(
        "`{}` is missing, but this host has {} of lite's: {}",
        state.join("state.db").display(),
        if names.len() == 1 { "an instance".to_owned() } else { format!("{} instances", names.len()) },
        names.join(", ")
    );
    Err(Error::new(Code::StateMissing, text)
        .hint(
            Hint::from("restore it from a backup, or rebuild it from what libvirt knows: ")
                .run_with(Verb::Repair, &[&"--rebuild"]),
        )
        .hint("if it lies in another folder, name that: `LITE_STATE_DIR`"))
}
