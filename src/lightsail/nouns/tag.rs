//! Tags: of instances and of key pairs.

use super::{
    begun,
    change::{Started, patiently, started},
};
use crate::{
    app::{
        instance::tag::{self, Retag},
        key_pair,
    },
    lightsail::{
        call::{Call, Done, name},
        fault::Answer,
        past,
        wire::{TagResource, UntagResource},
    },
    model::{Code, Name, Tag, Unobserved},
};

/// Sets tags.
pub fn set(call: &Call<'_>) -> Answer<Done> {
    let input: TagResource = call.input()?;
    let tags = input.tags.iter().map(|tag| tag.read()).collect::<Result<Vec<Tag>, _>>()?;
    change(call, "TagResource", &name(&input.resource_name)?, (tags, Vec::new()))
}

/// Takes tags away. One that is not there is away already.
pub fn remove(call: &Call<'_>) -> Answer<Done> {
    let input: UntagResource = call.input()?;
    change(call, "UntagResource", &name(&input.resource_name)?, (Vec::new(), input.tag_keys))
}

fn change(call: &Call<'_>, what: &str, of: &Name, (set, remove): (Vec<Tag>, Vec<String>)) -> Answer<Done> {
    let (app, caller) = (call.app(), call.caller);
    let now = match tag::show(app, caller, of, &mut Unobserved) {
        Ok(view) => view.tags,
        // Key pairs have names of the same name space.
        Err(error) if error.code == Code::NoSuchInstance => {
            return match key_pair::tag(app, caller, of, (&set, &remove), &mut Unobserved) {
                Ok(_) => begun(done(call, what, of)?),
                Err(no_pair) if no_pair.code == Code::NoSuchKeyPair => Err(error.into()),
                Err(other) => Err(other.into()),
            };
        }
        Err(other) => return Err(other.into()),
    };
    let remove = remove.into_iter().filter(|key| now.iter().any(|tag| tag.key == *key)).collect();
    let request = Retag { name: of.clone(), set, remove, wait: false, dry_run: false };
    let accepted = patiently(call, || tag::accept(app, caller, &request, &mut Unobserved))?;
    begun(started(call, (what, ("Instance", of.as_str())), accepted)?)
}

fn done(call: &Call<'_>, what: &str, of: &Name) -> Answer<Started> {
    Ok((past::done(what, ("KeyPair", of.as_str()), call.app().clock.now(), &call.place()?), None))
}
