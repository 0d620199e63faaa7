//! `/host`: each check, what puts right what it found, and what finishes what was cut off.

use serde::Serialize;

use super::super::{
    fault::Faults,
    form::Fields,
    frame::{At, Warnings},
    sheet::{Sheet, Wanted},
};
use crate::{
    app::{App, Caller, doctor, host, repair},
    model::{Result, Unobserved},
    view::{CheckView, HostView},
};

/// The page.
pub struct Host;

/// What it shows.
#[derive(Serialize)]
pub struct View {
    checks: Vec<CheckView>,
    /// None: it cannot be asked, which a check tells.
    host: Option<HostView>,
}

impl Sheet for Host {
    const AT: At = At::Host;
    const TEMPLATE: &'static str = "host.html.j2";
    type View = View;

    fn title(_: &str) -> String {
        "Host".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/host".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<View> {
        Ok(View { checks: doctor::check(app, caller, said)?, host: host::usage(app, caller).ok().flatten() })
    }

    fn wanted(_: &str, _: &Fields, _: &mut Faults) -> Option<Wanted> {
        Some(Wanted::tell(|app, caller| {
            let done = repair::repair(app, caller, false, false, &mut Unobserved)?;
            Ok(match done.actions.is_empty() {
                true => "There was nothing to repair.".to_owned(),
                false => format!("Done: {}.", done.actions.join("; ")),
            })
        }))
    }
}
