//! Domains that lead to instances, and their certificates.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Stored, Time, id, json, parsed, some_json, some_time, time, to_json, word},
    domains, sql,
};
use crate::model::{Certificate, Domain, HostId, Result, Site};

/// A site and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRow {
    /// The instance.
    pub instance: Uuid,
    /// Its name.
    pub name: String,
    /// The site.
    pub site: Site,
}

fn site(row: &Row<'_>) -> rusqlite::Result<SiteRow> {
    Ok(SiteRow {
        instance: id(row, "instance")?,
        name: row.get("name")?,
        site: Site {
            domain: parsed(row, "domain", Domain::parse)?,
            guest_port: row.get("guest_port")?,
            sources: json(row, "sources")?,
        },
    })
}

fn certificate(row: &Row<'_>) -> rusqlite::Result<Certificate> {
    Ok(Certificate {
        domain: parsed(row, "domain", Domain::parse)?,
        state: word(row, "state")?,
        file: row.get("file")?,
        not_after: some_time(row, "not_after")?,
        due: time(row, "due")?,
        failures: row.get("failures")?,
        tried: json(row, "tried")?,
        error: row.get("error")?,
        challenge: some_json(row, "challenge")?,
        unused_since: some_time(row, "unused_since")?,
    })
}

const SITES: &str = "SELECT s.domain, s.instance, i.name, s.guest_port, s.sources
    FROM site AS s JOIN instance AS i ON i.uuid = s.instance WHERE s.host = ?1 ORDER BY s.domain";

fn sites_on(connection: &Connection, host: &HostId) -> Result<Vec<SiteRow>> {
    let mut statement = connection.prepare_cached(SITES).map_err(sql)?;
    let rows = statement.query_map([host.as_str()], site).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

impl Store {
    /// The sites of a host, in the order of their domains.
    pub fn sites_on(&self, host: &HostId) -> Result<Vec<SiteRow>> {
        sites_on(self.read(), host)
    }

    /// The certificates of a host, in the order of their domains.
    pub fn certificates_on(&self, host: &HostId) -> Result<Vec<Certificate>> {
        let mut statement =
            self.read().prepare_cached("SELECT * FROM certificate WHERE host = ?1 ORDER BY domain").map_err(sql)?;
        let rows = statement.query_map([host.as_str()], certificate).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// The certificate of a domain.
    pub fn certificate(&self, host: &HostId, domain: &Domain) -> Result<Option<Certificate>> {
        self.read()
            .query_row(
                "SELECT * FROM certificate WHERE host = ?1 AND domain = ?2",
                params![host.as_str(), domain.as_str()],
                certificate,
            )
            .optional()
            .map_err(sql)
    }
}

/// Lets domains lead to an instance. A certificate that is there is used again; without one it is asked for at once.
///
/// # Errors
/// [`crate::model::Code::DomainTaken`] if a domain leads elsewhere already.
pub fn insert(t: &Transaction<'_>, host: &HostId, instance: Uuid, new: &[Site], now: Timestamp) -> Result<()> {
    for site in new {
        let Site { domain, guest_port, sources } = site;
        domains::begin(t, host, domain, now)?;
        t.0.execute(
            "INSERT INTO site (host, domain, instance, guest_port, sources) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![host.as_str(), domain.as_str(), Id(instance), guest_port, to_json("a site", sources)?],
        )
        .map_err(sql)?;
    }
    Ok(())
}

/// Takes domains away; their certificates stay, unused since now.
pub fn remove(t: &Transaction<'_>, host: &HostId, gone: &[Site], now: Timestamp) -> Result<()> {
    for Site { domain, .. } in gone {
        t.0.execute("DELETE FROM site WHERE host = ?1 AND domain = ?2", params![host.as_str(), domain.as_str()])
            .map_err(sql)?;
        domains::end(t, host, domain, now)?;
    }
    Ok(())
}

/// Writes how a certificate stands.
pub fn update_certificate(t: &Transaction<'_>, host: &HostId, certificate: &Certificate) -> Result<()> {
    let Certificate { domain, state, file, not_after, due, failures, tried, error, challenge, unused_since } =
        certificate;
    t.0.execute(
        "UPDATE certificate SET state = ?3, file = ?4, not_after = ?5, due = ?6, failures = ?7, tried = ?8, error = ?9,
             challenge = ?10, unused_since = ?11
         WHERE host = ?1 AND domain = ?2",
        params![
            host.as_str(),
            domain.as_str(),
            Stored(*state),
            file,
            not_after.map(Time),
            Time(*due),
            failures,
            to_json("a certificate", tried)?,
            error,
            challenge.as_ref().map(|c| to_json("a challenge", c)).transpose()?,
            unused_since.map(Time),
        ],
    )
    .map(drop)
    .map_err(sql)
}

/// Forgets the certificate of a domain that leads nowhere.
pub fn remove_certificate(t: &Transaction<'_>, host: &HostId, domain: &Domain) -> Result<()> {
    t.0.execute(
        "DELETE FROM certificate WHERE host = ?1 AND domain = ?2
         AND NOT EXISTS (SELECT 1 FROM site WHERE site.host = ?1 AND site.domain = ?2)
         AND NOT EXISTS (SELECT 1 FROM load_balancer AS b WHERE b.host = ?1 AND b.domain = ?2)",
        params![host.as_str(), domain.as_str()],
    )
    .map(drop)
    .map_err(sql)
}
