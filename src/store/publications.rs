//! Ports of the host that lead to instances.

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{id, json, to_json},
    sql,
};
use crate::model::{Code, Error, Hint, HostId, Protocol, Publication, Result, Verb};

/// A publication and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The instance.
    pub instance: Uuid,
    /// Its name.
    pub name: String,
    /// What is published.
    pub publication: Publication,
}

fn published(row: &Row<'_>) -> rusqlite::Result<Published> {
    let address: String = row.get("address")?;
    let udp = row.get::<_, String>("protocol")? == Protocol::Udp.as_str();
    Ok(Published {
        instance: id(row, "instance")?,
        name: row.get("name")?,
        publication: Publication {
            address: address.parse().ok(),
            port: row.get("port")?,
            protocol: if udp { Protocol::Udp } else { Protocol::Tcp },
            guest_port: row.get("guest_port")?,
            sources: json(row, "sources")?,
        },
    })
}

fn all_on(connection: &Connection, host: &HostId) -> Result<Vec<Published>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT p.instance, i.name, p.address, p.port, p.protocol, p.guest_port, p.sources
             FROM publication AS p JOIN instance AS i ON i.uuid = p.instance
             WHERE p.host = ?1 ORDER BY p.port, p.protocol, p.address",
        )
        .map_err(sql)?;
    let rows = statement.query_map([host.as_str()], published).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

impl Store {
    /// All that is published on a host, in the order of its ports.
    pub fn publications_on(&self, host: &HostId) -> Result<Vec<Published>> {
        all_on(self.read(), host)
    }
}

/// Refused if a port of the host leads elsewhere already, by what is published on it.
///
/// # Errors
/// [`Code::PortTaken`].
pub fn require_free(all: &[Published], publication: &Publication) -> Result<()> {
    let Some(holder) = all.iter().find(|held| held.publication.meets(publication)) else { return Ok(()) };
    let text = format!("`{}` leads to instance `{}` already", holder.publication.end(), holder.name);
    Err(Error::new(Code::PortTaken, text).hint(
        Hint::from("choose another port, or take it away: ")
            .run_with(Verb::Unpublish, &[&holder.name, &holder.publication.port]),
    ))
}

/// Publishes ports of an instance.
///
/// # Errors
/// Those of [`require_free`].
pub fn insert(t: &Transaction<'_>, host: &HostId, instance: Uuid, new: &[Publication]) -> Result<()> {
    for publication in new {
        require_free(&all_on(&t.0, host)?, publication)?;
        t.0.execute(
            "INSERT INTO publication (host, address, protocol, port, instance, guest_port, sources)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                host.as_str(),
                publication.address.map_or_else(String::new, |a| a.to_string()),
                publication.protocol.as_str(),
                publication.port,
                instance.to_string(),
                publication.guest_port,
                to_json("a publication", &publication.sources)?,
            ],
        )
        .map_err(sql)?;
    }
    Ok(())
}

/// Takes publications away.
pub fn remove(t: &Transaction<'_>, host: &HostId, gone: &[Publication]) -> Result<()> {
    for publication in gone {
        t.0.execute(
            "DELETE FROM publication WHERE host = ?1 AND address = ?2 AND protocol = ?3 AND port = ?4",
            params![
                host.as_str(),
                publication.address.map_or_else(String::new, |a| a.to_string()),
                publication.protocol.as_str(),
                publication.port,
            ],
        )
        .map_err(sql)?;
    }
    Ok(())
}
