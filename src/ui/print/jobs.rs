//! `lite run --list`.

use super::{or_dash, time_text};
use crate::{
    model::{JobState, Result},
    ui::{Cell, Column, Table, Ui},
    view::{JobRow, JobsDocument},
};

/// Most characters of a command that a row shows.
const COMMAND: usize = 40;

/// Prints the jobs.
pub fn print_jobs(ui: &Ui, rows: &[JobRow]) -> Result<()> {
    if ui.json {
        return ui.document(&JobsDocument { jobs: rows });
    }
    if rows.is_empty() {
        ui.hint("there are no jobs: `lite run debian-13 -- uname -a` runs one");
        return Ok(());
    }
    let mut table = Table::new(["ID", "STATE", "INSTANCE", "BUNDLE", "ACTOR", "CREATED", "COMMAND"].map(Column::left));
    for row in rows {
        table.row([
            Cell::from(&row.id),
            Cell::from(state(row)),
            Cell::from(or_dash(row.instance.as_ref())),
            Cell::from(&row.bundle),
            Cell::from(&row.actor),
            Cell::from(time_text(row.created_at)),
            Cell::from(shortened(&row.command)),
        ]);
    }
    ui.table(&table)
}

/// `waiting, place 2`, `exited 3`.
fn state(row: &JobRow) -> String {
    match (row.state, row.place, row.exit_code) {
        (JobState::Waiting, Some(place), _) => format!("waiting, place {place}"),
        (JobState::Exited, _, Some(code)) => format!("exited {code}"),
        (state, ..) => state.to_string(),
    }
}

fn shortened(command: &str) -> String {
    match command.chars().count() > COMMAND {
        true => format!("{}…", command.chars().take(COMMAND - 1).collect::<String>()),
        false => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::print_jobs;
    use crate::{
        model::JobState,
        ui::{Ui, testing::Capture},
        view::JobRow,
    };

    fn row(id: &str, state: JobState) -> JobRow {
        JobRow {
            id: id.to_owned(),
            state,
            place: (state == JobState::Waiting).then_some(2),
            command: "sh -c 'make -C /srv/a/long/way/to/go all install'".to_owned(),
            blueprint: "debian-13".to_owned(),
            bundle: "nano".to_owned(),
            instance: (state == JobState::Exited).then(|| "job-debian-13-1".to_owned()),
            keep: false,
            exit_code: (state == JobState::Exited).then_some(3),
            error: None,
            actor: "root".to_owned(),
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
            started_at: None,
            ended_at: None,
        }
    }

    #[test]
    fn each_is_a_line_and_none_is_a_hint() {
        let capture = Capture::default();
        let rows = [row("job-00000001", JobState::Exited), row("job-00000002", JobState::Waiting)];
        print_jobs(&capture.ui(), &rows).unwrap();
        let table = "ID            STATE             INSTANCE         BUNDLE  ACTOR  CREATED               COMMAND\n\
             job-00000001  exited 3          job-debian-13-1  nano    root   2026-03-01T10:20:30Z  sh -c 'make -C /srv/a/long/way/to/go al…\n\
             job-00000002  waiting, place 2  -                nano    root   2026-03-01T10:20:30Z  sh -c 'make -C /srv/a/long/way/to/go al…\n";
        assert_eq!((capture.stdout().as_str(), capture.stderr().as_str()), (table, ""));
        let capture = Capture::default();
        print_jobs(&capture.ui(), &[]).unwrap();
        let hint = "hint: there are no jobs: `lite run debian-13 -- uname -a` runs one\n";
        assert_eq!((capture.stdout().as_str(), capture.stderr().as_str()), ("", hint));
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        print_jobs(&Ui { json: true, ..capture.ui() }, &[row("job-00000001", JobState::Exited)]).unwrap();
        let wanted = serde_json::json!({"schema": 2, "jobs": [{
            "id": "job-00000001", "state": "exited", "place": null,
            "command": "sh -c 'make -C /srv/a/long/way/to/go all install'", "blueprint": "debian-13", "bundle": "nano",
            "instance": "job-debian-13-1", "keep": false, "exit_code": 3, "error": null, "actor": "root",
            "created_at": "2026-03-01T10:20:30Z", "started_at": null, "ended_at": null,
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
