//! The image that a new disk lies on: chosen, and built or downloaded where it is not there yet.

use std::sync::atomic::AtomicBool;

use super::{
    Ctx,
    recipe::bake_of,
    request::{CopyOf, ImageChoice, Request},
};
use crate::{
    clock::Clock,
    image::{self, ArrivedDisk, Arriving, Baked, BuildRequest, Hold, Image, Images, Origin, pull::PullRequest},
    model::{Code, Error, Hint, Observer, Result, Snapshot, Verb, WithinStage},
};

/// The image of a base: the one that is there, else one that is built of the mirror's packages or downloaded now.
///
/// # Errors
/// Refused where no such base is known; failed where it cannot be had.
pub fn ensure_image(
    (images, mirror, clock): (&Images, &str, &dyn Clock),
    base: &str,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Image> {
    if let Some(image) = image::get(images, base)? {
        return Ok(image);
    }
    let mut within = WithinStage(observer);
    if image::buildable().any(|id| id == base) {
        within.warn(&Hint::from(format!("there is no image `{base}` yet: it is built now, once")));
        let request = BuildRequest { images, id: base, mirror, force: false, clock };
        return image::build(request, cancel, &mut within);
    }
    image::known::find(base).map_err(|e| {
        e.hint(Hint::from("bring your own: ").run_with(Verb::ImageImport, &[&"FILE", &"--name", &base]))
    })?;
    within.warn(&Hint::from(format!("there is no image `{base}` yet: it is downloaded now, once")));
    image::fetch(&PullRequest::new(images.work(), base), images, cancel, clock.now(), &mut within)
}

/// The image of a create, whose operation is reported: a request that the operation ends is heard here too.
///
/// # Errors
/// As [`ensure_image`]. A baked image that cannot be read is warned of, and the base taken.
pub fn choose(ctx: &Ctx, request: &Request, observer: &mut dyn Observer) -> Result<Image> {
    if let Some(snapshot) = request.copy_of.as_ref().and_then(CopyOf::snapshot) {
        return Ok(under(snapshot));
    }
    let images = &ctx.images()?;
    let from = (images, &*ctx.settings.mirror, &*ctx.clock);
    let ensure = |observer| ensure_image(from, &request.base, &ctx.ending, observer);
    let base = match &request.image {
        ImageChoice::Given(image) => return Ok(Image::clone(image)),
        ImageChoice::Base => return ensure(observer),
        ImageChoice::Baked | ImageChoice::Warm => ensure(observer)?,
    };
    let Some(wanted) = bake_of(&request.blueprint, &request.base, &base.digest, &request.parameters)? else {
        return Ok(base);
    };
    match find(images, &wanted) {
        Ok(Some(image)) => {
            let blueprint = &request.blueprint.id;
            observer.status(&format!("`{blueprint}` is installed already: baked image `{}`", image.id));
            Ok(image)
        }
        Ok(None) => Ok(base),
        // Without a baked image the packages are installed at first boot.
        Err(e) => {
            observer.warn(&Hint::from(format!("{e}; it is installed at first boot instead")));
            Ok(base)
        }
    }
}

/// What the disks of exports that become those of instances are called, as if they were versions of one image; none of a user's is called
/// so.
const RECEIVED: &str = "lite.import";

/// Whether a volume is the disk of an export.
pub fn is_received(volume: &str) -> bool {
    volume.strip_prefix("base-").and_then(|rest| rest.strip_prefix(RECEIVED)).is_some_and(|rest| rest.starts_with('-'))
}

/// The volume that the next disk of an export becomes; none: there is no next one.
pub fn received_volume(arriving: &Arriving) -> Option<String> {
    arriving.next_declared().map(|told| image::volume_name(RECEIVED, &told.sha256))
}

/// Brings the first disk of an export, on which that of an instance is to lie, and gives back what follows. The lock is held until a row
/// says so; those of a host take turns.
///
/// # Errors
/// Refused: it is not what the export says.
pub fn receive(
    ctx: &Ctx,
    arriving: Arriving,
    observer: &mut dyn Observer,
) -> Result<(Image, Option<Arriving>, image::Lock)> {
    image::receive(&ctx.images()?, RECEIVED, arriving, &*ctx.clock, &ctx.ending, &mut WithinStage(observer))
}

/// Brings the next disk of an export, under the lock that [`receive`] gave.
///
/// # Errors
/// As [`receive`].
pub fn receive_next(
    ctx: &Ctx,
    (arriving, lock): (Arriving, &image::Lock),
    observer: &mut dyn Observer,
) -> Result<(ArrivedDisk, Option<Arriving>)> {
    ArrivedDisk::next(&ctx.images()?, (RECEIVED, lock), arriving, &ctx.ending, &mut WithinStage(observer))
}

/// The image that a snapshot lies on: it stays as long as the snapshot does, though it may be an older version by now. Where it lies
/// is known to the pool alone.
fn under(snapshot: &Snapshot) -> Image {
    Image {
        id: snapshot.record.base.clone(),
        path: String::new(),
        digest: snapshot.record.image_digest.clone(),
        volume: snapshot.image.clone(),
        size: 0,
        virtual_size: snapshot.size.as_bytes(),
        origin: Origin::Built,
        created_at: snapshot.created_at,
        source: None,
        baked: None,
        memory: None,
    }
}

/// Keeps the files of the image of a create from being removed; none where the caller brought the image, or a snapshot keeps it.
///
/// # Errors
/// Failed where it was removed since it was chosen.
pub fn hold(ctx: &Ctx, request: &Request, image: &Image) -> Result<Option<Hold>> {
    if request.copy_of.is_some() || matches!(request.image, ImageChoice::Given(_)) {
        return Ok(None);
    }
    let images = ctx.images()?;
    let hold = image::hold(&images, &image.id, &ctx.ending)?;
    match image::is_there(&images, image)? {
        true => Ok(Some(hold)),
        false => Err(Error::failed(Code::NoImage, format!("image `{}` was removed meanwhile", image.id))
            .hint("create it again: the image is made anew")),
    }
}

/// The baked image of exactly these parts. Its id holds a part of the key alone, so the whole is compared.
fn find(images: &Images, wanted: &Baked) -> std::result::Result<Option<Image>, Error> {
    let found = image::get(images, &wanted.id())?;
    Ok(found.filter(|i| i.baked.as_ref().is_some_and(|b| b.key == wanted.key)))
}
