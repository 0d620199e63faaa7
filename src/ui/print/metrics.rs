//! `lite metrics`: the latest values, the points of one metric, and its chart.

use super::{or_dash, time_text};
use crate::{
    model::{Result, Unit},
    ui::{Cell, Column, Table, Ui},
    view::{MetricRow, MetricView, MetricsDocument},
};

/// A value in its unit: `12.3 %`, `1.2 MiB`.
fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Percent => format!("{value:.1} %"),
        Unit::Flag => format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        Unit::Count => format!("{value:.0}"),
        Unit::Seconds => format!("{value:.3} s"),
        Unit::Bytes => {
            let steps = ["B", "KiB", "MiB", "GiB", "TiB"];
            let mut at = 0;
            let mut scaled = value;
            while scaled >= 1024.0 && at + 1 < steps.len() {
                scaled /= 1024.0;
                at += 1;
            }
            if at == 0 { format!("{scaled:.0} B") } else { format!("{scaled:.1} {}", steps[at]) }
        }
    }
}

/// Prints the latest value of each metric.
pub fn print_metrics(ui: &Ui, instance: &str, rows: &[MetricRow]) -> Result<()> {
    if ui.json {
        return ui.document(&MetricsDocument::of(instance, rows));
    }
    if rows.iter().all(|r| r.point.is_none()) {
        ui.hint("nothing was measured of late: is `lite watch` running?");
    }
    let mut table = Table::new([Column::left("METRIC"), Column::right("VALUE"), Column::left("AT")]);
    for row in rows {
        let shown = row.point.map(|(_, v)| value(row.unit, v));
        let cells: [Cell; 3] =
            [row.metric.into(), or_dash(shown).into(), or_dash(row.point.map(|p| time_text(p.0))).into()];
        table.row(cells);
    }
    ui.table(&table)
}

/// Prints one metric: a chart on a terminal, its points elsewhere.
pub fn print_metric(ui: &Ui, view: &MetricView) -> Result<()> {
    if ui.json {
        return ui.document(view);
    }
    if view.points.is_empty() {
        ui.hint("nothing was measured in this time: is `lite watch` running?");
        return Ok(());
    }
    if ui.stdout_tty {
        return ui.data(&chart(view, ui.width, ui.utf8));
    }
    let heads = ["AVERAGE", "MINIMUM", "MAXIMUM", "SUM"].map(Column::right);
    let columns: Vec<Column> = [Column::left("TIME"), Column::right("SECONDS")].into_iter().chain(heads).collect();
    let mut table = Table::new(columns);
    for p in &view.points {
        let number = |v: f64| Cell::from(format!("{v:.3}").trim_end_matches('0').trim_end_matches('.'));
        table.row([
            time_text(p.at).into(),
            p.seconds.into(),
            number(p.average),
            number(p.minimum),
            number(p.maximum),
            number(p.sum),
        ]);
    }
    ui.table(&table)
}

