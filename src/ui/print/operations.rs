//! `lite operations`.

use super::{or_dash, time_text, toned};
use crate::{
    model::{Result, Size},
    ui::{Block, Cell, Column, Table, Tone, Ui, seconds},
    view::{OperationRow, OperationView, OperationsDocument},
};

fn took(milliseconds: Option<u64>) -> String {
    or_dash(milliseconds.map(|ms| seconds(std::time::Duration::from_millis(ms))))
}

/// `12.0 MiB of 206.1 MiB`.
fn done(view: &OperationView) -> Option<String> {
    let done = Size::bytes(view.done_bytes?);
    Some(match view.total_bytes {
        None => done.about(),
        Some(total) => Size::together([done, Size::bytes(total)]).join(" of "),
    })
}

fn tone(state: &str) -> Option<Tone> {
    match state {
        "succeeded" => Some(Tone::Good),
        "started" => Some(Tone::Warn),
        "failed" | "needs-attention" => Some(Tone::Bad),
        _ => None,
    }
}

/// Prints operations, in the order given.
pub fn print_operations(ui: &Ui, rows: &[OperationRow]) -> Result<()> {
    if ui.json {
        return ui.document(&OperationsDocument { operations: rows });
    }
    if rows.is_empty() {
        ui.status("nothing was done yet");
        return Ok(());
    }
    let columns = ["ID", "KIND", "RESOURCE", "STATE", "STARTED", "TOOK"]
        .map(Column::left)
        .into_iter()
        .chain([Column::flexible("ERROR")]);
    let mut table = Table::new(columns.collect::<Vec<_>>());
    for row in rows {
        let state = toned(&row.state, tone(&row.state));
        let (time, took, error) = (time_text(row.started_at), took(row.milliseconds), or_dash(row.error.as_ref()));
        let cells: [Cell; 7] = [
            (&row.id).into(),
            (&row.kind).into(),
            (&row.resource).into(),
            state,
            time.into(),
            took.into(),
            error.into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

/// Prints one operation with its steps.
pub fn print_operation(ui: &Ui, view: &OperationView) -> Result<()> {
    if ui.json {
        return ui.document(&OperationsDocument { operations: std::slice::from_ref(view) });
    }
    let row = &view.row;
    let mut block = Block::new();
    block
        .row("ID", &row.id)
        .row("KIND", &row.kind)
        .row("RESOURCE", &row.resource)
        .row("STATE", &row.state)
        .row("BY", format!("{}, {}", row.actor, row.via))
        .row("STARTED", time_text(row.started_at))
        .row("TOOK", took(row.milliseconds))
        .maybe("STAGE", view.stage.as_ref())
        .maybe("NOTE", view.note.as_ref())
        .maybe("DONE", done(view))
        .maybe("ERROR", row.error.as_ref());
    for (nth, step) in view.steps.iter().enumerate() {
        let error = step.error.as_ref().map(|e| format!(": {e}")).unwrap_or_default();
        block.row(if nth == 0 { "STEPS" } else { "" }, format!("{:<10} {}{error}", step.state, step.name));
    }
    ui.block(&block)
}

#[cfg(test)]
mod tests {
    use super::{print_operation, print_operations};
    use crate::model::ResourceKind;
    use crate::ui::{Ui, testing::Capture};
    use crate::view::{OperationRow, OperationView, StepView};

    fn failed() -> OperationRow {
        OperationRow {
            id: "op-0000000b".to_owned(),
            kind: "create".to_owned(),
            resource: "nginx-1".to_owned(),
            resource_kind: ResourceKind::Instance,
            instance: Some(uuid::Uuid::from_u128(11)),
            state: "failed".to_owned(),
            actor: "anna".to_owned(),
            via: "console".to_owned(),
            started_at: "2026-03-01T10:20:30Z".parse().unwrap(),
            milliseconds: Some(3_200),
            error: Some("no space".to_owned()),
            error_code: None,
        }
    }

    #[test]
    fn a_listing() {
        let running = OperationRow { state: "started".to_owned(), milliseconds: None, error: None, ..failed() };
        let capture = Capture::default();
        assert_eq!(print_operations(&capture.ui(), &[failed(), running]), Ok(()));
        let wanted = "ID           KIND    RESOURCE  STATE    STARTED               TOOK   ERROR\n\
                      op-0000000b  create  nginx-1   failed   2026-03-01T10:20:30Z  3.2 s  no space\n\
                      op-0000000b  create  nginx-1   started  2026-03-01T10:20:30Z  -      -\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn one_that_runs() {
        let view = OperationView {
            row: OperationRow { state: "started".to_owned(), milliseconds: None, error: None, ..failed() },
            stage: Some("image".to_owned()),
            note: Some("download".to_owned()),
            done_bytes: Some(12 << 20),
            total_bytes: Some(206 << 20),
            steps: vec![],
        };
        let capture = Capture::default();
        assert_eq!(print_operation(&capture.ui(), &view), Ok(()));
        let wanted = "ID           op-0000000b\n\
                      KIND         create\n\
                      RESOURCE     nginx-1\n\
                      STATE        started\n\
                      BY           anna, console\n\
                      STARTED      2026-03-01T10:20:30Z\n\
                      TOOK         -\n\
                      STAGE        image\n\
                      NOTE         download\n\
                      DONE         12 MiB of 206 MiB\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn one_with_its_steps() {
        let step = |name: &str, state: &str, error: Option<&str>| StepView {
            name: name.to_owned(),
            state: state.to_owned(),
            error: error.map(str::to_owned),
        };
        let view = OperationView {
            row: failed(),
            stage: None,
            note: None,
            done_bytes: None,
            total_bytes: None,
            steps: vec![step("seed", "undone", None), step("disk", "undone", Some("no space"))],
        };
        let capture = Capture::default();
        assert_eq!(print_operation(&capture.ui(), &view), Ok(()));
        let wanted = "ID           op-0000000b\n\
                      KIND         create\n\
                      RESOURCE     nginx-1\n\
                      STATE        failed\n\
                      BY           anna, console\n\
                      STARTED      2026-03-01T10:20:30Z\n\
                      TOOK         3.2 s\n\
                      ERROR        no space\n\
                      STEPS        undone     seed\n\
                      \x20            undone     disk: no space\n";
        assert_eq!(capture.stdout(), wanted);
        let capture = Capture::default();
        assert_eq!(print_operation(&Ui { json: true, ..capture.ui() }, &view), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "operations": [{
            "id": "op-0000000b", "kind": "create", "resource": "nginx-1", "instance": "00000000-0000-0000-0000-00000000000b", "state": "failed", "actor": "anna", "via": "console",
            "started_at": "2026-03-01T10:20:30Z",
            "milliseconds": 3200, "error": "no space", "stage": null, "note": null, "done_bytes": null, "total_bytes": null,
            "steps": [{"name": "seed", "state": "undone", "error": null}, {"name": "disk", "state": "undone", "error": "no space"}],
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
