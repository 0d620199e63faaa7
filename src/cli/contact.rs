//! `lite contact`.

use std::path::{Path, PathBuf};

use clap_complete::ArgValueCompleter;
use secrecy::SecretString;

use super::{Env, common, complete};
use crate::{
    app::{
        contact::{self, Add, Added, MessageFormat, Way, Webhook},
        files::{Attachment, read_limited},
    },
    model::{Code, Error, Name, Result},
    ui::print::{print_changed, print_contacts, print_deliveries, print_secret_once, print_verification},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite contact add ops --webhook https://hooks.example.org/x
      Tell a webhook of every event
  lite contact add me --mail anna@example.org
      Tell somebody by mail
  lite contact test ops
      Does a message arrive?
  lite contact deliveries --dead
      Which did not?";

const ADD: &str = "\
EXAMPLES:
  lite contact add ops --webhook https://hooks.example.org/x
      The Standard Webhooks payload, signed; the secret is shown once
  lite contact add team --webhook-file url.txt --format discord
      An address that is a secret, seen by nobody on this machine
  lite contact add chat --webhook https://chat.example.org/y --format slack
      A message for people
  lite contact add mine --webhook https://example.org/z --format ./mine.json.j2
      In a format of your own
  lite contact add lan --webhook http://10.0.0.5/hook --allow-private
      In a private network
  lite contact add api --webhook https://example.org/w --header-file ./key
      With a header such as `Authorization: Bearer KEY`
  lite contact add me --mail anna@example.org
      By mail, once its code has come back";

/// Say who is told, and see what was delivered
///
/// A contact is a webhook or a mail address that is told of every event: alarms,
/// crashes, restarts. Messages are sent by `lite watch`, tried again for three days
/// and then kept as dead for 30. Those to webhooks are signed (Standard Webhooks).
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
    ///
    /// A mail address is sent a code, and told of nothing until that came back
    /// (`lite contact verify`). The settings smtp_server and smtp_from say how mail
    /// is sent.
    #[command(verbatim_doc_comment, after_help = ADD)]
    Add {
        /// Name of the contact
        #[arg(value_name = "CONTACT", value_parser = Name::parse)]
        name: Name,
        /// Address of the webhook; other users of this machine can see arguments
        #[arg(long, value_name = "URL", required_unless_present_any = ["webhook_file", "mail"])]
        webhook: Option<String>,
        /// Read the address of the webhook from a file; `-` is standard input
        #[arg(long, value_name = "FILE", conflicts_with = "webhook")]
        webhook_file: Option<PathBuf>,
        /// Mail address
        #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["webhook", "webhook_file", "format", "allow_private", "header_file"])]
        mail: Option<String>,
        /// standard, slack, discord, ntfy, or the path of a template
        #[arg(long, value_name = "FORMAT", default_value = "standard")]
        format: String,
        /// The address may be in a private network
        #[arg(long)]
        allow_private: bool,
        /// A file with a header that goes with each message, `NAME: VALUE`
        #[arg(long, value_name = "FILE")]
        header_file: Option<PathBuf>,
        /// Check everything, and save nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Verify a mail address
    ///
    /// Takes the code that was sent to the address of a contact: from then on it is
    /// told of events. Without a code a new one is sent.
    #[command(
        verbatim_doc_comment,
        after_help = "EXAMPLES:\n  lite contact verify me 01234567\n      The code from the mail\n  lite contact verify me\n      Send a new one"
    )]
    Verify {
        #[command(flatten)]
        contact: OneContact,
        /// The code
        #[arg(value_name = "CODE")]
        code: Option<String>,
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

/// Largest header read.
const MAX_HEADER: u64 = 8 << 10;
/// Largest template read.
const MAX_TEMPLATE: u64 = 64 << 10;
/// Most bytes of a file with an address.
const MAX_LINE: u64 = 4 << 10;

/// Works on contacts.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let (app, caller, mut progress, ui) = (env.app()?, env.caller(), env.progress(), &env.ui);
    match &args.verb {
        Verb::Add { name, webhook, webhook_file, mail, format, allow_private, header_file, dry_run } => {
            let address = match webhook_file {
                Some(file) => Some(one_line(file)?),
                None => webhook.clone(),
            };
            let way = match (address, mail) {
                (Some(address), _) => Way::Webhook(Webhook {
                    address: address.into(),
                    format: message_format(format)?,
                    allow_private: *allow_private,
                    header: header_file.as_deref().map(secret_text).transpose()?,
                }),
                (None, mail) => Way::Mail(mail.clone().unwrap_or_default()),
            };
            let checked = contact::check(&app, &caller, &Add { name: name.clone(), way }, &mut progress)?;
            if *dry_run {
                return print_changed(ui, &[checked.plan()]);
            }
            match checked.run(&app)? {
                Added::Webhook(secret) => print_secret_once(ui, &secret),
                Added::Mail(changed) => print_verification(ui, &changed),
            }
        }
        Verb::Verify { contact, code } => {
            let changed = contact::verify(&app, &caller, &contact.contact, code.as_deref(), &mut progress)?;
            print_changed(ui, &[changed])
        }
        Verb::List => print_contacts(ui, &contact::list(&app, &caller, &mut progress)?),
        Verb::Remove { names, sure, dry_run } => {
            let found = contact::find(&app, &caller, names, &mut progress)?;
            if *dry_run {
                return print_changed(ui, &found.plan());
            }
            let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            sure.ask(ui, &format!("remove the contact {}?", quoted.join(", ")))?;
            print_changed(ui, &found.run()?)
        }
        Verb::Test { contact } => print_changed(ui, &[contact::test(&app, &caller, &contact.contact, &mut progress)?]),
        Verb::Rotate { contact } => {
            print_secret_once(ui, &contact::rotate(&app, &caller, &contact.contact, &mut progress)?)
        }
        Verb::Deliveries { contact, dead, limit } => {
            let rows = contact::deliveries(&app, &caller, contact.as_ref(), *dead, *limit, &mut progress)?;
            print_deliveries(ui, &rows)
        }
        Verb::Redeliver { id } => print_changed(ui, &[contact::redeliver(&app, &caller, id, &mut progress)?]),
    }
}

/// The text of a small file that holds a secret, which is not told.
fn secret_text(file: &Path) -> Result<SecretString> {
    let bytes = read_limited(file, MAX_HEADER)?;
    String::from_utf8(bytes).map(SecretString::from).map_err(|_| {
        Error::new(Code::InvalidHeader, format!("`{}` is not UTF-8", file.display()))
            .hint("its file holds one line such as `Authorization: Bearer KEY`")
    })
}

/// The line that a file, or standard input, holds. What is wrong with it is not shown: it may be a secret.
fn one_line(file: &Path) -> Result<String> {
    let bytes = read_limited(file, MAX_LINE)?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let line = text.strip_suffix('\n').unwrap_or(&text).trim_end_matches('\r');
    if line.is_empty() || line.contains('\n') {
        let text = format!("`{}` does not hold one line of text", file.display());
        return Err(
            Error::new(Code::InvalidWebhook, text).hint("it holds the address of the webhook, and nothing else")
        );
    }
    Ok(line.to_owned())
}

/// The name of a format, or the template in a file.
fn message_format(format: &str) -> Result<MessageFormat> {
    if format.contains(['/', '.']) {
        Attachment::read(Path::new(format), MAX_TEMPLATE).map(MessageFormat::Template)
    } else {
        Ok(MessageFormat::Named(format.to_owned()))
    }
}
