//! `lite contact`.

use std::time::{Duration, Instant};

use clap_complete::ArgValueCompleter;
use secrecy::{ExposeSecret, SecretString};

use super::{Env, common, complete, session};
use crate::{
    hypervisor::{Hypervisor, libvirt::Libvirt},
    model::{Code, Error, EventKind, Name, Result, Settings, escaped},
    monitor::sender,
    notify::{
        address::{self, Allowed},
        format::Format,
        outbox::{self, BOTH_SECRETS},
        signature::Secret,
    },
    store::{Store, contacts::Contact, events::Stamp, outbox::MessageState},
    ui::print::{print_changed, print_contacts, print_deliveries, print_secret_once},
    view::{Changed, ContactRow, DeliveryRow, SecretOnce},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite contact add ops --webhook https://hooks.example.org/x
      Tell a webhook of every event
  lite contact test ops
      Does a message arrive?
  lite contact deliveries --dead
      Which did not?";

const ADD: &str = "\
EXAMPLES:
  lite contact add ops --webhook https://hooks.example.org/x
      The Standard Webhooks payload, signed; the secret is shown once
  lite contact add chat --webhook https://chat.example.org/y --format slack
      A message for people
  lite contact add mine --webhook https://example.org/z --format ./mine.json.j2
      In a format of your own
  lite contact add lan --webhook http://10.0.0.5/hook --allow-private
      In a private network";

/// Say who is told, and see what was delivered
///
/// A contact is a webhook that is told of every event: alarms, crashes, restarts.
/// Messages are signed (Standard Webhooks), sent by `lite watch`, tried again for
/// three days and then kept as dead for 30.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, subcommand_required = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Add a contact
    ///
    /// Adds a webhook and prints the secret that signs its messages, once. The
    /// address it resolves to is checked now and at every attempt: this host, its
    /// guests and reserved ranges are refused, private ones need --allow-private.
    #[command(verbatim_doc_comment, after_help = ADD)]
    Add {
        /// Name of the contact
        #[arg(value_name = "CONTACT", value_parser = Name::parse)]
        name: Name,
        /// Address of the webhook
        #[arg(long, value_name = "URL")]
        webhook: String,
        /// standard, slack, discord, ntfy, or the path of a template
        #[arg(long, value_name = "FORMAT", default_value = "standard")]
        format: String,
        /// The address may be in a private network
        #[arg(long)]
        allow_private: bool,
        /// Check everything, and save nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List the contacts
    ///
    /// Lists contacts with their host, format, and how many messages wait or are
    /// dead. The rest of the address is not shown: it often is a secret.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite contact list\n      All of them")]
    List,
    /// Remove contacts
    ///
    /// Removes one or more contacts with everything that waits for them.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite contact remove ops --yes\n      Without asking")]
    Remove {
        /// Names of contacts
        #[arg(value_name = "CONTACT", required = true, value_parser = Name::parse, add = ArgValueCompleter::new(complete::contacts))]
        names: Vec<Name>,
        #[command(flatten)]
        sure: common::Sure,
        /// Say what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Send a test message
    ///
    /// Sends a message the way every other one goes, signed and through the outbox,
    /// and says what the receiver answered. Exit 1 if it did not arrive.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite contact test ops\n      Does it arrive?")]
    Test {
        #[command(flatten)]
        contact: OneContact,
    },
    /// Give a contact a new secret
    ///
    /// Makes a new secret and prints it, once. For 24 hours messages are signed
    /// with the old one too, so that the receiver can change over.
    #[command(verbatim_doc_comment, after_help = "EXAMPLES:\n  lite contact rotate ops\n      A new secret")]
    Rotate {
        #[command(flatten)]
        contact: OneContact,
    },
    /// List messages and what became of them
    ///
    /// Lists messages, the latest first: queued with the time of the next attempt,
    /// delivered, superseded by a later one, or dead.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite contact deliveries\n      The latest\n  lite contact deliveries ops --dead\n      What one contact never got"
    )]
    Deliveries {
        /// Only messages to this contact
        #[arg(value_name = "CONTACT", value_parser = Name::parse, add = ArgValueCompleter::new(complete::contacts))]
        contact: Option<Name>,
        /// Only dead ones
        #[arg(long)]
        dead: bool,
        /// At most so many, the latest first
        #[arg(long, value_name = "COUNT", default_value = "50", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Send a message again
    ///
    /// Queues a message that is dead, superseded or delivered once more, under the
    /// same id, from its first attempt on. `lite watch` sends it. A contact that was
    /// disabled is enabled.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite contact redeliver msg_0123456789abcdef0123456789abcdef\n      Try again"
    )]
    Redeliver {
        /// Id of a message, `msg_…`
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// One contact.
#[derive(Debug, clap::Args)]
struct OneContact {
    /// Name of a contact
    #[arg(value_name = "CONTACT", value_parser = Name::parse, add = ArgValueCompleter::new(complete::contacts))]
    contact: Name,
}

/// Largest template read.
const MAX_TEMPLATE: u64 = 64 << 10;
/// How long to wait for a watcher that sends the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// Works on contacts.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let settings = env.settings()?;
    let stamp = Stamp::here((env.clock)());
    // Whether a database is lost is seen before one is made.
    let there = session::store(env)?.is_some();
    match &args.verb {
        // A listing makes no database.
        Verb::List if !there => print_contacts(&env.ui, &[]),
        Verb::Deliveries { contact: None, .. } if !there => print_deliveries(&env.ui, &[]),
        Verb::Add { name, webhook, format, allow_private, dry_run } => {
            let new = checked(&settings, name, webhook, format, *allow_private, stamp.now)?;
            if *dry_run {
                return changed(env, [name], "would be added");
            }
            Store::open(&settings.paths.state)?.add_contact(&new)?;
            print_secret_once(&env.ui, &once(name, &new.secret))
        }
        Verb::List => print_contacts(&env.ui, &rows(&Store::open(&settings.paths.state)?)?),
        Verb::Remove { names, sure, dry_run } => {
            let mut store = Store::open(&settings.paths.state)?;
            names.iter().try_for_each(|n| store.require_contact(n).map(drop))?;
            if *dry_run {
                return changed(env, names, "would be removed");
            }
            let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            sure.ask(&env.ui, &format!("remove the contact {}?", quoted.join(", ")))?;
            names.iter().try_for_each(|n| store.remove_contact(n))?;
            changed(env, names, "removed")
        }
        Verb::Test { contact } => test(env, &settings, &contact.contact, &stamp),
        Verb::Rotate { contact } => {
            let secret = new_secret()?;
            let until = stamp.now.saturating_add(BOTH_SECRETS).unwrap_or(stamp.now);
            Store::open(&settings.paths.state)?.rotate_secret(&contact.contact, secret.text(), until)?;
            print_secret_once(&env.ui, &once(&contact.contact, secret.text()))
        }
        Verb::Deliveries { contact, dead, limit } => {
            let store = Store::open(&settings.paths.state)?;
            if let Some(name) = contact {
                store.require_contact(name)?;
            }
            print_deliveries(&env.ui, &deliveries(&store, contact.as_ref(), *dead, *limit)?)
        }
        Verb::Redeliver { id } => {
            let message = Store::open(&settings.paths.state)?.redeliver(id, stamp.now)?;
            print_changed(&env.ui, &[Changed { name: message.id, now: "queued".to_owned() }])
        }
    }
}

