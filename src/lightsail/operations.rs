//! Every operation of the API: what answers it, or in words why nothing does.

mod refused;

pub use refused::{REFUSED, Refused};

use super::{
    call::{Handler, done},
    fault::{Answer, Fault},
    nouns::{
        add_on, alarm, catalog, contact, cost, create, disk, disk_snapshot, firewall, instance, key_pair,
        load_balancer, metric, names, operation, power, snapshot, static_ip, tag,
    },
};
use crate::model::escaped;

/// What instances are answered without, one or all.
const OF_INSTANCES: &str =
    "no `metadataOptions`; the public address is the static one, or the one in the network of the host";
/// And disks.
const OF_DISKS: &str = "no tags, no `iops`; `path` is the name under `/dev/disk/by-id`";
/// And snapshots.
const OF_SNAPSHOTS: &str = "no tags, no disks that were attached";

/// And load balancers.
const OF_BALANCERS: &str = "no tags, no certificates, no reasons; for who sees the whole host";

/// How an operation is answered.
#[derive(Clone, Copy)]
pub enum Does {
    /// By a look.
    Read(Handler),
    /// By a change.
    Change(Handler),
}

/// An operation that is answered.
pub struct Served {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub group: &'static str,
    /// By what.
    pub does: Does,
    /// What of it there is not; empty: nothing.
    pub lacks: &'static str,
}

/// What looks at something.
macro_rules! read {
    ($answer:path) => {
        Does::Read(|call| done(&$answer(call, call.input()?)?))
    };
}

const fn served(name: &'static str, group: &'static str, does: Does, lacks: &'static str) -> Served {
    Served { name, group, does, lacks }
}

