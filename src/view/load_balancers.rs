//! `lite lb`.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::row;
use crate::model::{Certificate, CertificateState, Domain, LoadBalancer, TargetState};

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadBalancerView {
    /// What tells it from one of the same name before.
    #[serde(skip)]
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// The domain that leads to it, as DNS has it.
    pub domain: Option<Domain>,
    /// The port of the host that leads to it.
    pub listen: Option<u16>,
    /// Where it is reached.
    pub urls: Vec<String>,
    /// The instances' port.
    pub instance_port: u16,
    /// What is asked of each instance.
    pub health_path: String,
    /// Whether a visitor stays with an instance.
    pub sticky: bool,
    /// How the certificate of its domain stands.
    pub certificate: Option<CertificateState>,
    /// Until when the certificate is valid.
    #[serde(serialize_with = "row::some_time")]
    pub valid_until: Option<Timestamp>,
    /// What the certificate authority said last, if it refused.
    pub error: Option<String>,
    /// The instances, by name.
    pub targets: Vec<TargetView>,
    /// When it was made.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
}

/// An instance behind a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetView {
    /// The instance.
    pub name: String,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// How it stands.
    pub state: TargetState,
    /// Why it is unhealthy.
    pub reason: Option<String>,
}

/// The document of the verbs of `lb`.
#[derive(Debug, Serialize)]
pub struct LoadBalancersDocument<'a> {
    /// The load balancers.
    pub load_balancers: &'a [LoadBalancerView],
}

impl LoadBalancerView {
    /// A load balancer with its certificate and its instances, on a host with this address on the way to the world.
    pub fn new(
        balancer: &LoadBalancer,
        certificate: Option<Certificate>,
        address: Option<Ipv4Addr>,
        targets: Vec<TargetView>,
    ) -> Self {
        let domain = balancer.domain.as_ref().map(|domain| domain.url(certificate.as_ref()));
        let of_port = |port| {
            let port = if port == LoadBalancer::SHARED_PORT { String::new() } else { format!(":{port}") };
            format!("http://{}{port}/", address.unwrap_or(Ipv4Addr::LOCALHOST))
        };
        Self {
            id: balancer.id,
            name: balancer.name.to_string(),
            domain: balancer.domain.clone(),
            listen: balancer.listen,
            urls: domain.into_iter().chain(balancer.listen.map(of_port)).collect(),
            instance_port: balancer.instance_port,
            health_path: balancer.health_path.to_string(),
            sticky: balancer.sticky,
            certificate: certificate.as_ref().map(|c| c.state),
            valid_until: certificate.as_ref().and_then(|c| c.not_after),
            error: certificate.and_then(|c| c.error),
            targets,
            created_at: balancer.created_at,
        }
    }

    /// How many of its instances get visitors.
    pub fn healthy(&self) -> usize {
        self.targets.iter().filter(|target| target.state == TargetState::Healthy).count()
    }
}
