//! Remotes: added, shown, checked and forgotten.

use secrecy::{ExposeSecret, SecretString};

use super::{Accepted, App, Caller, Right, sources::storage_prices};
use crate::{
    catalog::SecretSpec,
    engine::{
        Ctx, OffSite, remote_contents, remote_home,
        sagas::{fetch, remote as saga, remote_delete},
    },
    guest,
    image::restic::fingerprint,
    model::{AuditAction, Code, Error, Location, Name, Observer, Remote, ResourceKind, Result, Scheme, Unobserved},
    store::resources,
    view::{Changed, RemoteAdded, RemoteRow, RemoteSnapshotRow, SecretView, SnapshotView, remote_password},
};

/// What passwords of remotes are drawn from: what nobody mistakes for something else.
const ALPHABET: &str = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// How long they are.
const LENGTH: u32 = 32;

/// A remote to add.
#[derive(Clone)]
pub struct Add {
    /// Name of the remote.
    pub name: Name,
    /// Where it is.
    pub location: Location,
    /// The text of the file that holds its password; none: one is drawn.
    pub password: Option<SecretString>,
    /// The text of the file that holds the keys of its bucket.
    pub credentials: Option<SecretString>,
    /// Say what would be added, and change nothing.
    pub dry_run: bool,
}

/// Accepts that a remote is added.
///
/// # Errors
/// Refused: a name that is taken, a place that is none, a file that does not hold what it is to hold.
pub fn add(app: &App, caller: &Caller, add: Add, observer: &mut dyn Observer) -> Result<Accepted<Vec<RemoteAdded>>> {
    app.require(caller, Right::Administer)?;
    let Add { name, location, password, credentials, dry_run } = add;
    let given = password.map(|text| check_password(&text)).transpose()?;
    check_credentials(location.scheme(), credentials.as_ref())?;
    let mut ctx = app.change(caller, false, observer)?;
    if dry_run {
        saga::check(&mut ctx, &name, &location)?;
        observer
            .status(&format!("remote `{name}` at `{location}` would be added; nothing was asked, nothing was changed"));
        return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
    }
    let accepted = saga::accept(&mut ctx, &name, &location)?;
    let drawn = given.is_none().then(draw);
    let password = given.clone().or_else(|| drawn.clone()).unwrap_or_default();
    let keys = saga::Keys { password, given: given.is_some(), credentials };
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        let remote = saga::run(&mut ctx, accepted, &keys, observer)?;
        Ok(vec![RemoteAdded { row: row(&ctx.settings, &remote)?, password: drawn }])
    }))
}

fn draw() -> SecretString {
    let (name, description) = (String::new(), String::new());
    guest::keys::new_secret(&SecretSpec {
        name,
        description,
        length: LENGTH,
        alphabet: ALPHABET.to_owned(),
        show: true,
        user: None,
    })
}

/// One line, without what restic would cut off it.
fn check_password(text: &SecretString) -> Result<SecretString> {
    let password = text.expose_secret().trim();
    match (1..=1024).contains(&password.len()) && !password.chars().any(char::is_control) {
        true => Ok(SecretString::from(password.to_owned())),
        false => Err(Error::new(Code::InvalidSecret, "the file of the password holds no password")
            .hint("write it on one line, of 1 to 1024 characters")),
    }
}

fn check_credentials(scheme: Scheme, credentials: Option<&SecretString>) -> Result<()> {
    let holds = |text: &SecretString, key: &str| {
        let of = |line: &str| {
            line.split_once('=').is_some_and(|(name, value)| name.trim() == key && !value.trim().is_empty())
        };
        text.expose_secret().lines().any(of)
    };
    match (scheme, credentials) {
        (Scheme::S3, Some(text))
            if ["aws_access_key_id", "aws_secret_access_key"].iter().all(|key| holds(text, key)) =>
        {
            Ok(())
        }
        (Scheme::S3, Some(_)) => Err(Error::new(Code::InvalidSecret, "the file does not hold the keys of a bucket")
            .hint("write `[default]`, `aws_access_key_id = …` and `aws_secret_access_key = …`, a line each")),
        (Scheme::S3, None) => Err(Error::new(Code::Usage, "a bucket is opened by keys")
            .hint("name the file that holds them with `--credentials-file`")),
        (_, Some(_)) => Err(Error::new(Code::Usage, "`--credentials-file` is for `s3://` alone").hint("leave it away")),
        (_, None) => Ok(()),
    }
}

