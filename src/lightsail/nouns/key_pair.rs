//! Key pairs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;

use super::one_begun;
use crate::{
    app::key_pair,
    lightsail::{
        call::{Call, Done, done, name},
        fault::Answer,
        pages::page,
        past,
        place::{Place, id_of},
        wire::{
            CreateKeyPair, DefaultKeyPair, GetKeyPairs, ImportKeyPair, KeyPair, KeyPairs, MadeKeyPair, OfKeyPair,
            OneKeyPair, Operation, Tag,
        },
    },
    model::{self, Unobserved},
    view::KeyPairRow,
};

fn wire(row: KeyPairRow, place: &Place) -> KeyPair {
    let id = id_of("KeyPair", &row.name, row.created_at);
    KeyPair {
        arn: place.arn("KeyPair", id),
        support_code: place.support_code(id),
        name: row.name,
        created_at: row.created_at.into(),
        location: place.everywhere(),
        resource_type: "KeyPair",
        tags: row.tags.iter().map(Tag::from).collect(),
        fingerprint: row.fingerprint,
    }
}

/// The operation of a change of a key pair, which is through already.
fn past(call: &Call<'_>, what: &str, name: &str) -> Answer<Operation> {
    Ok(past::done(what, ("KeyPair", name), call.app().clock.now(), &call.place()?))
}

/// The key pairs, by name.
pub fn all(call: &Call<'_>, input: GetKeyPairs) -> Answer<KeyPairs> {
    let (rows, place) = (key_pair::list(call.app(), call.caller, &mut Unobserved)?, call.place()?);
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (rows, next_page_token) = page("key pairs", rows, |row| row.name.clone(), at)?;
    Ok(KeyPairs { key_pairs: rows.into_iter().map(|row| wire(row, &place)).collect(), next_page_token })
}

/// One key pair.
pub fn one(call: &Call<'_>, input: OfKeyPair) -> Answer<OneKeyPair> {
    let row = key_pair::show(call.app(), call.caller, &name(&input.key_pair_name)?, &mut Unobserved)?;
    Ok(OneKeyPair { key_pair: wire(row, &call.place()?) })
}

/// Makes a key pair. Its private key is in the answer alone.
pub fn create(call: &Call<'_>) -> Answer<Done> {
    let input: CreateKeyPair = call.input()?;
    let of = name(&input.key_pair_name)?;
    let tags = input.tags.unwrap_or_default().iter().map(|tag| tag.read()).collect::<model::Result<Vec<_>>>()?;
    let made = key_pair::create(call.app(), call.caller, &of, &tags, &mut Unobserved)?;
    let answer = MadeKeyPair {
        public_key_base64: made.row.public.clone(),
        private_key_base64: made.private.expose_secret().to_owned(),
        key_pair: wire(made.row, &call.place()?),
        operation: past(call, "CreateKeyPair", of.as_str())?,
    };
    Ok(Done { secret: true, ..done(&answer)? })
}

/// Keeps a public key, as OpenSSH writes it or in Base64.
pub fn import(call: &Call<'_>) -> Answer<Done> {
    let input: ImportKeyPair = call.input()?;
    let of = name(&input.key_pair_name)?;
    let given = input.public_key_base64.trim();
    // A key of OpenSSH's has a space after its kind, which Base64 has not.
    let public = STANDARD.decode(given).unwrap_or_else(|_| given.as_bytes().to_vec());
    key_pair::import(call.app(), call.caller, (&of, &public), &[], &mut Unobserved)?;
    one_begun((past(call, "ImportKeyPair", of.as_str())?, None))
}

/// Forgets a key pair.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfKeyPair = call.input()?;
    let of = name(&input.key_pair_name)?;
    key_pair::delete(call.app(), call.caller, &of, &mut Unobserved)?;
    one_begun((past(call, "DeleteKeyPair", of.as_str())?, None))
}

/// The key pair by which lite itself logs in: for administrators.
pub fn default_pair(call: &Call<'_>) -> Answer<Done> {
    let (public, private) = key_pair::login_pair(call.app(), call.caller, &mut Unobserved)?;
    let answer = DefaultKeyPair { public_key_base64: public, private_key_base64: private.expose_secret().to_owned() };
    Ok(Done { secret: true, ..done(&answer)? })
}
