//! `lite lb`.

use super::{or_dash, time_text};
use crate::{
    model::{CertificateState, Result},
    ui::{Block, Cell, Column, Table, Ui},
    view::{LoadBalancerView, LoadBalancersDocument, TargetView},
};

/// Prints load balancers, a line each.
pub fn print_load_balancers(ui: &Ui, views: &[LoadBalancerView]) -> Result<()> {
    if ui.json {
        return ui.document(&LoadBalancersDocument { load_balancers: views });
    }
    if views.is_empty() {
        ui.hint("there are no load balancers: `lite lb create shop` makes one");
        return Ok(());
    }
    let heads = ["LOAD BALANCER", "REACHED AT", "PORT", "HEALTHY", "INSTANCES"];
    let mut table = Table::new(heads.map(Column::left));
    for view in views {
        let names: Vec<&str> = view.targets.iter().map(|target| target.name.as_str()).collect();
        table.row([
            Cell::from(&view.name),
            Cell::from(view.urls.join(", ")),
            Cell::from(view.instance_port),
            Cell::from(format!("{} of {}", view.healthy(), view.targets.len())),
            Cell::from(or_dash((!names.is_empty()).then(|| names.join(", ")))),
        ]);
    }
    ui.table(&table)
}

/// Prints a load balancer in full.
pub fn print_load_balancer(ui: &Ui, view: &LoadBalancerView) -> Result<()> {
    if ui.json {
        return ui.document(&LoadBalancersDocument { load_balancers: std::slice::from_ref(view) });
    }
    let certificate = view.certificate.map(|state| match (state, view.valid_until, &view.error) {
        (_, _, Some(error)) => format!("{}: {error}", state.as_str()),
        (CertificateState::Issued, Some(until), None) => format!("valid until {}", time_text(until)),
        (state, _, None) => state.as_str().to_owned(),
    });
    let mut block = Block::new();
    block
        .row("NAME", &view.name)
        .row("REACHED AT", view.urls.join(", "))
        .row("PORT", view.instance_port)
        .row("HEALTH CHECK", format!("GET {}", view.health_path))
        .row("STICKY", if view.sticky { "yes" } else { "no" })
        .maybe("CERTIFICATE", certificate)
        .row("CREATED", time_text(view.created_at));
    for target in &view.targets {
        block.row("INSTANCE", target_text(target));
    }
    ui.data(&block.render(ui.color()))
}

/// `web-1 192.168.150.10 unhealthy: it answers with status 503`.
fn target_text(target: &TargetView) -> String {
    let reason = target.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{} {} {}{reason}", target.name, or_dash(target.address), target.state.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::TargetState, ui::testing::Capture};

    fn view(targets: Vec<TargetView>) -> LoadBalancerView {
        LoadBalancerView {
            id: uuid::Uuid::nil(),
            name: "shop".to_owned(),
            domain: None,
            listen: Some(8080),
            urls: vec!["http://192.0.2.7:8080/".to_owned()],
            instance_port: 80,
            health_path: "/health".to_owned(),
            sticky: true,
            certificate: None,
            valid_until: None,
            error: None,
            targets,
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
        }
    }

    fn two() -> Vec<TargetView> {
        let target = |name: &str, state, reason: Option<&str>| TargetView {
            name: name.to_owned(),
            address: Some([192, 168, 150, 10].into()),
            state,
            reason: reason.map(str::to_owned),
        };
        vec![
            target("web-1", TargetState::Healthy, None),
            target("web-2", TargetState::Unhealthy, Some("it answers with status 503")),
        ]
    }

    #[test]
    fn a_load_balancer_is_a_line_or_a_block() {
        let listed = |views: &[LoadBalancerView]| {
            let capture = Capture::default();
            print_load_balancers(&capture.ui(), views).unwrap();
            capture.stdout()
        };
        let head = "LOAD BALANCER  REACHED AT              PORT  HEALTHY  INSTANCES\n";
        let line = |rest: &str| format!("{head}shop           http://192.0.2.7:8080/  80    {rest}\n");
        assert_eq!(listed(&[view(two())]), line("1 of 2   web-1, web-2"));
        assert_eq!(listed(&[view(vec![])]), line("0 of 0   -"));
        assert_eq!(listed(&[]), "");
        let capture = Capture::default();
        print_load_balancer(&capture.ui(), &view(two())).unwrap();
        let block = "NAME          shop\nREACHED AT    http://192.0.2.7:8080/\nPORT          80\n\
                     HEALTH CHECK  GET /health\nSTICKY        yes\nCREATED       2026-03-01T10:20:30Z\n\
                     INSTANCE      web-1 192.168.150.10 healthy\n\
                     INSTANCE      web-2 192.168.150.10 unhealthy: it answers with status 503\n";
        assert_eq!(capture.stdout(), block);
    }
}
