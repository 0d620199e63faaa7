//! Mail: the letter that a message becomes, and its way to the operator's mail server (SMTP).

use std::{
    fs::File,
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    address::Envelope,
    message::{
        Mailbox, Message,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::schedule::Answer;
use crate::model::{Code, Error, MailSecurity, MailServer, Result, escaped};

/// What the address of a contact by mail begins with (RFC 6068).
const SCHEME: &str = "mailto:";
/// How long each answer of the server may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the whole may take.
const TOTAL: Duration = Duration::from_secs(30);
/// Longest mail address (RFC 5321, 4.5.3.1.3).
const LONGEST: usize = 254;
/// Most characters of a subject.
const SUBJECT: usize = 200;
/// Most characters of an answer that are told.
const TOLD: usize = 200;
/// Most bytes of a password.
const PASSWORD: u64 = 1024;

/// Parses a mail address.
///
/// # Errors
/// [`Code::InvalidMailAddress`].
pub fn parse(text: &str) -> Result<Address> {
    let bad = || {
        Error::new(Code::InvalidMailAddress, format!("`{}` is not a mail address", escaped(text)))
            .hint("a mail address is such as `anna@example.org`")
    };
    if text.len() > LONGEST {
        return Err(bad());
    }
    text.parse().map_err(|_| bad())
}

/// The address as a contact keeps it.
pub fn url(address: &Address) -> String {
    format!("{SCHEME}{address}")
}

/// The mail address of a contact; none: it is told by a webhook.
pub fn address_of(url: &str) -> Option<&str> {
    url.strip_prefix(SCHEME)
}

/// A letter.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// To whom.
    pub to: &'a str,
    /// The id of its message, the same however often it is sent.
    pub id: &'a str,
    /// When it was written.
    pub at: Timestamp,
    /// One line.
    pub subject: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// The letter as bytes (RFC 5322). It is marked as written by a program (RFC 3834), so that no other one answers.
///
/// # Errors
/// [`Code::InvalidMailAddress`]; [`Code::Internal`] where it cannot be written.
pub fn render(from: &str, letter: &Letter<'_>) -> Result<Vec<u8>> {
    let failed = |e: lettre::error::Error| Error::new(Code::Internal, "cannot write the letter").cause(e);
    let subject: String = letter.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT).collect();
    let seconds = u64::try_from(letter.at.as_second()).unwrap_or(0);
    let mut message = Message::builder()
        .from(Mailbox::new(Some("lite".to_owned()), parse(from)?))
        .to(Mailbox::new(None, parse(letter.to)?))
        .subject(subject)
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .message_id(Some(format!("<{}@lite>", letter.id)))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.to_owned())
        .map_err(failed)?;
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
    Ok(message.formatted())
}

/// Hands a letter to the server.
pub async fn send(server: &MailServer, to: &str, letter: &[u8]) -> Answer {
    match tokio::time::timeout(TOTAL, attempt(server, to, letter)).await {
        Ok(Ok(status)) => Answer::Status(status, None),
        Ok(Err(why)) => Answer::Nothing(why),
        Err(_) => Answer::Nothing(format!("no answer of the mail server within {} s", TOTAL.as_secs())),
    }
}

/// Hands a letter to the server, and waits for it.
///
/// # Errors
/// [`Code::MailNotSent`], with what the server says.
pub fn send_now(server: &MailServer, to: &str, letter: &[u8]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(Code::Internal, "cannot start to send").cause(e))?;
    match runtime.block_on(send(server, to, letter)) {
        Answer::Status(..) => Ok(()),
        Answer::Nothing(why) => {
            Err(Error::new(Code::MailNotSent, format!("the mail to `{}` was not sent", escaped(to))).cause(why).hint(
                format!("the settings `smtp_…` say how mail is sent: now by `{}`, port {}", server.host, server.port),
            ))
        }
    }
}

