//! Images: the disks that instances are made from.

pub mod bake;
pub mod make;
pub mod prune;
pub mod remove;

pub(super) mod recipe;

use std::sync::atomic::AtomicBool;

use super::{App, Caller, Right, sources::catalog};
use crate::{
    engine::{ImageCtx, on_image, recover_images},
    image::{self, Baked, Image},
    model::{Observer, OperationKind, Requester, Result, Size},
    store::Store,
    view::{BakedView, ImageRow},
};

/// The images on this host. Nothing is changed.
pub fn list(app: &App, caller: &Caller) -> Result<Vec<ImageRow>> {
    caller.require(Right::Read)?;
    rows(app, &image::list(&app.settings.host.folders.pool)?)
}

/// Closes the operations on images that were killed, removes what they left, and says so.
fn tidy(app: &App, requester: &Requester, observer: &mut dyn Observer) -> Result<()> {
    let state = &app.settings.paths.state;
    let mut store = Store::exists(state)?.then(|| Store::open(state)).transpose()?;
    if let Some(store) = &mut store {
        store.notices().iter().for_each(|line| observer.status(line));
        recover_images(&mut image_ctx(app, requester, store))?;
    }
    // Without a database the host is asked whether one is lost: its instances may lie on any file.
    let used = |volume: &str| match &store {
        Some(store) => Ok(!store.users_of_image(volume)?.is_empty()),
        None => Ok(app.refuse_lost_state().is_err()),
    };
    image::leftovers::tidy(&app.settings.host.folders.pool, &used)?.iter().for_each(|line| observer.status(line));
    Ok(())
}

/// Does work on an image as an operation. Where there is no database, and the host cannot say that none is lost, none is
/// made, and the work goes on without a journal.
fn journalled<T>(
    app: &App,
    caller: &Caller,
    (kind, id): (OperationKind, &str),
    observer: &mut dyn Observer,
    work: impl FnOnce(&AtomicBool, &mut dyn Observer) -> Result<T>,
) -> Result<T> {
    let state = &app.settings.paths.state;
    if !Store::exists(state)? && app.refuse_lost_state().is_err() {
        return work(&app.cancel, observer);
    }
    let mut store = app.new_store()?;
    on_image(&mut image_ctx(app, &caller.requester, &mut store), kind, id, observer, work)
}

fn image_ctx<'a>(app: &'a App, requester: &Requester, store: &'a mut Store) -> ImageCtx<'a> {
    ImageCtx {
        settings: &app.settings,
        store,
        clock: &*app.clock,
        cancel: app.cancel.clone(),
        requester: requester.clone(),
    }
}

/// The rows of images, with who uses them as far as a database tells; an image needs neither libvirt nor database.
fn rows(app: &App, images: &[Image]) -> Result<Vec<ImageRow>> {
    let state = &app.settings.paths.state;
    let store = Store::exists(state)?.then(|| Store::open(state)).transpose()?;
    // Faults in the operator's files are told by what uses them.
    let catalog = catalog(&app.settings).unwrap_or_default();
    let now = app.clock.now();
    let baked = |baked: &Baked| {
        Ok(BakedView {
            blueprint: baked.blueprint.clone(),
            version: baked.version.clone(),
            base: baked.base.clone(),
            parameters: baked.parameters.clone(),
            current: recipe::is_current(&catalog, &app.settings, baked)?,
        })
    };
    images
        .iter()
        .map(|i| {
            Ok(ImageRow {
                id: i.id.clone(),
                origin: i.origin.to_string(),
                size: Size::bytes(i.size),
                digest: i.digest.clone(),
                used_by: used_by(store.as_ref(), &i.volume)?,
                created_at: i.created_at,
                age: now.duration_since(i.created_at),
                baked: i.baked.as_ref().map(&baked).transpose()?,
            })
        })
        .collect()
}

/// The instances whose disks lie on a file of the pool.
fn used_by(store: Option<&Store>, volume: &str) -> Result<Vec<String>> {
    store.map_or(Ok(Vec::new()), |s| s.users_of_image(volume))
}
