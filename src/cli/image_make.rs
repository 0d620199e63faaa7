//! Makes images: builds them, or downloads, checks and keeps them.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{Arc, atomic::AtomicBool},
};

use super::session;
use crate::{
    image::{self, BuildRequest, Image, Origin, pull::PullRequest},
    model::{Code, Error, Observer, Result, Settings, Stage, WithinStage},
};

/// The image of a base for a create: the one that is there, else one that is built or pulled now.
pub fn obtain(settings: &Settings, base: &str, cancel: &AtomicBool, observer: &mut dyn Observer) -> Result<Image> {
    if let Some(image) = image::get(&settings.host.folders.pool, base)? {
        return Ok(image);
    }
    let mut within = WithinStage(observer);
    if image::buildable().any(|id| id == base) {
        within.warn(&format!("there is no image `{base}` yet: it is built now, once"));
        return build(settings, base, cancel, &mut within);
    }
    image::known::find(base).map_err(|e| e.hint(format!("bring your own: `lite image import FILE --name {base}`")))?;
    within.warn(&format!("there is no image `{base}` yet: it is downloaded now, once"));
    pull_and_adopt(&PullRequest::new(&settings.host.folders.pool, base), cancel, &mut within)
}

/// Builds an image from a distribution's packages.
pub(super) fn build(settings: &Settings, id: &str, cancel: &AtomicBool, observer: &mut dyn Observer) -> Result<Image> {
    let request = BuildRequest { dir: &settings.host.folders.pool, id, mirror: &settings.mirror, force: false };
    image::build(request, cancel, observer)
}

/// Downloads an image, looks into its header, and keeps it.
pub(super) fn pull_and_adopt(request: &PullRequest, cancel: &AtomicBool, observer: &mut dyn Observer) -> Result<Image> {
    let (dir, id) = (request.dir.as_path(), request.id.as_str());
    let lock = image::lock(dir, id, cancel, observer)?;
    if let Some(image) = image::get(dir, id)? {
        return Ok(image);
    }
    observer.begin(Stage::Download);
    let pulled = image::pull::pull(request, cancel, &mut |done, total| observer.bytes(done, total))?;
    let adopted = image::adopt(dir, id, &pulled.file, Origin::Pulled, Some(pulled.url), jiff::Timestamp::now());
    if adopted.is_err() {
        // A file that did not pass the gate must not be taken for a good download next time.
        let _ = std::fs::remove_file(&pulled.file);
    }
    drop(lock);
    adopted
}

/// Ctrl-C as a flag, for work that has no host to talk to.
pub(super) fn heed_interrupts() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    session::flag_interrupts(&flag)?;
    Ok(flag)
}

/// Makes the folder of the pool: an image may come before the pool does. QEMU's account passes through it, hence 0711.
pub(super) fn create_folder(settings: &Settings) -> Result<()> {
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
