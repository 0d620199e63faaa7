//! Resources: who has which name. The tables of instances, alarms and contacts refer to these rows, which go with theirs.

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Stored, Time, id, word},
    sql,
};
use crate::model::{Code, Error, Hint, HostId, Name, ResourceKind, ResourceRef, Result, Verb};

/// A resource that is to be named.
pub(super) struct NewResource<'a> {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The host it lies on; none: on none.
    pub host: Option<&'a HostId>,
    /// When it was made.
    pub created_at: jiff::Timestamp,
}

/// Gives a resource its name.
///
/// # Errors
/// [`Code::NameTaken`] if another resource has it, of whatever kind.
pub(super) fn insert(t: &Transaction<'_>, new: &NewResource<'_>) -> Result<()> {
    let inserted = t.0.execute(
        "INSERT INTO resource (id, kind, name, host, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![new.id, Stored(new.kind), new.name, new.host.map(HostId::as_str), Time(new.created_at)],
    );
    match inserted {
        Ok(_) => Ok(()),
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(holder(&t.0, new.name)?.map_or_else(|| sql(e), |holder| taken(new.kind, holder, new.name)))
        }
        Err(e) => Err(sql(e)),
    }
}

/// Refused with [`Code::NameTaken`] if a resource has the name that one of `kind` is to get.
pub fn refuse_taken(t: &Transaction<'_>, kind: ResourceKind, name: &str) -> Result<()> {
    holder(&t.0, name)?.map_or(Ok(()), |holder| Err(taken(kind, holder, name)))
}

/// The kind of the resource that has a name; images have names of their own.
fn holder(c: &Connection, name: &str) -> Result<Option<ResourceKind>> {
    c.prepare_cached("SELECT kind FROM resource WHERE name = ?1 AND kind <> 'image'")
        .and_then(|mut s| s.query_row([name], |row| word(row, "kind")).optional())
        .map_err(sql)
}

/// The error for a name that `holder` has and one of `kind` was to get.
fn taken(kind: ResourceKind, holder: ResourceKind, name: &str) -> Error {
    let error = |text: String| Error::new(Code::NameTaken, text);
    match (kind, holder) {
        (ResourceKind::Instance, ResourceKind::Instance) => error(format!("the name `{name}` is taken"))
            .hint(Hint::from("choose another with `--name`, or look at it: ").run_with(Verb::Show, &[&name])),
        (ResourceKind::Contact, ResourceKind::Contact) => error(format!("there is a contact `{name}` already"))
            .hint(Hint::from("choose another name, or remove it first: ").run_with(Verb::ContactRemove, &[&name])),
        (ResourceKind::StaticIp, ResourceKind::StaticIp) => {
            error(format!("there is a static address `{name}` already"))
                .hint(Hint::from("choose another name; ").run(Verb::IpList).text(" shows all"))
        }
        (ResourceKind::LoadBalancer, ResourceKind::LoadBalancer) => {
            error(format!("there is a load balancer `{name}` already"))
                .hint(Hint::from("choose another name, or look at it: ").run_with(Verb::LbShow, &[&name]))
        }
        (ResourceKind::Remote, ResourceKind::Remote) => error(format!("there is a remote `{name}` already"))
            .hint(Hint::from("choose another name, or look at it: ").run_with(Verb::RemoteShow, &[&name])),
        (ResourceKind::Disk, ResourceKind::Disk) => error(format!("there is a disk `{name}` already"))
            .hint(Hint::from("choose another name, or look at it: ").run_with(Verb::DiskShow, &[&name])),
        (ResourceKind::Snapshot, ResourceKind::Snapshot) => error(format!("there is a snapshot `{name}` already"))
            .hint(Hint::from("choose another name, or look at it: ").run_with(Verb::SnapshotShow, &[&name])),
        (
            ResourceKind::Contact
            | ResourceKind::StaticIp
            | ResourceKind::LoadBalancer
            | ResourceKind::Remote
            | ResourceKind::KeyPair,
            _,
        ) => error(format!("{} is called `{name}`", holder.with_article())).hint("choose another name"),
        _ => error(format!("{} is called `{name}`", holder.with_article())).hint("choose another with `--name`"),
    }
}

/// Names in use, of all kinds but images.
pub fn names(t: &Transaction<'_>) -> Result<Vec<String>> {
    let mut statement = t.0.prepare_cached("SELECT name FROM resource WHERE kind <> 'image'").map_err(sql)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

fn resource(row: &Row<'_>) -> rusqlite::Result<ResourceRef> {
    Ok(ResourceRef { kind: word(row, "kind")?, id: id(row, "id")?, name: row.get("name")? })
}

/// The first name that is free, this one with one of these behind it.
pub(super) fn free_name(t: &Transaction<'_>, stem: &Name, mut tails: impl Iterator<Item = String>) -> Result<Name> {
    let taken = names(t)?;
    let candidate = |tail: String| {
        let head: String = stem.as_str().chars().take(Name::MAX.saturating_sub(tail.len())).collect();
        format!("{}{tail}", head.trim_end_matches('-'))
    };
    let free = tails.by_ref().map(candidate).find(|name| !taken.contains(name));
    Name::parse(&free.unwrap_or_default())
}

/// The image of a name on a host; it gets a row if it has none yet. Whether there is an image is the pool's to say.
pub fn image(t: &Transaction<'_>, host: &HostId, name: &str, now: jiff::Timestamp) -> Result<ResourceRef> {
    let found =
        t.0.query_row(
            "SELECT kind, id, name FROM resource WHERE kind = 'image' AND host = ?1 AND name = ?2",
            [host.as_str(), name],
            resource,
        )
        .optional()
        .map_err(sql)?;
    if let Some(found) = found {
        return Ok(found);
    }
    let (kind, id) = (ResourceKind::Image, Uuid::new_v4());
    insert(t, &NewResource { kind, id: &id.to_string(), name, host: Some(host), created_at: now })?;
    Ok(ResourceRef { kind, id, name: name.to_owned() })
}

impl Store {
    /// Refused with [`Code::NameTaken`] if a resource has the name that one of `kind` is to get.
    pub fn refuse_taken(&self, kind: ResourceKind, name: &str) -> Result<()> {
        holder(self.read(), name)?.map_or(Ok(()), |holder| Err(taken(kind, holder, name)))
    }

    /// Forgets an image that is not there any more.
    pub fn forget_image(&mut self, id: Uuid) -> Result<()> {
        self.write(|t| {
            t.0.execute("DELETE FROM resource WHERE kind = 'image' AND id = ?1", [id.to_string()])
                .map_err(sql)
                .map(drop)
        })
    }
}
