//! The lines a guest writes on its report channel (`cloud-init/lite-guest.py`). The guest is not trusted: lengths are capped,
//! control characters escaped, and nothing it writes is an error.

use serde_json::Value;

use crate::model::visible;

/// Longest line looked at, in bytes.
pub const MAX_LINE: usize = 16 * 1024;
const MAX_WORD: usize = 64;
const MAX_TEXT: usize = 1000;
const MAX_ANSWER: usize = 300;
const MAX_TAIL: usize = 20;

/// One event of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A stage of the set-up begins: `cloud-init`, `install`, `configure`, `runcmd`, `user-data`, `power_state`; or the guest
    /// goes down in good order, and its next boot goes on: `reboot`, `poweroff`, `halt`.
    Stage {
        /// Its name.
        stage: String,
    },
    /// The set-up failed; nothing follows.
    Failed {
        /// A cloud-init module, or a stage of ours.
        module: String,
        /// The command that failed, empty if not known.
        command: String,
        /// Its exit code; 1 if not known.
        code: i64,
        /// Line of the script, 0 if not known.
        line: u64,
        /// The last lines of output.
        tail: Vec<String>,
    },
    /// The set-up of the first boot succeeded.
    Done {
        /// Stage and its duration in tenths of a second.
        stages: Vec<(String, u64)>,
        /// Why lite's own login does not work; none: it does.
        login: Option<String>,
        /// What cloud-init finds wrong with the user-data, though all of it was done.
        warnings: Vec<String>,
    },
    /// The guest has sealed its disk for an image, and goes down.
    Sealed,
    /// The guest has put away what belongs to one machine, and waits to be told who it is.
    Warm,
    /// A later boot is through.
    Booted,
    /// The application was told under which name it is published.
    Published(PublishedReport),
    /// What an upgrade says while it runs.
    Progress {
        /// The line.
        line: String,
    },
    /// An upgrade has ended.
    Upgraded(UpgradedReport),
    /// How a guest that is up fares: once a minute, and more often until its application answers first.
    Status(Status),
}

/// How the blueprint's `published` part ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedReport {
    /// The URL that it was told.
    pub url: String,
    /// 0: it knows. Else the exit code of what failed.
    pub code: i64,
    /// The command that failed, empty if none did or it is not known.
    pub command: String,
    /// Line of the script, 0 if not known.
    pub line: u64,
    /// The last lines of output.
    pub tail: Vec<String>,
}

/// How the blueprint's `upgrade` part ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradedReport {
    /// 0: it is through. Else the exit code of what failed.
    pub code: i64,
    /// The command that failed, empty if none did or it is not known.
    pub command: String,
    /// Line of the script, 0 if not known.
    pub line: u64,
    /// The last lines of output.
    pub tail: Vec<String>,
    /// It asks for a reboot, which the guest begins.
    pub reboot: bool,
}

/// How a guest fares, by its own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Answer of the blueprint's command: `ok`, or what came instead; none where the blueprint has no command.
    pub health: Option<String>,
    /// How full its fullest local file system is, in percent as `df` counts; none if not known.
    pub disk: Option<u8>,
    /// Where that file system is mounted, empty if not known.
    pub disk_path: String,
    /// The module in which the set-up failed; none: it succeeded.
    pub failed: Option<String>,
    /// Its operating system, such as `Debian GNU/Linux 13 (trixie)`; none if not known.
    pub os: Option<String>,
    /// Whether its operating system waits for a reboot; none if not known.
    pub reboot_required: Option<bool>,
}