/// Those that are answered.
pub const SERVED: &[Served] = &[
    served("AllocateStaticIp", "static-ips", Does::Change(static_ip::allocate), ""),
    served("AttachStaticIp", "static-ips", Does::Change(static_ip::attach), "one operation"),
    served("DetachStaticIp", "static-ips", Does::Change(static_ip::detach), ""),
    served("ReleaseStaticIp", "static-ips", Does::Change(static_ip::release), ""),
    served("CreateDisk", "disks", Does::Change(disk::create), "no tags, no `addOns`"),
    served(
        "AttachDisk",
        "disks",
        Does::Change(disk::attach),
        "`diskPath` is not kept: `path` tells where the guest finds it; one operation",
    ),
    served("DetachDisk", "disks", Does::Change(disk::detach), "also of an instance that runs, if its guest lets go"),
    served(
        "CreateDiskFromSnapshot",
        "disks",
        Does::Change(disk_snapshot::restore),
        "a snapshot by its name; no tags, no `addOns`",
    ),
    served(
        "CreateDiskSnapshot",
        "snapshots",
        Does::Change(disk_snapshot::create),
        "of a disk, not of an instance; no tags",
    ),
    served("DeleteDiskSnapshot", "snapshots", Does::Change(disk_snapshot::delete), ""),
    served("GetDiskSnapshot", "snapshots", read!(disk_snapshot::one), "no tags"),
    served("GetDiskSnapshots", "snapshots", read!(disk_snapshot::all), "no tags"),
    served("DeleteDisk", "disks", Does::Change(disk::delete), ""),
    served("CreateInstanceSnapshot", "snapshots", Does::Change(snapshot::create), "no tags of its own; one operation"),
    served("DeleteInstanceSnapshot", "snapshots", Does::Change(snapshot::delete), ""),
    served("CreateInstancesFromSnapshot", "snapshots", Does::Change(create::from_snapshot), "no `userData`, no disks"),
    served(
        "CloseInstancePublicPorts",
        "firewall",
        Does::Change(firewall::close),
        "of ICMP only all of it; no `cidrListAliases`",
    ),
    served(
        "OpenInstancePublicPorts",
        "firewall",
        Does::Change(firewall::open),
        "of ICMP only all of it; no `cidrListAliases`; refused for some where all may",
    ),
    served(
        "PutInstancePublicPorts",
        "firewall",
        Does::Change(firewall::put),
        "of ICMP only all of it; no `cidrListAliases`",
    ),
    served(
        "GetInstanceAccessDetails",
        "instance-access",
        read!(instance::access),
        "by SSH alone; the key and its certificate count for ten minutes, at this one instance; none for an instance of an earlier lite",
    ),
    served(
        "CreateInstances",
        "instances",
        Does::Change(create::create),
        "at most 20; no `customImageName`, no IPv6 alone; `addOns` as `EnableAddOn`",
    ),
    served(
        "DeleteInstance",
        "instances",
        Does::Change(power::delete),
        "it is kept for a while, as the host keeps what is deleted; a protected one stays",
    ),
    served("RebootInstance", "instances", Does::Change(power::reboot), ""),
    served("StartInstance", "instances", Does::Change(power::start), "no `attributeUpdates`"),
    served(
        "StopInstance",
        "instances",
        Does::Change(power::stop),
        "a guest has two minutes, after which `force` pulls the plug",
    ),
    served("CreateKeyPair", "key-pairs", Does::Change(key_pair::create), "ed25519"),
    served("DeleteKeyPair", "key-pairs", Does::Change(key_pair::delete), ""),
    served(
        "DownloadDefaultKeyPair",
        "key-pairs",
        Does::Change(key_pair::default_pair),
        "lite's own key, for administrators; no `createdAt`",
    ),
    served("GetKeyPair", "key-pairs", read!(key_pair::one), ""),
    served("GetKeyPairs", "key-pairs", read!(key_pair::all), "without the default one"),
    served("ImportKeyPair", "key-pairs", Does::Change(key_pair::import), ""),
    served("TagResource", "tags", Does::Change(tag::set), "instances and key pairs; tags are printable ASCII"),
    served("UntagResource", "tags", Does::Change(tag::remove), "instances and key pairs"),
    served("GetActiveNames", "catalogue", read!(names::active), ""),
    served(
        "GetBlueprints",
        "catalogue",
        read!(catalog::blueprints),
        "no `productUrl` and `licenseUrl`; `appCategory` finds none",
    ),
    served(
        "GetBundles",
        "catalogue",
        read!(catalog::bundles),
        "`power` is the memory in MiB; `appCategory` finds none",
    ),
    served("GetRegions", "catalogue", read!(catalog::regions), "those of the host"),
    served("GetInstancePortStates", "firewall", read!(firewall::states), ""),
    served("GetInstance", "instances", read!(instance::one), OF_INSTANCES),
    served("GetInstanceState", "instances", read!(instance::state), ""),
    served("GetInstances", "instances", read!(instance::all), OF_INSTANCES),
    served("GetOperation", "operations", read!(operation::one), ""),
    served("GetOperations", "operations", read!(operation::all), "of the last 10,000"),
    served("GetOperationsForResource", "operations", read!(operation::of_resource), "of the last 10,000"),
    served("GetDisk", "disks", read!(disk::one), OF_DISKS),
    served("GetDisks", "disks", read!(disk::all), OF_DISKS),
    served("GetInstanceSnapshot", "snapshots", read!(snapshot::one), OF_SNAPSHOTS),
    served("GetInstanceSnapshots", "snapshots", read!(snapshot::all), OF_SNAPSHOTS),
    served("GetStaticIp", "static-ips", read!(static_ip::one), ""),
    served("GetStaticIps", "static-ips", read!(static_ip::all), ""),
    served("GetAutoSnapshots", "add-ons / auto-snapshots", read!(add_on::all), "instances; days are those of UTC"),
    served(
        "EnableAddOn",
        "add-ons / auto-snapshots",
        Does::Change(add_on::enable),
        "`AutoSnapshot` of instances, by the host's clock: it moves with the time of summer",
    ),
    served("DisableAddOn", "add-ons / auto-snapshots", Does::Change(add_on::disable), "`AutoSnapshot` of instances"),
    served("DeleteAutoSnapshot", "add-ons / auto-snapshots", Does::Change(add_on::delete), "instances"),
    served(
        "SetIpAddressType",
        "instances",
        Does::Change(add_on::set_addresses),
        "an instance has the addresses of its network: another type is refused",
    ),
    served("DeleteAlarm", "alarms", Does::Change(alarm::delete), ""),
    served("GetAlarms", "alarms", read!(alarm::all), "no `createdAt`, no `contactProtocols`: all contacts are told"),
    served(
        "PutAlarm",
        "alarms",
        Does::Change(alarm::put),
        "no tags; all contacts are told, whatever `contactProtocols` says; one that is changed begins anew",
    ),
    served("TestAlarm", "alarms", Does::Change(alarm::test), ""),
    served("CreateContactMethod", "contact-methods", Does::Change(contact::create), "`Email`, the contact `email`"),
    served("DeleteContactMethod", "contact-methods", Does::Change(contact::delete), "`Email`, the contact `email`"),
    served("GetContactMethods", "contact-methods", read!(contact::all), "webhooks too; no `createdAt`"),
    served(
        "SendContactMethodVerification",
        "contact-methods",
        Does::Change(contact::verify),
        "the code in the mail is given back by `lite contact verify`",
    ),
    served("GetCostEstimate", "cost-estimate", read!(cost::estimate), "instances alone, by a month of 730 hours"),
    served("GetInstanceMetricData", "metrics", read!(metric::data), "no points of what lite does not measure"),
    served(
        "CreateLoadBalancer",
        "load-balancers",
        Does::Change(load_balancer::create),
        "at port 80 of the host, or by one domain: `certificateDomainName`, whose certificate comes by itself; no tags",
    ),
    served(
        "AttachInstancesToLoadBalancer",
        "load-balancers",
        Does::Change(load_balancer::attach),
        "instances on the host's own network, whose firewall opens the port; one operation",
    ),
    served(
        "DetachInstancesFromLoadBalancer",
        "load-balancers",
        Does::Change(load_balancer::detach),
        "visitors have 30 seconds; one operation",
    ),
    served("DeleteLoadBalancer", "load-balancers", Does::Change(load_balancer::delete), ""),
    served("GetLoadBalancer", "load-balancers", read!(load_balancer::one), OF_BALANCERS),
    served("GetLoadBalancers", "load-balancers", read!(load_balancer::all), OF_BALANCERS),
    served(
        "GetLoadBalancerMetricData",
        "load-balancers",
        read!(metric::of_balancer),
        "no points of what lite does not measure",
    ),
];

/// What answers an operation.
///
/// # Errors
/// Nothing does: it is none of lite's, or none at all.
pub fn find(name: &str) -> Answer<Does> {
    if let Some(one) = SERVED.iter().find(|one| one.name == name) {
        return Ok(one.does);
    }
    match REFUSED.iter().find(|refused| refused.names.contains(&name)) {
        Some(refused) => Err(Fault::failed(format!("lite does not offer {name}: {}", refused.why))),
        None => Err(Fault::unknown_operation(format!("there is no operation `{}`", escaped(name)))),
    }
}
