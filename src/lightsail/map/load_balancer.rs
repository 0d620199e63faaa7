//! Load balancers.

use std::collections::BTreeMap;

use crate::{
    lightsail::{place::Place, wire},
    model::TargetState,
    view::LoadBalancerView,
};

fn health(state: TargetState) -> &'static str {
    match state {
        TargetState::Initial => "initial",
        TargetState::Healthy => "healthy",
        TargetState::Unhealthy => "unhealthy",
        TargetState::Draining => "draining",
        TargetState::Off => "unused",
        TargetState::Unavailable => "unavailable",
    }
}

/// What of an address is a name: neither scheme nor port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or_default();
    rest.rsplit_once(':').map_or(rest, |(host, _)| host)
}

/// A load balancer.
pub fn load_balancer(view: LoadBalancerView, place: &Place) -> wire::LoadBalancer {
    let has_domain = view.domain.is_some();
    let is_whole = view.healthy() == view.targets.len();
    let dns_name = view.urls.first().map(|url| host(url).to_owned()).unwrap_or_default();
    let of_domain: &[u16] = if has_domain { &[80, 443] } else { &[] };
    let mut public_ports: Vec<u16> = view.listen.into_iter().chain(of_domain.iter().copied()).collect();
    public_ports.sort_unstable();
    public_ports.dedup();
    wire::LoadBalancer {
        arn: place.arn("LoadBalancer", view.id),
        support_code: place.support_code(view.id),
        name: view.name,
        created_at: view.created_at.into(),
        location: place.everywhere(),
        resource_type: "LoadBalancer",
        tags: [],
        dns_name: view.domain.map_or(dns_name, |domain| domain.to_string()),
        state: if is_whole { "active" } else { "active_impaired" },
        protocol: if has_domain { "HTTP_HTTPS" } else { "HTTP" },
        public_ports,
        health_check_path: view.health_path,
        instance_port: view.instance_port,
        instance_health_summary: view
            .targets
            .into_iter()
            .map(|target| wire::TargetHealth { instance_name: target.name, instance_health: health(target.state) })
            .collect(),
        tls_certificate_summaries: [],
        configuration_options: BTreeMap::from([("SessionStickinessEnabled", view.sticky.to_string())]),
        ip_address_type: "ipv4",
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn a_name_is_what_stands_between_scheme_and_port() {
        for url in ["http://192.0.2.1:8080/", "https://192.0.2.1/", "192.0.2.1"] {
            assert_eq!(host(url), "192.0.2.1", "{url}");
        }
    }
}
