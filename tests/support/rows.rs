//! A database with instances in it, and nothing on any host.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeMap;

use lite::{
    catalog::{Blueprint, Catalog},
    model::{
        AlarmSettings, Condition, HealthPath, HostId, LoadBalancer, Mac, Metric, Missing, Name, NetworkMode, Notify,
        Record, Statistic, Subject,
    },
    store::{NewInstance, Store, alarms, events::Stamp, instances},
};
use uuid::Uuid;

pub const START: &str = "2026-03-01T00:00:00Z";

pub fn time(seconds: i64) -> jiff::Timestamp {
    START.parse::<jiff::Timestamp>().expect("a time") + jiff::SignedDuration::from_secs(seconds)
}

pub fn stamp(seconds: i64) -> Stamp {
    Stamp::new(time(seconds), HostId::local(), "host")
}

/// The `n`-th instance.
pub fn record(n: u8) -> Record {
    let catalog = Catalog::embedded().expect("the embedded catalog");
    let resolved = catalog.resolve("debian-13", "nano", None).expect("resolved");
    let b = &resolved.bundle;
    Record {
        name: Name::parse(&format!("web-{n}")).expect("a name"),
        uuid: Uuid::from_u128(1000 + u128::from(n)),
        blueprint: "debian-13".into(),
        blueprint_version: "1".into(),
        base: "debian-13".into(),
        image_digest: "00".into(),
        bundle: b.id.clone(),
        vcpus: b.vcpus,
        memory: b.memory,
        disk: b.disk,
        made_as: None,
        seed_id: None,
        root_disk: None,
        lies_on: None,
        asked: None,
        kept: None,
        trusts_authority: false,
        scratch_disk: None,
        disks: Vec::new(),
        transfer: b.transfer,
        price: b.price,
        currency: b.currency.clone(),
        mac: Mac::ours([0, 0, n]),
        address: Some([192, 168, 150, n].into()),
        address6: None,
        network: NetworkMode::Nat,
        ports: vec![],
        firewall: None,
        published: vec![],
        sites: vec![],
        tags: vec![],
        created_at: time(0),
    }
}

pub fn blueprint() -> Blueprint {
    Catalog::embedded().expect("the embedded catalog").blueprints["debian-13"].clone()
}

/// What alarms of the `n`-th instance watch.
pub fn subject(n: u8) -> Subject {
    Subject::from(&record(n))
}

/// An alarm that one minute decides.
pub fn settings(metric: Metric, when: &str) -> AlarmSettings {
    AlarmSettings {
        metric,
        condition: Condition::parse(when).unwrap(),
        datapoints: 1,
        of: 1,
        period_minutes: 1,
        statistic: Statistic::Average,
        missing: Missing::Missing,
        notify: vec![Notify::Alarm, Notify::Ok],
        repeat_minutes: 240,
    }
}

/// A load balancer `front`, at port 8080 of the host.
pub fn balancer() -> LoadBalancer {
    LoadBalancer {
        id: Uuid::from_u128(7),
        name: Name::parse("front").expect("a name"),
        instance_port: 80,
        domain: None,
        listen: Some(8080),
        health_path: HealthPath::parse("/").expect("a path"),
        sticky: false,
        targets: vec![],
        created_at: time(0),
    }
}

/// A database with `count` instances; `alarms`: those of their blueprint too.
pub fn store(dir: &std::path::Path, count: u8, with_alarms: bool) -> Store {
    let mut store = Store::open(dir).expect("a database");
    let blueprint = blueprint();
    store
        .write(|t| {
            for n in 1..=count {
                let record = record(n);
                instances::insert(
                    t,
                    &NewInstance {
                        record: &record,
                        host: &HostId::local(),
                        network: "lite",
                        blueprint: &blueprint,
                        parameters: &BTreeMap::new(),
                        image: "image",
                        seed: None,
                    },
                )?;
                if with_alarms {
                    alarms::put_defaults(t, &(&record).into(), &blueprint.alarms, &stamp(0))?;
                }
            }
            Ok(())
        })
        .expect("written");
    store
}
