//! Tags of an instance.

use super::checked::kept;
use crate::{
    app::{Accepted, App, Caller, Right, scope::Target},
    engine::{Ctx, sagas::tag},
    model::{Code, Error, Hint, Instance, Name, Observer, Result, Tag, Verb, escaped},
    store::instances::no_such_instance,
    view::TagsView,
};

/// A change of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retag {
    /// The instance.
    pub name: Name,
    /// Tags to set.
    pub set: Vec<Tag>,
    /// Keys of tags to remove.
    pub remove: Vec<String>,
    /// Wait while something else works on the instance.
    pub wait: bool,
    /// Say what would be, and change nothing.
    pub dry_run: bool,
}

/// The tags of an instance.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<TagsView> {
    app.authorise(caller, Right::Read, Target::instance(name))?;
    let store = app.store(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    Ok(TagsView { name: name.to_string(), tags: store.require(name)?.record.tags })
}

/// Sets and removes tags; gives those there are then. The tag that protects an instance is no ordinary change.
pub fn change(app: &App, caller: &Caller, request: &Retag, observer: &mut dyn Observer) -> Result<TagsView> {
    match request.dry_run {
        true => found(app, caller, request, observer).map(|(.., tags)| view(request, tags)),
        false => accept(app, caller, request, observer)?.run(observer),
    }
}

/// Accepts a change of tags.
///
/// # Errors
/// Refused, or busy. Nothing is left then.
pub fn accept(app: &App, caller: &Caller, request: &Retag, observer: &mut dyn Observer) -> Result<Accepted<TagsView>> {
    let (mut ctx, instance, tags) = found(app, caller, request, observer)?;
    let as_they_are = view(request, tags.clone());
    if tags == instance.record.tags {
        return Ok(Accepted::without_operation(move |_| Ok(as_they_are)));
    }
    let Some(accepted) = tag::accept(&mut ctx, &instance, &|instance| wanted(instance, request))? else {
        return Ok(Accepted::without_operation(move |_| Ok(as_they_are)));
    };
    let view = view(request, accepted.tags().to_vec());
    Ok(Accepted::new(accepted.operation.clone(), move |_| tag::run(&mut ctx, accepted).map(|()| view)))
}

/// The instance, and the tags it is to have.
fn found(
    app: &App,
    caller: &Caller,
    request: &Retag,
    observer: &mut dyn Observer,
) -> Result<(Ctx, Instance, Vec<Tag>)> {
    let protection = Tag::protection().key;
    let protects = request.set.iter().any(Tag::protects) || request.remove.contains(&protection);
    let right = if protects { Right::Protect } else { Right::Change };
    app.authorise(caller, right, Target::instance(&request.name))?;
    if request.set.iter().any(Tag::pushes) {
        app.require(caller, right)?;
    }
    if let Some(tag) = caller.scope().tag()
        && (request.remove.contains(&tag.key) || request.set.iter().any(|set| set.key == tag.key && set != tag))
    {
        return Err(kept(caller, tag));
    }
    let ctx = app.change(caller, request.wait, observer)?;
    let instance = ctx.store.require(&request.name)?;
    let tags = wanted(&instance, request)?;
    Ok((ctx, instance, tags))
}

fn view(request: &Retag, tags: Vec<Tag>) -> TagsView {
    TagsView { name: request.name.to_string(), tags }
}

/// The tags after the change.
fn wanted(instance: &Instance, request: &Retag) -> Result<Vec<Tag>> {
    let mut tags = instance.record.tags.clone();
    for key in &request.remove {
        if !tags.iter().any(|t| t.key == *key) {
            let text = format!("instance `{}` has no tag `{}`", request.name, escaped(key));
            return Err(Error::new(Code::NoSuchTag, text)
                .hint(Hint::new().run_with(Verb::Tag, &[&(request.name)]).text(" shows its tags")));
        }
        tags.retain(|t| t.key != *key);
    }
    for tag in &request.set {
        tags.retain(|t| t.key != tag.key);
        tags.push(tag.clone());
    }
    tags.sort();
    Ok(tags)
}
