//! `/access`: what is one's own, and, for who says who comes in, the users and the keys of the API. `/users/NAME`: one of these.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, post},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{
    super::{
        Console, desk,
        fault::{Fault, Faults},
        form::Fields,
        frame::{At, Warnings},
        session::User,
        sheet::{self, Once, Sheet, Wanted, confirmed},
    },
    instance::{named, unknown_action},
};
use crate::{
    app::{
        App, Caller, Right,
        key::{self, Fate},
        own,
        session::{self, Who},
        user,
    },
    model::{Code, Error, Name, Result, Role, Scope, Unobserved},
    view::{KeyCreated, KeyRow, LoginCodeView, OwnView, SessionRow, UserRow},
};

/// Sets one's own password, which ends all of one's sessions.
pub fn password() -> MethodRouter<Arc<Console>> {
    post(set_password)
}

/// Who comes in.
pub struct Access;

/// What it shows.
#[derive(Serialize)]
pub struct View {
    own: Option<OwnView>,
    users: Vec<UserRow>,
    keys: Vec<KeyRow>,
}

impl Sheet for Access {
    const AT: At = At::Access;
    const TEMPLATE: &'static str = "access.html.j2";
    type View = View;

    fn title(_: &str) -> String {
        "Access".to_owned()
    }

    fn wants_fresh(_: &Fields) -> bool {
        true
    }

    fn back(_: &str, _: &Fields) -> String {
        "/access".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<View> {
        let (users, keys) = match caller.require(Right::Protect) {
            Ok(()) => (user::list(app, caller, said)?, key::list(app, caller, None, said)?),
            // Others have this page for themselves.
            Err(_) => (Vec::new(), Vec::new()),
        };
        Ok(View { own: None, users, keys })
    }

    fn look_by(app: &App, who: &Who, name: &str, said: &mut Warnings) -> Result<View> {
        Ok(View { own: Some(own::look(app, who)?), ..Self::look(app, &who.caller, name, said)? })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        match fields.text("action") {
            "add" => added(fields, faults),
            "key" => {
                let user = faults.parse(fields, "user", named)?;
                keyed(user, fields, faults)
            }
            other => unknown_action(other, faults),
        }
    }
}

fn added(fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let name = faults.parse(fields, "name", named);
    let role = faults.parse(fields, "new_role", Role::parse);
    let scope = faults.parse_some(fields, "only", Scope::parse);
    let add = user::Add { name: name?, role: role?, scope: scope?.unwrap_or_default(), dry_run: false };
    Some(Wanted::once(move |app, caller| {
        let made = user::add(app, caller, &add, &mut Unobserved)?;
        made.map(|code| let_in(code, "within a day")).ok_or_else(|| Error::new(Code::Internal, "no code was made"))
    }))
}

/// The code that lets a user in.
fn let_in(code: LoginCodeView, counts: &str) -> Once {
    // Of no address that is known, the page of this console alone.
    let link = code.link.unwrap_or_else(|| format!("/login#{}", code.code));
    Once {
        title: format!("Code for {}", code.user),
        text: format!(
            "It lets `{}` in once, {counts}, and is shown this once. The link is for a browser on the address that the console has.",
            code.user
        ),
        rows: vec![("Code", code.code), ("Link", link)],
        lines: Vec::new(),
    }
}

/// A key of the API for a user.
fn keyed(user: Name, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let role = faults.parse_some(fields, "role", Role::parse)?;
    let create = key::Create { user, role, label: fields.text("label").to_owned() };
    Some(Wanted::once(move |app, caller| key::create(app, caller, &create).map(key_once)))
}

/// A key with its secret.
pub fn key_once(made: KeyCreated) -> Once {
    let KeyCreated { key, secret, .. } = made;
    let lines = vec![format!("aws_access_key_id = {}", key.id), format!("aws_secret_access_key = {secret}")];
    Once {
        title: format!("Key of {}", key.user),
        text: "Its secret is shown this once. For `~/.aws/credentials`:".to_owned(),
        rows: vec![("Key", key.id), ("Secret", secret), ("Role", key.role.to_string())],
        lines,
    }
}

/// What becomes of a key, by the word of a button.
pub fn fate(word: &str) -> Option<Fate> {
    match word {
        "disable-key" => Some(Fate::Disabled),
        "enable-key" => Some(Fate::Enabled),
        "remove-key" => Some(Fate::Removed),
        _ => None,
    }
}

/// A user.
pub struct OneUser;

/// What it shows.
#[derive(Serialize)]
pub struct UserShown {
    one: UserRow,
    sessions: Vec<SessionRow>,
    keys: Vec<KeyRow>,
    is_root: bool,
}

impl Sheet for OneUser {
    const AT: At = At::Access;
    const TEMPLATE: &'static str = "user.html.j2";
    type View = UserShown;

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn wants_fresh(_: &Fields) -> bool {
        true
    }

