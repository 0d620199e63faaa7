//! What an instance wrote to its console, and what its guest reported. Both are files of this host.

mod window;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use window::Window;

use crate::{
    app::{App, Caller, Right, scope::Target},
    guest::{
        self,
        lines::Lines,
        report::{PublishedReport, Report, UpgradedReport},
        tail::follow,
    },
    model::{Name, Observer, Record, Result},
    plan::{console_log, report_log},
    store::instances::no_such_instance,
};

/// How long one wait for more lasts; then it is looked whether to end.
const WAIT: Duration = Duration::from_millis(500);

/// How many older files of a log virtlogd may keep.
const ROTATED: u32 = 16;

/// A log of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The instance.
    pub name: Name,
    /// Go on with what is added until cancelled.
    pub follow: bool,
}

/// Hands on what an instance wrote to its console since it was last started.
pub fn console(
    app: &App,
    caller: &Caller,
    log: &Log,
    observer: &mut dyn Observer,
    to: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let record = find(app, caller, &log.name, observer)?;
    let mut written = follow(&*app.machine, &console_log(&record, &app.settings.host.folders.logs), 0)?;
    loop {
        loop {
            let bytes = written.bytes()?;
            if bytes.is_empty() {
                break;
            }
            to(&bytes)?;
        }
        if !log.follow || app.is_cancelled() {
            return Ok(());
        }
        written.wait(&*app.clock, WAIT)?;
    }
}

/// Hands on what a guest reported of its set-up, a report in words at a time; of its health only what is new.
pub fn reports(
    app: &App,
    caller: &Caller,
    log: &Log,
    observer: &mut dyn Observer,
    to: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let file = report_log(&find(app, caller, &log.name, observer)?, &app.settings.host.folders.logs);
    let mut health = None;
    // The minute's reports of a guest that has run for months have pushed its set-up into older files.
    for older in rotated(app, &file) {
        hand_on(&mut follow(&*app.machine, &older, 0)?, &mut health, to)?;
    }
    let mut written = follow(&*app.machine, &file, 0)?;
    loop {
        hand_on(&mut written, &mut health, to)?;
        if !log.follow || app.is_cancelled() {
            return Ok(());
        }
        written.wait(&*app.clock, WAIT)?;
    }
}

/// What an instance wrote to its console since it was last started, up to byte `end` or to its end.
///
/// # Errors
/// There is no such instance, or its log cannot be read.
pub fn console_window(
    app: &App,
    caller: &Caller,
    name: &Name,
    end: Option<u64>,
    observer: &mut dyn Observer,
) -> Result<Window> {
    app.authorise(caller, Right::Access, Target::instance(name))?;
    let record = find(app, caller, name, observer)?;
    let log = console_log(&record, &app.settings.host.folders.logs);
    let (window, bytes) = window::read(&*app.machine, &[log], end, window::A_LINE)?;
    Ok(Window { text: window::text(&bytes), ..window })
}

/// What a guest reported, as it wrote it, up to byte `end` or to its end.
///
/// # Errors
/// There is no such instance, or its log cannot be read.
pub fn reports_window(
    app: &App,
    caller: &Caller,
    name: &Name,
    end: Option<u64>,
    observer: &mut dyn Observer,
) -> Result<Window> {
    app.authorise(caller, Right::Access, Target::instance(name))?;
    let record = find(app, caller, name, observer)?;
    let file = report_log(&record, &app.settings.host.folders.logs);
    let older = rotated(app, &file);
    let files: Vec<PathBuf> = older.into_iter().chain([file]).collect();
    let (window, bytes) = window::read(&*app.machine, &files, end, window::WINDOW)?;
    let mut health = None;
    let told = bytes.split(|byte| *byte == b'\n').filter_map(|line| told(line, &mut health));
    Ok(Window { text: window::text(told.collect::<String>().as_bytes()), ..window })
}

/// Older files of a log, the oldest first.
fn rotated(app: &App, file: &Path) -> Vec<PathBuf> {
    let names = (0..ROTATED).rev().map(|n| PathBuf::from(format!("{}.{n}", file.display())));
    names.filter(|older| app.machine.info(older).is_ok()).collect()
}

fn find(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<Record> {
    app.authorise(caller, Right::Read, Target::instance(name))?;
    let store = app.store(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    Ok(store.require(name)?.record)
}

fn hand_on(written: &mut Lines, health: &mut Option<String>, to: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    written.lines()?.iter().filter_map(|line| told(line, health)).try_for_each(|text| to(&text))
}

/// A line of a guest's in words; none: it is no report, or one of a health that is known.
fn told(line: &[u8], health: &mut Option<String>) -> Option<String> {
    let report = guest::report::parse_line(line)?;
    if let Report::Status(status) = &report {
        if status.health == *health {
            return None;
        }
        health.clone_from(&status.health);
    }
    Some(words(&report))
}

/// A report in words.
fn words(report: &Report) -> String {
    match report {
        Report::Stage { stage } => format!("stage    {stage}\n"),
        Report::Booted => "booted\n".to_owned(),
        Report::Sealed => "sealed\n".to_owned(),
        Report::Warm => "ready to be saved".to_owned(),
        Report::Status(status) => status.health.as_ref().map_or(String::new(), |answer| format!("health   {answer}\n")),
        Report::Done { stages, warnings, .. } => {
            let times: Vec<String> =
                stages.iter().map(|(name, tenths)| format!("{name} {}.{} s", tenths / 10, tenths % 10)).collect();
            let warnings: String = warnings.iter().map(|warning| format!("warning  {warning}\n")).collect();
            format!("done     {}\n{warnings}", times.join(", "))
        }
        Report::Failed { module, command, code, line, tail } => {
            format!("failed   module `{module}`\n{}", failure(command, *code, *line, tail))
        }
        Report::Progress { line } => format!("upgrade  {line}\n"),
        Report::Upgraded(UpgradedReport { code: 0, .. }) => "upgraded\n".to_owned(),
        Report::Upgraded(UpgradedReport { code, command, line, tail, .. }) => {
            format!("not upgraded\n{}", failure(command, *code, *line, tail))
        }
        Report::Published(PublishedReport { url, code: 0, .. }) => format!("told     it is published as {url}\n"),
        Report::Published(PublishedReport { url, code, command, line, tail }) => {
            format!("not told it is published as {url}\n{}", failure(command, *code, *line, tail))
        }
    }
}

/// What failed, in a script.
fn failure(command: &str, code: i64, line: u64, tail: &[String]) -> String {
    let place = if line > 0 { format!(" in line {line}") } else { String::new() };
    let command = match command {
        "" => String::new(),
        command => format!("command  {command}\nexit     {code}{place}\n"),
    };
    tail.iter().fold(command, |text, line| text + &format!("         {line}\n"))
}

#[cfg(test)]
mod tests {
    use super::words;
    use crate::guest::report::Report;

    #[test]
    fn the_end_of_a_set_up_comes_with_its_warnings() {
        let done = |warnings: &[&str]| {
            let warnings = warnings.iter().map(|w| (*w).to_owned()).collect();
            words(&Report::Done { stages: vec![("runcmd".to_owned(), 9)], login: None, warnings })
        };
        assert_eq!(done(&[]), "done     runcmd 0.9 s\n");
        assert_eq!(done(&["ntp: no", "x"]), "done     runcmd 0.9 s\nwarning  ntp: no\nwarning  x\n");
    }
}
