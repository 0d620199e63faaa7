//! Hands out name, address and capacity in one transaction, before anything is made on the host.

use std::net::Ipv4Addr;

use super::Capacity;
use crate::{
    catalog::Bundle,
    hypervisor::{HostInfo, PoolInfo},
    model::{Code, DOMAIN, Error, Hint, HostId, Name, Overcommit, Record, ResourceKind, Result, Verb},
    plan::{self, Subnet},
    render::{StaticAddress, StaticAddress6},
    store::{Transaction, held::allocated, instances::addresses, operations, resources},
};

/// What the host looked like when the transaction began.
pub struct HostView {
    /// Facts.
    pub info: HostInfo,
    /// The pool.
    pub pool: PoolInfo,
    /// Bytes the disks of our instances use already.
    pub used_by_disks: u64,
    /// Names of domains that are not lite's.
    pub foreign: Vec<String>,
    /// Subnet of the NAT network; none for a bridge.
    pub subnet: Option<Subnet>,
}

/// The name: the wanted one if it is free, else the first free one that `stem`, an id, gives.
pub fn name(t: &Transaction<'_>, view: &HostView, wanted: Option<&Name>, stem: &str) -> Result<Name> {
    let ours = resources::names(t)?;
    if let Some(name) = wanted {
        if view.foreign.iter().any(|f| f == name.as_str()) {
            return Err(Error::new(
                Code::NameTaken,
                format!("the name `{name}` is taken by a domain that is not lite's"),
            )
            .hint("choose another with `--name`; lite never touches domains it did not make"));
        }
        if is_named(view, name) {
            return Err(Error::new(
                Code::NameTaken,
                format!("the network's DNS server answers for `{name}` by an entry that is not lite's"),
            )
            .hint("choose another with `--name`, or remove the entry: `virsh net-edit` shows it"));
        }
        resources::refuse_taken(t, ResourceKind::Instance, name.as_str())?;
        return Ok(name.clone());
    }
    for number in 1..100_000 {
        let candidate = Name::numbered(stem, number)?;
        let foreign = view.foreign.iter().any(|f| f == candidate.as_str()) || is_named(view, &candidate);
        if !ours.contains(&candidate.to_string()) && !foreign {
            return Ok(candidate);
        }
    }
    Err(Error::new(Code::NoFreeName, "no free name is left").hint("choose one with `--name`"))
}

/// Somebody else gave a machine of the network this name in DNS.
fn is_named(view: &HostView, name: &Name) -> bool {
    let full = plan::full_name(name);
    view.subnet.iter().flat_map(Subnet::foreign_names).any(|n| n == full || n == name.as_str())
}

/// Refuses a request id that another process came with first.
pub fn request(t: &Transaction<'_>, id: Option<&str>) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    operations::id_of_request(t, id)?.map_or(Ok(()), |operation| Err(at_work(&operation)))
}

/// The first request of an id is not through yet.
pub fn at_work(operation: &str) -> Error {
    Error::new(Code::Busy, "the first request of this id is still at work")
        .hint(Hint::from("look at it: ").run_with(Verb::OperationsShow, &[&operation]))
}

/// The first address nobody has.
pub fn address(t: &Transaction<'_>, host: &HostId, subnet: &Subnet, network: &str) -> Result<Ipv4Addr> {
    let taken = addresses(t, host, network)?;
    subnet.addresses().find(|a| !taken.contains(a) && !subnet.is_kept(*a)).ok_or_else(|| {
        Error::new(
            Code::NoFreeAddress,
            format!("network `{network}` has no free address: all {} are taken", subnet.addresses().count()),
        )
        .hint(
            Hint::from("delete an instance, or use a larger subnet (`LITE_SUBNET`, before ")
                .run_with(Verb::Doctor, &[&"--fix"])
                .text(" makes the network)"),
        )
    })
}

/// The address that was stated, if no other instance of the network came with it first.
pub fn stated(t: &Transaction<'_>, host: &HostId, address: Ipv4Addr, network: &str) -> Result<Ipv4Addr> {
    match addresses(t, host, network)?.contains(&address) {
        false => Ok(address),
        true => Err(Error::new(Code::AddressInUse, format!("the address {address} is another instance's by now"))
            .hint(Hint::from("choose another: ").run(Verb::List).text(" tells those that are taken"))),
    }
}

/// The address that an instance had, if nobody has it by now; else the first that nobody has. None stays none.
///
/// # Errors
/// On a LAN an address that was stated is nobody else's to choose.
pub fn address_again(
    t: &Transaction<'_>,
    host: &HostId,
    subnet: Option<&Subnet>,
    network: &str,
    had: Option<Ipv4Addr>,
) -> Result<Option<Ipv4Addr>> {
    let Some(had) = had else { return Ok(None) };
    let Some(subnet) = subnet else { return stated(t, host, had, network).map(Some) };
    let free = !addresses(t, host, network)?.contains(&had) && !subnet.is_kept(had);
    match free && subnet.addresses().any(|address| address == had) {
        true => Ok(Some(had)),
        false => address(t, host, subnet, network).map(Some),
    }
}

/// What a guest on the NAT network sets as its address, and the way out; none: it has none of its own.
pub fn static_address(subnet: &Subnet, record: &Record) -> Option<StaticAddress> {
    Some(StaticAddress {
        address: record.address?,
        prefix: subnet.prefix,
        gateway: subnet.gateway,
        search: Some(DOMAIN),
        ipv6: subnet
            .gateway6
            .zip(record.address6)
            .map(|(gateway, address)| StaticAddress6 { address, gateway: gateway.addr() }),
    })
}

/// Checks that one more instance of the bundle fits.
pub fn capacity(
    t: &Transaction<'_>,
    host: &HostId,
    view: &HostView,
    bundle: &Bundle,
    overcommit: &Overcommit,
) -> Result<()> {
    Capacity::left(&view.info, &view.pool, view.used_by_disks, &allocated(t, host)?, overcommit).check(bundle, true)
}