/// A contact of which everything was checked: address, where it leads, format.
fn checked(
    settings: &Settings,
    name: &Name,
    webhook: &str,
    format: &str,
    private: bool,
    now: jiff::Timestamp,
) -> Result<Contact> {
    let url = address::parse(webhook)?;
    let format = if format.contains(['/', '.']) {
        let bytes = session::read_limited(std::path::Path::new(format), MAX_TEMPLATE)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::new(Code::InvalidFormat, format!("`{}` is not UTF-8", escaped(format))))?;
        Format::custom(format, text)?
    } else {
        Format::named(format)?
    };
    address::choose(&address::resolve(&url)?, &Allowed { private, ..base(settings) })?;
    let format =
        serde_json::to_string(&format).map_err(|e| Error::new(Code::Json, "cannot write the format").cause(e))?;
    Ok(Contact {
        name: name.clone(),
        url: SecretString::from(webhook.to_owned()),
        format,
        private,
        secret: new_secret()?.text().clone(),
        old_secret: None,
        old_until: None,
        disabled: None,
        overflowed: 0,
        created_at: now,
    })
}

/// What messages may reach; the network of the guests is asked for if libvirt answers.
fn base(settings: &Settings) -> Allowed {
    let host = Libvirt::open(&settings.host.connect).ok();
    sender::allowed(settings, host.as_ref().map(|h| h as &dyn Hypervisor))
}

