//! `lite firewall`.

use crate::{
    model::Result,
    ui::{Cell, Column, Table, Ui},
    view::FirewallView,
};

/// Prints what the firewall of an instance lets in.
pub fn print_firewall(ui: &Ui, view: &FirewallView) -> Result<()> {
    if ui.json {
        return ui.document(view);
    }
    if view.rules.is_empty() {
        ui.status(&format!("`{}` lets nothing in", view.name));
        return Ok(());
    }
    let mut table = Table::new(["OPEN", "FROM"].map(Column::left));
    for rule in &view.rules {
        table.row([Cell::from(rule.service), Cell::from(rule.from())]);
    }
    ui.table(&table)
}

#[cfg(test)]
mod tests {
    use super::print_firewall;
    use crate::{
        model::{Name, Rule, Rules},
        ui::{Ui, testing::Capture},
        view::FirewallView,
    };

    #[test]
    fn a_service_is_a_line() {
        let rules = ["80/tcp from 192.0.2.0/24", "22/tcp", "80/tcp from 2001:db8::/32", "icmp"];
        let rules: Rules = rules.iter().map(|rule| Rule::try_from((*rule).to_owned()).unwrap()).collect();
        let view = |rules: &Rules| FirewallView::new(&Name::parse("web").unwrap(), rules);
        let capture = Capture::default();
        assert_eq!(print_firewall(&capture.ui(), &view(&rules)), Ok(()));
        let wanted = "OPEN    FROM\n22/tcp  anywhere\n80/tcp  192.0.2.0/24, 2001:db8::/32\nicmp    anywhere\n";
        assert_eq!(capture.stdout(), wanted);
        let capture = Capture::default();
        assert_eq!(print_firewall(&capture.ui(), &view(&Rules::new())), Ok(()));
        assert_eq!((&*capture.stdout(), &*capture.stderr()), ("", "`web` lets nothing in\n"));
        let capture = Capture::default();
        assert_eq!(print_firewall(&Ui { json: true, ..capture.ui() }, &view(&rules)), Ok(()));
        let json: serde_json::Value = serde_json::from_str(&capture.stdout()).unwrap();
        let open = serde_json::json!({ "service": "80/tcp", "sources": ["192.0.2.0/24", "2001:db8::/32"] });
        assert_eq!((&json["name"], &json["rules"][1]), (&"web".into(), &open));
    }
}
