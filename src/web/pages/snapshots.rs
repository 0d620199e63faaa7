//! `/snapshots`: all of them, and the form that makes one; `/snapshots/NAME`: one in full, and what is done with it.

use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted, confirmed},
    },
    instance::{UNTIL_READY, named, names, unknown_action},
};
use crate::{
    app::{
        App, Caller, bundle,
        disk::{self, NewDisk, Source},
        instance::{
            create::{self, Create},
            restore::{self, Restore},
        },
        remote,
        snapshot::{self, Flags},
    },
    model::{Name, Result, Size, Unobserved},
    view::{BundleRow, SnapshotView},
};

/// All of them.
pub struct All;

/// What it shows.
#[derive(Serialize)]
pub struct AllView {
    snapshots: Vec<SnapshotView>,
    instances: Vec<String>,
}

impl Sheet for All {
    const AT: At = At::Snapshots;
    const TEMPLATE: &'static str = "snapshots.html.j2";
    type View = AllView;

    fn title(_: &str) -> String {
        "Snapshots".to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/snapshots".to_owned()
    }

    fn look(app: &App, caller: &Caller, _: &str, said: &mut Warnings) -> Result<AllView> {
        Ok(AllView { snapshots: snapshot::list(app, caller, None, said)?, instances: names(app, caller)? })
    }

    fn wanted(_: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let instance = faults.parse(fields, "instance", named);
        made(instance, fields, faults)
    }
}

/// A snapshot of an instance, under the name typed.
pub fn made(instance: Option<Name>, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let (new, instance) = (faults.parse_some(fields, "new", named)?, instance?);
    Some(Wanted::change(move |app, caller| {
        snapshot::create(app, caller, (&instance, new.as_ref()), Flags::default(), &mut Unobserved)
    }))
}

/// One.
pub struct One;

/// What it shows.
#[derive(Serialize)]
pub struct OneView {
    one: SnapshotView,
    /// Whether its instance is still there.
    is_here: bool,
    bundles: Vec<BundleRow>,
    /// Where it can be copied to.
    remotes: Vec<String>,
}

impl Sheet for One {
    const AT: At = At::Snapshots;
    const TEMPLATE: &'static str = "snapshot.html.j2";
    type View = OneView;

    fn title(name: &str) -> String {
        name.to_owned()
    }

    fn back(_: &str, _: &Fields) -> String {
        "/snapshots".to_owned()
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<OneView> {
        let one = snapshot::show(app, caller, &named(name)?, said)?;
        let all = names(app, caller)?;
        let is_here = one.instance.as_ref().is_some_and(|of| all.contains(of));
        // Remotes are for who sees the whole host.
        let remotes = match caller.scope().is_all() {
            true => remote::list(app, caller, &mut Unobserved)?.into_iter().map(|remote| remote.name).collect(),
            false => Vec::new(),
        };
        Ok(OneView { one, is_here, bundles: bundle::list(app, caller, &mut Unobserved)?.0, remotes })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "verify" => Some(Wanted::change(move |app, caller| {
                snapshot::verify(app, caller, (&of, UNTIL_READY), Flags::default(), &mut Unobserved)
            })),
            "restore" => restored(of, fields, faults),
            "create" => copied(of, fields, faults),
            "disk" => disk_of(of, fields, faults),
            "push" => {
                let remote = faults.parse(fields, "remote", named)?;
                Some(Wanted::change(move |app, caller| {
                    snapshot::push(app, caller, (&of, &remote), Flags::default(), &mut Unobserved)
                }))
            }
            "delete" => {
                confirmed(name, fields, faults);
                Some(Wanted::change(move |app, caller| {
                    snapshot::find(app, caller, &[of], false, &mut Unobserved)?.accept()
                }))
            }
            other => unknown_action(other, faults),
        }
    }
}

fn restored(snapshot: Name, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let name = faults.parse(fields, "instance", named)?;
    let (keep, force) = (fields.has("keep"), fields.has("force"));
    let restore = Restore { name, snapshot, keep, force, until_ready: Some(UNTIL_READY), wait: false };
    Some(Wanted::change(move |app, caller| {
        restore::find(app, caller, &restore, &mut Unobserved)?.accept(&mut Unobserved)
    }))
}

/// An instance of its own that begins as the snapshot.
fn copied(snapshot: Name, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let name = faults.parse_some(fields, "new", named)?;
    let bundle = fields.some("bundle").map(str::to_owned);
    let request = Create { from_snapshot: Some(snapshot), bundle, name, ..Create::of(String::new(), UNTIL_READY) };
    Some(Wanted::change(move |app, caller| create::check(app, caller, request)?.accept(app, &mut Unobserved)))
}

/// A disk of its own that begins as one in the snapshot.
fn disk_of(snapshot: Name, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
    let name = faults.parse(fields, "name", named);
    let size = faults.parse_some(fields, "size", Size::parse);
    let disk = faults.parse_some(fields, "disk", named);
    let (name, size, disk) = (name?, size?, disk?);
    Some(Wanted::change(move |app, caller| {
        let from = Some(Source { snapshot: &snapshot, disk: disk.as_ref() });
        disk::create(app, caller, NewDisk { name: &name, size, from }, disk::Flags::default(), &mut Unobserved)
    }))
}
