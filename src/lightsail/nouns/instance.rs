//! Instances: what there is, how it stands, and how one logs in.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::{
    app::instance::{list, login},
    lightsail::{
        call::{Call, name},
        fault::{Answer, Fault},
        map::instance::{Beside, addresses_of, instance, state_of},
        pages::{after, page},
        wire::{
            self, Access, GetAccess, GetInstances, HostKey, Instances, OfInstance, OneAccess, OneInstance, OneState,
        },
    },
    model::{Name, Unobserved},
    view::{ListRow, StorageRow},
};

/// What there is, as the caller sees it.
fn look(call: &Call<'_>) -> Answer<(Vec<ListRow>, Vec<StorageRow>)> {
    let (rows, storage, _) = list::list(call.app(), call.caller, &[], &mut Unobserved)?;
    Ok((rows, storage))
}

/// The one of a name.
fn find(rows: Vec<ListRow>, wanted: &str) -> Answer<ListRow> {
    let wanted = name(wanted)?;
    let found = rows.into_iter().find(|row| row.name == wanted.as_str());
    found.ok_or_else(|| {
        Fault::not_found(format!("there is no instance `{wanted}`")).tip("`get-instances` lists those there are")
    })
}

/// How it stands. What nobody knows is not made up.
fn known_state(row: &ListRow) -> Answer<wire::State> {
    let unknown = || Fault::of_service(format!("how instance `{}` stands is not known just now", row.name));
    state_of(row).ok_or_else(unknown)
}

fn as_wire(call: &Call<'_>, rows: &[ListRow], storage: &[StorageRow], health: bool) -> Answer<Vec<wire::Instance>> {
    let (titles, place, offset) = (call.titles()?, call.place()?, call.offset());
    let one = |row: &ListRow| {
        let (title, user) = (titles.title(&row.blueprint), titles.user(&row.base));
        Ok(instance(row, known_state(row)?, &Beside { place: &place, title, user, storage, health, offset }))
    };
    rows.iter().map(one).collect()
}

/// The instances, by name.
pub fn all(call: &Call<'_>, input: GetInstances) -> Answer<Instances> {
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let after = after("instances", at.0)?.unwrap_or_default();
    let (rows, storage) = list::part(call.app(), call.caller, (&after, at.1.saturating_add(1)), &mut Unobserved)?;
    let (rows, next_page_token) = page("instances", rows, |row| row.name.clone(), at)?;
    let instances = as_wire(call, &rows, &storage, input.include_health_status.unwrap_or(false))?;
    Ok(Instances { instances, next_page_token })
}

/// One instance.
pub fn one(call: &Call<'_>, input: OfInstance) -> Answer<OneInstance> {
    let (rows, storage) = look(call)?;
    let row = find(rows, &input.instance_name)?;
    let health = input.include_health_status.unwrap_or(false);
    let instance = as_wire(call, &[row], &storage, health)?.pop();
    Ok(OneInstance { instance: instance.ok_or_else(|| Fault::of_service("nothing was found"))? })
}

/// Which kinds of addresses an instance has.
pub(super) fn addresses(call: &Call<'_>, of: &Name) -> Answer<String> {
    Ok(addresses_of(&find(look(call)?.0, of.as_str())?))
}

/// How one instance stands.
pub fn state(call: &Call<'_>, input: OfInstance) -> Answer<OneState> {
    let row = find(look(call)?.0, &input.instance_name)?;
    Ok(OneState { state: known_state(&row)? })
}

/// How one logs in to an instance: with a key that counts for ten minutes, or with one's own.
pub fn access(call: &Call<'_>, input: GetAccess) -> Answer<OneAccess> {
    if input.protocol.is_some_and(|protocol| protocol != "ssh") {
        return Err(Fault::invalid("`protocol` has to be `ssh`"));
    }
    let of = name(&input.instance_name)?;
    let login::Details { login, certificate } = login::details(call.app(), call.caller, &of, &mut Unobserved)?;
    let mut words = login.host_key.split_whitespace();
    let (algorithm, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let digest = STANDARD.decode(key).map(|key| STANDARD_NO_PAD.encode(Sha256::digest(key))).unwrap_or_default();
    let host_key = HostKey {
        algorithm: algorithm.to_owned(),
        public_key: key.to_owned(),
        fingerprint: format!("SHA256:{digest}"),
    };
    let access_details = Access {
        instance_name: login.name,
        ip_address: login.address,
        protocol: "ssh",
        username: login.user,
        private_key: certificate.as_ref().map(|own| own.private.expose_secret().to_owned()),
        expires_at: certificate.as_ref().map(|own| own.expires_at.into()),
        cert_key: certificate.map(|own| own.certificate),
        host_keys: vec![host_key],
    };
    Ok(OneAccess { access_details })
}
