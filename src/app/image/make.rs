//! Making images: building, downloading and importing them.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use super::{accept, as_row, tidy};
use crate::{
    app::{Accepted, App, Caller, Right},
    image::{self, BuildRequest, Image, Images, pull::PullRequest},
    model::{Code, Error, Hint, Observer, OperationKind, Result},
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
    pub name: Option<String>,
}

/// Builds each image from a distribution's signed packages.
pub fn build(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    ids.iter().map(|id| begin_build(app, caller, id)?.run(observer)).collect()
}

/// Accepts the build of one image.
pub fn accept_build(app: &App, caller: &Caller, id: &str, observer: &mut dyn Observer) -> Result<Accepted<ImageRow>> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    begin_build(app, caller, id)
}

fn begin_build(app: &App, caller: &Caller, id: &str) -> Result<Accepted<ImageRow>> {
    let (settings, clock, base) = (app.settings.clone(), app.clock.clone(), id.to_owned());
    begin(app, caller, (OperationKind::Build, id), move |images, cancel, observer| {
        let request = BuildRequest { images, id: &base, mirror: &settings.mirror, force: false, clock: &*clock };
        image::build(request, cancel, observer).inspect_err(|_| observer.fail())
    })
}

/// Downloads each image, and keeps it if its digest is the one pinned or signed by the distribution.
pub fn pull(app: &App, caller: &Caller, pull: &Pull, observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
    check_pull(app, caller, pull, observer)?;
    pull.ids.iter().map(|id| begin_pull(app, caller, id, pull)?.run(observer)).collect()
}

/// Accepts the download of one image; `pull` names no other.
pub fn accept_pull(
    app: &App,
    caller: &Caller,
    (id, pull): (&str, &Pull),
    observer: &mut dyn Observer,
) -> Result<Accepted<ImageRow>> {
    check_pull(app, caller, pull, observer)?;
    begin_pull(app, caller, id, pull)
}

fn begin_pull(app: &App, caller: &Caller, id: &str, pull: &Pull) -> Result<Accepted<ImageRow>> {
    let clock = app.clock.clone();
    let (base, digest, url) = (id.to_owned(), pull.digest.clone(), pull.url.clone());
    begin(app, caller, (OperationKind::Pull, id), move |images, cancel, observer| {
        let request = PullRequest { digest, url, ..PullRequest::new(images.work(), &base) };
        image::fetch(&request, images, cancel, clock.now(), observer).inspect_err(|_| observer.fail())
    })
}

/// What a build would do.
pub fn plan_build(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    Ok(ids.iter().map(|id| Changed::new(id, "would be built")).collect())
}

/// What a download would do.
pub fn plan_pull(app: &App, caller: &Caller, pull: &Pull, observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    check_pull(app, caller, pull, observer)?;
    Ok(pull.ids.iter().map(|id| Changed::new(id, "would be pulled")).collect())
}

fn check_pull(app: &App, caller: &Caller, pull: &Pull, observer: &mut dyn Observer) -> Result<()> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    if pull.ids.len() > 1 && pull.digest.is_some() {
        return Err(Error::new(Code::OneDigest, "a digest belongs to one image").hint("pull one image at a time"));
    }
    Ok(())
}

/// Imports an image.
pub fn import(app: &App, caller: &Caller, import: &Import, observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
    Ok(vec![accept_import(app, caller, import, observer)?.run(observer)?])
}

/// Accepts the import of an image.
pub fn accept_import(
    app: &App,
    caller: &Caller,
    import: &Import,
    observer: &mut dyn Observer,
) -> Result<Accepted<ImageRow>> {
    let id = imported_id(app, caller, import, observer)?;
    let (clock, file, name) = (app.clock.clone(), import.file.clone(), id.clone());
    begin(app, caller, (OperationKind::Import, &id), move |images, cancel, observer| {
        image::import(images, &file, &name, false, &*clock, cancel, observer)
    })
}

/// What an import would do.
pub fn plan_import(app: &App, caller: &Caller, import: &Import, observer: &mut dyn Observer) -> Result<Changed> {
    Ok(Changed::new(&imported_id(app, caller, import, observer)?, "would be imported"))
}

/// The id under which an import would keep its file.
fn imported_id(app: &App, caller: &Caller, import: &Import, observer: &mut dyn Observer) -> Result<String> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    let id = match &import.name {
        Some(name) => name.clone(),
        None => import.file.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_ascii_lowercase(),
    };
    image::check_id(&id).map_err(|e| e.hint("name the image: `--name NAME`"))?;
    Ok(id)
}

/// Accepts the making of an image, with its stages shown; gives its row.
fn begin(
    app: &App,
    caller: &Caller,
    (kind, id): (OperationKind, &str),
    make: impl FnOnce(&Images, &AtomicBool, &mut dyn Observer) -> Result<Image> + Send + 'static,
) -> Result<Accepted<ImageRow>> {
    let images = app.images()?;
    create_folder(images.work())?;
    let made = accept(app, caller, (kind, id), move |cancel, observer| make(&images, cancel, observer))?;
    let app = app.clone();
    Ok(made.and_then(move |made, observer| {
        let image = made?;
        observer.finish();
        as_row(&app)?(&image)
    }))
}

/// Makes the folder that images are made in. On this machine it is the pool's: an image may come before the pool does, and
/// QEMU's account passes through it, hence 0711.
fn create_folder(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711)))
        .map_err(|e| {
            Error::new(Code::PoolNotWritable, format!("cannot make `{}`", dir.display()))
                .cause(e)
                .hint(Hint::again_as_root_or("LITE_POOL_DIR"))
        })
}
