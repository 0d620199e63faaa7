//! Protection from being deleted: a tag, so that it lies in the domain's metadata too and outlives a lost database.

use super::change::Change;
use crate::{
    app::{Accepted, Right},
    engine::{Ctx, sagas::tag},
    model::{Instance, Observer, Result, Tag},
    view::Changed,
};

/// A change of protection. What is so already is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protect {
    /// Protected from now on, or no longer.
    pub protected: bool,
}

impl Protect {
    fn word(self) -> &'static str {
        if self.protected { "protected" } else { "unprotected" }
    }

    /// What is said of an instance that is so already.
    fn already(self, instance: &Instance) -> Option<Changed> {
        let same = instance.is_protected() == self.protected;
        same.then(|| Changed::new(&instance.record.name, format!("{} already", self.word())))
    }

    /// The tags of the instance after the change.
    fn tags(self, instance: &Instance) -> Vec<Tag> {
        let mut tags = instance.record.tags.clone();
        tags.retain(|tag| !tag.protects());
        tags.extend(self.protected.then(Tag::protection));
        tags.sort();
        tags
    }
}

impl Change for Protect {
    type View = Changed;
    const RIGHT: Right = Right::Protect;

    fn plan(&self, _: &Ctx, instance: &Instance) -> Result<Changed> {
        let planned = || Changed::new(&instance.record.name, format!("would be {}", self.word()));
        Ok(self.already(instance).unwrap_or_else(planned))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<Changed>> {
        if let Some(already) = self.already(&instance) {
            return Ok(Accepted::without_operation(move |_| Ok(already)));
        }
        let changed = Changed::new(&instance.record.name, self.word());
        Ok(match tag::accept(&mut ctx, &instance, &|instance| Ok(self.tags(instance)))? {
            Some(accepted) => {
                Accepted::new(accepted.operation.clone(), move |_| tag::run(&mut ctx, accepted).map(|()| changed))
            }
            None => Accepted::without_operation(move |_| Ok(changed)),
        })
    }
}
