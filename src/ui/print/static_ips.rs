//! `lite ip`.

use super::or_dash;
use crate::{
    model::Result,
    ui::{Cell, Column, Table, Ui},
    view::{StaticIpRow, StaticIpsDocument},
};

/// Prints static addresses.
pub fn print_static_ips(ui: &Ui, rows: &[StaticIpRow]) -> Result<()> {
    if ui.json {
        return ui.document(&StaticIpsDocument { static_ips: rows });
    }
    if rows.is_empty() {
        ui.hint("there are no static addresses: `lite ip allocate site` keeps one");
        return Ok(());
    }
    let mut table = Table::new(["STATIC ADDRESS", "ADDRESS", "INSTANCE"].map(Column::left));
    for row in rows {
        table.row([Cell::from(&row.name), Cell::from(row.address), Cell::from(or_dash(row.instance.as_ref()))]);
    }
    ui.table(&table)
}

#[cfg(test)]
mod tests {
    use super::print_static_ips;
    use crate::{ui::testing::Capture, view::StaticIpRow};

    #[test]
    fn an_address_is_a_line_with_its_instance() {
        let row = |name: &str, last: u8, instance: Option<&str>| StaticIpRow {
            name: name.to_owned(),
            address: [203, 0, 113, last].into(),
            instance: instance.map(str::to_owned),
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
        };
        let printed = |rows: &[StaticIpRow]| {
            let capture = Capture::default();
            print_static_ips(&capture.ui(), rows).unwrap();
            (capture.stdout(), capture.stderr())
        };
        let table = "STATIC ADDRESS  ADDRESS      INSTANCE\nshop            203.0.113.7  web-1\n\
                     spare           203.0.113.8  -\n";
        assert_eq!(printed(&[row("shop", 7, Some("web-1")), row("spare", 8, None)]), (table.to_owned(), String::new()));
        assert_eq!(printed(&[]).0, "");
    }
}