async fn attempt(server: &MailServer, to: &str, letter: &[u8]) -> std::result::Result<u16, String> {
    let address = |text: &str| parse(text).map_err(|e| e.message);
    let envelope = Envelope::new(Some(address(&server.from)?), vec![address(to)?]).map_err(|e| e.to_string())?;
    // Only the first call in a process installs it; any later one has nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let parameters = || TlsParameters::new(server.host.clone()).map_err(|e| e.to_string());
    let tls = match server.security {
        MailSecurity::Tls => Tls::Wrapper(parameters()?),
        MailSecurity::Starttls => Tls::Required(parameters()?),
        MailSecurity::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(ANSWER));
    if let (Some(user), Some(file)) = (&server.user, &server.password_file) {
        builder = builder.credentials(Credentials::new(user.clone(), password(file)?));
    }
    let response = builder.build().send_raw(&envelope, letter).await.map_err(|e| words(&e))?;
    Ok(response.code().into())
}

/// The password in a file that only its owner can read.
fn password(file: &Path) -> std::result::Result<String, String> {
    let shown = escaped(&file.display().to_string());
    let failed = |e: std::io::Error| format!("cannot read the password in `{shown}`: {e}");
    let open = File::open(file).map_err(failed)?;
    let meta = open.metadata().map_err(failed)?;
    if !meta.is_file() || meta.mode() & 0o077 != 0 {
        return Err(format!("`{shown}` must be a file that its owner alone can read: `chmod 600 {shown}`"));
    }
    let mut text = String::new();
    open.take(PASSWORD + 1).read_to_string(&mut text).map_err(failed)?;
    let password = text.trim_end_matches(['\n', '\r']);
    if password.is_empty() || password.len() as u64 > PASSWORD || password.contains(['\n', '\r', '\0']) {
        return Err(format!("`{shown}` does not hold a password: one line of at most {PASSWORD} bytes"));
    }
    Ok(password.to_owned())
}

/// What went wrong, from the outermost cause to the innermost, without what a terminal would obey.
fn words(error: &lettre::transport::smtp::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), std::error::Error::source(error));
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    escaped(&text.chars().take(TOLD).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{Letter, address_of, parse, render, url};

    #[test]
    fn an_address_is_one() {
        for text in ["anna@example.org", "a.b+c@sub.example.org", "root@localhost"] {
            let address = parse(text).expect(text);
            assert_eq!(address_of(&url(&address)), Some(text));
        }
        assert_eq!(address_of("https://example.org/a@b"), None);
        let long = format!("{}@example.org", "a".repeat(250));
        let hostile = [
            "",
            "anna",
            "anna@",
            "@example.org",
            "a b@example.org",
            "a@b@c",
            "a@example.org\r\nBcc: b@c",
            "<a@b>",
            &long,
        ];
        for text in hostile {
            let error = parse(text).expect_err(text);
            assert_eq!((error.code.as_str(), error.exit_code()), ("invalid_mail_address", 2), "{text:?}");
        }
    }

    #[test]
    fn a_letter_is_whole_and_no_word_of_it_becomes_a_header() {
        let letter = Letter {
            to: "anna@example.org",
            id: "msg_1",
            at: "2026-11-27T01:02:03Z".parse().expect("a time"),
            subject: "ALARM on shop\r\nBcc: eve@example.org",
            text: "It is full.\n.\nReally: é",
        };
        let bytes = render("lite@example.org", &letter).expect("written");
        let wanted = "From: lite <lite@example.org>\r\n\
                      To: anna@example.org\r\n\
                      Subject: ALARM on shop  Bcc: eve@example.org\r\n\
                      Date: Fri, 27 Nov 2026 01:02:03 +0000\r\n\
                      Message-ID: <msg_1@lite>\r\n\
                      Content-Type: text/plain; charset=utf-8\r\n\
                      Content-Transfer-Encoding: quoted-printable\r\n\
                      Auto-Submitted: auto-generated\r\n\
                      \r\n\
                      It is full.\r\n.\r\nReally: =C3=A9";
        assert_eq!(String::from_utf8(bytes).as_deref(), Ok(wanted));
    }
}
