//! Contacts: who is told of events, and what was delivered.

mod verify;

use std::time::Duration;

pub use verify::verify;

use secrecy::{ExposeSecret, SecretString};

use super::{App, Caller, Right, files::Attachment};
use crate::{
    model::{
        AuditAction, AuditEntry, Code, Error, EventKind, Hint, MailServer, Name, Observer, ResourceKind, Result, Verb,
        escaped,
    },
    monitor::sender,
    notify::{
        address::{self, Allowed},
        format::Format,
        header, mail,
        outbox::{self, BOTH_SECRETS, Ways},
        signature::Secret,
    },
    store::{Store, contacts::Contact, outbox::Message, outbox::MessageState},
    view::{Changed, ContactRow, DeliveryRow, SecretOnce},
};

/// How long to wait for a watcher that sends the test.
const TEST_WAIT: Duration = Duration::from_secs(30);
/// How long to wait before it is looked again whether somebody else has sent it.
const POLL: Duration = Duration::from_millis(200);

/// How messages look.
#[derive(Clone)]
pub enum MessageFormat {
    /// One of those that are built in.
    Named(String),
    /// A template.
    Template(Attachment),
}

/// A webhook.
#[derive(Clone)]
pub struct Webhook {
    /// Its address.
    pub address: SecretString,
    /// How messages look.
    pub format: MessageFormat,
    /// The address may be in a private network.
    pub allow_private: bool,
    /// The text of a file that holds a header that goes with each message.
    pub header: Option<SecretString>,
}

/// How a contact is told.
#[derive(Clone)]
pub enum Way {
    /// By a webhook.
    Webhook(Webhook),
    /// By mail to this address.
    Mail(String),
}

/// A contact to add.
#[derive(Clone)]
pub struct Add {
    /// Name of the contact.
    pub name: Name,
    /// How it is told.
    pub way: Way,
}

/// A contact of which everything was checked: address, where it leads, format.
pub struct Checked {
    entry: AuditEntry,
    contact: Contact,
    /// For mail, the server and the address.
    mail: Option<(MailServer, String)>,
}

/// What became of a contact to add.
pub enum Added {
    /// A webhook: the secret that signs its messages, shown this once.
    Webhook(SecretOnce),
    /// A mail address: a code was sent to it, which has to come back.
    Mail(Changed),
}

/// Checks a contact, and saves nothing.
pub fn check(app: &App, caller: &Caller, request: &Add, observer: &mut dyn Observer) -> Result<Checked> {
    app.require(caller, Right::Administer)?;
    // Whether a database is lost is seen before one is made.
    app.store(caller, observer)?;
    let (contact, mail) = match &request.way {
        Way::Webhook(webhook) => (check_webhook(app, &request.name, webhook)?, None),
        Way::Mail(to) => check_mail(app, &request.name, to)?,
    };
    let entry = app.done(caller, AuditAction::AddContact).about(ResourceKind::Contact, &request.name);
    Ok(Checked { entry, contact, mail })
}

fn check_mail(app: &App, name: &Name, to: &str) -> Result<(Contact, Option<(MailServer, String)>)> {
    let to = mail::parse(to)?;
    let contact = Contact {
        disabled: Some(verify::UNVERIFIED.to_owned()),
        ..contact(app, name, mail::url(&to).into(), &Format::Mail)?
    };
    Ok((contact, Some((verify::server(app)?.clone(), to.to_string()))))
}

fn check_webhook(app: &App, name: &Name, webhook: &Webhook) -> Result<Contact> {
    let url = address::parse(webhook.address.expose_secret())?;
    let format = match &webhook.format {
        MessageFormat::Named(name) => Format::named(name)?,
        MessageFormat::Template(file) => {
            let text = String::from_utf8(file.bytes.clone())
                .map_err(|_| Error::new(Code::InvalidFormat, format!("`{}` is not UTF-8", escaped(&file.name))))?;
            Format::custom(&file.name, text)?
        }
    };
    address::choose(&address::resolve(&url)?, &Allowed { private: webhook.allow_private, ..ways(app).allowed })?;
    webhook.header.as_ref().map(|text| header::parse(text.expose_secret())).transpose()?;
    Ok(Contact {
        private: webhook.allow_private,
        header: webhook.header.clone(),
        ..contact(app, name, webhook.address.clone(), &format)?
    })
}

