//! Stages of a change: a moving line on a terminal while one runs, and a line with its time when it ends.

use std::{fmt, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::{Tone, Ui, clean, locked, term::Term};
use crate::model::Size;

/// A time as stages show it: `3.2 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

struct Running {
    name: String,
    since: Duration,
    bar: Option<ProgressBar>,
    quarter: u64,
}

/// The stages of one change. Dropped in the middle of one, it takes the moving line away and says nothing.
pub struct Stages {
    ui: Ui,
    running: Option<Running>,
    times: Vec<(String, Duration)>,
}

impl Stages {
    pub(super) fn new(ui: Ui) -> Self {
        Self { ui, running: None, times: Vec::new() }
    }

    /// Starts a stage; one that still runs is finished first.
    pub fn begin(&mut self, name: &str) {
        self.finish();
        let bar = (self.ui.stderr_tty && !self.ui.quiet).then(|| self.bar(name));
        *locked(&self.ui.live) = bar.clone();
        self.running = Some(Running { name: name.to_owned(), since: (self.ui.elapsed)(), bar, quarter: 0 });
    }

    /// Says what the running stage waits for: beside its moving line, or with `--verbose` as a line of its own.
    pub fn note(&mut self, text: &str) {
        if let Some(Running { name, bar, .. }) = &self.running {
            match bar {
                Some(bar) => bar.set_message(self.ui.on_stderr(&clean(text)).into_owned()),
                None => self.ui.detail(&format!("    {name}: {text}")),
            }
        }
    }

    /// Says how many bytes of the running stage are done: a bar on a terminal, else a line at each quarter.
    pub fn bytes(&mut self, done: u64, total: Option<u64>) {
        let Some(running) = &mut self.running else { return };
        match (&running.bar, total) {
            (Some(bar), total) => {
                if bar.length() != total {
                    bar.set_style(style(self.ui.utf8, if total.is_some() { BYTES_OF } else { BYTES }));
                    total.into_iter().for_each(|t| bar.set_length(t));
                }
                bar.set_position(done);
            }
            (None, Some(total)) if total > 0 => {
                let quarter = done.min(total).saturating_mul(4) / total;
                if quarter > running.quarter && quarter < 4 {
                    running.quarter = quarter;
                    self.ui.status(&format!("    {}: {}", running.name, amount(done, total)));
                }
            }
            (None, _) => {}
        }
    }

    /// Ends the running stage: it worked.
    pub fn finish(&mut self) {
        self.end(true);
    }

    /// Ends the running stage: it did not.
    pub fn fail(&mut self) {
        self.end(false);
    }

    /// The stages ended so far, each with its time.
    pub fn times(&self) -> Vec<(String, Duration)> {
        self.times.clone()
    }

    /// The name of the running stage.
    pub fn current(&self) -> Option<&str> {
        self.running.as_ref().map(|r| r.name.as_str())
    }

    fn end(&mut self, worked: bool) {
        let Some(running) = self.clear() else { return };
        let took = (self.ui.elapsed)().saturating_sub(running.since);
        let (mark, tone) = match (worked, self.ui.utf8) {
            (true, true) => ("✓", Tone::Good),
            (true, false) => ("+", Tone::Good),
            (false, true) => ("✗", Tone::Bad),
            (false, false) => ("x", Tone::Bad),
        };
        if !self.ui.quiet {
            let mark = tone.paint(mark, self.ui.color_err);
            self.ui.err(&format!("  {mark} {:<12}{:>9}\n", clean(&running.name), seconds(took)));
        }
        self.times.push((running.name, took));
    }

    fn clear(&mut self) -> Option<Running> {
        let running = self.running.take()?;
        *locked(&self.ui.live) = None;
        running.bar.iter().for_each(ProgressBar::finish_and_clear);
        Some(running)
    }

    fn bar(&self, name: &str) -> ProgressBar {
        let term = Term::new(self.ui.stderr.clone(), self.ui.width);
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::term_like_with_hz(Box::new(term), 10));
        bar.set_style(style(self.ui.utf8, SPINNER));
        bar.set_prefix(self.ui.on_stderr(&clean(name)).into_owned());
        bar.enable_steady_tick(Duration::from_millis(125));
        bar
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.clear();
    }
}

