//! What is measured and watched: an instance or a load balancer, as it is at one time.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Domain, LoadBalancer, Record};

/// The instance an event is about, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventInstance {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Blueprint.
    pub blueprint: String,
    /// Bundle.
    pub bundle: String,
    /// Address, if one is reserved.
    pub address: Option<std::net::Ipv4Addr>,
}

impl From<&Record> for EventInstance {
    fn from(record: &Record) -> Self {
        Self {
            id: record.uuid,
            name: record.name.to_string(),
            blueprint: record.blueprint.clone(),
            bundle: record.bundle.clone(),
            address: record.address,
        }
    }
}

/// The load balancer an event is about, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLoadBalancer {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// The domain that leads to it.
    pub domain: Option<String>,
    /// The port of the host that leads to it.
    pub listen: Option<u16>,
}

impl From<&LoadBalancer> for EventLoadBalancer {
    fn from(balancer: &LoadBalancer) -> Self {
        Self {
            id: balancer.id,
            name: balancer.name.to_string(),
            domain: balancer.domain.as_ref().map(Domain::to_string),
            listen: balancer.listen,
        }
    }
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An instance.
    Instance(EventInstance),
    /// A load balancer.
    LoadBalancer(EventLoadBalancer),
}

impl Subject {
    /// Its id.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Instance(instance) => instance.id,
            Self::LoadBalancer(balancer) => balancer.id,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Instance(instance) => &instance.name,
            Self::LoadBalancer(balancer) => &balancer.name,
        }
    }

    /// Whether it is a load balancer; else it is an instance.
    pub fn is_load_balancer(&self) -> bool {
        matches!(self, Self::LoadBalancer(_))
    }
}

impl From<&Record> for Subject {
    fn from(record: &Record) -> Self {
        Self::Instance(record.into())
    }
}

impl From<&LoadBalancer> for Subject {
    fn from(balancer: &LoadBalancer) -> Self {
        Self::LoadBalancer(balancer.into())
    }
}
