//! `lite blueprints` and its `show`.

use super::{or_dash, ports_text};
use crate::{
    model::Result,
    ui::{Block, Cell, Column, Table, Ui},
    view::{BlueprintView, BlueprintsDocument, VerifiedView},
};

fn sentence(verified: &VerifiedView) -> String {
    let base = &verified.base;
    match (verified.how.as_str(), verified.date) {
        ("boot", Some(date)) => format!("booted on {base} on {date}"),
        ("changed", Some(date)) => format!("booted on {base} on {date}, changed since"),
        _ => format!("rendered for {base}"),
    }
}

/// Prints the blueprints.
pub fn print_blueprints(ui: &Ui, views: &[BlueprintView]) -> Result<()> {
    if ui.json {
        return ui.document(&BlueprintsDocument { blueprints: views });
    }
    let columns = ["BLUEPRINT", "GROUP", "VERSION", "VERIFIED", "FROM"]
        .map(Column::left)
        .into_iter()
        .chain([Column::flexible("TITLE")]);
    let mut table = Table::new(columns.collect::<Vec<_>>());
    for view in views {
        let cells: [Cell; 6] = [
            (&view.id).into(),
            (&view.group).into(),
            (&view.version).into(),
            or_dash(view.verified.first().map(|v| &v.how)).into(),
            or_dash(view.smallest_bundle.as_ref()).into(),
            (&view.title).into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

/// Prints blueprints in full.
pub fn print_blueprint(ui: &Ui, views: &[BlueprintView]) -> Result<()> {
    if ui.json {
        return print_blueprints(ui, views);
    }
    let blocks: Vec<String> = views.iter().map(|view| block(view).render(ui.color())).collect();
    ui.data(&blocks.join("\n"))
}

fn block(view: &BlueprintView) -> Block {
    let mut block = Block::new();
    block
        .row("BLUEPRINT", format!("{} {}", view.id, view.version))
        .row("TITLE", &view.title)
        .row("GROUP", &view.group)
        .row("BASES", view.bases.join(", "))
        .row("NEEDS", format!("{} of memory, {} of disk", view.min_memory, view.min_disk))
        .row("FROM", or_dash(view.smallest_bundle.as_ref()))
        .row("PORTS", or_dash((!view.ports.is_empty()).then(|| ports_text(&view.ports))))
        .row("HEALTH", or_dash(view.health.as_ref()));
    for (nth, p) in view.parameters.iter().enumerate() {
        let default = p.default.as_ref().map_or("must be set".to_owned(), |d| format!("default `{d}`"));
        block.row(if nth == 0 { "SET" } else { "" }, format!("{}: {} ({default})", p.name, p.description));
    }
    for (nth, v) in view.verified.iter().enumerate() {
        block.row(if nth == 0 { "VERIFIED" } else { "" }, sentence(v));
    }
    block.maybe("SECRETS", (!view.secrets.is_empty()).then(|| view.secrets.join(", ")));
    for (nth, line) in view.description.lines().enumerate() {
        block.row(if nth == 0 { "ABOUT" } else { "" }, line);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::{print_blueprint, print_blueprints};
    use crate::view::{BlueprintView, ParameterView, VerifiedView};
    use crate::{
        model::{Port, Size},
        ui::{Ui, testing::Capture},
    };

    fn views() -> Vec<BlueprintView> {
        let view = |id: &str, group: &str, title: &str| BlueprintView {
            id: id.to_owned(),
            group: group.to_owned(),
            version: "1".to_owned(),
            title: title.to_owned(),
            description: "One line.\nAnother.".to_owned(),
            bases: vec!["debian-13".to_owned(), "debian-12".to_owned()],
            min_memory: Size::mib(512),
            min_disk: Size::mib(5 << 10),
            smallest_bundle: Some("nano".to_owned()),
            ports: ["22/tcp", "80/tcp"].iter().flat_map(|p| Port::parse(p)).collect(),
            parameters: vec![
                ParameterView {
                    name: "title".to_owned(),
                    description: "heading of the page".to_owned(),
                    default: Some("Hi".to_owned()),
                },
                ParameterView { name: "mail".to_owned(), description: "address".to_owned(), default: None },
            ],
            secrets: vec!["admin".to_owned()],
            verified: vec![
                VerifiedView {
                    base: "debian-13".to_owned(),
                    how: "boot".to_owned(),
                    date: Some(jiff::civil::date(2026, 11, 24)),
                    image: Some("ab12".to_owned()),
                    seconds: Some(70),
                },
                VerifiedView {
                    base: "debian-12".to_owned(),
                    how: "render".to_owned(),
                    date: None,
                    image: None,
                    seconds: None,
                },
            ],
            health: Some("port 80 accepts".to_owned()),
            user: "debian".to_owned(),
        };
        vec![view("debian-13", "os", "Debian 13"), view("nginx", "app", "nginx web server")]
    }

    #[test]
    fn a_listing() {
        let capture = Capture::default();
        assert_eq!(print_blueprints(&capture.ui(), &views()), Ok(()));
        let wanted = "BLUEPRINT  GROUP  VERSION  VERIFIED  FROM  TITLE\n\
                      debian-13  os     1        boot      nano  Debian 13\n\
                      nginx      app    1        boot      nano  nginx web server\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn one_in_full() {
        let capture = Capture::default();
        assert_eq!(print_blueprint(&capture.ui(), &views()[1..]), Ok(()));
        let wanted = "BLUEPRINT    nginx 1\n\
                      TITLE        nginx web server\n\
                      GROUP        app\n\
                      BASES        debian-13, debian-12\n\
                      NEEDS        512 MiB of memory, 5 GiB of disk\n\
                      FROM         nano\n\
                      PORTS        22/tcp, 80/tcp\n\
                      HEALTH       port 80 accepts\n\
                      SET          title: heading of the page (default `Hi`)\n\
                      \x20            mail: address (must be set)\n\
                      VERIFIED     booted on debian-13 on 2026-11-24\n\
                      \x20            rendered for debian-12\n\
                      SECRETS      admin\n\
                      ABOUT        One line.\n\
                      \x20            Another.\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_blueprint(&Ui { json: true, ..capture.ui() }, &views()[1..]), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "blueprints": [{
            "id": "nginx", "group": "app", "version": "1", "title": "nginx web server", "description": "One line.\nAnother.",
            "bases": ["debian-13", "debian-12"], "min_memory_bytes": 536_870_912_u64, "min_disk_bytes": 5_368_709_120_u64,
            "smallest_bundle": "nano", "ports": ["22/tcp", "80/tcp"], "secrets": ["admin"], "health": "port 80 accepts",
            "parameters": [
                {"name": "title", "description": "heading of the page", "default": "Hi"},
                {"name": "mail", "description": "address", "default": null},
            ],
            "verified": [
                {"base": "debian-13", "how": "boot", "date": "2026-11-24", "image": "ab12", "seconds": 70},
                {"base": "debian-12", "how": "render", "date": null, "image": null, "seconds": null},
            ],
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
