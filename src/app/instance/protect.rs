//! Protection from being deleted: a tag, so that it lies in the domain's metadata too and outlives a lost database.

use crate::{
    app::{App, Caller, Right, context::instances},
    engine,
    model::{Name, Observer, Result, Tag},
    view::Changed,
};

/// A change of protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The instances.
    pub names: Vec<Name>,
    /// Protected from now on, or no longer.
    pub protected: bool,
    /// Wait while something else works on the same instance.
    pub wait: bool,
    /// Say what would be done, and change nothing.
    pub dry_run: bool,
}

/// Protects instances, or lifts their protection. What is so already is left alone.
pub fn change(app: &App, caller: &Caller, request: &Protection, observer: &mut dyn Observer) -> Result<Vec<Changed>> {
    caller.require(Right::Administer)?;
    let mut ctx = app.change(caller, request.wait, observer)?;
    let word = if request.protected { "protected" } else { "unprotected" };
    let mut changed = Vec::new();
    for instance in instances(&ctx.store, &request.names)? {
        let result = if instance.is_protected() == request.protected {
            format!("{word} already")
        } else if request.dry_run {
            format!("would be {word}")
        } else {
            let mut tags = instance.record.tags.clone();
            tags.retain(|tag| !tag.protects());
            tags.extend(request.protected.then(Tag::protection));
            tags.sort();
            engine::set_tags(&mut ctx, &instance, tags)?;
            word.to_owned()
        };
        changed.push(Changed::new(&instance.record.name, &result));
    }
    Ok(changed)
}
