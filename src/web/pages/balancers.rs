//! `/network`: static addresses and load balancers; `/load-balancers/NAME`: one of these.

use std::time::Duration;

use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted, confirmed},
    },
    instance::{named, names, unknown_action},
    network::{attached, detached, ipv4, web_port},
};
use crate::{
    app::{
        App, Caller,
        load_balancer::{self, Flags, New},
        static_ip,
    },
    model::{Domain, HealthPath, Name, Result, Unobserved},
    view::{LoadBalancerView, StaticIpRow},
};

/// How long visitors of an instance are waited for that leaves.
const DRAIN: Duration = Duration::from_secs(30);

/// Static addresses and load balancers.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct AllView {
    ips: Vec<StaticIpRow>,
    balancers: Vec<LoadBalancerView>,
    instances: Vec<String>,
}

impl Sheet for All {
    const AT: At = At::Network;
    const TEMPLATE: &'static str = "network.html.j2";
    type View = AllView;

    fn title(_: &str) -> String {
        "Network".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/network".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<AllView> {
        // Load balancers are nobody's: they are for who sees the whole host.
        let balancers = match caller.scope().is_all() {
            true => load_balancer::list(app, caller, &mut Unobserved)?,
            false => Vec::new(),
        };
        Ok(AllView { ips: static_ip::list(app, caller, said)?, balancers, instances: names(app, caller)? })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        match fields.text("action") {
            "allocate" => {
                let (name, address) = (faults.parse(fields, "name", named), faults.parse_some(fields, "address", ipv4));
                let (name, address) = (name?, address?);
                Some(Wanted::at_once(move |app, caller| {
                    static_ip::allocate(app, caller, (&name, address), false, &mut Unobserved)
                }))
            }
            "release" => {
                let ip = faults.parse(fields, "ip", named)?;
                Some(Wanted::at_once(move |app, caller| static_ip::release(app, caller, &ip, false, &mut Unobserved)))
            }
            "attach" => {
                let (ip, instance) = (faults.parse(fields, "ip", named), faults.parse(fields, "instance", named));
                Some(attached(ip?, instance?))
            }
            "detach" => faults.parse(fields, "ip", named).map(detached),
            "balance" => made(fields, faults),
            other => unknown_action(other, faults),
        }
    }
}

fn made(fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let name = faults.parse(fields, "new", named);
    let port = faults.parse_some(fields, "port", web_port);
    let domain = faults.parse_some(fields, "domain", Domain::parse);
    let listen = faults.parse_some(fields, "listen", web_port);
    let path = faults.parse_some(fields, "path", HealthPath::parse);
    let new = New {
        name: name?,
        instance_port: port?.unwrap_or(80),
        domain: domain?,
        listen: listen?,
        health_path: match path? {
            Some(path) => path,
            None => faults.take("path", HealthPath::parse("/"))?,
        },
        sticky: fields.has("sticky"),
    };
    Some(Wanted::change(move |app, caller| load_balancer::create(app, caller, &new, false, &mut Unobserved)))
}

/// A load balancer.
pub struct One;

/// What it shows.
#[derive(Serialize)]
pub struct OneView {
    one: LoadBalancerView,
    /// Instances that are not behind it.
    others: Vec<String>,
}

impl Sheet for One {
    const AT: At = At::Network;
    const TEMPLATE: &'static str = "balancer.html.j2";
    type View = OneView;

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn back(name: &str, fields: &Fields) -> String {
        match fields.text("action") {
            "delete" => "/network".to_owned(),
            _ => format!("/load-balancers/{name}"),
        }
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<OneView> {
        let one = load_balancer::show(app, caller, &named(name)?, said)?;
        let mut others = names(app, caller)?;
        others.retain(|name| !one.targets.iter().any(|target| target.name == *name));
        Ok(OneView { one, others })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "attach" => {
                let target = faults.parse(fields, "instance", named)?;
                Some(put(of, target))
            }
            "detach" => {
                let target = faults.parse(fields, "target", named)?;
                Some(Wanted::change(move |app, caller| {
                    let how = (DRAIN, Flags::default());
                    load_balancer::detach(app, caller, (&of, &[target]), how, &mut Unobserved)
                }))
            }
            "delete" => {
                confirmed(name, fields, faults);
                Some(Wanted::change(move |app, caller| {
                    load_balancer::delete(app, caller, &of, Flags::default(), &mut Unobserved)
                }))
            }
            other => unknown_action(other, faults),
        }
    }
}

/// An instance behind a load balancer.
fn put(balancer: Name, target: Name) -> Wanted {
    Wanted::change(move |app, caller| {
        load_balancer::attach(app, caller, (&balancer, &[target]), Flags::default(), &mut Unobserved)
    })
}