fn new_secret() -> Result<Secret> {
    Secret::from_bytes(&rand::random::<[u8; 32]>())
}

fn once(name: &Name, secret: &SecretString) -> SecretOnce {
    SecretOnce { name: name.to_string(), secret: secret.expose_secret().to_owned() }
}

fn changed<'a>(env: &Env, names: impl IntoIterator<Item = &'a Name>, now: &str) -> Result<()> {
    let all: Vec<Changed> = names.into_iter().map(|n| Changed { name: n.to_string(), now: now.to_owned() }).collect();
    print_changed(&env.ui, &all)
}

fn test(env: &Env, settings: &Settings, name: &Name, stamp: &Stamp) -> Result<()> {
    let mut store = Store::open(&settings.paths.state)?;
    let contact = store.require_contact(name)?;
    if let Some(why) = &contact.disabled {
        return Err(Error::new(Code::ContactDisabled, format!("contact `{name}` is disabled: {why}"))
            .hint("`lite contact redeliver ID` enables it again, or remove it and add it anew"));
    }
    let event = stamp.event(EventKind::ContactTest, None, "this is a test; nothing is wrong");
    let id = outbox::make_test(&mut store, &contact, &event)?;
    let end = Instant::now() + PATIENCE;
    let here = base(settings);
    loop {
        let message = store.require_message(&id)?;
        if message.state == MessageState::Delivered {
            return changed(env, [name], "reached");
        }
        if message.attempts > 0 || Instant::now() >= end {
            let why = message.error.unwrap_or_else(|| "it was not sent yet".to_owned());
            return Err(Error::new(Code::ContactTestFailed, format!("the test did not arrive at contact `{name}`"))
                .cause(why)
                .hint(format!("`lite watch` tries it again; `lite contact deliveries {name}` shows when")));
        }
        // Someone else may be sending; then wait for that.
        if !sender::send_now(settings, &contact, &here, env.clock)? {
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn rows(store: &Store) -> Result<Vec<ContactRow>> {
    let row = |c: &Contact| {
        let name = c.name.as_str();
        let format: Option<Format> = serde_json::from_str(&c.format).ok();
        Ok(ContactRow {
            name: name.to_owned(),
            url: address::shown(c.url.expose_secret()),
            format: format.map_or_else(|| "?".to_owned(), |f| f.name().to_owned()),
            private: c.private,
            waiting: store.waiting_count(name)? + i64::try_from(store.queued(name)?.len()).unwrap_or(i64::MAX),
            dead: store.messages(Some(name), true, 100_000)?.len(),
            lost: c.overflowed,
            disabled: c.disabled.clone(),
        })
    };
    store.contacts()?.iter().map(row).collect()
}

fn deliveries(store: &Store, contact: Option<&Name>, dead: bool, limit: u32) -> Result<Vec<DeliveryRow>> {
    let messages = store.messages(contact.map(Name::as_str), dead, limit)?;
    let row = |m: crate::store::outbox::Message| {
        let parts = store.parts(&m.id)?;
        let kinds: Vec<String> = parts.iter().map(|p| p.stored.event.kind.to_string()).collect();
        Ok(DeliveryRow {
            id: m.id,
            contact: m.contact,
            made_at: m.made_at,
            what: match kinds.as_slice() {
                [one] => one.clone(),
                many => format!("{} events", many.len()),
            },
            state: m.state.as_str().to_owned(),
            attempts: m.attempts,
            next_at: (m.state == MessageState::Queued).then_some(m.next_at),
            status: m.status,
            error: m.error,
        })
    };
    messages.into_iter().map(row).collect()
}
