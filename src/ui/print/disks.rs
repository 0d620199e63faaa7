//! `lite disk`.

use super::{or_dash, price_cell, time_text};
use crate::{
    model::{Money, Result},
    ui::{Block, Cell, Column, Table, Ui},
    view::{DiskRow, DisksDocument},
};

/// Prints disks, a line each.
pub fn print_disks(ui: &Ui, views: &[DiskRow]) -> Result<()> {
    if ui.json {
        return ui.document(&DisksDocument { disks: views });
    }
    if views.is_empty() {
        ui.hint("there are no disks: `lite disk create NAME --size 20GiB` makes one");
        return Ok(());
    }
    let costs = views.iter().any(|view| view.price > Money::default());
    let mut columns = ["DISK", "SIZE", "STATE", "INSTANCE", "MOUNT", "CREATED"].map(Column::left).to_vec();
    columns.extend(costs.then(|| Column::right("PRICE/MONTH")));
    let mut table = Table::new(columns);
    for view in views {
        let price = costs.then(|| price_cell(view.price, &view.currency, None));
        let cells = [
            Cell::from(&view.name),
            Cell::from(view.size.to_string()),
            Cell::from(state(view)),
            Cell::from(or_dash(holder(view).as_ref())),
            Cell::from(or_dash(view.mount.as_ref())),
            Cell::from(time_text(view.created_at)),
        ];
        table.row(cells.into_iter().chain(price).collect::<Vec<_>>());
    }
    ui.table(&table)
}

/// Prints a disk in full.
pub fn print_disk_row(ui: &Ui, view: &DiskRow) -> Result<()> {
    if ui.json {
        return ui.document(&DisksDocument { disks: std::slice::from_ref(view) });
    }
    let mut block = Block::new();
    block
        .row("NAME", &view.name)
        .row("SIZE", view.size)
        .row("STATE", state(view))
        .maybe("INSTANCE", holder(view))
        .maybe("MOUNT", view.mount.as_ref())
        .maybe("PRICE", (view.price > Money::default()).then(|| format!("{} {}/month", view.price, view.currency)))
        .row("DEVICE", &view.device)
        .row("CREATED", time_text(view.created_at));
    ui.data(&block.render(ui.color()))
}

/// Who has it.
fn holder(view: &DiskRow) -> Option<String> {
    let deleted = if view.is_instance_deleted { " (deleted)" } else { "" };
    view.instance.as_ref().map(|name| format!("{name}{deleted}"))
}

/// One that an instance has is attached.
fn state(view: &DiskRow) -> &'static str {
    if view.instance.is_some() { "attached" } else { view.state.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Currency, DiskState, Size},
        ui::testing::Capture,
    };

    fn view(instance: Option<&str>) -> DiskRow {
        DiskRow {
            name: "data".to_owned(),
            size: Size::mib(20 << 10),
            state: DiskState::Available,
            instance: instance.map(str::to_owned),
            is_instance_deleted: instance == Some("gone"),
            mount: instance.map(|_| "/srv".to_owned()),
            device: "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_lite-0".to_owned(),
            price: Money::hundredths(if instance.is_some() { 200 } else { 0 }),
            currency: Currency::parse("USD").unwrap(),
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_disk_is_a_line_or_a_block() {
        let capture = Capture::default();
        print_disks(&capture.ui(), &[view(Some("web-1")), view(Some("gone")), view(None)]).unwrap();
        assert_eq!(
            capture.stdout(),
            "DISK  SIZE    STATE      INSTANCE        MOUNT  CREATED               PRICE/MONTH\n\
             data  20 GiB  attached   web-1           /srv   2026-03-01T10:20:30Z     2.00 USD\n\
             data  20 GiB  attached   gone (deleted)  /srv   2026-03-01T10:20:30Z     2.00 USD\n\
             data  20 GiB  available  -               -      2026-03-01T10:20:30Z     0.00 USD\n"
        );
        let capture = Capture::default();
        print_disk_row(&capture.ui(), &view(Some("web-1"))).unwrap();
        assert_eq!(
            capture.stdout(),
            "NAME         data\nSIZE         20 GiB\nSTATE        attached\nINSTANCE     web-1\nMOUNT        /srv\n\
             PRICE        2.00 USD/month\n\
             DEVICE       /dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_lite-0\nCREATED      2026-03-01T10:20:30Z\n"
        );
    }
}
