//! Contacts: who is told of alarms. By mail they are made here too; the secret of a webhook is shown by the command alone.

use jiff::Timestamp;

use super::{begun, change::Started};
use crate::{
    app::contact::{self, Add, Way},
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        past,
        place::id_of,
        wire::{self, Contacts, CreateContact, GetContacts, OfContact},
    },
    model::{Name, Unobserved},
};

/// The way of mail.
const MAIL: &str = "Email";
/// The name of the contact that is made here: there is one of each way.
const OURS: &str = "email";

/// The contacts, of some ways or of all.
pub fn all(call: &Call<'_>, input: GetContacts) -> Answer<Contacts> {
    let place = call.place()?;
    let rows = contact::list(call.app(), call.caller, &mut Unobserved)?;
    let one = |row: crate::view::ContactRow| {
        let id = id_of("ContactMethod", &row.name, Timestamp::UNIX_EPOCH);
        wire::Contact {
            arn: place.arn("ContactMethod", id),
            support_code: place.support_code(id),
            name: row.name,
            location: place.everywhere(),
            resource_type: "ContactMethod",
            contact_endpoint: row.url,
            status: match (row.unverified, row.disabled) {
                (true, _) => "PendingVerification",
                (false, None) => "Valid",
                (false, Some(_)) => "Invalid",
            },
            protocol: if row.mail { MAIL } else { "Webhook" },
        }
    };
    let mut contact_methods: Vec<wire::Contact> = rows.into_iter().map(one).collect();
    if let Some(ways) = input.protocols {
        contact_methods.retain(|contact| ways.iter().any(|way| way == contact.protocol));
    }
    Ok(Contacts { contact_methods })
}

/// The contact that is made here; refused for another way than mail.
fn ours(protocol: &str) -> Answer<Name> {
    if protocol == MAIL {
        return name(OURS);
    }
    Err(Fault::invalid("`protocol` has to be `Email`").tip("`lite contact` has webhooks; nobody is told by SMS here"))
}

fn done(call: &Call<'_>, what: &str, of: &Name) -> Answer<Started> {
    Ok((past::done(what, ("ContactMethod", of.as_str()), call.app().clock.now(), &call.place()?), None))
}

/// Adds an address of mail, to which a code is sent.
pub fn create(call: &Call<'_>) -> Answer<Done> {
    let input: CreateContact = call.input()?;
    let of = ours(&input.protocol)?;
    let add = Add { name: of.clone(), way: Way::Mail(input.contact_endpoint) };
    contact::check(call.app(), call.caller, &add, &mut Unobserved)?.run(call.app())?;
    begun(done(call, "CreateContactMethod", &of)?)
}

/// Sends a new code.
pub fn verify(call: &Call<'_>) -> Answer<Done> {
    let input: OfContact = call.input()?;
    let of = ours(&input.protocol)?;
    contact::verify(call.app(), call.caller, &of, None, &mut Unobserved)?;
    begun(done(call, "SendContactMethodVerification", &of)?)
}

/// Removes the address.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfContact = call.input()?;
    let of = ours(&input.protocol)?;
    contact::find(call.app(), call.caller, std::slice::from_ref(&of), &mut Unobserved)?.run()?;
    begun(done(call, "DeleteContactMethod", &of)?)
}
