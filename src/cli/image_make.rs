//! Makes images: builds them, or downloads, checks and keeps them.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{Arc, atomic::AtomicBool},
};

use super::session;
use crate::{
    image::{self, BuildRequest, Image},
    model::{Code, Error, Observer, Result, Settings},
};

/// Builds an image from a distribution's packages.
pub(super) fn build(settings: &Settings, id: &str, cancel: &AtomicBool, observer: &mut dyn Observer) -> Result<Image> {
    let request = BuildRequest { dir: &settings.host.folders.pool, id, mirror: &settings.mirror, force: false };
    image::build(request, cancel, observer)
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
