//! Rebuilds a lost database from the records in the domains' metadata.

use std::collections::BTreeMap;

use super::Engine;
use crate::{
    catalog::Catalog,
    fault,
    model::{NetworkMode, Phase, Result, Wanted},
    plan::{METADATA_URI, record_of},
    store::{NewInstance, instances},
};

impl Engine<'_> {
    /// Takes every domain of ours that no row knows into the database. Secrets cannot be rebuilt.
    ///
    /// Returns the names taken in, and a sentence for each that could not be.
    pub fn rebuild(&mut self, catalog: &Catalog) -> Result<(Vec<String>, Vec<String>)> {
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        for domain in self.hypervisor.domains()? {
            if self.store.instance_by_uuid(domain.uuid)?.is_some() {
                continue;
            }
            let Some(metadata) = self.hypervisor.domain_metadata(domain.uuid, METADATA_URI)? else { continue };
            let Some(record) = record_of(&metadata).filter(|r| r.uuid == domain.uuid) else {
                refused.push(format!("domain {} carries a record this lite cannot read", domain.uuid));
                continue;
            };
            let Some(blueprint) = catalog.blueprints.get(&record.blueprint) else {
                refused.push(format!("instance `{}`: blueprint `{}` is not known", record.name, record.blueprint));
                continue;
            };
            let network = match &record.network {
                NetworkMode::Nat => self.settings.network.clone(),
                NetworkMode::Bridge(bridge) => format!("bridge:{bridge}"),
            };
            let image = crate::image::volume_name(&record.base, &record.image_digest);
            let running = domain.state == crate::hypervisor::DomainState::Running;
            let stored = self.store.write(|t| {
                let new = NewInstance {
                    record: &record,
                    network: &network,
                    blueprint,
                    parameters: &BTreeMap::new(),
                    image: &image,
                    seed: None,
                };
                instances::insert(t, &new)
            });
            fault::point("effect");
            if let Err(e) = stored {
                refused.push(format!("instance `{}`: {e}", record.name));
                continue;
            }
            self.store.set_phase(record.uuid, Phase::Ready, None)?;
            self.store.set_wanted(record.uuid, if running { Wanted::Running } else { Wanted::Stopped })?;
            taken.push(record.name.to_string());
        }
        Ok((taken, refused))
    }
}
