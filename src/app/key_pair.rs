//! Key pairs: public keys by name, with which instances are made. A caller with a scope sees those that have its tag.

use secrecy::SecretString;

use super::{App, Caller, Right, files, scope::Target};
use crate::{
    guest::{keys, ssh},
    model::{AuditAction, AuditEntry, Code, Error, Name, Observer, ResourceKind, Result, Tag, escaped},
    store::{
        Store,
        key_pairs::{self, KeyPair, no_such_key_pair},
    },
    view::KeyPairRow,
};

/// Longest private key that is read.
const LONGEST: u64 = 16 << 10;

/// A pair that was made.
pub struct Made {
    /// The public one, which is kept.
    pub row: KeyPairRow,
    /// The private one, shown this once and kept nowhere.
    pub private: SecretString,
}

/// Keeps a public key.
///
/// # Errors
/// It is none, or the name is taken.
pub fn import(
    app: &App,
    caller: &Caller,
    (name, public): (&Name, &[u8]),
    tags: &[Tag],
    observer: &mut dyn Observer,
) -> Result<KeyPairRow> {
    let keys = keys::parse_public_keys(public)?;
    let [public] = &keys[..] else {
        return Err(Error::new(Code::InvalidSshKey, format!("a key pair is one key, and these are {}", keys.len())));
    };
    keep(app, caller, (name, public), (tags, AuditAction::ImportKeyPair), observer)
}

/// Makes a pair of keys, and keeps the public one.
///
/// # Errors
/// The name is taken.
pub fn create(app: &App, caller: &Caller, name: &Name, tags: &[Tag], observer: &mut dyn Observer) -> Result<Made> {
    app.authorise(caller, Right::Change, Target::Sorted)?;
    let pair = keys::new_host_key()?;
    let row = keep(app, caller, (name, &pair.public), (tags, AuditAction::CreateKeyPair), observer)?;
    Ok(Made { row, private: pair.private })
}

fn keep(
    app: &App,
    caller: &Caller,
    (name, public): (&Name, &str),
    (tags, action): (&[Tag], AuditAction),
    observer: &mut dyn Observer,
) -> Result<KeyPairRow> {
    app.authorise(caller, Right::Change, Target::Sorted)?;
    let tags = within(caller, tags.to_vec())?;
    let mut store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let new = KeyPair { name: name.clone(), public: public.to_owned(), tags, created_at: app.clock.now() };
    store.audited(about(app, caller, action, name)).write(|t| key_pairs::insert(t, &new))?;
    row(new)
}

/// Tags as they are for their caller: that of its scope is one of them.
fn within(caller: &Caller, mut tags: Vec<Tag>) -> Result<Vec<Tag>> {
    tags.sort();
    tags.dedup();
    if let Some(twice) = tags.windows(2).find(|two| two[0].key == two[1].key) {
        let text = format!("the tag `{}` is given twice", escaped(&twice[0].key));
        return Err(Error::new(Code::InvalidTag, text).hint("give each key once"));
    }
    let Some(tag) = caller.scope().tag() else { return Ok(tags) };
    if tags.iter().any(|given| given.key == tag.key && given != tag) {
        let text = format!("what `{}` makes and works on keeps the tag `{tag}`", caller.requester.actor);
        return Err(Error::new(Code::Forbidden, text).hint(format!("leave out `{}`", tag.key)));
    }
    if !tags.contains(tag) {
        tags.push(tag.clone());
    }
    Ok(tags)
}

/// The key pairs, by name.
///
/// # Errors
/// Those of the database.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<KeyPairRow>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    let seen = store.key_pairs()?.into_iter().filter(|pair| caller.scope().covers(&pair.tags));
    seen.map(row).collect()
}

/// One key pair.
///
/// # Errors
/// There is none of that name.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<KeyPairRow> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    row(found(&store, caller, name)?)
}

/// Replaces the tags of a key pair.
///
/// # Errors
/// There is none of that name.
pub fn tag(
    app: &App,
    caller: &Caller,
    name: &Name,
    (set, remove): (&[Tag], &[String]),
    observer: &mut dyn Observer,
) -> Result<KeyPairRow> {
    app.authorise(caller, Right::Change, Target::Sorted)?;
    let mut store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let mut pair = found(&store, caller, name)?;
    pair.tags.retain(|tag| !remove.contains(&tag.key) && !set.iter().any(|new| new.key == tag.key));
    pair.tags.extend(set.iter().cloned());
    pair.tags = within(caller, pair.tags)?;
    let entry = about(app, caller, AuditAction::TagKeyPair, name);
    store.audited(entry).write(|t| key_pairs::set_tags(t, name, &pair.tags))?;
    row(pair)
}

/// Forgets a key pair. Instances that were made with it keep it.
///
/// # Errors
/// There is none of that name.
pub fn delete(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<KeyPairRow> {
    app.authorise(caller, Right::Change, Target::Sorted)?;
    let mut store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let pair = found(&store, caller, name)?;
    store.audited(about(app, caller, AuditAction::DeleteKeyPair, name)).write(|t| key_pairs::remove(t, name))?;
    row(pair)
}

/// The pair by which lite itself logs in to every instance: its public key and its private one. Who has it is in all of them.
///
/// # Errors
/// The caller is no administrator of the whole host.
pub fn login_pair(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<(String, SecretString)> {
    app.require(caller, Right::Administer)?;
    let mut store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    store.record_audit(&app.done(caller, AuditAction::ShowLoginKey))?;
    let key = ssh::login_key(&app.settings.paths.state)?;
    let private = String::from_utf8(files::read_limited(&key.file, LONGEST)?)
        .map_err(|e| Error::new(Code::KeyUnusable, format!("cannot use `{}`", key.file.display())).cause(e))?;
    Ok((key.public, private.into()))
}

/// The key pair of a name, if the caller sees it.
fn found(store: &Store, caller: &Caller, name: &Name) -> Result<KeyPair> {
    let mut all = store.key_pairs()?;
    all.retain(|pair| caller.scope().covers(&pair.tags));
    let known = all.iter().map(|pair| pair.name.as_str()).filter(|_| caller.scope().is_all());
    let error = no_such_key_pair(name, known);
    all.into_iter().find(|pair| pair.name == *name).ok_or(error)
}

fn about(app: &App, caller: &Caller, action: AuditAction, name: &Name) -> AuditEntry {
    app.done(caller, action).about(ResourceKind::KeyPair, name)
}

fn row(pair: KeyPair) -> Result<KeyPairRow> {
    Ok(KeyPairRow {
        name: pair.name.into(),
        fingerprint: keys::fingerprint(&pair.public)?,
        public: pair.public,
        tags: pair.tags,
        created_at: pair.created_at,
    })
}