fn row(settings: &crate::model::Settings, remote: &Remote) -> Result<RemoteRow> {
    let is_sftp = remote.location.scheme() == Scheme::Sftp;
    let keys = if is_sftp { remote_home(settings, remote).host_keys().unwrap_or_default() } else { Vec::new() };
    let login = is_sftp.then(|| guest::ssh::login_key(&settings.paths.state)).transpose()?;
    Ok(RemoteRow {
        name: remote.name.to_string(),
        location: remote.location.to_string(),
        kind: remote.location.scheme(),
        state: remote.state,
        host_keys: keys.iter().map(|key| fingerprint(key)).collect(),
        login_key: login.map(|key| key.public),
        created_at: remote.created_at,
    })
}

/// The remotes, by name. Nobody is asked, nothing is changed, and no database is made.
///
/// # Errors
/// Those of the database.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<RemoteRow>> {
    app.require(caller, Right::Read)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    store.remotes()?.iter().map(|remote| row(&app.settings, remote)).collect()
}

/// One remote.
///
/// # Errors
/// There is none of that name.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<RemoteRow> {
    app.require(caller, Right::Read)?;
    row(&app.settings, &find(app, caller, name, observer)?)
}

/// What opens a remote.
///
/// # Errors
/// There is none of that name.
pub fn secrets(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Vec<SecretView>> {
    app.require(caller, Right::Administer)?;
    let remote = find(app, caller, name, observer)?;
    app.new_store()?
        .record_audit(&app.done(caller, AuditAction::ShowRemoteSecrets).about(ResourceKind::Remote, name))?;
    Ok(vec![remote_password(remote_home(&app.settings, &remote).password()?)])
}

fn find(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Remote> {
    app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?.require_remote(name)
}

/// Checks what a remote holds, and with `data` every byte of it.
///
/// # Errors
/// It is damaged, not reached, or somebody works with it.
pub fn check(app: &App, caller: &Caller, name: &Name, data: bool, observer: &mut dyn Observer) -> Result<Changed> {
    app.require(caller, Right::Administer)?;
    let mut ctx = app.change(caller, false, observer)?;
    saga::check_whole(&mut ctx, name, data, observer)?;
    Ok(Changed::new(name, if data { "in order, every byte" } else { "in order" }))
}

/// Remotes found for removal.
pub struct Removal {
    caller: Caller,
    ctx: Ctx,
    names: Vec<Name>,
}

/// Finds the remotes named.
///
/// # Errors
/// There is none of a name.
pub fn find_all(app: &App, caller: &Caller, names: &[Name], observer: &mut dyn Observer) -> Result<Removal> {
    app.require(caller, Right::Administer)?;
    let ctx = app.change(caller, false, observer)?;
    for name in names {
        ctx.store.require_remote(name)?;
    }
    Ok(Removal { caller: caller.clone(), ctx, names: names.to_vec() })
}

impl Removal {
    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.names.iter().map(|name| Changed::new(name, "would be forgotten; what it holds stays there")).collect()
    }

    /// Accepts that the one remote that was found is forgotten.
    ///
    /// # Errors
    /// Busy; or it is not one.
    pub fn accept(self) -> Result<Accepted<Changed>> {
        let Self { ctx, names, .. } = self;
        match names.as_slice() {
            [name] => remove(ctx, name),
            _ => Err(Error::new(Code::Usage, "one remote is forgotten at a time")),
        }
    }

    /// Forgets one after the other, up to the first that fails.
    ///
    /// # Errors
    /// Those of acceptance, and of what fails then.
    pub fn run(self, app: &App) -> Result<Vec<Changed>> {
        let Self { caller, ctx, names } = self;
        let mut found_with = Some(ctx);
        let each = names.iter().map(|name| {
            // Each keeps its context for its run.
            let ctx = found_with.take().map_or_else(|| app.context(&caller, false), Ok)?;
            remove(ctx, name)?.run(&mut Unobserved)
        });
        each.collect()
    }
}

fn remove(mut ctx: Ctx, name: &Name) -> Result<Accepted<Changed>> {
    let accepted = saga::accept_remove(&mut ctx, name)?;
    let removed = Changed::new(name, "forgotten; what it holds stays there");
    Ok(Accepted::new(accepted.operation.clone(), move |_| saga::run_remove(&mut ctx, accepted).map(|()| removed)))
}

/// The snapshots that are whole in a remote, the oldest first.
///
/// # Errors
/// There is no such remote, or it is not reached.
pub fn snapshots(
    app: &App,
    caller: &Caller,
    name: &Name,
    observer: &mut dyn Observer,
) -> Result<Vec<RemoteSnapshotRow>> {
    app.require(caller, Right::Read)?;
    let remote = find(app, caller, name, observer)?;
    let view = |one: &OffSite| RemoteSnapshotRow {
        name: one.name.to_string(),
        id: one.id.to_string(),
        instance: one.instance.to_string(),
        automatic: one.automatic,
        created_at: one.taken_at,
        pushed_at: one.manifest.at,
    };
    Ok(remote_contents(&app.settings, &remote, &app.cancel)?.snapshots.iter().map(view).collect())
}

/// Snapshots in a remote that were found for deletion.
pub struct Deletion {
    ctx: Ctx,
    remote: Name,
    found: remote_delete::Found,
}

/// Finds snapshots in a remote, by name or id.
///
/// # Errors
/// There is none of a name, or several have it; or the remote is not reached.
pub fn find_snapshots(
    app: &App,
    caller: &Caller,
    (remote, snapshots): (&Name, &[String]),
    observer: &mut dyn Observer,
) -> Result<Deletion> {
    app.require(caller, Right::Administer)?;
    let ctx = app.change(caller, false, observer)?;
    let found = remote_delete::find(&ctx, remote, snapshots)?;
    Ok(Deletion { ctx, remote: remote.clone(), found })
}

impl Deletion {
    /// Their names.
    pub fn names(&self) -> Vec<Name> {
        self.found.names().cloned().collect()
    }

    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.each(&format!("would be deleted in `{}`", self.remote))
    }

    fn each(&self, what: &str) -> Vec<Changed> {
        self.found.names().map(|name| Changed::new(name, what)).collect()
    }

    /// Accepts that they go.
    ///
    /// # Errors
    /// Busy.
    pub fn accept(self) -> Result<Accepted<Vec<Changed>>> {
        let gone = self.each(&format!("deleted in `{}`", self.remote));
        let Self { mut ctx, found, .. } = self;
        let accepted = remote_delete::accept(&mut ctx, found)?;
        Ok(Accepted::new(accepted.operation.clone(), move |observer| {
            remote_delete::run(&mut ctx, accepted, observer).map(|()| gone)
        }))
    }
}