fn contact(app: &App, name: &Name, url: SecretString, format: &Format) -> Result<Contact> {
    Ok(Contact {
        name: name.clone(),
        url,
        format: serde_json::to_string(format)
            .map_err(|e| Error::new(Code::Json, "cannot write the format").cause(e))?,
        private: false,
        secret: new_secret()?.text().clone(),
        old_secret: None,
        old_until: None,
        disabled: None,
        header: None,
        code: None,
        overflowed: 0,
        created_at: app.clock.now(),
    })
}

impl Checked {
    /// What would be done.
    pub fn plan(&self) -> Changed {
        Changed::new(&self.contact.name, "would be added")
    }

    /// Adds the contact. One by mail is sent a code first.
    ///
    /// # Errors
    /// The name is taken; the code was not sent. Nothing is left then.
    pub fn run(self, app: &App) -> Result<Added> {
        let Self { entry, contact, mail } = self;
        let mut store = app.new_store()?;
        let Some((server, to)) = mail else {
            store.audited(entry).add_contact(&contact)?;
            return Ok(Added::Webhook(once(&contact.name, &contact.secret)));
        };
        store.check_contact_name(&contact.name)?;
        let code = Some(verify::send_code(&server, &contact.name, &to, app.clock.now())?);
        let contact = Contact { code, ..contact };
        store.audited(entry).add_contact(&contact)?;
        Ok(Added::Mail(Changed::new(&contact.name, "a code was sent")))
    }
}

/// All contacts.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<ContactRow>> {
    app.require(caller, Right::Administer)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    store.contacts()?.iter().map(|contact| row(&store, contact)).collect()
}

/// Contacts found for removal.
pub struct Removal {
    entry: AuditEntry,
    store: Store,
    names: Vec<Name>,
}

/// Finds the contacts named.
pub fn find(app: &App, caller: &Caller, names: &[Name], observer: &mut dyn Observer) -> Result<Removal> {
    let store = changing(app, caller, observer)?;
    names.iter().try_for_each(|n| store.require_contact(n).map(drop))?;
    let entry = app.done(caller, AuditAction::RemoveContact);
    Ok(Removal { entry, store, names: names.to_vec() })
}

impl Removal {
    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.names.iter().map(|n| Changed::new(n, "would be removed")).collect()
    }

    /// Removes them with everything that waits for them.
    pub fn run(mut self) -> Result<Vec<Changed>> {
        self.names.iter().try_for_each(|n| {
            let entry = self.entry.clone().about(ResourceKind::Contact, n);
            self.store.audited(entry).remove_contact(n)
        })?;
        Ok(self.names.iter().map(|n| Changed::new(n, "removed")).collect())
    }
}

