//! Static addresses.

use crate::{
    app::static_ip,
    lightsail::{
        call::{Call, name},
        fault::Answer,
        map::storage as map,
        pages::page,
        wire::{OfStaticIp, OneStaticIp, Page, StaticIps},
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