const SPINNER: &str = "  {spinner} {prefix:12}{elapsed:>9}  {wide_msg}";
const BYTES: &str = "  {spinner} {prefix:12}{elapsed:>9}  {binary_bytes}  {binary_bytes_per_sec}";
const BYTES_OF: &str = "  {spinner} {prefix:12}{elapsed:>9}  [{wide_bar}] {amount}  {binary_bytes_per_sec}";

/// How much of a total is done, in one unit.
fn amount(done: u64, total: u64) -> String {
    let [done, total] = Size::together([done, total].map(Size::bytes));
    format!("{done} of {total}")
}

fn style(utf8: bool, template: &str) -> ProgressStyle {
    let (ticks, bar) = if utf8 { ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ", "━╸ ") } else { ("-\\|/ ", "=> ") };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("amount", |state: &ProgressState, text: &mut dyn fmt::Write| {
            // What cannot be written is not shown.
            let _ = text.write_str(&amount(state.pos(), state.len().unwrap_or(state.pos())));
        })
        .tick_chars(ticks)
        .progress_chars(bar)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::ui::{Ui, testing::Capture};

    fn two_stages(ui: &Ui, capture: &Capture) -> Vec<(String, Duration)> {
        let mut stages = ui.stages();
        stages.begin("boot");
        stages.note("waiting for the first byte");
        capture.pass(Duration::from_millis(3_240));
        stages.begin("cloud-init");
        assert_eq!(stages.current(), Some("cloud-init"));
        capture.pass(Duration::from_millis(61_400));
        stages.fail();
        stages.times()
    }

    #[test]
    fn plain_lines_without_a_terminal() {
        let capture = Capture::default();
        let times = two_stages(&capture.ui(), &capture);
        assert_eq!(capture.stderr(), "  ✓ boot            3.2 s\n  ✗ cloud-init     61.4 s\n");
        assert_eq!(
            times,
            [
                ("boot".to_owned(), Duration::from_millis(3_240)),
                ("cloud-init".to_owned(), Duration::from_millis(61_400))
            ]
        );
    }

    #[test]
    fn verbose_says_what_it_waits_for_and_quiet_nothing() {
        let capture = Capture::default();
        let mut ui = Ui { verbose: true, utf8: false, ..capture.ui() };
        two_stages(&ui, &capture);
        let wanted = "    boot: waiting for the first byte\n  + boot            3.2 s\n  x cloud-init     61.4 s\n";
        assert_eq!(capture.stderr(), wanted);
        (ui.quiet, ui.verbose) = (true, false);
        assert_eq!(two_stages(&ui, &capture).len(), 2);
        assert_eq!(capture.stderr(), wanted);
    }

    #[test]
    fn bytes_are_told_at_each_quarter() {
        let capture = Capture::default();
        let mut stages = capture.ui().stages();
        stages.begin("download");
        for mib in [0_u64, 100, 101, 150, 399, 400] {
            stages.bytes(mib << 20, Some(400 << 20));
        }
        stages.bytes(7, None);
        stages.finish();
        let wanted = "    download: 100 MiB of 400 MiB\n    download: 399 MiB of 400 MiB\n  ✓ download        0.0 s\n";
        assert_eq!(capture.stderr(), wanted);
    }

    #[test]
    fn a_terminal_ends_with_the_same_lines_and_no_moving_one() {
        let (ui, capture) = Capture::terminal("");
        let mut stages = ui.stages();
        stages.begin("download");
        stages.bytes(1 << 20, Some(4 << 20));
        ui.warn("slow");
        stages.finish();
        let shown = capture.stderr();
        let tail = "\u{1b}[33mwarning:\u{1b}[0m slow\n";
        assert!(shown.contains(tail), "{shown:?}");
        assert!(shown.ends_with("\r\u{1b}[2K  \u{1b}[32m✓\u{1b}[0m download        0.0 s\n"), "{shown:?}");
        assert_eq!(capture.stdout(), "");
    }
}
