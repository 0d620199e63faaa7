//! `/remotes`: all of them, and the form that adds one; `/remotes/NAME`: one in full, and what is done with it.

use secrecy::{ExposeSecret, SecretString};
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
        remote::{self, Add},
    },
    model::{Code, Error, Location, Result, Scheme, Unobserved},
    view::RemoteRow,
};

/// All of them.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct AllView {
    remotes: Vec<RemoteRow>,
}

impl Sheet for All {
    const AT: At = At::Remotes;
    const TEMPLATE: &'static str = "remotes.html.j2";
    type View = AllView;

    fn title(_: &str) -> String {
        "Remotes".to_owned()
    }

    fn wants_fresh(_: &Fields) -> bool {
        true
    }

    fn back(_: &str, _: &Fields) -> String {
        "/remotes".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<AllView> {
        Ok(AllView { remotes: remote::list(app, caller, said)? })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let name = faults.parse(fields, "name", named);
        let location = faults.parse(fields, "location", Location::parse);
        let password = fields.some("password").map(SecretString::from);
        let location = location?;
        let credentials = credentials(fields, location.scheme() == Scheme::S3, faults)?;
        let add = Add { name: name?, location, password, credentials, dry_run: false };
        Some(Wanted::change(move |app, caller| remote::add(app, caller, add, &mut Unobserved)))
    }
}

/// The keys of a bucket as the file that holds them. None: they are wrong. What is no one word would be more than two lines of it.
#[allow(clippy::option_option, reason = "wrong is not empty")]
fn credentials(fields: &Fields, is_bucket: bool, faults: &mut Faults) -> Option<Option<SecretString>> {
    let both = ["bucket_key", "bucket_secret"].map(|field| (field, fields.text(field)));
    let [(field, id), (_, secret)] = both;
    if !is_bucket {
        let none = id.is_empty() && secret.is_empty();
        let error = || Error::new(Code::Usage, "these keys are for `s3://` alone").hint("leave both empty");
        return faults.take(field, none.then_some(None).ok_or_else(error));
    }
    let is_word = |word: &str| !word.is_empty() && !word.chars().any(|c| c.is_whitespace() || c.is_control());
    for (field, _) in both.iter().filter(|(_, word)| !is_word(word)) {
        let error = Error::new(Code::InvalidSecret, "a bucket is opened by two keys, and this is none")
            .hint("each is one word, without spaces");
        faults.0.push(Fault::at(*field, &error));
    }
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    both.iter().all(|(_, word)| is_word(word)).then(|| Some(SecretString::from(text)))
}

/// One.
pub struct One;

/// What it shows.
#[derive(Serialize)]
pub struct OneView {
    one: RemoteRow,
}

impl Sheet for One {
    const AT: At = At::Remotes;
    const TEMPLATE: &'static str = "remote.html.j2";
    type View = OneView;

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn wants_fresh(fields: &Fields) -> bool {
        fields.text("action") == "password"
    }

    fn back(name: &str, fields: &Fields) -> String {
        match fields.text("action") {
            "remove" => "/remotes".to_owned(),
            _ => format!("/remotes/{name}"),
        }
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<OneView> {
        Ok(OneView { one: remote::show(app, caller, &named(name)?, said)? })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "check" => Some(Wanted::ask(move |app, caller| {
                let checked = remote::check(app, caller, &of, false, &mut Unobserved)?;
                Ok(format!("`{}` is {}.", checked.name, checked.result))
            })),
            "password" => Some(Wanted::once(move |app, caller| {
                let secrets = remote::secrets(app, caller, &of, &mut Unobserved)?;
                let row = |secret: &crate::view::SecretView| ("Password", secret.value.expose_secret().to_owned());
                Ok(Once {
                    title: format!("Password of {of}"),
                    text:
                        "Keep it elsewhere than on this host: with the place it restores on any host, and nothing does \
                           without it."
                            .to_owned(),
                    rows: secrets.iter().map(row).collect(),
                    lines: Vec::new(),
                })
            })),
            "remove" => {
                confirmed(name, fields, faults);
                Some(Wanted::change(move |app, caller| remote::find_all(app, caller, &[of], &mut Unobserved)?.accept()))
            }
            other => unknown_action(other, faults),
        }
    }
}
