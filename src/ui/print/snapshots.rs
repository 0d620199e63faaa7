//! `lite snapshot`.

use super::{or_dash, price_cell, time_text};
use crate::{
    model::{Consistency, Money, Result, Size, SnapshotState},
    ui::{Block, Cell, Column, Table, Ui},
    view::{CopiedDiskView, SnapshotView, SnapshotsDocument},
};

/// Prints snapshots, a line each.
pub fn print_snapshots(ui: &Ui, views: &[SnapshotView]) -> Result<()> {
    if ui.json {
        return ui.document(&SnapshotsDocument { snapshots: views });
    }
    if views.is_empty() {
        ui.hint("there are no snapshots: `lite snapshot create NAME` makes one of an instance");
        return Ok(());
    }
    let heads = ["SNAPSHOT", "OF", "KIND", "STATE", "SIZE", "CREATED", "VERIFIED"];
    let costs = views.iter().any(|view| view.price > Money::default());
    let mut columns = heads.map(Column::left).to_vec();
    columns.extend(costs.then(|| Column::right("PRICE/MONTH")));
    let mut table = Table::new(columns);
    for view in views {
        let price = costs.then(|| price_cell(view.price, &view.currency, None));
        let cells = [
            Cell::from(&view.name),
            Cell::from(or_dash(view.instance.as_ref().or(view.of_disk.as_ref()))),
            Cell::from(kind(view)),
            Cell::from(state(view)),
            Cell::from(or_dash(view.size.map(Size::about))),
            Cell::from(time_text(view.created_at)),
            Cell::from(verified(view)),
        ];
        table.row(cells.into_iter().chain(price).collect::<Vec<_>>());
    }
    ui.table(&table)
}

/// Prints a snapshot in full.
pub fn print_snapshot(ui: &Ui, view: &SnapshotView) -> Result<()> {
    if ui.json {
        return ui.document(&SnapshotsDocument { snapshots: std::slice::from_ref(view) });
    }
    let mut block = Block::new();
    block
        .row("NAME", &view.name)
        .maybe("INSTANCE", view.instance.as_ref())
        .maybe("DISK", view.of_disk.as_ref())
        .row("KIND", kind(view))
        .row("STATE", view.state.as_str())
        .maybe("FILE SYSTEMS", view.consistency.map(|one| file_systems(view, one)))
        .maybe("BLUEPRINT", view.blueprint.as_ref())
        .maybe("BUNDLE", view.bundle.as_ref())
        .row(if view.of_disk.is_some() { "DISK SIZE" } else { "DISK" }, view.disk)
        .maybe("DISKS", Some(disks(view)).filter(|all| !all.is_empty()))
        .maybe("SIZE", view.size.map(Size::about))
        .maybe("PRICE", (view.price > Money::default()).then(|| format!("{} {}/month", view.price, view.currency)))
        .maybe("IMAGE", view.image.as_ref())
        .maybe("USED BY", Some(view.used_by.join(", ")).filter(|names| !names.is_empty()))
        .maybe("KEPT UNTIL", view.expires_at.map(time_text))
        .row("CREATED", time_text(view.created_at))
        .row("VERIFIED", verified(view))
        .maybe("FAILURE", view.verify_failure.as_ref());
    ui.data(&block.render(ui.color()))
}

/// The disks beside the root disk: `data (50 GiB, /srv)`.
fn disks(view: &SnapshotView) -> String {
    let one = |disk: &CopiedDiskView| match &disk.mount {
        Some(at) => format!("{} ({}, {at})", disk.name, disk.size),
        None => format!("{} ({})", disk.name, disk.size),
    };
    view.disks.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn kind(view: &SnapshotView) -> &'static str {
    match (&view.of_disk, view.automatic, view.expires_at) {
        (Some(_), ..) => "disk",
        (None, true, _) => "automatic",
        (None, false, Some(_)) => "upgrade",
        (None, false, None) => "manual",
    }
}

/// Of one that is there, in what state the file systems were.
fn state(view: &SnapshotView) -> &'static str {
    match (view.state, view.consistency) {
        (SnapshotState::Available, Some(consistency)) => consistency.as_str(),
        (state, _) => state.as_str(),
    }
}

/// When it was booted last, and whether it was whole.
fn verified(view: &SnapshotView) -> String {
    match (view.verified_at, &view.verify_failure) {
        (None, _) => "-".to_owned(),
        (Some(at), None) => time_text(at),
        (Some(at), Some(_)) => format!("failed {}", time_text(at)),
    }
}

