//! A metric as a line in a picture, made here: what has no points is a gap. Pure.

use std::fmt::Write;

use serde::Serialize;

use crate::view::{MetricPoint, MetricView};

/// Size of the picture in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;
/// A point that is this many spans after the one before begins a new line.
const GAP: i64 = 2;

/// A picture of a metric: a path for its line, and what its scale is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// The path of the line, in units of the picture.
    pub path: String,
    /// The value at the top.
    pub top: f64,
    /// The last value.
    pub last: Option<f64>,
}

impl Chart {
    /// Of the averages of a metric.
    pub fn of(view: &MetricView) -> Self {
        let (from, to) = (view.from.as_second(), view.to.as_second());
        let values = view.points.iter().map(|point| point.average);
        let most = values.clone().filter(|value| value.is_finite()).fold(0.0, f64::max);
        let top = round_up(most);
        let span = float((to - from).max(1));
        let mut path = String::new();
        let mut before: Option<&MetricPoint> = None;
        for point in view.points.iter().filter(|point| point.average.is_finite()) {
            let x = WIDTH * float(point.at.as_second() - from) / span;
            let y = HEIGHT - HEIGHT * point.average.max(0.0) / top;
            let goes_on = before.is_some_and(|b| point.at.as_second() - b.at.as_second() < GAP * b.seconds.max(1) + 1);
            // A point with nothing beside it is still to be seen.
            let _ = match goes_on {
                true => write!(path, "L{x:.1} {y:.1}"),
                false => write!(path, "M{x:.1} {y:.1}h.1"),
            };
            before = Some(point);
        }
        Self { path, top, last: before.map(|point| point.average) }
    }
}

/// The next of 1, 2, 5, 10, 20 … that is no smaller.
fn round_up(value: f64) -> f64 {
    let mut scale = 1e-3;
    while scale < 1e18 {
        if let Some(found) = [1.0, 2.0, 5.0].into_iter().map(|n| n * scale).find(|top| *top >= value) {
            return found;
        }
        scale *= 10.0;
    }
    value.max(1.0)
}

/// Seconds of a chart are far below where this loses any.
#[allow(clippy::cast_precision_loss, reason = "a span of some months")]
fn float(seconds: i64) -> f64 {
    seconds as f64
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Chart, round_up};
    use crate::{
        model::Metric,
        view::{MetricPoint, MetricView},
    };

    fn point(at: i64, value: f64) -> MetricPoint {
        let at = Timestamp::from_second(at).unwrap();
        MetricPoint { at, seconds: 60, average: value, minimum: value, maximum: value, sum: value, samples: 1 }
    }

    fn view(points: Vec<MetricPoint>) -> MetricView {
        let at = |second| Timestamp::from_second(second).unwrap();
        let metric = Metric::CpuUtilization;
        MetricView { instance: "web".to_owned(), metric, unit: metric.unit(), from: at(0), to: at(720), points }
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let points = vec![point(0, 10.0), point(60, 5.0), point(240, 0.0), point(720, f64::NAN)];
        let chart = Chart::of(&view(points));
        assert_eq!(chart.path, "M0.0 0.0h.1L60.0 60.0M240.0 120.0h.1");
        assert_eq!((chart.top, chart.last), (10.0, Some(0.0)));
    }

    #[test]
    fn nothing_measured_is_no_line() {
        let chart = Chart::of(&view(vec![]));
        assert_eq!((chart.path.as_str(), chart.last), ("", None));
    }

    #[test]
    fn the_top_is_a_round_number() {
        for (value, top) in [(0.0, 0.001), (0.3, 0.5), (1.0, 1.0), (12.0, 20.0), (51.0, 100.0), (1500.0, 2000.0)] {
            assert!((round_up(value) - top).abs() < top * 1e-9, "{value}");
        }
    }
}
