//! Forms of `/access` for what is one's own: keys of the API that may no more than oneself, and one's sessions.

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted},
    },
    access::{self, Access, fate, key_once},
    instance::unknown_action,
};
use crate::{
    app::{App, Caller, own, session::Who},
    model::{Result, Role},
};

/// One's own things, on the page of who comes in.
pub struct Own;

impl Sheet for Own {
    const AT: At = Access::AT;
    const TEMPLATE: &'static str = Access::TEMPLATE;
    type View = access::View;

    fn title(name: &str) -> String {
        Access::title(name)
    }

    fn wants_fresh(fields: &Fields) -> bool {
        // To end what somebody else may have is always right.
        fields.text("action") != "log-out"
    }

    fn back(name: &str, fields: &Fields) -> String {
        Access::back(name, fields)
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<access::View> {
        Access::look(app, caller, name, said)
    }

    fn look_by(app: &App, who: &Who, name: &str, said: &mut Warnings) -> Result<access::View> {
        Access::look_by(app, who, name, said)
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        match fields.text("action") {
            "log-out" => Some(Wanted::own(own::log_out)),
            "key" => {
                let role = faults.parse_some(fields, "role", Role::parse)?;
                let label = fields.text("label").to_owned();
                Some(Wanted::own_once(move |app, who| own::create_key(app, who, role, &label).map(key_once)))
            }
            other => match fate(other) {
                Some(fate) => {
                    let id = fields.text("id").to_owned();
                    Some(Wanted::own(move |app, who| own::change_key(app, who, &id, fate)))
                }
                None => unknown_action(other, faults),
            },
        }
    }
}