fn file_systems(view: &SnapshotView, consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::Frozen => "frozen: all that was written is whole",
        Consistency::Crash => "crash-consistent: as after a loss of power",
        Consistency::Stopped if view.of_disk.is_some() => "no guest ran with it",
        Consistency::Stopped => "the instance was off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Currency, MountPoint},
        ui::testing::Capture,
    };

    fn view(state: SnapshotState, consistency: Option<Consistency>) -> SnapshotView {
        SnapshotView {
            name: "before-update".to_owned(),
            instance: Some("web-1".to_owned()),
            of_disk: None,
            state,
            consistency,
            disk: Size::mib(20 << 10),
            disks: Vec::new(),
            size: consistency.map(|_| Size::mib(22)),
            blueprint: Some("nginx".to_owned()),
            bundle: Some("nano".to_owned()),
            image: Some("base-debian-13-00ff.qcow2".to_owned()),
            used_by: Vec::new(),
            automatic: consistency.is_none(),
            expires_at: None,
            verified_at: consistency.and_then(|_| "2026-03-02T00:00:00Z".parse().ok()),
            verify_failure: consistency.filter(|one| *one == Consistency::Stopped).map(|_| "no boot".to_owned()),
            price: Money::default(),
            currency: Currency::parse("USD").unwrap(),
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_snapshot_is_a_line_or_a_block() {
        let listed = |views: &[SnapshotView]| {
            let capture = Capture::default();
            print_snapshots(&capture.ui(), views).unwrap();
            capture.stdout()
        };
        let both = [view(SnapshotState::Available, Some(Consistency::Crash)), view(SnapshotState::Creating, None)];
        let disk = SnapshotView { instance: None, of_disk: Some("data".to_owned()), ..both[0].clone() };
        assert_eq!(
            listed(&[disk]).lines().nth(1),
            Some("before-update  data  disk  crash-consistent  22.0 MiB  2026-03-01T10:20:30Z  2026-03-02T00:00:00Z")
        );
        let table = "SNAPSHOT       OF     KIND       STATE             SIZE      CREATED               VERIFIED\n\
                     before-update  web-1  manual     crash-consistent  22.0 MiB  2026-03-01T10:20:30Z  2026-03-02T00:00:00Z\n\
                     before-update  web-1  automatic  creating          -         2026-03-01T10:20:30Z  -\n";
        assert_eq!((listed(&both), listed(&[])), (table.to_owned(), String::new()));
        let shown = |consistency| {
            let capture = Capture::default();
            print_snapshot(&capture.ui(), &view(SnapshotState::Available, Some(consistency))).unwrap();
            capture.stdout()
        };
        let block = |file_systems: &str, verified: &str| {
            format!(
                "NAME          before-update\nINSTANCE      web-1\nKIND          manual\nSTATE         available\n\
                 FILE SYSTEMS  {file_systems}\nBLUEPRINT     nginx\nBUNDLE        nano\nDISK          20 GiB\n\
                 SIZE          22.0 MiB\nIMAGE         base-debian-13-00ff.qcow2\nCREATED       2026-03-01T10:20:30Z\n\
                 VERIFIED      {verified}\n"
            )
        };
        assert_eq!(shown(Consistency::Frozen), block("frozen: all that was written is whole", "2026-03-02T00:00:00Z"));
        assert_eq!(
            shown(Consistency::Crash),
            block("crash-consistent: as after a loss of power", "2026-03-02T00:00:00Z")
        );
        assert_eq!(
            shown(Consistency::Stopped),
            block("the instance was off", "failed 2026-03-02T00:00:00Z\nFAILURE       no boot")
        );
        let until = "2026-03-08T10:20:30Z".parse().ok();
        let one = SnapshotView { expires_at: until, ..view(SnapshotState::Available, Some(Consistency::Stopped)) };
        let capture = Capture::default();
        print_snapshot(&capture.ui(), &one).unwrap();
        let kept = block("the instance was off", "failed 2026-03-02T00:00:00Z\nFAILURE       no boot")
            .replace("manual", "upgrade");
        assert_eq!(capture.stdout(), kept.replace("CREATED", "KEPT UNTIL    2026-03-08T10:20:30Z\nCREATED"));
        let disk = |name: &str, mount: Option<&str>| CopiedDiskView {
            name: name.to_owned(),
            size: Size::mib(50 << 10),
            mount: mount.map(|at| MountPoint::parse(at).unwrap()),
        };
        let whole = view(SnapshotState::Available, Some(Consistency::Frozen));
        let whole = SnapshotView { disks: vec![disk("data", Some("/srv")), disk("logs", None)], ..whole };
        let capture = Capture::default();
        print_snapshot(&capture.ui(), &whole).unwrap();
        let line = "DISK          20 GiB\nDISKS         data (50 GiB, /srv), logs (50 GiB)\nSIZE";
        let kept = block("frozen: all that was written is whole", "2026-03-02T00:00:00Z");
        assert_eq!(capture.stdout(), kept.replace("DISK          20 GiB\nSIZE", line));
    }
}
