//! The report channel's lines: JSON that the guest writes to the virtio port `org.lite.report`.
//!
//! The guest is untrusted: lines are cut, control characters removed, and whatever does not fit is ignored.

use serde::Deserialize;

/// Longest line parsed, bytes.
const MAX_LINE: usize = 32 << 10;
/// Most lines of output kept of a failure, and characters of each.
const MAX_TAIL: usize = 20;
const MAX_TEXT: usize = 400;

/// Something the guest said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A part of the set-up began.
    Stage(String),
    /// The set-up failed.
    Failed(Failure),
    /// The set-up is done; on later boots: the boot is.
    Done,
}

/// Why a set-up failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// cloud-init module or part of the blueprint: `package_update_upgrade_install`, `install`, `configure`, `runcmd`.
    pub module: String,
    /// The command that failed, if it is known.
    pub command: Option<String>,
    /// Its exit code.
    pub code: Option<i64>,
    /// The last lines of output.
    pub tail: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    event: String,
    #[serde(default)]
    stage: Option<String>,
    #[serde(default)]
    module: Option<String>,
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    code: Option<i64>,
    #[serde(default)]
    tail: Vec<String>,
}

/// Reads one line; none if it is not a report.
pub fn parse_line(line: &[u8]) -> Option<Report> {
    if line.len() > MAX_LINE {
        return None;
    }
    let line: Line = serde_json::from_slice(line).ok()?;
    match line.event.as_str() {
        "stage" => Some(Report::Stage(tidy(&line.stage?))),
        "done" => Some(Report::Done),
        "failed" => Some(Report::Failed(Failure {
            module: line.module.as_deref().map_or_else(|| "unknown".to_owned(), tidy),
            command: line.command.as_deref().map(tidy).filter(|c| !c.is_empty()),
            code: line.code,
            tail: line.tail.iter().rev().take(MAX_TAIL).rev().map(|l| tidy(l)).collect(),
        })),
        _ => None,
    }
}

fn tidy(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_guest_reports() {
        assert_eq!(parse_line(br#"{"event":"stage","stage":"install"}"#), Some(Report::Stage("install".into())));
        assert_eq!(parse_line(br#"{"event":"done"}"#), Some(Report::Done));
        let failed = br#"{"event":"failed","module":"install","command":"apt-get x","code":100,"tail":["a\u001b[1m","b"]}"#;
        assert_eq!(
            parse_line(failed),
            Some(Report::Failed(Failure {
                module: "install".into(),
                command: Some("apt-get x".into()),
                code: Some(100),
                tail: vec!["a [1m".into(), "b".into()],
            }))
        );
    }

    #[test]
    fn ignores_what_is_none() {
        let long = [b'x'; MAX_LINE + 1];
        for line in [&b""[..], b"{}", b"[1]", b"\xff\xfe", br#"{"event":"stage"}"#, br#"{"event":"other"}"#, &long] {
            assert_eq!(parse_line(line), None);
        }
    }
}
