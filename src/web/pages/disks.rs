//! `/disks`: all of them, and the form that makes one; `/disks/NAME`: one in full, and what is done with it.

use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted, confirmed},
    },
    instance::{named, names, unknown_action},
};
use crate::{
    app::{
        App, Caller,
        disk::{self, Flags, NewDisk},
    },
    model::{MountPoint, Name, Result, Size, Unobserved},
    view::DiskRow,
};

/// All of them.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct AllView {
    disks: Vec<DiskRow>,
}

impl Sheet for All {
    const AT: At = At::Disks;
    const TEMPLATE: &'static str = "disks.html.j2";
    type View = AllView;

    fn title(_: &str) -> String {
        "Disks".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/disks".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<AllView> {
        Ok(AllView { disks: disk::list(app, caller, said)? })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let name = faults.parse(fields, "name", named);
        let size = faults.parse(fields, "size", Size::parse);
        let (name, size) = (name?, size?);
        Some(Wanted::change(move |app, caller| {
            let new = NewDisk { name: &name, size: Some(size), from: None };
            disk::create(app, caller, new, Flags::default(), &mut Unobserved)
        }))
    }
}

/// One.
pub struct One;

/// What it shows.
#[derive(Serialize)]
pub struct OneView {
    one: DiskRow,
    instances: Vec<String>,
}

impl Sheet for One {
    const AT: At = At::Disks;
    const TEMPLATE: &'static str = "disk.html.j2";
    type View = OneView;

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn back(name: &str, _: &Fields) -> String {
        format!("/disks/{name}")
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<OneView> {
        Ok(OneView { one: disk::show(app, caller, &named(name)?, said)?, instances: names(app, caller)? })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "attach" => {
                let instance = faults.parse(fields, "instance", named);
                attached(of, instance, fields, faults)
            }
            "detach" => Some(detached(of, fields)),
            "resize" => {
                let size = faults.parse(fields, "size", Size::parse)?;
                Some(Wanted::change(move |app, caller| {
                    disk::resize(app, caller, (&of, size), Flags::default(), &mut Unobserved)
                }))
            }
            "snapshot" => {
                let new = faults.parse_some(fields, "new", named)?;
                Some(Wanted::change(move |app, caller| {
                    disk::snapshot(app, caller, (&of, new.as_ref()), Flags::default(), &mut Unobserved)
                }))
            }
            "delete" => {
                confirmed(name, fields, faults);
                Some(Wanted::change(move |app, caller| {
                    disk::find(app, caller, &[of], false, &mut Unobserved)?.accept()
                }))
            }
            other => unknown_action(other, faults),
        }
    }
}

/// An instance is given a disk, mounted where that was typed.
pub fn attached(disk: Name, instance: Option<Name>, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let (mount, instance) = (faults.parse_some(fields, "mount", MountPoint::parse)?, instance?);
    Some(Wanted::change(move |app, caller| {
        disk::attach(app, caller, (&disk, &instance), mount.as_ref(), Flags::default(), &mut Unobserved)
    }))
}

/// A disk is taken off its instance.
pub fn detached(disk: Name, fields: &Fields) -> Wanted {
    let force = fields.has("force");
    Wanted::change(move |app, caller| disk::detach(app, caller, &disk, (force, Flags::default()), &mut Unobserved))
}
