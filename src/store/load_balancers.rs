//! Load balancers and the instances behind them.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction, alarms,
    column::{Id, Time, id, parsed, time},
    domains,
    events::Stamp,
    noun::Noun,
    resources::{self, NewResource},
    sql,
};
use crate::model::{
    Code, Domain, Error, HealthPath, Hint, HostId, LoadBalancer, Name, ResourceKind, Result, Target, Verb,
};

fn load_balancer(row: &Row<'_>) -> rusqlite::Result<LoadBalancer> {
    Ok(LoadBalancer {
        id: id(row, "id")?,
        name: parsed(row, "name", Name::parse)?,
        instance_port: row.get("instance_port")?,
        domain: match row.get::<_, Option<String>>("domain")? {
            Some(_) => Some(parsed(row, "domain", Domain::parse)?),
            None => None,
        },
        listen: row.get("listen")?,
        health_path: parsed(row, "health_path", HealthPath::parse)?,
        sticky: row.get("sticky")?,
        targets: Vec::new(),
        created_at: time(row, "created_at")?,
    })
}

/// Those of a host, by name, with or without those that are being deleted.
fn all_on(connection: &Connection, host: &HostId, deleting_too: bool) -> Result<Vec<LoadBalancer>> {
    let query = "SELECT * FROM load_balancer WHERE host = ?1 AND (?2 OR NOT deleting) ORDER BY name";
    let mut statement = connection.prepare_cached(query).map_err(sql)?;
    let rows = statement.query_map(params![host.as_str(), deleting_too], load_balancer).map_err(sql)?;
    let with_targets = |row: rusqlite::Result<LoadBalancer>| {
        let balancer = row.map_err(sql)?;
        Ok(LoadBalancer { targets: targets(connection, balancer.id)?, ..balancer })
    };
    rows.map(with_targets).collect()
}

fn targets(connection: &Connection, balancer: Uuid) -> Result<Vec<Target>> {
    let query = "SELECT instance, draining FROM load_balancer_target WHERE load_balancer = ?1 ORDER BY instance";
    let mut statement = connection.prepare_cached(query).map_err(sql)?;
    let target = |row: &Row<'_>| Ok(Target { instance: id(row, "instance")?, draining: row.get("draining")? });
    let rows = statement.query_map([Id(balancer)], target).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

const LOAD_BALANCER: Noun =
    Noun { code: Code::NoSuchLoadBalancer, one: "load balancer", many: "load balancers", list: Verb::LbList };

impl Store {
    /// The load balancers of a host, by name. One that is being deleted is none any more; its row goes last, with all that
    /// refers to it.
    pub fn load_balancers(&self, host: &HostId) -> Result<Vec<LoadBalancer>> {
        all_on(self.read(), host, false)
    }

    /// One by its id, also while it is being deleted.
    pub fn load_balancer_row(&self, host: &HostId, id: Uuid) -> Result<Option<LoadBalancer>> {
        Ok(all_on(self.read(), host, true)?.into_iter().find(|balancer| balancer.id == id))
    }

    /// One load balancer, or the error that names the nearest.
    pub fn require_load_balancer(&self, host: &HostId, name: &Name) -> Result<LoadBalancer> {
        let all = self.load_balancers(host)?;
        let error = LOAD_BALANCER.absent(name, all.iter().map(|balancer| balancer.name.as_str()));
        all.into_iter().find(|balancer| balancer.name == *name).ok_or(error)
    }
}

/// What to say where a load balancer has the port of the host that something else asks for.
pub fn listens(holder: &LoadBalancer, port: u16) -> Error {
    Error::new(Code::PortTaken, format!("`{port}/tcp` of this host leads to load balancer `{}`", holder.name))
        .hint(Hint::from("choose another port, or delete that one first: ").run_with(Verb::LbDelete, &[&holder.name]))
}

/// Makes a load balancer, without its targets. The certificate of its domain is asked for at once, unless there is one.
///
/// # Errors
/// [`Code::NameTaken`], [`Code::DomainTaken`] or [`Code::PortTaken`].
pub fn insert(t: &Transaction<'_>, host: &HostId, new: &LoadBalancer, now: Timestamp) -> Result<()> {
    let LoadBalancer { id, name, instance_port, domain, listen, health_path, sticky, targets: _, created_at } = new;
    let text = id.to_string();
    let (kind, created_at) = (ResourceKind::LoadBalancer, *created_at);
    resources::insert(t, &NewResource { kind, id: &text, name: name.as_str(), host: Some(host), created_at })?;
    if let Some(domain) = domain {
        domains::begin(t, host, domain, now)?;
    }
    if let Some((holder, port)) =
        all_on(&t.0, host, true)?.iter().zip(*listen).find(|(held, port)| held.listen == Some(*port))
    {
        return Err(listens(holder, port));
    }
    t.0.execute(
        "INSERT INTO load_balancer (id, name, host, instance_port, domain, listen, health_path, sticky, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            Id(*id),
            name.as_str(),
            host.as_str(),
            instance_port,
            domain.as_ref().map(Domain::as_str),
            listen,
            health_path.as_str(),
            sticky,
            Time(created_at),
        ],
    )
    .map(drop)
    .map_err(sql)
}

/// Says whether a load balancer is being deleted.
pub fn set_deleting(t: &Transaction<'_>, balancer: Uuid, deleting: bool) -> Result<()> {
    t.0.execute("UPDATE load_balancer SET deleting = ?2 WHERE id = ?1", params![Id(balancer), deleting])
        .map_err(sql)
        .map(drop)
}

/// Removes a load balancer with its targets and alarms, whose incidents are closed; the certificate of its domain stays,
/// unused since now.
pub fn delete(t: &Transaction<'_>, gone: &LoadBalancer, stamp: &Stamp) -> Result<()> {
    alarms::close_all_of(t, &gone.into(), stamp)?;
    t.0.execute("DELETE FROM load_balancer WHERE id = ?1", [Id(gone.id)]).map_err(sql)?;
    gone.domain.iter().try_for_each(|domain| domains::end(t, &stamp.host, domain, stamp.now))
}

/// Gives a load balancer these targets and no others. One whose instance is gone, or goes, is left out.
pub fn set_targets(t: &Transaction<'_>, balancer: Uuid, targets: &[Target]) -> Result<()> {
    t.0.execute("DELETE FROM load_balancer_target WHERE load_balancer = ?1", [Id(balancer)]).map_err(sql)?;
    for Target { instance, draining } in targets {
        t.0.execute(
            "INSERT INTO load_balancer_target (load_balancer, instance, draining)
             SELECT ?1, uuid, ?3 FROM instance WHERE uuid = ?2 AND phase <> 'deleting'",
            params![Id(balancer), Id(*instance), draining],
        )
        .map_err(sql)?;
    }
    Ok(())
}

/// Takes an instance out of all load balancers; whether it was behind one.
pub fn forget_instance(t: &Transaction<'_>, instance: Uuid) -> Result<bool> {
    let gone = t.0.execute("DELETE FROM load_balancer_target WHERE instance = ?1", [Id(instance)]).map_err(sql)?;
    Ok(gone > 0)
}
