//! Images: the disks that instances are made from.

pub mod bake;
pub mod make;
pub mod prune;
pub mod remove;
pub mod warm;

pub(super) mod recipe;

use std::sync::atomic::AtomicBool;

use super::{Accepted, App, Caller, Right, sources::catalog};
use crate::{
    engine::{ImageCtx, check_bakeable, recover_images, sagas},
    image::{self, Baked, Image, Images},
    model::{Hint, Observer, OperationKind, Requester, Result, Size},
    store::Store,
    view::{BakedView, ImageChoices, ImageRow, WarmView},
};

/// The images on this host, and a warning for each that is damaged. Nothing is changed.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<ImageRow>> {
    app.require(caller, Right::Read)?;
    warn_of_damaged(&app.images()?, observer)?;
    rows(app, &image::list(&app.images()?)?)
}

/// What images can be made of, by their ids.
///
/// # Errors
/// Those of the operator's files.
pub fn choices(app: &App, caller: &Caller) -> Result<ImageChoices> {
    app.require(caller, Right::Administer)?;
    let catalog = catalog(&app.settings)?;
    let can_be_baked = catalog.blueprints.values().filter(|one| check_bakeable(one).is_ok());
    Ok(ImageChoices {
        build: image::buildable().map(str::to_owned).collect(),
        pull: image::known::all()?.into_iter().map(|one| one.id).collect(),
        bake: can_be_baked.map(|one| one.id.clone()).collect(),
    })
}

/// Closes the operations on images that were killed, removes what they left, and says so.
fn tidy(app: &App, requester: &Requester, observer: &mut dyn Observer) -> Result<()> {
    let (state, images) = (&app.settings.paths.state, app.images()?);
    let mut store = Store::exists(state)?.then(|| Store::open(state)).transpose()?;
    if let Some(store) = &mut store {
        store.notices().iter().for_each(|line| observer.status(line));
        recover_images(&mut image_ctx(app, &images, requester, store))?;
    }
    // Without a database the host is asked whether one is lost: its instances may lie on any file.
    let used = |volume: &str| match &store {
        Some(store) => Ok(!store.users_of_image(volume)?.is_empty()),
        None => Ok(app.refuse_lost_state().is_err()),
    };
    image::leftovers::tidy(&images, &used)?.iter().for_each(|line| observer.status(line));
    Ok(())
}

/// Accepts work on an image as an operation. Where there is no database, and the host cannot say that none is lost, none is
/// made, and the work goes on without a journal.
fn accept<T: 'static>(
    app: &App,
    caller: &Caller,
    (kind, id): (OperationKind, &str),
    work: impl FnOnce(&AtomicBool, &mut dyn Observer) -> Result<T> + Send + 'static,
) -> Result<Accepted<T>> {
    let (app, requester) = (app.clone(), caller.requester.clone());
    let state = &app.settings.paths.state;
    if !Store::exists(state)? && app.refuse_lost_state().is_err() {
        return Ok(Accepted::without_operation(move |observer| work(&app.cancel, observer)));
    }
    let (mut store, images) = (app.new_store()?, app.images()?);
    let Some(accepted) = sagas::image::accept(&mut image_ctx(&app, &images, &requester, &mut store), kind, id)? else {
        return Ok(Accepted::without_operation(move |observer| work(&app.cancel, observer)));
    };
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        sagas::image::run(&mut image_ctx(&app, &images, &requester, &mut store), accepted, observer, work)
    }))
}

fn image_ctx<'a>(app: &'a App, images: &'a Images, requester: &Requester, store: &'a mut Store) -> ImageCtx<'a> {
    ImageCtx {
        settings: &app.settings,
        images,
        store,
        clock: &*app.clock,
        cancel: app.cancel.clone(),
        requester: requester.clone(),
    }
}

/// The rows of images.
fn rows(app: &App, images: &[Image]) -> Result<Vec<ImageRow>> {
    images.iter().map(as_row(app)?).collect()
}

/// How an image becomes a row: with who uses it as far as a database tells. Neither libvirt nor database is
/// needed where the pool is a folder of this machine.
fn as_row(app: &App) -> Result<impl Fn(&Image) -> Result<ImageRow>> {
    let store = app.store_as_it_is()?;
    // Faults in the operator's files are told by what uses them.
    let catalog = catalog(&app.settings).unwrap_or_default();
    let (now, host_images) = (app.clock.now(), app.images()?);
    let baked = move |(baked, image): (&Baked, &Image)| {
        let warm = image.memory.as_ref().map(|memory| WarmView {
            vcpus: memory.vcpus,
            memory: Size::bytes(memory.memory),
            size: Size::bytes(memory.size),
            qemu: memory.by.qemu.clone(),
        });
        Ok(BakedView {
            blueprint: baked.blueprint.clone(),
            version: baked.version.clone(),
            base: baked.base.clone(),
            parameters: baked.parameters.clone(),
            current: recipe::is_current(&catalog, &host_images, (baked, image))?,
            warm,
        })
    };
    Ok(move |i: &Image| {
        Ok(ImageRow {
            id: i.id.clone(),
            origin: i.origin.to_string(),
            size: Size::bytes(i.size.saturating_add(i.memory.as_ref().map_or(0, |memory| memory.size))),
            digest: i.digest.clone(),
            used_by: used_by(store.as_ref(), &i.volume)?,
            created_at: i.created_at,
            age: now.duration_since(i.created_at),
            baked: i.baked.as_ref().map(|of| baked((of, i))).transpose()?,
        })
    })
}

/// A damaged image spoils itself alone.
fn warn_of_damaged(images: &Images, observer: &mut dyn Observer) -> Result<()> {
    for error in image::damaged(images)? {
        let text = Hint::from(format!("{error}: "));
        observer.warn(&error.hints.into_iter().next().map_or(text.clone(), |hint| text.then(hint)));
    }
    Ok(())
}

/// Names the instances on a volume, as the database tells when it is asked.
fn users(app: &App) -> impl Fn(&str) -> Result<Vec<String>> + use<> {
    let state = app.settings.paths.state.clone();
    move |volume| used_by(Store::exists(&state)?.then(|| Store::open(&state)).transpose()?.as_ref(), volume)
}

/// The instances whose disks lie on a file of the pool.
fn used_by(store: Option<&Store>, volume: &str) -> Result<Vec<String>> {
    store.map_or(Ok(Vec::new()), |s| s.users_of_image(volume))
}