    fn back(name: &str, fields: &Fields) -> String {
        match fields.text("action") {
            "remove" => "/access".to_owned(),
            _ => format!("/users/{name}"),
        }
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<UserShown> {
        let found = user::show(app, caller, &named(name)?, said)?;
        Ok(UserShown { one: found.row, sessions: found.sessions, keys: found.keys, is_root: name == "root" })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        let disabled =
            |of: Name, disabled| changed(of, user::Change { disabled: Some(disabled), ..Default::default() });
        match fields.text("action") {
            "role" => {
                let role = faults.parse(fields, "new_role", Role::parse);
                let scope = faults.parse_some(fields, "only", Scope::parse);
                let (role, scope) = (Some(role?), Some(scope?.unwrap_or_default()));
                Some(changed(of, user::Change { role, scope, disabled: None }))
            }
            "disable" => Some(disabled(of, true)),
            "enable" => Some(disabled(of, false)),
            "log-out" => Some(Wanted::at_once(move |app, caller| user::log_out(app, caller, &of))),
            "code" => Some(Wanted::once(move |app, caller| {
                user::log_in(app, caller, &of).map(|code| let_in(code, "within ten minutes"))
            })),
            "remove" => {
                confirmed(name, fields, faults);
                Some(Wanted::at_once(move |app, caller| user::find(app, caller, &[of])?.run(app)))
            }
            "key" => keyed(of, fields, faults),
            other => match fate(other) {
                Some(fate) => Some(of_key(fields, fate)),
                None => unknown_action(other, faults),
            },
        }
    }
}

fn changed(of: Name, change: user::Change) -> Wanted {
    Wanted::at_once(move |app, caller| user::change(app, caller, &of, &change))
}

fn of_key(fields: &Fields, fate: Fate) -> Wanted {
    let id = [fields.text("id").to_owned()];
    Wanted::at_once(move |app, caller| match fate {
        Fate::Removed => key::remove(app, caller, &id),
        Fate::Disabled | Fate::Enabled => key::disable(app, caller, &id, fate == Fate::Disabled),
    })
}

async fn set_password(State(console): State<Arc<Console>>, User(who): User, fields: Fields) -> Response {
    // As it was typed: spaces are part of a password.
    let [new, again] = ["password", "again"].map(|name| SecretString::from(fields.raw(name)));
    drop(fields);
    if new.expose_secret() != again.expose_secret() {
        let error = Error::new(Code::InvalidPassword, "the two passwords are not the same").hint("type it twice");
        return sheet::refused::<Access>(&console, &who, "", vec![Fault::at("again", &error)]).await;
    }
    let (of, asks) = (console.clone(), who.clone());
    let work = move || session::set_password(&of.app, &of.door, &asks, new.expose_secret());
    match console.workers.hash(work).await {
        Ok(()) => Redirect::to("/login").into_response(),
        Err(error) if [Code::InvalidPassword, Code::LoginTooOld].contains(&error.code) => {
            sheet::refused::<Access>(&console, &who, "", vec![Fault::at("password", &error)]).await
        }
        Err(error) => desk::failed(At::Access, &who, &error),
    }
}