/// Reads one line; `None` for anything that is not a report.
pub fn parse_line(line: &[u8]) -> Option<Report> {
    if line.len() > MAX_LINE {
        return None;
    }
    let value: Value = serde_json::from_slice(line).ok()?;
    match value.get("event")?.as_str()? {
        "stage" => Some(Report::Stage { stage: text(&value, "stage", MAX_WORD) }),
        "booted" => Some(Report::Booted),
        "sealed" => Some(Report::Sealed),
        "warm" => Some(Report::Warm),
        "status" => Some(Report::Status(Status {
            health: optional(&value, "health", MAX_ANSWER),
            disk: value.get("disk").and_then(Value::as_u64).filter(|p| *p <= 100).and_then(|p| u8::try_from(p).ok()),
            disk_path: text(&value, "disk_path", MAX_ANSWER),
            failed: optional(&value, "failed", MAX_WORD),
            os: optional(&value, "os", MAX_ANSWER),
            reboot_required: value.get("reboot_required").and_then(Value::as_bool),
        })),
        "done" => Some(Report::Done {
            stages: stages(&value),
            login: optional(&value, "login", MAX_ANSWER),
            warnings: lines(&value, "warnings"),
        }),
        "failed" => Some(Report::Failed {
            module: text(&value, "module", MAX_WORD),
            command: text(&value, "command", MAX_TEXT),
            code: value.get("code").and_then(Value::as_i64).unwrap_or(1),
            line: value.get("line").and_then(Value::as_u64).unwrap_or(0),
            tail: lines(&value, "tail"),
        }),
        "published" => Some(Report::Published(PublishedReport {
            url: text(&value, "url", MAX_ANSWER),
            code: value.get("code").and_then(Value::as_i64).unwrap_or(1),
            command: text(&value, "command", MAX_TEXT),
            line: value.get("line").and_then(Value::as_u64).unwrap_or(0),
            tail: lines(&value, "tail"),
        })),
        "progress" => Some(Report::Progress { line: text(&value, "line", MAX_ANSWER) }),
        "upgraded" => Some(Report::Upgraded(UpgradedReport {
            code: value.get("code").and_then(Value::as_i64).unwrap_or(1),
            command: text(&value, "command", MAX_TEXT),
            line: value.get("line").and_then(Value::as_u64).unwrap_or(0),
            tail: lines(&value, "tail"),
            reboot: value.get("reboot").and_then(Value::as_bool).unwrap_or(false),
        })),
        _ => None,
    }
}

fn text(value: &Value, key: &str, max: usize) -> String {
    optional(value, key, max).unwrap_or_default()
}

fn optional(value: &Value, key: &str, max: usize) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(|t| clean(t, max))
}

/// Cut to `max` characters, with everything but printable text escaped.
fn clean(text: &str, max: usize) -> String {
    let cut: String = text.chars().take(max).collect();
    let mut out = visible(&cut, |_| false).into_owned();
    if text.chars().nth(max).is_some() {
        out.push('…');
    }
    out
}

/// The last lines of a list of texts.
fn lines(value: &Value, key: &str) -> Vec<String> {
    let lines = value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let last = &lines[lines.len().saturating_sub(MAX_TAIL)..];
    last.iter().filter_map(Value::as_str).map(|line| clean(line, MAX_TEXT)).collect()
}

