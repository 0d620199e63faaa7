//! `lite doctor`.

use serde::Serialize;

use crate::{
    model::Result,
    ui::{SCHEMA, Tone, Ui, clean, display_width},
};

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, but worth a look.
    Warn,
    /// Does not work.
    Fail,
}

impl Verdict {
    fn shown(self) -> (&'static str, Tone) {
        match self {
            Self::Ok => ("ok  ", Tone::Good),
            Self::Warn => ("warn", Tone::Warn),
            Self::Fail => ("fail", Tone::Bad),
        }
    }
}

/// One check of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckView {
    /// Name of the check.
    pub name: String,
    /// Its result.
    pub verdict: Verdict,
    /// One sentence.
    pub sentence: String,
    /// What puts it right, if something is wrong: a command, or what to do.
    pub fix: Option<String>,
}

#[derive(Serialize)]
struct DoctorJson<'a> {
    schema: u32,
    verdict: Verdict,
    checks: &'a [CheckView],
}

/// Prints the checks, one a line with its fix below it; the exit code is 1 if one failed.
pub fn print_doctor(ui: &Ui, checks: &[CheckView]) -> Result<u8> {
    let worst = checks.iter().map(|c| c.verdict).max().unwrap_or(Verdict::Ok);
    if ui.json {
        ui.json(&DoctorJson { schema: SCHEMA, verdict: worst, checks })?;
    } else {
        let width = checks.iter().map(|c| display_width(&clean(&c.name))).max().unwrap_or(0);
        let mut out = String::new();
        for check in checks {
            let (word, tone) = check.verdict.shown();
            let name = clean(&check.name);
            let pad = " ".repeat(width - display_width(&name));
            out.push_str(&format!("{}  {name}{pad}  {}\n", tone.paint(word, ui.color()), clean(&check.sentence)));
            if let Some(fix) = &check.fix {
                out.push_str(&format!("      {} {}\n", Tone::Hint.paint("fix:", ui.color()), clean(fix)));
            }
        }
        ui.data(&out)?;
    }
    let count = |v| checks.iter().filter(|c| c.verdict == v).count();
    ui.status(&format!(
        "{} checks: {} ok, {} warn, {} fail",
        checks.len(),
        count(Verdict::Ok),
        count(Verdict::Warn),
        count(Verdict::Fail)
    ));
    Ok(u8::from(worst == Verdict::Fail))
}

/// One change of `--fix`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FixView {
    /// The check it is for.
    pub name: String,
    /// What is changed.
    pub change: String,
    /// How to undo it.
    pub undo: String,
    /// Why it did not work, if it did not; none also in a dry run.
    pub error: Option<String>,
}

/// Says what `--fix` changes, and how to undo it. On stderr: the checks after it are the data.
pub fn print_fixes(ui: &Ui, fixes: &[FixView]) {
    for fix in fixes {
        ui.status(&format!("fix   {}: {}", fix.name, fix.change));
        match &fix.error {
            None => ui.status(&format!("      undo: {}", fix.undo)),
            Some(error) => ui.warn(&format!("{}: {error}", fix.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CheckView, FixView, Verdict, print_doctor, print_fixes};
    use crate::ui::{Ui, testing::Capture};

    fn checks() -> Vec<CheckView> {
        let check = |name: &str, verdict, sentence: &str, fix: Option<&str>| CheckView {
            name: name.to_owned(),
            verdict,
            sentence: sentence.to_owned(),
            fix: fix.map(str::to_owned),
        };
        vec![
            check("libvirt", Verdict::Ok, "libvirt 11.3.0 answers", None),
            check(
                "acceleration",
                Verdict::Warn,
                "no KVM: guests are slow",
                Some("enable virtualisation in the firmware"),
            ),
            check("pool", Verdict::Fail, "there is no pool `lite`", Some("lite doctor --fix")),
        ]
    }

    #[test]
    fn a_line_and_a_fix() {
        let capture = Capture::default();
        assert_eq!(print_doctor(&capture.ui(), &checks()), Ok(1));
        let wanted = "ok    libvirt       libvirt 11.3.0 answers\n\
                      warn  acceleration  no KVM: guests are slow\n\
                      \x20     fix: enable virtualisation in the firmware\n\
                      fail  pool          there is no pool `lite`\n\
                      \x20     fix: lite doctor --fix\n";
        assert_eq!(capture.stdout(), wanted);
        assert_eq!(capture.stderr(), "3 checks: 1 ok, 1 warn, 1 fail\n");
        assert_eq!(print_doctor(&Ui { quiet: true, ..capture.ui() }, &checks()[..2]), Ok(0));
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_doctor(&Ui { json: true, ..capture.ui() }, &checks()[1..2]), Ok(0));
        let wanted = serde_json::json!({"schema": 1, "verdict": "warn", "checks": [{
            "name": "acceleration", "verdict": "warn", "sentence": "no KVM: guests are slow", "fix": "enable virtualisation in the firmware",
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }

    #[test]
    fn a_fix_says_how_to_undo_it() {
        let fix = |error: Option<&str>| FixView {
            name: "pool".to_owned(),
            change: "make the pool `lite`".to_owned(),
            undo: "virsh pool-undefine lite".to_owned(),
            error: error.map(str::to_owned),
        };
        let capture = Capture::default();
        print_fixes(&capture.ui(), &[fix(None), fix(Some("no space left"))]);
        let wanted = "fix   pool: make the pool `lite`\n      undo: virsh pool-undefine lite\n\
                      fix   pool: make the pool `lite`\nwarning: pool: no space left\n";
        assert_eq!((capture.stdout().as_str(), capture.stderr().as_str()), ("", wanted));
    }
}
