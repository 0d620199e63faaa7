//! Removing images: first which, so that a front end can ask, then the change.

use super::{accept, tidy, users};
use crate::{
    app::{Accepted, App, Caller, Right},
    image::{self, Image, Images},
    model::{Code, Error, Hint, Observer, OperationKind, Result, Unobserved, Verb, escaped},
    view::Changed,
};

/// Images found for removal.
pub struct Removal {
    caller: Caller,
    images: Vec<Image>,
}

/// Finds the images named; refused if an instance uses one.
pub fn find(app: &App, caller: &Caller, ids: &[String], observer: &mut dyn Observer) -> Result<Removal> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    let (at, mut images) = (app.images()?, Vec::new());
    for id in ids {
        images.push(found(&at, id)?);
    }
    // A lost database must not make an image look unused.
    app.store(caller, observer)?;
    let users = users(app);
    images.iter().try_for_each(|image| image::refuse_used(&at, &image.id, &users))?;
    Ok(Removal { caller: caller.clone(), images })
}

/// The image named; of a damaged one, what is left of it.
fn found(at: &Images, id: &str) -> Result<Image> {
    match image::get(at, id) {
        Ok(Some(image)) => Ok(image),
        Err(e) if e.code == Code::ImageDamaged => Ok(image::remains(id)),
        Ok(None) => Err(Error::new(Code::NoSuchImage, format!("there is no image `{}`", escaped(id)))
            .hint(Hint::new().run(Verb::ImageList).text(" shows those there are"))),
        Err(e) => Err(e),
    }
}

impl Removal {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.images.len()
    }

    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.images.iter().map(|i| Changed::new(&i.id, "would be removed")).collect()
    }

    /// Accepts the removal of one after the other, each when it is asked for.
    pub fn accept(self, app: &App) -> impl Iterator<Item = Result<Accepted<Changed>>> {
        let Self { caller, images } = self;
        images.into_iter().map(move |Image { id, .. }| {
            let (at, users) = (app.images()?, users(app));
            let removed = Changed::new(&id, "removed");
            accept(app, &caller, (OperationKind::Remove, &id.clone()), move |_, _| {
                image::remove(&at, &id, &users).map(|_| removed)
            })
        })
    }

    /// Removes them, and hands the id of each on as soon as it is gone.
    pub fn run(self, app: &App, told: &mut dyn FnMut(&str) -> Result<()>) -> Result<Vec<Changed>> {
        let mut changed = Vec::new();
        for accepted in self.accept(app) {
            let removed = accepted?.run(&mut Unobserved)?;
            told(&removed.name)?;
            changed.push(removed);
        }
        Ok(changed)
    }
}
