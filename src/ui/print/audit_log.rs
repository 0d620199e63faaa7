//! `lite audit`.

use super::{or_dash, time_text};
use crate::{
    model::Result,
    ui::{Cell, Column, Table, Ui, clean},
    view::{AuditLogDocument, AuditRow},
};

/// Prints rows of the audit in the order given.
pub fn print_audit_log(ui: &Ui, rows: &[AuditRow]) -> Result<()> {
    if ui.json {
        return ui.document(&AuditLogDocument { audit: rows });
    }
    if rows.is_empty() {
        ui.status("nothing was done yet");
        return Ok(());
    }
    let mut table = Table::new([
        Column::left("TIME"),
        Column::left("ACTOR"),
        Column::left("VIA"),
        Column::left("ADDRESS"),
        Column::left("ACTION"),
        Column::left("RESOURCE"),
        Column::left("OPERATION"),
        Column::left("OUTCOME"),
        Column::flexible("DETAIL"),
    ]);
    for row in rows {
        let cells: [Cell; 9] = [
            time_text(row.at).into(),
            row.actor.as_str().into(),
            row.via.as_str().into(),
            or_dash(row.address).into(),
            row.action.as_str().into(),
            or_dash(row.resource.as_ref()).into(),
            or_dash(row.operation.as_ref()).into(),
            row.outcome.as_str().into(),
            or_dash(row.detail.as_ref()).into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

/// Prints one row as it is written: a line, in JSON too.
pub fn print_audit_row(ui: &Ui, row: &AuditRow) -> Result<()> {
    if ui.json {
        let line = serde_json::to_string(row).unwrap_or_default();
        return ui.data(&format!("{line}\n"));
    }
    let from = row.address.map_or_else(String::new, |address| format!(" from {address}"));
    let more = [&row.resource, &row.operation, &row.detail]
        .into_iter()
        .flatten()
        .fold(String::new(), |text, one| text + "  " + one);
    let text = format!("{} by {}{from}: {}{more}  {}", row.actor, row.via, row.action, row.outcome);
    ui.data(&format!("{}  {}\n", time_text(row.at), clean(&text)))
}

#[cfg(test)]
mod tests {
    use super::{print_audit_log, print_audit_row};
    use crate::{
        ui::{Ui, testing::Capture},
        view::AuditRow,
    };

    fn row() -> AuditRow {
        AuditRow {
            id: 7,
            at: "2026-03-01T10:20:30Z".parse().unwrap(),
            actor: "anna\u{1b}".to_owned(),
            via: "api".to_owned(),
            address: Some([192, 0, 2, 7].into()),
            action: "create".to_owned(),
            kind: Some("instance".to_owned()),
            resource: Some("web".to_owned()),
            operation: Some("op-0123abcd".to_owned()),
            outcome: "succeeded".to_owned(),
            detail: None,
        }
    }

    #[test]
    fn a_table_a_line_and_json() {
        let capture = Capture::default();
        assert_eq!(print_audit_log(&capture.ui(), &[row()]), Ok(()));
        assert_eq!(print_audit_row(&capture.ui(), &row()), Ok(()));
        let wanted = "\
TIME                  ACTOR       VIA  ADDRESS    ACTION  RESOURCE  OPERATION    OUTCOME    DETAIL
2026-03-01T10:20:30Z  anna\\u{1b}  api  192.0.2.7  create  web       op-0123abcd  succeeded  -
2026-03-01T10:20:30Z  anna\\u{1b} by api from 192.0.2.7: create  web  op-0123abcd  succeeded
";
        assert_eq!(capture.stdout(), wanted);
        let capture = Capture::default();
        assert_eq!(print_audit_row(&Ui { json: true, ..capture.ui() }, &row()), Ok(()));
        let line = capture.stdout();
        let begin = r#"{"id":7,"at":"2026-03-01T10:20:30Z","actor":"anna\u001b","via":"api","address":"192.0.2.7","action":"create","#;
        assert!(line.starts_with(begin), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
}
