//! `lite events` and `lite alarm history`.

use super::{or_dash, time_text};
use crate::{
    model::{Event, Result},
    ui::{Cell, Column, Table, Ui, clean},
    view::{EventRow, EventView, EventsDocument},
};

/// Prints events in the order given.
pub fn print_events(ui: &Ui, rows: &[EventRow]) -> Result<()> {
    if ui.json {
        return ui.document(&EventsDocument::of(rows));
    }
    if rows.is_empty() {
        ui.status("nothing happened yet");
        return Ok(());
    }
    let mut table =
        Table::new([Column::left("TIME"), Column::left("EVENT"), Column::left("RESOURCE"), Column::flexible("REASON")]);
    for row in rows {
        let e = &row.event;
        let subject = e.data.subject_name();
        let cells: [Cell; 4] = [time_text(e.at).into(), e.kind.into(), or_dash(subject).into(), reason(e).into()];
        table.row(cells);
    }
    ui.table(&table)
}

fn reason(event: &Event) -> String {
    format!("{}{}", event.data.reason, if event.suppressed { " (not sent)" } else { "" })
}

/// Prints one event as it happens: a line, in JSON too.
pub fn print_event(ui: &Ui, row: &EventRow) -> Result<()> {
    if ui.json {
        let line = serde_json::to_string(&EventView::from(row)).unwrap_or_default();
        return ui.data(&format!("{line}\n"));
    }
    let text = format!("{}: {}", row.title, reason(&row.event));
    ui.data(&format!("{}  {}\n", time_text(row.event.at), clean(&text)))
}

#[cfg(test)]
mod tests {
    use super::{print_event, print_events};
    use crate::view::EventRow;
    use crate::{
        model::{Event, EventData, EventKind},
        ui::{Ui, testing::Capture},
    };

    fn row() -> EventRow {
        let at = "2026-03-01T10:20:30Z".parse().unwrap();
        let event = Event { at, kind: EventKind::HostCapacity, data: EventData::says("full\u{1b}"), suppressed: true };
        EventRow { id: 7, title: "host capacity".to_owned(), event }
    }

    #[test]
    fn a_table_a_line_and_json() {
        let capture = Capture::default();
        assert_eq!(print_events(&capture.ui(), &[row()]), Ok(()));
        assert_eq!(print_event(&capture.ui(), &row()), Ok(()));
        let wanted = "TIME                  EVENT          RESOURCE  REASON\n\
                      2026-03-01T10:20:30Z  host.capacity  -         full\\u{1b} (not sent)\n\
                      2026-03-01T10:20:30Z  host capacity: full\\u{1b} (not sent)\n";
        assert_eq!(capture.stdout(), wanted);
        let capture = Capture::default();
        assert_eq!(print_event(&Ui { json: true, ..capture.ui() }, &row()), Ok(()));
        let line = capture.stdout();
        assert!(
            line.starts_with(
                r#"{"id":7,"type":"host.capacity","timestamp":"2026-03-01T10:20:30Z","sent":false,"data":{"#
            )
        );
        assert_eq!(line.lines().count(), 1);
    }
}