/// A snapshot that is to come back.
pub struct Restore {
    /// The remote.
    pub remote: Name,
    /// Its name, or its id.
    pub snapshot: String,
    /// What it is called here; none: as it is there.
    pub name: Option<Name>,
    /// Say what would come back, and change nothing.
    pub dry_run: bool,
}

/// Accepts that a snapshot comes back from a remote, as one of this host.
///
/// # Errors
/// Refused: there is none, it is damaged, its name is taken, or there is no room for it.
pub fn restore(
    app: &App,
    caller: &Caller,
    restore: &Restore,
    observer: &mut dyn Observer,
) -> Result<Accepted<Vec<SnapshotView>>> {
    app.require(caller, Right::Administer)?;
    let mut ctx = app.change(caller, false, observer)?;
    let found = fetch::find(&ctx, &restore.remote, &restore.snapshot, restore.name.as_ref())?;
    if restore.dry_run {
        ctx.store.write(|t| resources::refuse_taken(t, ResourceKind::Snapshot, found.name().as_str()))?;
        observer.status(&format!(
            "snapshot `{}` would be restored, and take up to {}; nothing was changed",
            found.name(),
            found.takes()
        ));
        return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
    }
    let accepted = fetch::accept(&mut ctx, found)?;
    let prices = storage_prices(&app.settings, observer)?;
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        Ok(vec![SnapshotView::of(fetch::run(&mut ctx, accepted, observer)?, Vec::new(), &prices)])
    }))
}
