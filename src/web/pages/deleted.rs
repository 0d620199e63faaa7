//! `/deleted`: deleted instances that are kept, and what brings one back.

use serde::Serialize;
use uuid::Uuid;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted},
    },
    instance::{UNTIL_READY, named},
};
use crate::{
    app::{
        App, Caller,
        instance::undelete::{self, Deleted, Target, Undelete},
    },
    model::{Code, Error, Result, Unobserved, escaped},
    view::DeletedRow,
};

/// The page.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct View {
    deleted: Vec<DeletedRow>,
}

impl Sheet for All {
    const AT: At = At::Instances;
    const TEMPLATE: &'static str = "deleted.html.j2";
    type View = View;

    fn title(_: &str) -> String {
        "Deleted instances".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/instances".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<View> {
        Ok(View { deleted: undelete::list(app, caller, said)? })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let id = faults.parse(fields, "id", |text| {
            let error = || Error::new(Code::NoSuchInstance, format!("no deleted instance `{}` is kept", escaped(text)));
            Uuid::try_parse(text).map_err(|_| error())
        });
        let name = faults.parse_some(fields, "new", named);
        let undelete = Undelete { name: name?, start: true, until_ready: Some(UNTIL_READY) };
        let target = Target { deleted: Deleted::Id(id?), wait: false, dry_run: false };
        Some(Wanted::change(move |app, caller| undelete::accept(app, caller, &undelete, &target, &mut Unobserved)))
    }
}