/// Rows of a chart.
const ROWS: usize = 10;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A chart of so many columns: the mean of what lies in each column, from zero up.
fn chart(view: &MetricView, width: usize, utf8: bool) -> String {
    let labels = |top: f64| [value(view.unit, top), value(view.unit, 0.0)];
    let (from, to) = (view.from.as_second(), view.to.as_second().max(view.from.as_second() + 1));
    let top = match view.unit {
        Unit::Percent => 100.0_f64,
        Unit::Flag => 1.0,
        Unit::Bytes | Unit::Count | Unit::Seconds => 0.0,
    };
    let largest = view.points.iter().map(|p| p.average).fold(top, f64::max);
    let top = if largest > 0.0 { largest } else { 1.0 };
    let margin = labels(top).iter().map(String::len).max().unwrap_or(0);
    let columns = width.saturating_sub(margin + 2).clamp(10, 400);
    let mut sums = vec![(0.0_f64, 0_u32); columns];
    for p in &view.points {
        // A point is as wide as its span, so that hours leave no gaps between them.
        let place =
            |at: i64| ((at - from).clamp(0, to - from) as usize * columns / (to - from) as usize).min(columns - 1);
        for column in &mut sums[place(p.at.as_second())..=place(p.at.as_second() + p.seconds - 1)] {
            *column = (column.0 + p.average, column.1 + 1);
        }
    }
    let mut out = format!("{} of {}\n", view.metric, view.instance);
    for row in (0..ROWS).rev() {
        let label = match row {
            r if r == ROWS - 1 => value(view.unit, top),
            0 => value(view.unit, 0.0),
            _ => String::new(),
        };
        let mut line = format!("{label:>margin$} {}", if utf8 { '│' } else { '|' });
        for (sum, count) in &sums {
            let eighths = if *count == 0 { 0.0 } else { sum / f64::from(*count) / top * (ROWS * 8) as f64 };
            let here = (eighths - (row * 8) as f64).clamp(0.0, 8.0);
            // What was measured shows at least a trace.
            let here = if row == 0 && *count > 0 { here.max(1.0) } else { here };
            line.push(match (here.round() as usize, utf8) {
                (0, _) => ' ',
                (n, true) => BLOCKS[n - 1],
                (n, false) => {
                    if n >= 4 {
                        '#'
                    } else {
                        '.'
                    }
                }
            });
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let (begin, end) = (time_text(view.from), time_text(view.to));
    let gap = columns.saturating_sub(begin.len() + end.len());
    let ends = if gap > 0 { format!("{begin}{}{end}", " ".repeat(gap)) } else { begin };
    out + &format!("{:>margin$}  {ends}\n", "")
}

#[cfg(test)]
mod tests {
    use super::{chart, print_metric, print_metrics, value};
    use crate::view::{MetricPoint, MetricRow, MetricView};
    use crate::{
        model::{Metric, Unit},
        ui::{display_width, testing::Capture},
    };

    fn view() -> MetricView {
        let from: jiff::Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let at = |s: i64| from + jiff::SignedDuration::from_secs(s);
        let point = |n: i64| MetricPoint {
            at: at(n * 60),
            seconds: 60,
            average: (n * 100) as f64 / 59.0,
            minimum: 0.0,
            maximum: 100.0,
            sum: 1.5,
            samples: 1,
        };
        let points = (0..60).filter(|n| !(20..30).contains(n)).map(point).collect();
        let metric = Metric::CpuUtilization;
        MetricView { instance: "shop".into(), metric, unit: metric.unit(), from, to: at(3600), points }
    }

    #[test]
    fn a_chart_fits_its_terminal() {
        for width in [40, 60, 80, 200] {
            let drawn = chart(&view(), width, true);
            assert_eq!(drawn.lines().count(), 12, "{drawn}");
            let widest = drawn.lines().map(display_width).max();
            assert!(widest <= Some(width), "{width}: {drawn}");
        }
        let wanted = "\
CPUUtilization of shop
100.0 % |                            ..#
        |                          .###
        |                       .#####
        |                    .########
";
        let drawn = chart(&view(), 40, false);
        assert!(drawn.starts_with(&wanted[..30]), "{drawn}");
        assert!(drawn.lines().nth(1).is_some_and(|l| l.starts_with("100.0 % |") && l.ends_with('#')), "{drawn}");
        let bottom = drawn.lines().nth(10).unwrap_or_default();
        assert!(bottom.starts_with("  0.0 % |..") && bottom.contains("   "), "a gap stays a gap: {drawn}");
    }

    #[test]
    fn plain_points_in_a_pipe() {
        let capture = Capture::default();
        let view = MetricView { points: view().points[..2].to_vec(), ..view() };
        assert_eq!(print_metric(&capture.ui(), &view), Ok(()));
        let wanted = "TIME                  SECONDS  AVERAGE  MINIMUM  MAXIMUM  SUM\n\
                      2026-03-01T00:00:00Z       60        0        0      100  1.5\n\
                      2026-03-01T00:01:00Z       60    1.695        0      100  1.5\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn latest_values_in_their_units() {
        let capture = Capture::default();
        let at = "2026-03-01T00:00:00Z".parse().unwrap();
        let row = |metric: Metric, v: Option<f64>| MetricRow { metric, unit: metric.unit(), point: v.map(|v| (at, v)) };
        let rows = [
            row(Metric::CpuUtilization, Some(12.34)),
            row(Metric::NetworkIn, Some(1536.0)),
            row(Metric::AppHealthy, None),
        ];
        assert_eq!(print_metrics(&capture.ui(), "shop", &rows), Ok(()));
        let wanted = "METRIC            VALUE  AT\n\
                      CPUUtilization   12.3 %  2026-03-01T00:00:00Z\n\
                      NetworkIn       1.5 KiB  2026-03-01T00:00:00Z\n\
                      AppHealthy            -  -\n";
        assert_eq!(capture.stdout(), wanted);
        assert_eq!(
            [(Unit::Flag, 1.0), (Unit::Flag, 0.0), (Unit::Flag, 0.5), (Unit::Count, 3.4)].map(|(u, v)| value(u, v)),
            ["1", "0", "0.5", "3"]
        );
    }
}