fn stages(value: &Value) -> Vec<(String, u64)> {
    let Some(seconds) = value.get("seconds").and_then(Value::as_object) else { return Vec::new() };
    let tenths = |v: &Value| v.as_f64().filter(|s| (0.0..1e6).contains(s)).map(|s| (s * 10.0).round() as u64);
    seconds.iter().take(MAX_TAIL).filter_map(|(name, v)| Some((clean(name, MAX_WORD), tenths(v)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINE, Report, Status, parse_line};

    fn status(health: Option<&str>, disk: Option<u8>, disk_path: &str, failed: Option<&str>) -> Option<Report> {
        Some(Report::Status(Status {
            health: health.map(str::to_owned),
            disk,
            disk_path: disk_path.to_owned(),
            failed: failed.map(str::to_owned),
            os: None,
            reboot_required: None,
        }))
    }

    #[test]
    fn a_status_tells_the_operating_system() {
        let told = |line: &str| match parse_line(line.as_bytes()) {
            Some(Report::Status(status)) => (status.os, status.reboot_required),
            other => panic!("{other:?}"),
        };
        let debian = r#"{"event":"status","os":"Debian GNU/Linux 13 (trixie)","reboot_required":false}"#;
        assert_eq!(told(debian), (Some("Debian GNU/Linux 13 (trixie)".to_owned()), Some(false)));
        let hostile = format!(r#"{{"event":"status","os":"\u001b{}","reboot_required":"yes"}}"#, "x".repeat(400));
        assert_eq!(told(&hostile), (Some(format!("\\u{{1b}}{}…", "x".repeat(299))), None));
        assert_eq!(told(r#"{"event":"status","os":5}"#), (None, None));
    }

    #[test]
    fn reads_what_the_runner_writes() {
        assert_eq!(
            parse_line(br#"{"event":"stage","stage":"install"}"#),
            Some(Report::Stage { stage: "install".to_owned() })
        );
        assert_eq!(parse_line(br#"{"event":"booted"}"#), Some(Report::Booted));
        assert_eq!(parse_line(br#"{"event":"sealed"}"#), Some(Report::Sealed));
        assert_eq!(parse_line(br#"{"event":"warm"}"#), Some(Report::Warm));
        assert_eq!(
            parse_line(br#"{"event":"done","seconds":{"install":33.14}}"#),
            Some(Report::Done { stages: vec![("install".to_owned(), 331)], login: None, warnings: vec![] })
        );
        assert_eq!(
            parse_line(br#"{"event":"done","seconds":{},"login":"no\u001b key","warnings":["a\u001b",5]}"#),
            Some(Report::Done {
                stages: vec![],
                login: Some("no\\u{1b} key".to_owned()),
                warnings: vec!["a\\u{1b}".to_owned()],
            })
        );
        assert_eq!(
            parse_line(br#"{"event":"status","disk":7,"disk_path":"/","health":"ok"}"#),
            status(Some("ok"), Some(7), "/", None)
        );
        assert_eq!(parse_line(br#"{"event":"status","failed":"install"}"#), status(None, None, "", Some("install")));
        let failed = br#"{"event":"failed","module":"install","command":"apt-get install -y foo","code":100,"line":4,"tail":["E: no"]}"#;
        assert_eq!(
            parse_line(failed),
            Some(Report::Failed {
                module: "install".to_owned(),
                command: "apt-get install -y foo".to_owned(),
                code: 100,
                line: 4,
                tail: vec!["E: no".to_owned()],
            })
        );
    }

    #[test]
    fn survives_what_a_hostile_guest_writes() {
        for line in [
            "",
            "null",
            "[]",
            "{",
            "{\"event\":1}",
            "{\"event\":\"root\"}",
            "\u{0}",
            "{\"event\":{\"event\":\"done\"}}",
        ] {
            assert_eq!(parse_line(line.as_bytes()), None, "{line:?}");
        }
        assert_eq!(parse_line(&[0xff, 0xfe]), None);
        assert_eq!(parse_line(&vec![b' '; MAX_LINE + 1]), None);
        let deep = "[".repeat(MAX_LINE);
        assert_eq!(parse_line(deep.as_bytes()), None);
        let escape = r#"{"event":"failed","module":"\u001b[2J","command":5,"code":"x","tail":[1,"\u202ex",null]}"#;
        assert_eq!(
            parse_line(escape.as_bytes()),
            Some(Report::Failed {
                module: "\\u{1b}[2J".to_owned(),
                command: String::new(),
                code: 1,
                line: 0,
                tail: vec!["\\u{202e}x".to_owned()],
            })
        );
        let tags = r#"{"event":"stage","stage":"a\u00ad\u061c\ufff9\udb40\udc41"}"#;
        assert_eq!(
            parse_line(tags.as_bytes()),
            Some(Report::Stage { stage: "a\\u{ad}\\u{61c}\\u{fff9}\\u{e0041}".to_owned() })
        );
        for disk in ["101", "-1", "1e400", "99999999999999999999", "\"5\"", "[5]", "null", "5.5"] {
            let line = format!(r#"{{"event":"status","health":{{}},"disk":{disk},"disk_path":[],"failed":1}}"#);
            // No number is that large: the line as a whole is none.
            let seen = if disk == "1e400" { None } else { status(None, None, "", None) };
            assert_eq!(parse_line(line.as_bytes()), seen, "{disk}");
        }
        let spoofed = format!(r#"{{"event":"status","health":"ok\n{}","disk_path":"/\u001b]0;x"}}"#, "x".repeat(400));
        let cut = format!("ok\\n{}…", "x".repeat(297));
        assert_eq!(parse_line(spoofed.as_bytes()), status(Some(&cut), None, "/\\u{1b}]0;x", None));
        let long = format!(r#"{{"event":"stage","stage":"{}"}}"#, "é".repeat(100));
        assert_eq!(parse_line(long.as_bytes()), Some(Report::Stage { stage: format!("{}…", "é".repeat(64)) }));
    }
}
