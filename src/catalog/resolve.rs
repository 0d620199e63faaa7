//! Finding a blueprint and a bundle, and whether they fit.

use super::load::refused;
use super::types::{Blueprint, Bundle, Catalog, Resolved};
use crate::model::{Code, Error, Hint, Result, Size, Verb, escaped, nearest};

impl Catalog {
    /// The blueprint with this id.
    ///
    /// # Errors
    /// Refused, naming the nearest.
    pub fn blueprint(&self, id: &str) -> Result<&Blueprint> {
        if let Some(diagnostics) = self.spoiled.get(id) {
            return Err(refused(diagnostics.clone()));
        }
        self.blueprints.get(id).ok_or_else(|| {
            let known = self.blueprints.keys().map(String::as_str);
            unknown(Code::UnknownBlueprint, "blueprint", id, known, Verb::Blueprints)
        })
    }

    /// The bundle with this id.
    ///
    /// # Errors
    /// Refused, naming the nearest.
    pub fn bundle(&self, id: &str) -> Result<&Bundle> {
        self.bundles.iter().find(|b| b.id == id).ok_or_else(|| {
            let known = self.bundles.iter().map(|b| b.id.as_str());
            unknown(Code::UnknownBundle, "bundle", id, known, Verb::Bundles)
        })
    }

    /// The cheapest bundle that is enough for a blueprint, for a create that names none.
    pub fn smallest_bundle(&self, blueprint: &Blueprint) -> Option<&Bundle> {
        self.bundles.iter().filter(|b| lack(blueprint, b).is_none()).min_by_key(|b| (b.price, b.memory))
    }

    /// Refused if a bundle is below the minimum of a blueprint.
    ///
    /// # Errors
    /// [`Code::BundleTooSmall`].
    pub fn check_fit(&self, blueprint: &Blueprint, bundle: &Bundle) -> Result<()> {
        let Some(lack) = lack(blueprint, bundle) else { return Ok(()) };
        let message = format!("bundle `{}` is too small for `{}`: {lack}", bundle.id, blueprint.id);
        let hint = match self.smallest_bundle(blueprint) {
            Some(enough) => {
                Hint::from(format!("use `--bundle {}` or larger; ", enough.id)).run(Verb::Bundles).text(" lists them")
            }
            None => Hint::from("no bundle is large enough; add one to `bundles.yaml`"),
        };
        Err(Error::new(Code::BundleTooSmall, message).hint(hint))
    }

    /// A blueprint, bundle and base that fit. No base: the blueprint's first.
    ///
    /// # Errors
    /// Refused: an unknown id, a bundle below the minimum, a base the blueprint does not run on.
    pub fn resolve(&self, blueprint: &str, bundle: &str, base: Option<&str>) -> Result<Resolved> {
        let mut found = self.blueprint(blueprint)?.clone();
        let bundle = self.bundle(bundle)?;
        self.check_fit(&found, bundle)?;
        let base = self.base(&found, base)?;
        let explicit = found.user != self.user_of(found.bases.first()).unwrap_or_default();
        if let (false, Some(user)) = (explicit, self.user_of(Some(&base))) {
            found.user = user.to_owned();
        }
        Ok(Resolved { blueprint: found, bundle: bundle.clone(), base })
    }

    /// The bundle of a new instance that gets a disk of this size from an instance of a blueprint: the one that is wanted; where none is,
    /// the one that the other `had`, or else the smallest that is enough.
    ///
    /// # Errors
    /// Refused: an unknown id, or a bundle that is too small, with those that fit.
    pub fn bundle_of_copy(
        &self,
        blueprint: &Blueprint,
        disk: Size,
        (wanted, had): (Option<&str>, &str),
    ) -> Result<Bundle> {
        let needs = Blueprint { min_disk: blueprint.min_disk.max(disk), ..blueprint.clone() };
        let all: Vec<&Bundle> = self.bundles.iter().filter(|bundle| lack(&needs, bundle).is_none()).collect();
        let bundle = match wanted {
            Some(id) => self.bundle(id)?,
            None => match all.iter().find(|bundle| bundle.id == had).copied().or(self.smallest_bundle(&needs)) {
                Some(bundle) => bundle,
                None => return Err(too_small("no bundle is large enough".to_owned(), &all)),
            },
        };
        match lack(&needs, bundle) {
            Some(lack) => Err(too_small(format!("bundle `{}` is too small for this disk: {lack}", bundle.id), &all)),
            None => Ok(bundle.clone()),
        }
    }

    fn user_of(&self, base: Option<&String>) -> Option<&str> {
        self.blueprints.get(base?).map(|b| b.user.as_str())
    }

    fn base(&self, blueprint: &Blueprint, wanted: Option<&str>) -> Result<String> {
        let first = blueprint.bases.first().map(String::as_str).unwrap_or_default();
        let wanted = wanted.unwrap_or(first);
        if blueprint.bases.iter().any(|b| b == wanted) {
            return Ok(wanted.to_owned());
        }
        Err(Error::new(Code::UnknownBase, format!("`{}` does not run on `{}`", blueprint.id, escaped(wanted)))
            .hint(format!("it runs on {}", blueprint.bases.join(", "))))
    }
}

/// What a bundle lacks for a blueprint.
fn lack(blueprint: &Blueprint, bundle: &Bundle) -> Option<String> {
    let lacks = |what, has: Size, least: Size| {
        let [shown, needed] = Size::together([has, least]);
        (has < least).then(|| format!("{shown} of {what}, at least {needed} needed"))
    };
    let memory = lacks("memory", bundle.memory, blueprint.min_memory);
    let disk = lacks("disk", bundle.disk, blueprint.min_disk);
    match (memory, disk) {
        (Some(memory), Some(disk)) => Some(format!("{memory}; {disk}")),
        (memory, disk) => memory.or(disk),
    }
}

/// The error of a disk that does not fit, with the bundles in which it does.
fn too_small(text: String, fit: &[&Bundle]) -> Error {
    let names: Vec<String> = fit.iter().map(|bundle| format!("`{}`", bundle.id)).collect();
    let hint = match names.is_empty() {
        true => Hint::from("add a larger one to `bundles.yaml`"),
        false => Hint::from(format!("these fit: {}; ", names.join(", "))).run(Verb::Bundles).text(" lists them"),
    };
    Error::new(Code::BundleTooSmall, text).hint(hint)
}

fn unknown<'a>(code: Code, what: &str, id: &str, known: impl Iterator<Item = &'a str>, list: Verb) -> Error {
    let error = Error::new(code, format!("there is no {what} `{}`", escaped(id)));
    let meant = nearest(id, known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    error.hint(Hint::from(meant).run(list).text(" lists them"))
}
