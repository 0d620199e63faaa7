//! Load balancers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Location, Seconds, Statistic, Tag, Time};

/// What is about one load balancer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfLoadBalancer {
    /// Its name.
    pub load_balancer_name: String,
}

/// `AttachInstancesToLoadBalancer` and `DetachInstancesFromLoadBalancer`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfTargets {
    /// Its name.
    pub load_balancer_name: String,
    /// Which instances.
    pub instance_names: Vec<String>,
}

/// `CreateLoadBalancer`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateLoadBalancer {
    /// Its name.
    pub load_balancer_name: String,
    /// The port of the instances.
    pub instance_port: u16,
    /// What is asked of each.
    pub health_check_path: Option<String>,
    /// The domain that leads to it. Its certificate has no name here.
    pub certificate_domain_name: Option<String>,
    /// Further domains: one leads to it.
    pub certificate_alternative_names: Option<Vec<String>>,
    /// Its tags: it has none.
    pub tags: Option<Vec<Tag>>,
    /// Which kinds of addresses.
    pub ip_address_type: Option<String>,
    /// How TLS is spoken: as the host does.
    pub tls_policy_name: Option<String>,
}

/// `GetLoadBalancerMetricData`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetBalancerMetricData {
    /// Of which load balancer.
    pub load_balancer_name: String,
    /// What was measured.
    pub metric_name: String,
    /// How long a point is, in seconds.
    pub period: u32,
    /// Since when.
    pub start_time: Seconds,
    /// Until when.
    pub end_time: Seconds,
    /// The unit of the metric.
    pub unit: String,
    /// What of a point is told.
    pub statistics: Vec<Statistic>,
}

/// Load balancers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancers {
    /// Those of this page.
    pub load_balancers: Vec<LoadBalancer>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// One load balancer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OneLoadBalancer {
    /// It.
    pub load_balancer: LoadBalancer,
}

/// A load balancer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// Its name.
    pub name: String,
    /// Its name among all there are.
    pub arn: String,
    /// For whoever is asked about it.
    pub support_code: String,
    /// When it was made.
    pub created_at: Time,
    /// Where it is.
    pub location: Location,
    /// `LoadBalancer`.
    pub resource_type: &'static str,
    /// Load balancers have no tags.
    pub tags: [Tag; 0],
    /// The domain that leads to it, or the host's address.
    pub dns_name: String,
    /// How it stands.
    pub state: &'static str,
    /// What it speaks.
    pub protocol: &'static str,
    /// At which ports.
    pub public_ports: Vec<u16>,
    /// What is asked of each instance.
    pub health_check_path: String,
    /// Their port.
    pub instance_port: u16,
    /// How they are.
    pub instance_health_summary: Vec<TargetHealth>,
    /// Certificates have no names here.
    pub tls_certificate_summaries: [String; 0],
    /// Whether a visitor stays with an instance.
    pub configuration_options: BTreeMap<&'static str, String>,
    /// `ipv4`.
    pub ip_address_type: &'static str,
}

/// How an instance behind a load balancer is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetHealth {
    /// Which.
    pub instance_name: String,
    /// How.
    pub instance_health: &'static str,
}
