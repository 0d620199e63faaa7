//! `/contacts`: who is told of alarms; `/contacts/NAME`: one, and what was sent to it.

use serde::Serialize;

use super::{
    super::{
        fault::{Fault, Faults},
        form::Fields,
        frame::{At, Warnings},
        sheet::{Once, Sheet, Wanted, confirmed},
    },
    instance::{named, unknown_action},
};
use crate::{
    app::{
        App, Caller,
        contact::{self, Add, Added, MessageFormat, Way, Webhook},
    },
    model::{Code, Error, Name, Result, Unobserved},
    view::{ContactRow, DeliveryRow, SecretOnce},
};

/// How many messages a page has.
const MESSAGES: u32 = 50;

/// A contact, with what `--json` does not say.
#[derive(Serialize)]
pub struct Shown {
    #[serde(flatten)]
    row: ContactRow,
    is_mail: bool,
    is_unverified: bool,
}

impl From<ContactRow> for Shown {
    fn from(row: ContactRow) -> Self {
        Self { is_mail: row.mail, is_unverified: row.unverified, row }
    }
}

/// All of them.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct AllView {
    contacts: Vec<Shown>,
}

impl Sheet for All {
    const AT: At = At::Contacts;
    const TEMPLATE: &'static str = "contacts.html.j2";
    type View = AllView;

    fn wants_fresh(_: &Fields) -> bool {
        true
    }

    fn title(_: &str) -> String {
        "Contacts".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/contacts".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<AllView> {
        Ok(AllView { contacts: contact::list(app, caller, said)?.into_iter().map(Shown::from).collect() })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let name = faults.parse(fields, "name", named);
        let way = way(fields, faults);
        let add = Add { name: name?, way: way? };
        Some(Wanted::once(move |app, caller| {
            Ok(match contact::check(app, caller, &add, &mut Unobserved)?.run(app)? {
                Added::Webhook(secret) => shown_once(secret),
                Added::Mail(changed) => Once {
                    title: format!("Contact {}", changed.name),
                    text: "A code was sent to the address. It is told of nothing until that code is given back, on the page of the contact.".to_owned(),
                    rows: Vec::new(),
                    lines: Vec::new(),
                },
            })
        }))
    }
}

fn way(fields: &Fields, faults: &mut Faults) -> Option<Way> {
    match (fields.some("webhook"), fields.some("mail")) {
        (Some(address), None) => Some(Way::Webhook(Webhook {
            address: address.into(),
            format: MessageFormat::Named(fields.some("format").unwrap_or("standard").to_owned()),
            allow_private: fields.has("private"),
            header: fields.some("header").map(Into::into),
        })),
        (None, Some(mail)) => Some(Way::Mail(mail.to_owned())),
        (both, _) => {
            let text = if both.is_some() { "both addresses are given" } else { "no address is given" };
            let error = Error::new(Code::InvalidWebhook, text)
                .hint("a contact has the address of a webhook, or a mail address");
            faults.0.push(Fault::at("webhook", &error));
            None
        }
    }
}

/// The secret that signs its messages.
fn shown_once(secret: SecretOnce) -> Once {
    Once {
        title: format!("Contact {}", secret.name),
        text: "This secret signs its messages, and is shown this once: the receiver checks them with it.".to_owned(),
        rows: vec![("Secret", secret.secret)],
        lines: Vec::new(),
    }
}

/// One.
pub struct One;

/// What it shows.
#[derive(Serialize)]
pub struct OneView {
    one: Shown,
    deliveries: Vec<DeliveryRow>,
}

impl Sheet for One {
    const AT: At = At::Contacts;
    const TEMPLATE: &'static str = "contact.html.j2";
    type View = OneView;

    fn wants_fresh(fields: &Fields) -> bool {
        fields.text("action") == "rotate"
    }

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn back(name: &str, fields: &Fields) -> String {
        match fields.text("action") {
            "remove" => "/contacts".to_owned(),
            _ => format!("/contacts/{name}"),
        }
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<OneView> {
        let name = named(name)?;
        let deliveries = contact::deliveries(app, caller, Some(&name), false, MESSAGES, said)?;
        let one = contact::list(app, caller, &mut Unobserved)?.into_iter().find(|row| row.name == name.as_str());
        let one = one.ok_or_else(|| Error::new(Code::NoSuchContact, format!("there is no contact `{name}`")))?;
        Ok(OneView { one: one.into(), deliveries })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "test" => Some(Wanted::tell(move |app, caller| {
                contact::test(app, caller, &of, &mut Unobserved).map(|_| "The test arrived.".to_owned())
            })),
            "rotate" => Some(Wanted::once(move |app, caller| {
                contact::rotate(app, caller, &of, &mut Unobserved).map(shown_once)
            })),
            "verify" => Some(verified(of, fields)),
            "redeliver" => {
                let id = fields.text("message").to_owned();
                Some(Wanted::at_once(move |app, caller| contact::redeliver(app, caller, &id, &mut Unobserved)))
            }
            "remove" => {
                confirmed(name, fields, faults);
                Some(Wanted::at_once(move |app, caller| contact::find(app, caller, &[of], &mut Unobserved)?.run()))
            }
            other => unknown_action(other, faults),
        }
    }
}

/// Without a code a new one is sent.
fn verified(of: Name, fields: &Fields) -> Wanted {
    let code = fields.some("code").map(str::to_owned);
    Wanted::tell(move |app, caller| {
        let changed = contact::verify(app, caller, &of, code.as_deref(), &mut Unobserved)?;
        Ok(format!("`{}`: {}.", changed.name, changed.result))
    })
}
