//! A contact by mail is told of nothing until whoever reads the mail gives back the code that was sent, as with Lightsail.

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::{App, Caller, changing};
use crate::{
    model::{AuditAction, Code, Error, Hint, MailServer, Name, Observer, ResourceKind, Result, Verb, hex},
    notify::{
        mail::{self, Letter},
        outbox::new_message_id,
    },
    store::contacts::{CodeDigest, Contact},
    view::Changed,
};

/// Why nothing is sent to an address that has not given its code back.
pub(super) const UNVERIFIED: &str = "its address is not verified";
/// How long a code counts.
const COUNTS: SignedDuration = SignedDuration::from_hours(24);
/// How many wrong codes are looked at.
const TRIES: u32 = 5;
/// Digits of a code.
const DIGITS: usize = 8;

/// The operator's mail server.
///
/// # Errors
/// [`Code::NoMailServer`].
pub(super) fn server(app: &App) -> Result<&MailServer> {
    app.settings.mail.as_ref().ok_or_else(|| {
        Error::new(Code::NoMailServer, "no mail server is configured, so no mail can be sent").hint(
            "set `smtp_server` and `smtp_from`, and `smtp_user` and `smtp_password_file` if it asks for a password",
        )
    })
}

/// Sends a new code to an address.
///
/// # Errors
/// The mail was not sent.
pub(super) fn send_code(server: &MailServer, name: &Name, to: &str, now: Timestamp) -> Result<CodeDigest> {
    let code = format!("{:0DIGITS$}", rand::random_range(0..10_u32.pow(DIGITS as u32)));
    let subject = format!("{code} is the code for the lite contact {name}");
    let text = format!(
        "Somebody wants lite to tell this address of alarms and crashes, as the contact {name}.\n\n\
         If that is meant, give the code back within 24 hours:\n\n    lite contact verify {name} {code}\n\n\
         If not, do nothing: no more mail comes.\n"
    );
    let id = new_message_id();
    let letter = Letter { to, id: &id, at: now, subject: &subject, text: &text };
    mail::send_now(server, to, &mail::render(&server.from, &letter)?)?;
    Ok(CodeDigest { digest: digest(name, &code), until: now.saturating_add(COUNTS).unwrap_or(now), tries: 0 })
}

fn digest(name: &Name, code: &str) -> String {
    hex(&Sha256::digest(format!("{name}:{code}")))
}

/// Gives a code back; without one, a new one is sent.
///
/// # Errors
/// [`Code::WrongCode`]; [`Code::NotToVerify`] where there is nothing to verify; the mail was not sent.
pub fn verify(
    app: &App,
    caller: &Caller,
    name: &Name,
    code: Option<&str>,
    observer: &mut dyn Observer,
) -> Result<Changed> {
    let mut store = changing(app, caller, observer)?;
    let contact = store.require_contact(name)?;
    store.record_audit(&app.done(caller, AuditAction::VerifyContact).about(ResourceKind::Contact, name))?;
    let (to, pending) = awaited(&contact)?;
    let now = app.clock.now();
    let again = || Hint::new().run_with(Verb::ContactVerify, &[&name]).text(" sends a new one");
    let Some(code) = code else {
        let fresh = send_code(server(app)?, name, to, now)?;
        store.set_code(name, &fresh)?;
        return Ok(Changed::new(name, "a new code was sent"));
    };
    if store.try_code(name, &digest(name, code.trim()), TRIES, now)? {
        return Ok(Changed::new(name, "verified"));
    }
    let why = match pending {
        pending if pending.tries >= TRIES => format!("{TRIES} wrong codes were given, and no other one counts"),
        pending if pending.until <= now => "the code is older than 24 hours".to_owned(),
        _ => "it is not the code that was sent".to_owned(),
    };
    Err(Error::new(Code::WrongCode, format!("contact `{name}` is not verified: {why}")).hint(again()))
}

/// The mail address of a contact that has not given its code back, and what is kept of that.
fn awaited(contact: &Contact) -> Result<(&str, &CodeDigest)> {
    match (mail::address_of(contact.url.expose_secret()), &contact.code) {
        (Some(to), Some(code)) => Ok((to, code)),
        (Some(_), None) => {
            Err(Error::new(Code::NotToVerify, format!("contact `{}` is verified already", contact.name)))
        }
        (None, _) => {
            Err(Error::new(Code::NotToVerify, format!("contact `{}` is a webhook: it has no code", contact.name)).hint(
                Hint::new().run_with(Verb::ContactTest, &[&contact.name]).text(" shows whether a message arrives"),
            ))
        }
    }
}
