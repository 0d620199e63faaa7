//! Downloads an image and keeps it.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;

use super::{
    Images,
    lock::lock,
    pull::{PullRequest, pull},
    registry::{Image, Origin, adopt, get},
};
use crate::model::{Observer, Result, Stage};

/// Downloads an image, looks into its header, and keeps it; or gives the one that is there. The request
/// downloads into the work folder of `images`; `now` is when it is kept.
///
/// # Errors
/// What [`pull`] refuses, and a header that does not pass.
pub fn fetch(
    request: &PullRequest,
    images: &Images,
    cancel: &AtomicBool,
    now: Timestamp,
    observer: &mut dyn Observer,
) -> Result<Image> {
    let id = request.id.as_str();
    let _lock = lock(images.work(), id, cancel, observer)?;
    if let Some(image) = get(images, id)? {
        return Ok(image);
    }
    observer.begin(Stage::Download);
    let pulled = pull(request, cancel, &mut |done, total| observer.bytes(done, total))?;
    let adopted = adopt(images, id, &pulled.file, Origin::Pulled, Some(pulled.url), now);
    if adopted.is_err() {
        // A file that did not pass the gate must not be taken for a good download next time.
        let _ = std::fs::remove_file(&pulled.file);
    }
    adopted
}
