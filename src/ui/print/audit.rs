//! `lite doctor --audit`.

use crate::{
    model::Result,
    ui::{Tone, Ui, clean, display_width},
    view::AuditView,
};

/// Prints one line for each finding and for each part that is unknown, and `clean` if there is neither.
pub fn print_audit(ui: &Ui, audit: &AuditView) -> Result<()> {
    if ui.json {
        return ui.document(&audit.document());
    }
    let looked = audit.scanned.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ");
    if audit.verdict() == "clean" {
        return ui.data(&format!("{}  {looked}\n", Tone::Good.paint("clean", ui.color())));
    }
    let words = audit.findings.iter().map(|f| f.kind.as_str()).chain(audit.unknown.iter().map(|_| "unknown"));
    let width = words.map(display_width).max().unwrap_or(0);
    let line = |tone: Tone, word: &str, text: String| {
        format!("{}  {text}\n", tone.paint(&format!("{:width$}", clean(word)), ui.color()))
    };
    let mut out = String::new();
    for f in &audit.findings {
        let text = format!("{}: {}; {}", clean(&f.subject), clean(&f.problem), clean(&f.fix));
        out.push_str(&line(Tone::Bad, &f.kind, text));
    }
    for u in &audit.unknown {
        out.push_str(&line(Tone::Warn, "unknown", format!("{}: {}", clean(&u.area), clean(&u.message))));
    }
    ui.data(&out)?;
    let counts = [(audit.findings.len(), "findings"), (audit.unknown.len(), "unknown")];
    let counts = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    ui.status(&format!("{}; looked at {looked}", counts.collect::<Vec<_>>().join(", ")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::print_audit;
    use crate::view::{AuditView, FindingView, UnknownView};
    use crate::{
        model::{Code, Error, Hint, Verb},
        ui::{Ui, testing::Capture},
    };

    fn finding(kind: &str) -> FindingView {
        FindingView {
            kind: kind.to_owned(),
            subject: "instance `web`".to_owned(),
            problem: "its domain is gone".to_owned(),
            fix: Hint::new().run_with(Verb::Delete, &[&"web"]),
        }
    }

    fn audit(findings: Vec<FindingView>, unknown: Vec<UnknownView>) -> AuditView {
        AuditView { findings, unknown, scanned: vec![("instances", 2), ("domains", 3)], exit_code: 1 }
    }

    fn shown(audit: &AuditView) -> (String, String) {
        let capture = Capture::default();
        assert_eq!(print_audit(&capture.ui(), audit), Ok(()));
        (capture.stdout(), capture.stderr())
    }

    #[test]
    fn clean_says_what_was_looked_at() {
        let wanted = ("clean  2 instances, 3 domains\n".to_owned(), String::new());
        assert_eq!(shown(&audit(vec![], vec![])), wanted);
    }

    #[test]
    fn a_line_for_each_finding_and_never_clean_when_something_is_unknown() {
        let unknown = UnknownView::of("volumes", &Error::new(Code::Internal, "libvirt did not answer").cause("gone"));
        let wanted = "missing  instance `web`: its domain is gone; `lite delete web`\n\
                      unknown  volumes: libvirt did not answer: gone\n";
        let status = "1 findings, 1 unknown; looked at 2 instances, 3 domains\n";
        assert_eq!(shown(&audit(vec![finding("missing")], vec![unknown.clone()])), (wanted.into(), status.into()));
        assert_eq!(shown(&audit(vec![], vec![unknown])).0, "unknown  volumes: libvirt did not answer: gone\n");
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        let unknown = UnknownView::of("volumes", &Error::new(Code::Internal, "no answer"));
        let all = audit(vec![finding("missing")], vec![unknown]);
        assert_eq!(print_audit(&Ui { json: true, ..capture.ui() }, &all), Ok(()));
        let wanted = serde_json::json!({
            "schema": 2, "verdict": "unknown", "scanned": {"domains": 3, "instances": 2},
            "findings": [{"kind": "missing", "subject": "instance `web`", "problem": "its domain is gone", "fix": "`lite delete web`"}],
            "unknown": [{"area": "volumes", "code": "internal", "message": "no answer"}],
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
        assert_eq!(capture.stderr(), "");
    }
}
