//! Load balancers: made, given instances, removed.

use std::time::Duration;

use super::{
    begun,
    change::{patiently, started},
};
use crate::{
    app::{
        Accepted,
        load_balancer::{self, Flags, New},
    },
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        map::load_balancer as map,
        pages::page,
        wire::{CreateLoadBalancer, LoadBalancers, OfLoadBalancer, OfTargets, OneLoadBalancer, Page},
    },
    model::{Domain, HealthPath, Name, Result, Unobserved},
};

/// How long visitors of an instance that leaves are waited for, as `lite lb detach` does.
const DRAIN: Duration = Duration::from_secs(30);
/// Most instances of one request.
const MOST: usize = 100;

/// The load balancers, by name.
pub fn all(call: &Call<'_>, input: Page) -> Answer<LoadBalancers> {
    let (views, place) = (load_balancer::list(call.app(), call.caller, &mut Unobserved)?, call.place()?);
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (views, next_page_token) = page("load balancers", views, |view| view.name.clone(), at)?;
    let load_balancers = views.into_iter().map(|view| map::load_balancer(view, &place)).collect();
    Ok(LoadBalancers { load_balancers, next_page_token })
}

/// One load balancer.
pub fn one(call: &Call<'_>, input: OfLoadBalancer) -> Answer<OneLoadBalancer> {
    let view = load_balancer::show(call.app(), call.caller, &name(&input.load_balancer_name)?, &mut Unobserved)?;
    Ok(OneLoadBalancer { load_balancer: map::load_balancer(view, &call.place()?) })
}

fn change<V: 'static>(
    call: &Call<'_>,
    (what, of): (&str, &Name),
    accept: impl Fn() -> Result<Accepted<V>>,
) -> Answer<Done> {
    begun(started(call, (what, ("LoadBalancer", of.as_str())), patiently(call, accept)?)?)
}

/// Makes a load balancer.
pub fn create(call: &Call<'_>) -> Answer<Done> {
    let input: CreateLoadBalancer = call.input()?;
    let of = name(&input.load_balancer_name)?;
    if input.tags.is_some_and(|tags| !tags.is_empty()) {
        return Err(Fault::invalid("load balancers have no tags here"));
    }
    if input.certificate_alternative_names.is_some_and(|names| !names.is_empty()) {
        return Err(Fault::invalid("one domain leads to a load balancer here: `certificateDomainName`"));
    }
    if input.tls_policy_name.is_some() {
        return Err(Fault::invalid("`tlsPolicyName` is not known here: TLS is spoken as this host does"));
    }
    if input.ip_address_type.is_some_and(|kind| !["dualstack", "ipv4"].contains(&kind.as_str())) {
        return Err(Fault::invalid("`ipAddressType` has to be `dualstack` or `ipv4`"));
    }
    let new = New {
        name: of.clone(),
        instance_port: input.instance_port,
        domain: input.certificate_domain_name.as_deref().map(Domain::parse).transpose()?,
        listen: None,
        health_path: HealthPath::parse(input.health_check_path.as_deref().unwrap_or("/"))?,
        sticky: false,
    };
    let accept = || load_balancer::create(call.app(), call.caller, &new, false, &mut Unobserved);
    change(call, ("CreateLoadBalancer", &of), accept)
}

/// A load balancer and instances, by their names.
fn targets(call: &Call<'_>) -> Answer<(Name, Vec<Name>)> {
    let input: OfTargets = call.input()?;
    if !(1..=MOST).contains(&input.instance_names.len()) {
        return Err(Fault::invalid(format!("`instanceNames` has to hold 1 to {MOST} names")));
    }
    let instances = input.instance_names.iter().map(|text| name(text)).collect::<Answer<Vec<_>>>()?;
    Ok((name(&input.load_balancer_name)?, instances))
}

/// Lets instances take part. Those that do already stay.
pub fn attach(call: &Call<'_>) -> Answer<Done> {
    let (of, instances) = targets(call)?;
    let names = (&of, instances.as_slice());
    let accept = || load_balancer::attach(call.app(), call.caller, names, Flags::default(), &mut Unobserved);
    change(call, ("AttachInstancesToLoadBalancer", &of), accept)
}

/// Has instances leave, once their visitors are gone.
pub fn detach(call: &Call<'_>) -> Answer<Done> {
    let (of, instances) = targets(call)?;
    let (names, how) = ((&of, instances.as_slice()), (DRAIN, Flags::default()));
    let accept = || load_balancer::detach(call.app(), call.caller, names, how, &mut Unobserved);
    change(call, ("DetachInstancesFromLoadBalancer", &of), accept)
}

/// Removes a load balancer. Its instances stay.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfLoadBalancer = call.input()?;
    let of = name(&input.load_balancer_name)?;
    let accept = || load_balancer::delete(call.app(), call.caller, &of, Flags::default(), &mut Unobserved);
    change(call, ("DeleteLoadBalancer", &of), accept)
}
