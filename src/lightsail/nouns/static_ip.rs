//! Static addresses: kept, led to instances, given back.

use super::{
    begun,
    change::{Started, patiently, started},
};
use crate::{
    app::static_ip,
    lightsail::{
        call::{Call, Done, name},
        fault::Answer,
        map::storage as map,
        pages::page,
        past,
        wire::{AttachStaticIp, OfStaticIp, OneStaticIp, Page, StaticIps},
    },
    model::Unobserved,
};

/// The static addresses, by name.
pub fn all(call: &Call<'_>, input: Page) -> Answer<StaticIps> {
    let (rows, place) = (static_ip::list(call.app(), call.caller, &mut Unobserved)?, call.place()?);
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (rows, next_page_token) = page("static addresses", rows, |row| row.name.clone(), at)?;
    Ok(StaticIps { static_ips: rows.into_iter().map(|row| map::static_ip(row, &place)).collect(), next_page_token })
}

/// One static address.
pub fn one(call: &Call<'_>, input: OfStaticIp) -> Answer<OneStaticIp> {
    let row = static_ip::show(call.app(), call.caller, &name(&input.static_ip_name)?, &mut Unobserved)?;
    Ok(OneStaticIp { static_ip: map::static_ip(row, &call.place()?) })
}

/// The operation of what is through already.
fn done(call: &Call<'_>, what: &str, of: &str) -> Answer<Started> {
    Ok((past::done(what, ("StaticIp", of), call.app().clock.now(), &call.place()?), None))
}

/// Keeps a free address of the network.
pub fn allocate(call: &Call<'_>) -> Answer<Done> {
    let input: OfStaticIp = call.input()?;
    let of = name(&input.static_ip_name)?;
    static_ip::allocate(call.app(), call.caller, (&of, None), false, &mut Unobserved)?;
    begun(done(call, "AllocateStaticIp", of.as_str())?)
}

/// Lets an address lead to an instance.
pub fn attach(call: &Call<'_>) -> Answer<Done> {
    let input: AttachStaticIp = call.input()?;
    let (of, to) = (name(&input.static_ip_name)?, name(&input.instance_name)?);
    let accept = || static_ip::attach(call.app(), call.caller, (&of, &to), (false, false), &mut Unobserved);
    begun(started(call, ("AttachStaticIp", ("StaticIp", of.as_str())), patiently(call, accept)?)?)
}

/// Lets an address lead nowhere.
pub fn detach(call: &Call<'_>) -> Answer<Done> {
    let input: OfStaticIp = call.input()?;
    let of = name(&input.static_ip_name)?;
    let accept = || static_ip::detach(call.app(), call.caller, &of, (false, false), &mut Unobserved);
    begun(started(call, ("DetachStaticIp", ("StaticIp", of.as_str())), patiently(call, accept)?)?)
}

/// Gives an address back.
pub fn release(call: &Call<'_>) -> Answer<Done> {
    let input: OfStaticIp = call.input()?;
    let of = name(&input.static_ip_name)?;
    static_ip::release(call.app(), call.caller, &of, false, &mut Unobserved)?;
    begun(done(call, "ReleaseStaticIp", of.as_str())?)
}
