//! What is measured and watched, by id or by name: instances and load balancers.

use uuid::Uuid;

use super::Store;
use crate::model::{HostId, Name, Result, Subject};

impl Store {
    /// The instances, and the load balancers of a host.
    pub fn subjects(&self, host: &HostId) -> Result<Vec<Subject>> {
        let balancers = self.load_balancers(host)?;
        let instances = self.instances()?;
        let instances = instances.iter().map(|instance| Subject::from(&instance.record));
        Ok(instances.chain(balancers.iter().map(Subject::from)).collect())
    }

    /// One of them by its id.
    pub fn subject(&self, host: &HostId, id: Uuid) -> Result<Option<Subject>> {
        if let Some(instance) = self.instance_by_uuid(id)? {
            return Ok(Some(Subject::from(&instance.record)));
        }
        Ok(self.load_balancers(host)?.iter().find(|balancer| balancer.id == id).map(Subject::from))
    }

    /// One of them by its name, which no two resources have, or the error that names the nearest instance.
    pub fn require_subject(&self, host: &HostId, name: &Name) -> Result<Subject> {
        let balancers = self.load_balancers(host)?;
        match balancers.iter().find(|balancer| balancer.name == *name) {
            Some(balancer) => Ok(Subject::from(balancer)),
            None => self.require(name).map(|instance| Subject::from(&instance.record)),
        }
    }
}