/// Gives a contact a new secret. For a day messages are signed with the old one too.
pub fn rotate(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<SecretOnce> {
    let mut store = changing(app, caller, observer)?;
    if outbox::is_mail(&store.require_contact(name)?) {
        return Err(Error::new(
            Code::ContactNotSigned,
            format!("contact `{name}` is told by mail, which is not signed"),
        )
        .hint("a webhook has a secret"));
    }
    let secret = new_secret()?;
    let now = app.clock.now();
    let until = now.saturating_add(BOTH_SECRETS).unwrap_or(now);
    let entry = app.done(caller, AuditAction::RotateContact).about(ResourceKind::Contact, name);
    store.audited(entry).rotate_secret(name, secret.text(), until)?;
    Ok(once(name, secret.text()))
}

/// Sends a message the way every other one goes, and waits until it arrived.
pub fn test(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Changed> {
    let mut store = changing(app, caller, observer)?;
    let contact = store.require_contact(name)?;
    if contact.code.is_some() {
        return Err(Error::new(
            Code::ContactDisabled,
            format!("contact `{name}` is told of nothing: {}", verify::UNVERIFIED),
        )
        .hint(
            Hint::new().run_with(Verb::ContactVerify, &[&name, &"CODE"]).text(" takes the code that was sent there"),
        ));
    }
    if outbox::is_mail(&contact) {
        verify::server(app)?;
    }
    if let Some(why) = &contact.disabled {
        return Err(Error::new(Code::ContactDisabled, format!("contact `{name}` is disabled: {why}")).hint(
            Hint::new()
                .run_with(Verb::ContactRedeliver, &[&"ID"])
                .text(" enables it again, or remove it and add it anew"),
        ));
    }
    let stamp = app.stamp();
    let event = stamp.event(EventKind::ContactTest, None, "this is a test; nothing is wrong");
    let entry = app.done(caller, AuditAction::TestContact).about(ResourceKind::Contact, name);
    let id = outbox::make_test(store.audited(entry), &contact, &stamp.host, &event)?;
    let end = app.clock.instant() + TEST_WAIT;
    let ways = ways(app);
    loop {
        let message = store.require_message(&id)?;
        if message.state == MessageState::Delivered {
            return Ok(Changed::new(name, "reached"));
        }
        if message.attempts > 0 || app.clock.instant() >= end {
            let why = message.error.unwrap_or_else(|| "it was not sent yet".to_owned());
            return Err(Error::new(Code::ContactTestFailed, format!("the test did not arrive at contact `{name}`"))
                .cause(why)
                .hint(
                    Hint::new()
                        .run(Verb::Watch)
                        .text(" tries it again; ")
                        .run_with(Verb::ContactDeliveries, &[&name])
                        .text(" shows when"),
                ));
        }
        // Someone else may be sending; then wait for that.
        if !sender::send_now(&app.settings, &contact, &ways, &*app.clock)? {
            app.clock.sleep(POLL);
        }
    }
}

/// Messages and what became of them, the latest first.
pub fn deliveries(
    app: &App,
    caller: &Caller,
    contact: Option<&Name>,
    dead: bool,
    limit: u32,
    observer: &mut dyn Observer,
) -> Result<Vec<DeliveryRow>> {
    app.require(caller, Right::Administer)?;
    let store = match app.store(caller, observer)? {
        Some(store) => store,
        None if contact.is_none() => return Ok(Vec::new()),
        None => app.new_store()?,
    };
    if let Some(name) = contact {
        store.require_contact(name)?;
    }
    let messages = store.messages(contact.map(Name::as_str), dead, limit)?;
    messages.into_iter().map(|m| delivery(&store, m)).collect()
}

/// Queues a message once more, under the same id, from its first attempt on.
pub fn redeliver(app: &App, caller: &Caller, id: &str, observer: &mut dyn Observer) -> Result<Changed> {
    let entry = app.done(caller, AuditAction::Redeliver);
    let entry = AuditEntry { detail: Some(id.to_owned()), ..entry };
    let message = changing(app, caller, observer)?.audited(entry).redeliver(id, app.clock.now())?;
    Ok(Changed::new(&message.id, "queued"))
}

fn changing(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Store> {
    app.require(caller, Right::Administer)?;
    app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)
}

/// What messages may reach; the network of the guests is asked for if libvirt answers.
fn ways(app: &App) -> Ways {
    sender::ways(&app.settings, app.host().ok().as_deref())
}

fn new_secret() -> Result<Secret> {
    Secret::from_bytes(&rand::random::<[u8; 32]>())
}

fn once(name: &Name, secret: &SecretString) -> SecretOnce {
    SecretOnce { name: name.to_string(), secret: secret.expose_secret().to_owned() }
}

fn row(store: &Store, contact: &Contact) -> Result<ContactRow> {
    let name = contact.name.as_str();
    let format: Option<Format> = serde_json::from_str(&contact.format).ok();
    Ok(ContactRow {
        name: name.to_owned(),
        url: match outbox::is_mail(contact) {
            true => escaped(contact.url.expose_secret()),
            false => address::shown(contact.url.expose_secret()),
        },
        format: format.map_or_else(|| "?".to_owned(), |f| f.name().to_owned()),
        private: contact.private,
        waiting: store.waiting_count(name)? + i64::try_from(store.queued(name)?.len()).unwrap_or(i64::MAX),
        dead: store.messages(Some(name), true, 100_000)?.len(),
        lost: contact.overflowed,
        disabled: contact.disabled.clone(),
        mail: outbox::is_mail(contact),
        unverified: contact.code.is_some(),
    })
}

fn delivery(store: &Store, message: Message) -> Result<DeliveryRow> {
    let parts = store.parts(&message.id)?;
    let kinds: Vec<String> = parts.iter().map(|p| p.stored.event.kind.to_string()).collect();
    Ok(DeliveryRow {
        id: message.id,
        contact: message.contact,
        made_at: message.made_at,
        what: match kinds.as_slice() {
            [one] => one.clone(),
            many => format!("{} events", many.len()),
        },
        state: message.state.as_str().to_owned(),
        attempts: message.attempts,
        next_at: (message.state == MessageState::Queued).then_some(message.next_at),
        status: message.status,
        error: message.error,
    })
}
