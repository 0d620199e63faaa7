//! Documents of operations and of the host.

use super::*;

pub(super) fn documents_of_the_host(all: &mut Vec<(&'static str, Value)>) {
    let operation = || view::OperationRow {
        id: text("op-1"),
        kind: text("create"),
        resource: text("web"),
        resource_kind: ResourceKind::Instance,
        instance: Some(uuid::Uuid::nil()),
        state: text("failed"),
        actor: text("anna"),
        via: text("console"),
        started_at: now(),
        milliseconds: Some(1),
        error: Some(text("x")),
        error_code: None,
    };
    add(all, "`operations`", &view::OperationsDocument { operations: &[operation()] });
    let step = view::StepView { name: text("seed"), state: text("done"), error: Some(text("x")) };
    let shown = view::OperationView {
        row: operation(),
        stage: Some(text("image")),
        note: Some(text("download")),
        done_bytes: Some(1),
        total_bytes: Some(2),
        steps: vec![step],
    };
    add(all, "`operations show`", &view::OperationsDocument { operations: &[shown] });
    let check = view::CheckView {
        name: text("libvirt"),
        verdict: view::Verdict::Ok,
        sentence: text("x"),
        fix: Some(Hint::from("x")),
    };
    add(all, "`doctor`", &view::DoctorDocument::of(&[check]));
    let audit = view::AuditView {
        findings: vec![view::FindingView {
            kind: text("orphan"),
            subject: text("x"),
            problem: text("x"),
            fix: Hint::from("x"),
        }],
        unknown: vec![view::UnknownView::of("domains", &failure())],
        scanned: vec![("domains", 1)],
        exit_code: 1,
    };
    add(all, "`doctor --audit`", &audit.document());
    add(all, "`watch --install`", &view::UnitView { unit: "lite-watch.service".into() });
}
