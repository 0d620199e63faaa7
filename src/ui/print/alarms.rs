//! `lite alarm list` and `show`.

use super::{or_dash, time_text, toned};
use crate::{
    model::{AlarmState, Result},
    ui::{Block, Cell, Column, Table, Tone, Ui},
    view::{AlarmRow, AlarmView, AlarmsDocument},
};

fn tone(state: AlarmState) -> Option<Tone> {
    match state {
        AlarmState::Ok => Some(Tone::Good),
        AlarmState::Alarm => Some(Tone::Bad),
        AlarmState::InsufficientData => None,
    }
}

fn window(row: &AlarmRow) -> String {
    let period =
        if row.period_minutes == 1 { "1 minute".to_owned() } else { format!("{} minutes", row.period_minutes) };
    format!("{} of {} periods of {period}", row.datapoints, row.of)
}

/// Prints alarms, in the order given.
pub fn print_alarms(ui: &Ui, rows: &[AlarmRow]) -> Result<()> {
    if ui.json {
        return ui.document(&AlarmsDocument { alarms: rows });
    }
    if rows.is_empty() {
        ui.hint("there are no alarms: `lite alarm put NAME --metric MemoryUtilization --when '>=90'` makes one");
        return Ok(());
    }
    let columns = ["NAME", "RESOURCE", "STATE", "SINCE", "METRIC", "WHEN", "WINDOW", "MUTED UNTIL"].map(Column::left);
    let mut table = Table::new(columns);
    for r in rows {
        let cells: [Cell; 8] = [
            (&r.name).into(),
            or_dash(r.subject()).into(),
            toned(r.state, tone(r.state)),
            time_text(r.since).into(),
            r.metric.into(),
            (&r.condition).into(),
            format!("{} of {} x {}m", r.datapoints, r.of, r.period_minutes).into(),
            or_dash(r.muted_until.map(time_text)).into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

/// Prints one alarm.
pub fn print_alarm(ui: &Ui, view: &AlarmView) -> Result<()> {
    if ui.json {
        return ui.document(&AlarmsDocument { alarms: std::slice::from_ref(view) });
    }
    let row = &view.row;
    let notify: Vec<&str> = view.notify.iter().map(|n| n.as_str()).collect();
    let repeat =
        if view.repeat_minutes == 0 { "never".to_owned() } else { format!("every {} minutes", view.repeat_minutes) };
    let mut block = Block::new();
    block
        .row("NAME", &row.name)
        .maybe("INSTANCE", row.instance.as_ref())
        .maybe("LOAD BALANCER", row.load_balancer.as_ref())
        .row("STATE", format!("{} since {}", row.state, time_text(row.since)))
        .row("REASON", &view.reason)
        .maybe("INCIDENT", view.incident.as_ref())
        .maybe("MUTED UNTIL", row.muted_until.map(time_text))
        .row("WATCHES", format!("{} of {}", view.statistic, row.metric))
        .row("FIRES WHEN", format!("{} in {}", row.condition, window(row)))
        .row("NO DATA IS", view.missing)
        .row("SENDS", notify.join(", "))
        .row("REMINDS", repeat);
    ui.block(&block)
}

#[cfg(test)]
pub(super) mod tests {
    use super::{print_alarm, print_alarms};
    use crate::view::{AlarmRow, AlarmView};
    use crate::{
        model::{AlarmState, Metric, Missing, Notify, Statistic},
        ui::testing::Capture,
    };

    fn view() -> AlarmView {
        AlarmView {
            row: AlarmRow {
                name: "shop-memory".to_owned(),
                instance: Some("shop".to_owned()),
                load_balancer: None,
                state: AlarmState::Alarm,
                since: "2026-03-01T10:20:30Z".parse().unwrap(),
                metric: Metric::MemoryUtilization,
                condition: ">= 90".to_owned(),
                datapoints: 3,
                of: 5,
                period_minutes: 1,
                muted_until: None,
            },
            statistic: Statistic::Average,
            missing: Missing::Missing,
            notify: vec![Notify::Alarm, Notify::Ok],
            repeat_minutes: 240,
            reason: "3 of the last 5 points\u{1b} …".to_owned(),
            incident: Some("in-1".to_owned()),
        }
    }

    #[test]
    fn a_table_and_a_block() {
        let capture = Capture::default();
        assert_eq!(print_alarms(&capture.ui(), &[view().row]), Ok(()));
        assert_eq!(print_alarm(&capture.ui(), &view()), Ok(()));
        let wanted = "\
NAME         RESOURCE  STATE  SINCE                 METRIC             WHEN   WINDOW       MUTED UNTIL
shop-memory  shop      ALARM  2026-03-01T10:20:30Z  MemoryUtilization  >= 90  3 of 5 x 1m  -
NAME         shop-memory
INSTANCE     shop
STATE        ALARM since 2026-03-01T10:20:30Z
REASON       3 of the last 5 points\\u{1b} …
INCIDENT     in-1
WATCHES      average of MemoryUtilization
FIRES WHEN   >= 90 in 3 of 5 periods of 1 minute
NO DATA IS   missing
SENDS        alarm, ok
REMINDS      every 240 minutes
";
        assert_eq!(capture.stdout(), wanted);
    }
}
