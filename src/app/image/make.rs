//! Making images: building, downloading and importing them.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, sync::atomic::AtomicBool};

use super::{journalled, rows, tidy};
use crate::{
    app::{App, Caller, Right},
    image::{self, BuildRequest, Image, pull::PullRequest},
    model::{Code, Error, Name, Observer, OperationKind, Result, Settings},
    view::{Changed, ImageRow},
};

/// A download, and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Ids of images.
    pub ids: Vec<String>,
    /// Accept the image with this digest, `sha256:…` or `sha512:…`; of one image alone.
    pub digest: Option<String>,
    /// Download from here instead; needs a digest.
    pub url: Option<String>,
}

/// A qcow2 file to take over as an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The file.
    pub file: PathBuf,
    /// Its name here; none: that of the file.
    pub name: Option<Name>,
}

/// Builds each image from a distribution's signed packages.
pub fn build(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
    caller.require(Right::Change)?;
    tidy(app, &caller.requester, observer)?;
    each(app, caller, OperationKind::Build, ids, observer, |id, cancel, observer| {
        let (dir, mirror) = (&app.settings.host.folders.pool, &app.settings.mirror);
        image::build(BuildRequest { dir, id, mirror, force: false, clock: &*app.clock }, cancel, observer)
    })
}

/// Downloads each image, and keeps it if its digest is the one pinned or signed by the distribution.
pub fn pull(app: &App, caller: &Caller, pull: &Pull, observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
    check_pull(app, caller, pull, observer)?;
    each(app, caller, OperationKind::Pull, &pull.ids, observer, |id, cancel, observer| {
        let request = PullRequest {
            digest: pull.digest.clone(),
            url: pull.url.clone(),
            ..PullRequest::new(&app.settings.host.folders.pool, id)
        };
        image::fetch(&request, cancel, app.clock.now(), observer)
    })
}

/// What a build would do.
pub fn plan_build(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    caller.require(Right::Change)?;
    tidy(app, &caller.requester, observer)?;
    Ok(ids.iter().map(|id| Changed::new(id, "would be built")).collect())
}

/// What a download would do.
pub fn plan_pull(app: &App, caller: &Caller, pull: &Pull, observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    check_pull(app, caller, pull, observer)?;
    Ok(pull.ids.iter().map(|id| Changed::new(id, "would be pulled")).collect())
}

fn check_pull(app: &App, caller: &Caller, pull: &Pull, observer: &mut dyn Observer) -> Result<()> {
    caller.require(Right::Change)?;
    tidy(app, &caller.requester, observer)?;
    if pull.ids.len() > 1 && pull.digest.is_some() {
        return Err(Error::new(Code::OneDigest, "a digest belongs to one image").hint("pull one image at a time"));
    }
    Ok(())
}

/// Imports an image.
pub fn import(app: &App, caller: &Caller, import: &Import, observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
    let id = imported_id(app, caller, import, observer)?;
    create_folder(&app.settings)?;
    let (dir, file) = (&app.settings.host.folders.pool, &import.file);
    let image = journalled(app, caller, (OperationKind::Import, &id), observer, |cancel, observer| {
        image::import(dir, file, &id, false, &*app.clock, cancel, observer)
    })?;
    observer.finish();
    rows(app, &[image])
}

/// What an import would do.
pub fn plan_import(app: &App, caller: &Caller, import: &Import, observer: &mut dyn Observer) -> Result<Changed> {
    Ok(Changed::new(&imported_id(app, caller, import, observer)?, "would be imported"))
}

/// The id under which an import would keep its file.
fn imported_id(app: &App, caller: &Caller, import: &Import, observer: &mut dyn Observer) -> Result<String> {
    caller.require(Right::Change)?;
    tidy(app, &caller.requester, observer)?;
    let id = match &import.name {
        Some(name) => name.to_string(),
        None => import.file.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_ascii_lowercase(),
    };
    Name::parse(&id).map_err(|e| e.hint("name the image: `--name NAME`"))?;
    Ok(id)
}

/// Makes each image, with its stages shown, and gives their rows.
fn each(
    app: &App,
    caller: &Caller,
    kind: OperationKind,
    ids: &[String],
    observer: &mut dyn Observer,
    make: impl Fn(&str, &AtomicBool, &mut dyn Observer) -> Result<Image>,
) -> Result<Vec<ImageRow>> {
    create_folder(&app.settings)?;
    let mut images = Vec::new();
    for id in ids {
        let made = journalled(app, caller, (kind, id), observer, |cancel, observer| make(id, cancel, observer));
        images.push(made.inspect_err(|_| observer.fail())?);
        observer.finish();
    }
    rows(app, &images)
}

/// Makes the folder of the pool: an image may come before the pool does. QEMU's account passes through it, hence 0711.
fn create_folder(settings: &Settings) -> Result<()> {
    let dir = &settings.host.folders.pool;
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711)))
        .map_err(|e| {
            Error::new(Code::PoolNotWritable, format!("cannot make `{}`", dir.display()))
                .cause(e)
                .hint("run lite as root (`sudo lite …`), or choose another folder with `LITE_POOL_DIR`")
        })
}
