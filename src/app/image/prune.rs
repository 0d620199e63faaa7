//! Removing images that are out of date: first which, so that a front end can ask, then the change.

use super::{accept, recipe::is_current, tidy, used_by, users, warn_of_damaged};
use crate::{
    app::{Accepted, App, Caller, Right, sources::catalog},
    image::{self, Image, Images, Version},
    model::{Code, Hint, Observer, OperationKind, Result, Size, Unobserved},
    store::Store,
    view::Receipt,
};

/// An image that is out of date.
enum Outdated {
    Baked(Box<Image>),
    Version(Version),
}

impl Outdated {
    fn volume(&self) -> &str {
        match self {
            Self::Baked(image) => &image.volume,
            Self::Version(version) => &version.volume,
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Baked(image) => &image.id,
            Self::Version(version) => &version.id,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Baked(image) => format!("baked image `{}` ({})", image.id, Size::bytes(image.size).about()),
            Self::Version(v) => {
                format!("older version `{}` of image `{}` ({})", v.volume, v.id, Size::bytes(v.size).about())
            }
        }
    }

    fn remove(&self, images: &Images, users: &dyn Fn(&str) -> Result<Vec<String>>) -> Result<bool> {
        match self {
            Self::Baked(image) => match image::remove(images, &image.id, users) {
                // A create came first.
                Err(e) if e.code == Code::ImageInUse => Ok(false),
                removed => removed.map(|_| true),
            },
            Self::Version(version) => image::remove_version(images, version, users),
        }
    }
}

/// Images found for removal, and what stays though it is out of date.
pub struct Pruning {
    caller: Caller,
    store: Option<Store>,
    unused: Vec<Outdated>,
    kept: Vec<Hint>,
}

/// Finds baked images and older versions that are not current.
pub fn find(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Pruning> {
    app.require(caller, Right::Administer)?;
    tidy(app, &caller.requester, observer)?;
    // A lost database must not make an image look unused.
    let store = app.store(caller, observer)?;
    let catalog = catalog(&app.settings)?;
    let images = &app.images()?;
    warn_of_damaged(images, observer)?;
    let mut outdated: Vec<Outdated> = image::superseded(images)?.into_iter().map(Outdated::Version).collect();
    for image in image::list(images)? {
        let stays = match &image.baked {
            Some(baked) => is_current(&catalog, images, (baked, &image))?,
            None => true,
        };
        if !stays {
            outdated.push(Outdated::Baked(Box::new(image)));
        }
    }
    let (mut unused, mut kept) = (Vec::new(), Vec::new());
    for old in outdated {
        match used_by(store.as_ref(), old.volume())? {
            users if users.is_empty() => unused.push(old),
            users => kept.push(format!("{} (used by {})", old.words(), users.join(", ")).into()),
        }
    }
    if unused.is_empty() && kept.is_empty() {
        observer.status("every image is current");
    }
    Ok(Pruning { caller: caller.clone(), store, unused, kept })
}

impl Pruning {
    /// What no instance uses, each in words.
    pub fn unused(&self) -> Vec<String> {
        self.unused.iter().map(Outdated::words).collect()
    }

    /// What would be removed and kept.
    pub fn plan(&self) -> Vec<Receipt> {
        receipts(self.unused(), self.kept.clone())
    }

    /// Accepts the removal of one after the other, each when it is asked for. A removal gives what it removed, in words; none
    /// if it was gone.
    pub fn accept(self, app: &App) -> impl Iterator<Item = Result<Accepted<Option<String>>>> + Send + use<> {
        let (Self { caller, store, unused, .. }, app) = (self, app.clone());
        unused.into_iter().filter_map(move |old| {
            // Asked again just before: a create may have taken it meanwhile.
            match used_by(store.as_ref(), old.volume()) {
                Ok(users) if users.is_empty() => {}
                Ok(_) => return None,
                Err(e) => return Some(Err(e)),
            }
            let (images, id) = match app.images() {
                Ok(images) => (images, old.id().to_owned()),
                Err(e) => return Some(Err(e)),
            };
            let users = users(&app);
            Some(accept(&app, &caller, (OperationKind::Prune, &id), move |_, _| {
                Ok(old.remove(&images, &users)?.then(|| old.words()))
            }))
        })
    }

    /// Accepts the removal of all as one change: the operation is that of the first, whose run goes on with the others.
    ///
    /// # Errors
    /// Those of the first.
    pub fn accept_all(self, app: &App) -> Result<Accepted<()>> {
        let mut each = self.accept(app);
        let Some(first) = each.next() else { return Ok(Accepted::done(())) };
        Ok(first?.and_then(move |removed, observer| {
            removed?;
            each.try_for_each(|next| next?.run(observer).map(drop))
        }))
    }

    /// Removes what no instance uses.
    pub fn run(mut self, app: &App) -> Result<Vec<Receipt>> {
        let kept = std::mem::take(&mut self.kept);
        let each = self.accept(app).map(|accepted| accepted?.run(&mut Unobserved));
        let removed: Vec<Option<String>> = each.collect::<Result<_>>()?;
        Ok(receipts(removed.into_iter().flatten().collect(), kept))
    }
}

fn receipts(removed: Vec<String>, kept: Vec<Hint>) -> Vec<Receipt> {
    match removed.is_empty() && kept.is_empty() {
        true => vec![],
        false => vec![Receipt { name: "images".to_owned(), removed, kept, kept_until: None }],
    }
}
