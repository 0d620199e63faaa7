//! `lite blueprints outdated`.

use super::{or_dash, time_text};
use crate::{
    model::Result,
    ui::{Column, Table, Ui},
    view::{OutdatedDocument, OutdatedRow},
};

/// Prints the instances. None is nothing on stdout and a word on stderr.
pub fn print_outdated(ui: &Ui, rows: &[OutdatedRow]) -> Result<()> {
    if ui.json {
        return ui.document(&OutdatedDocument { outdated: rows });
    }
    if rows.is_empty() {
        ui.status("every instance is of today's version of its blueprint");
        return Ok(());
    }
    let mut table = Table::new(["NAME", "BLUEPRINT", "VERSION", "TODAY", "CREATED", "COMMAND"].map(Column::left));
    for row in rows {
        table.row([
            (&row.name).into(),
            (&row.blueprint).into(),
            (&row.version).into(),
            or_dash(row.today.as_ref()).into(),
            time_text(row.created_at).into(),
            or_dash(row.command.as_ref()).into(),
        ]);
    }
    ui.table(&table)
}

#[cfg(test)]
mod tests {
    use super::print_outdated;
    use crate::ui::{Ui, testing::Capture};
    use crate::view::OutdatedRow;

    fn rows() -> Vec<OutdatedRow> {
        let row = |name: &str, today: Option<&str>| OutdatedRow {
            name: name.to_owned(),
            blueprint: "nginx".to_owned(),
            version: "1".to_owned(),
            today: today.map(str::to_owned),
            command: today.map(|_| format!("lite upgrade {name}")),
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
        };
        vec![row("web-1", Some("2")), row("old", None)]
    }

    #[test]
    fn a_listing_and_its_json() {
        let capture = Capture::default();
        assert_eq!(print_outdated(&capture.ui(), &rows()), Ok(()));
        let wanted = "NAME   BLUEPRINT  VERSION  TODAY  CREATED               COMMAND\n\
                      web-1  nginx      1        2      2026-03-01T10:20:30Z  lite upgrade web-1\n\
                      old    nginx      1        -      2026-03-01T10:20:30Z  -\n";
        assert_eq!(capture.stdout(), wanted);
        let capture = Capture::default();
        assert_eq!(print_outdated(&Ui { json: true, ..capture.ui() }, &rows()[1..]), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "outdated": [{
            "name": "old", "blueprint": "nginx", "version": "1", "today": null, "command": null, "created_at": "2026-03-01T10:20:30Z",
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }

    #[test]
    fn none_is_said() {
        let capture = Capture::default();
        assert_eq!(print_outdated(&capture.ui(), &[]), Ok(()));
        let said = "every instance is of today's version of its blueprint\n";
        assert_eq!((capture.stdout().as_str(), capture.stderr().as_str()), ("", said));
    }
}
