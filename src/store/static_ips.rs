//! Addresses that are kept by name.

use std::net::Ipv4Addr;

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Time, parsed, time},
    damaged_content,
    events::new_id,
    noun::Noun,
    resources::{self, NewResource},
    sql,
};
use crate::model::{Code, Error, Hint, HostId, Name, ResourceKind, Result, StaticIp, Verb};

fn static_ip(row: &Row<'_>) -> rusqlite::Result<StaticIp> {
    let address = |text: &str| text.parse().map_err(|e| damaged_content(format!("cannot read an address: {e}")));
    let instance = |text: &str| Uuid::try_parse(text).map_err(|e| damaged_content(format!("cannot read an id: {e}")));
    Ok(StaticIp {
        name: parsed(row, "name", Name::parse)?,
        address: parsed(row, "address", address)?,
        instance: match row.get::<_, Option<String>>("instance")? {
            Some(_) => Some(parsed(row, "instance", instance)?),
            None => None,
        },
        created_at: time(row, "created_at")?,
    })
}

fn all_on(connection: &Connection, host: &HostId) -> Result<Vec<StaticIp>> {
    let mut statement = connection
        .prepare_cached("SELECT name, address, instance, created_at FROM static_ip WHERE host = ?1 ORDER BY name")
        .map_err(sql)?;
    let rows = statement.query_map([host.as_str()], static_ip).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

const STATIC_IP: Noun =
    Noun { code: Code::NoSuchAddress, one: "static address", many: "static addresses", list: Verb::IpList };

/// The error of a static address that is not there, without a word of others.
pub fn no_such_static_ip(name: &Name) -> Error {
    STATIC_IP.absent(name, [])
}

fn required(all: Vec<StaticIp>, name: &Name) -> Result<StaticIp> {
    let error = STATIC_IP.absent(name, all.iter().map(|ip| ip.name.as_str()));
    all.into_iter().find(|ip| ip.name == *name).ok_or(error)
}

impl Store {
    /// All static addresses of a host, by name.
    pub fn static_ips(&self, host: &HostId) -> Result<Vec<StaticIp>> {
        all_on(self.read(), host)
    }

    /// One static address, or the error that names the nearest.
    pub fn require_static_ip(&self, host: &HostId, name: &Name) -> Result<StaticIp> {
        required(self.static_ips(host)?, name)
    }
}

/// What has an address of a host, as a sentence: an instance, a static address, or a published port.
pub fn holder(t: &Transaction<'_>, host: &HostId, network: &str, address: Ipv4Addr) -> Result<Option<String>> {
    let (key, one) = ([host.as_str(), &address.to_string()], |row: &Row<'_>| row.get::<_, String>(0));
    let ask = |query: &str| t.0.query_row(query, key, one).optional().map_err(sql);
    let instance = "SELECT name FROM instance WHERE host = ?1 AND address = ?2 AND network = ?3";
    let instance = t.0.query_row(instance, params![key[0], key[1], network], one).optional().map_err(sql)?;
    if let Some(name) = instance {
        return Ok(Some(format!("instance `{name}` has it")));
    }
    if let Some(name) = ask("SELECT name FROM static_ip WHERE host = ?1 AND address = ?2")? {
        return Ok(Some(format!("it is static address `{name}`")));
    }
    let published = "SELECT i.name FROM publication AS p JOIN instance AS i ON i.uuid = p.instance
                     WHERE p.host = ?1 AND p.address = ?2 ORDER BY i.name LIMIT 1";
    Ok(ask(published)?.map(|name| format!("ports of it lead to instance `{name}`")))
}

/// Keeps an address.
///
/// # Errors
/// [`Code::NameTaken`]. That nothing has the address is the caller's to ask, by [`holder`].
pub fn insert(t: &Transaction<'_>, host: &HostId, new: &StaticIp) -> Result<()> {
    let id = new_id("ip");
    resources::insert(
        t,
        &NewResource {
            kind: ResourceKind::StaticIp,
            id: &id,
            name: new.name.as_str(),
            host: Some(host),
            created_at: new.created_at,
        },
    )?;
    t.0.execute(
        "INSERT INTO static_ip (name, id, host, address, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![new.name.as_str(), id, host.as_str(), new.address.to_string(), Time(new.created_at)],
    )
    .map_err(sql)
    .map(drop)
}

/// The error for an address that something else has.
pub fn in_use(address: Ipv4Addr, why: &str) -> Error {
    Error::new(Code::AddressInUse, format!("`{address}` is taken: {why}"))
        .hint("choose another with `--address`, or leave it out: a free one of the network is taken then")
}

/// Lets a static address lead to an instance, or to none.
///
/// # Errors
/// [`Code::AddressAttached`] if the instance has another.
pub fn attach(t: &Transaction<'_>, host: &HostId, name: &Name, instance: Option<Uuid>) -> Result<()> {
    let all = all_on(&t.0, host)?;
    let ip = required(all.clone(), name)?;
    if let Some(other) = all.iter().find(|ip| instance.is_some() && ip.instance == instance && ip.name != *name) {
        let text = format!("the instance has static address `{}` ({}) already", other.name, other.address);
        return Err(Error::new(Code::AddressAttached, text)
            .hint(Hint::from("it can have one: ").run_with(Verb::IpDetach, &[&other.name]).text(" first")));
    }
    t.0.execute(
        "UPDATE static_ip SET instance = ?3 WHERE host = ?1 AND name = ?2",
        params![host.as_str(), ip.name.as_str(), instance.map(|id| id.to_string())],
    )
    .map_err(sql)
    .map(drop)
}

/// Gives an address back; in a dry run it is only told which.
///
/// # Errors
/// [`Code::AddressAttached`] if it leads to an instance.
pub fn release(t: &Transaction<'_>, host: &HostId, name: &Name, dry_run: bool) -> Result<StaticIp> {
    let ip = required(all_on(&t.0, host)?, name)?;
    if ip.instance.is_some() {
        return Err(Error::new(Code::AddressAttached, format!("static address `{name}` leads to an instance"))
            .hint(Hint::from("detach it first: ").run_with(Verb::IpDetach, &[&name])));
    }
    if dry_run {
        return Ok(ip);
    }
    t.0.execute("DELETE FROM static_ip WHERE host = ?1 AND name = ?2", [host.as_str(), name.as_str()])
        .map_err(sql)
        .map(|_| ip)
}
