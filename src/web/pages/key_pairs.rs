//! `/key-pairs`: all of them, and the form that keeps one; `/key-pairs/NAME`: one, and its removal.

use secrecy::ExposeSecret;
use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Once, Sheet, Wanted, confirmed},
    },
    instance::{named, unknown_action},
};
use crate::{
    app::{App, Caller, key_pair},
    model::{Result, Unobserved},
    view::KeyPairRow,
};

/// All of them.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct AllView {
    pairs: Vec<KeyPairRow>,
}

impl Sheet for All {
    const AT: At = At::KeyPairs;
    const TEMPLATE: &'static str = "key_pairs.html.j2";
    type View = AllView;

    fn title(_: &str) -> String {
        "Key pairs".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/key-pairs".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<AllView> {
        Ok(AllView { pairs: key_pair::list(app, caller, said)? })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let name = faults.parse(fields, "name", named)?;
        let public = fields.text("public").to_owned();
        if !public.is_empty() {
            return Some(Wanted::at_once(move |app, caller| {
                key_pair::import(app, caller, (&name, public.as_bytes()), &[], &mut Unobserved)
            }));
        }
        Some(Wanted::once(move |app, caller| {
            let made = key_pair::create(app, caller, &name, &[], &mut Unobserved)?;
            Ok(Once {
                title: format!("Key pair {}", made.row.name),
                text: "This is the private key, shown this once and kept nowhere. Write it into a file that you alone can read \
                       (`chmod 600`), and give it to `ssh -i FILE`."
                    .to_owned(),
                rows: vec![("Fingerprint", made.row.fingerprint), ("Public key", made.row.public)],
                lines: made.private.expose_secret().lines().map(str::to_owned).collect(),
            })
        }))
    }
}

/// One.
pub struct One;

/// What it shows.
#[derive(Serialize)]
pub struct OneView {
    one: KeyPairRow,
}

impl Sheet for One {
    const AT: At = At::KeyPairs;
    const TEMPLATE: &'static str = "key_pair.html.j2";
    type View = OneView;

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/key-pairs".to_owned()
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<OneView> {
        Ok(OneView { one: key_pair::show(app, caller, &named(name)?, said)? })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        if fields.text("action") != "delete" {
            return unknown_action(fields.text("action"), faults);
        }
        confirmed(name, fields, faults);
        Some(Wanted::at_once(move |app, caller| key_pair::delete(app, caller, &of, &mut Unobserved)))
    }
}
