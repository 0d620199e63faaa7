//! `lite doctor`.

use crate::{
    model::Result,
    ui::{Tone, Ui, clean, display_width},
    view::{CheckView, DoctorDocument, FixView, Verdict},
};

fn shown(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Ok => ("ok  ", Tone::Good),
        Verdict::Warn => ("warn", Tone::Warn),
        Verdict::Fail => ("fail", Tone::Bad),
    }
}

/// Prints the checks, one a line with its fix below it; the exit code is 1 if one failed.
pub fn print_doctor(ui: &Ui, checks: &[CheckView]) -> Result<u8> {
    let document = DoctorDocument::of(checks);
    if ui.json {
        ui.document(&document)?;
    } else {
        let width = checks.iter().map(|c| display_width(&clean(&c.name))).max().unwrap_or(0);
        let mut out = String::new();
        for check in checks {
            let (word, tone) = shown(check.verdict);
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
    Ok(u8::from(document.verdict == Verdict::Fail))
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
    use super::{print_doctor, print_fixes};
    use crate::ui::{Ui, testing::Capture};
    use crate::view::{CheckView, FixView, Verdict};

    fn checks() -> Vec<CheckView> {
        let check = |name: &str, verdict, sentence: &str, fix: Option<&str>| CheckView {
            name: name.to_owned(),
            verdict,
            sentence: sentence.to_owned(),
            fix: fix.map(crate::model::Hint::from),
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
        let wanted = serde_json::json!({"schema": 2, "verdict": "warn", "checks": [{
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
