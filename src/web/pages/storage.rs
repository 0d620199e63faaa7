//! `/instances/NAME/storage`: its snapshots, those that are made by themselves, and the disks that it was given.

use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted},
    },
    disks, instance,
    instance::{named, unknown_action},
    snapshots,
};
use crate::{
    app::{
        App, Caller, disk,
        instance::{
            auto_snapshot::{Copies, SetAutoSnapshot},
            change, tag,
        },
        snapshot,
    },
    model::{AutoSnapshot, Name, Result, Unobserved},
    view::{DiskRow, SnapshotView},
};

/// The page.
pub struct Storage;

/// What it shows.
#[derive(Serialize)]
pub struct View {
    name: String,
    snapshots: Vec<SnapshotView>,
    /// When one is made by itself, and how many are kept; none: none is.
    auto: Option<Auto>,
    disks: Vec<DiskRow>,
    /// Disks that nobody has.
    free: Vec<String>,
}

/// A schedule, as it is typed.
#[derive(Serialize)]
struct Auto {
    time: String,
    keep: String,
    sentence: String,
}

impl Auto {
    fn of(auto: AutoSnapshot) -> Self {
        let text = auto.to_string();
        let (time, keep) = text.split_once('/').unwrap_or((&text, ""));
        Self { time: time.to_owned(), keep: keep.to_owned(), sentence: auto.sentence() }
    }
}

impl Sheet for Storage {
    const AT: At = At::Instances;
    const TEMPLATE: &'static str = "storage.html.j2";
    type View = View;

    fn title(name: &str) -> String {
        format!("Storage of {name}")
    }

    fn back(name: &str, _: &Fields) -> String {
        instance::under(name, "storage")
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<View> {
        let of = named(name)?;
        let tags = tag::show(app, caller, &of, said)?.tags;
        let auto = tags.iter().find(|tag| tag.key == AutoSnapshot::TAG);
        let auto = auto.and_then(|tag| AutoSnapshot::parse(&tag.value).ok()).map(Auto::of);
        let disks = disk::list(app, caller, &mut Unobserved)?;
        let (own, others): (Vec<_>, Vec<_>) = disks.into_iter().partition(|one| one.instance.as_deref() == Some(name));
        let free = others.into_iter().filter(|one| one.instance.is_none()).map(|one| one.name).collect();
        let snapshots = snapshot::list(app, caller, Some(&of), &mut Unobserved)?;
        Ok(View { name: name.to_owned(), snapshots, auto, disks: own, free })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let of = faults.take("action", named(name))?;
        match fields.text("action") {
            "snapshot" => snapshots::made(Some(of), fields, faults),
            "auto-on" => {
                let time = faults.parse_some(fields, "time", AutoSnapshot::parse_time);
                let keep = faults.parse_some(fields, "keep", AutoSnapshot::parse_keep);
                let set = SetAutoSnapshot::On { time: time?, keep: keep?, remote: Copies::AsBefore };
                Some(automatic(of, set))
            }
            "auto-off" => Some(automatic(of, SetAutoSnapshot::Off)),
            "attach" => {
                let disk = faults.parse(fields, "disk", named)?;
                disks::attached(disk, Some(of), fields, faults)
            }
            "detach" => faults.parse(fields, "detach", named).map(|disk| disks::detached(disk, fields)),
            other => unknown_action(other, faults),
        }
    }
}

fn automatic(of: Name, set: SetAutoSnapshot) -> Wanted {
    Wanted::change(move |app, caller| change::accept(app, caller, &set, (&of, false), &mut Unobserved))
}
