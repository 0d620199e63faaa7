//! `lite list --deleted`.

use super::time_text;
use crate::{
    model::Result,
    ui::{Cell, Column, Table, Ui},
    view::{DeletedDocument, DeletedRow},
};

/// Prints the deleted instances that are kept.
pub fn print_deleted(ui: &Ui, rows: &[DeletedRow]) -> Result<()> {
    if ui.json {
        return ui.document(&DeletedDocument { deleted: rows });
    }
    if rows.is_empty() {
        ui.hint("no deleted instance is kept");
        return Ok(());
    }
    let mut table = Table::new(["NAME", "KEPT UNTIL", "BLUEPRINT", "BUNDLE", "DISK", "UUID"].map(Column::left));
    for row in rows {
        table.row([
            Cell::from(&row.name),
            Cell::from(time_text(row.kept_until)),
            Cell::from(&row.blueprint),
            Cell::from(&row.bundle),
            Cell::from(row.disk),
            Cell::from(row.uuid),
        ]);
    }
    ui.table(&table)?;
    ui.hint("`lite undelete NAME` brings one back");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::print_deleted;
    use crate::{
        model::Size,
        ui::{Ui, testing::Capture},
        view::DeletedRow,
    };

    fn row() -> DeletedRow {
        DeletedRow {
            name: "shop".to_owned(),
            uuid: uuid::Uuid::from_u128(7),
            kept_until: "2026-03-02T10:20:30Z".parse().unwrap(),
            blueprint: "wordpress".to_owned(),
            bundle: "small".to_owned(),
            disk: Size::mib(60 << 10),
            tags: Vec::new(),
        }
    }

    #[test]
    fn each_is_a_line_with_its_time() {
        let capture = Capture::default();
        print_deleted(&capture.ui(), &[row()]).unwrap();
        let table = "NAME  KEPT UNTIL            BLUEPRINT  BUNDLE  DISK    UUID\n\
                     shop  2026-03-02T10:20:30Z  wordpress  small   60 GiB  00000000-0000-0000-0000-000000000007\n";
        let hint = "hint: `lite undelete NAME` brings one back\n";
        assert_eq!((capture.stdout().as_str(), capture.stderr().as_str()), (table, hint));
        let capture = Capture::default();
        print_deleted(&capture.ui(), &[]).unwrap();
        assert_eq!((capture.stdout(), capture.stderr()), (String::new(), "hint: no deleted instance is kept\n".into()));
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        print_deleted(&Ui { json: true, ..capture.ui() }, &[row()]).unwrap();
        let wanted = serde_json::json!({"schema": 2, "deleted": [{
            "name": "shop", "uuid": "00000000-0000-0000-0000-000000000007", "kept_until": "2026-03-02T10:20:30Z",
            "blueprint": "wordpress", "bundle": "small", "disk_bytes": 64_424_509_440_u64, "tags": {},
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
