//! `lite publish` and `lite unpublish`.

use ipnet::IpNet;

use crate::{
    model::{ApplicationUrl, Port, Result},
    ui::{Cell, Column, Table, Ui},
    view::PublishedView,
};

/// Prints what leads to some instances, and on stderr what the world may still need.
pub fn print_published(ui: &Ui, view: &PublishedView) -> Result<()> {
    if ui.json {
        return ui.document(view);
    }
    let name = &view.name;
    match view.application_url {
        Some(ApplicationUrl::Unsupported) => {
            ui.status(&format!("the application of `{name}` is not told of it: its blueprint has no part `published`"))
        }
        Some(ApplicationUrl::AtNextBoot) => {
            ui.status(&format!("the application of `{name}` is told of it at the next boot"))
        }
        Some(ApplicationUrl::Configured) | None => {}
    }
    if view.published.is_empty() && view.sites.is_empty() {
        ui.status(&format!("nothing is published of `{}`", view.name));
        return Ok(());
    }
    let mut table = Table::new(["HOST", "PORT", "FROM"].map(Column::left));
    for site in &view.sites {
        table.row([Cell::from(site), Cell::from(site.guest_port), Cell::from(from(&site.sources))]);
    }
    for publication in &view.published {
        let from = from(&publication.sources);
        table.row([Cell::from(publication.end()), Cell::from(publication.guest_port), Cell::from(from)]);
    }
    ui.table(&table)?;
    for publication in &view.unanswered {
        let port = Port { number: publication.guest_port, protocol: publication.protocol };
        ui.status(&format!("`{}` does not answer at `{port}` yet: nothing listens there, or it is off", view.name));
    }
    if view.published.is_empty() {
        return print_router(ui, view, "80 and 443");
    }
    ui.status("ufw and firewalld on this host do not stop what is published: `--from` limits who comes in");
    print_router(ui, view, if view.sites.is_empty() { "the port" } else { "the ports, 80 and 443 too," })
}

fn print_router(ui: &Ui, view: &PublishedView, ports: &str) -> Result<()> {
    if let Some(address) = view.host_address.filter(|_| view.is_behind_router()) {
        ui.status(&format!(
            "{address} is a private address: for the world to come in, forward {ports} in your router to it"
        ));
    }
    Ok(())
}

fn from(sources: &[IpNet]) -> String {
    let all: Vec<String> = sources.iter().map(ToString::to_string).collect();
    if all.is_empty() { "anywhere".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::print_published;
    use crate::{
        model::{Name, Protocol, Publication, source},
        ui::testing::Capture,
        view::PublishedView,
    };

    #[test]
    fn a_publication_is_a_line_and_a_private_address_is_said() {
        let name = Name::parse("web").unwrap();
        let publication = Publication {
            address: None,
            port: 8080,
            protocol: Protocol::Tcp,
            guest_port: 80,
            sources: vec![source("192.0.2.0/24").unwrap()],
        };
        let printed = |published, address: [u8; 4]| {
            let capture = Capture::default();
            print_published(&capture.ui(), &PublishedView::new(&name, published, Some(address.into()))).unwrap();
            (capture.stdout(), capture.stderr())
        };
        let table = "HOST      PORT  FROM\n8080/tcp  80    192.0.2.0/24\n".to_owned();
        let capture = Capture::default();
        let silent = PublishedView {
            unanswered: vec![publication.clone()],
            ..PublishedView::new(&name, vec![publication.clone()], None)
        };
        print_published(&capture.ui(), &silent).unwrap();
        let open = "ufw and firewalld on this host do not stop what is published: `--from` limits who comes in\n";
        assert_eq!(printed(vec![publication.clone()], [203, 0, 113, 7]), (table.clone(), open.to_owned()));
        let yet = "`web` does not answer at `80/tcp` yet: nothing listens there, or it is off\n";
        assert_eq!(capture.stderr(), format!("{yet}{open}"));
        let router = "10.0.0.2 is a private address: for the world to come in, forward the port in your router to it\n";
        assert_eq!(printed(vec![publication], [10, 0, 0, 2]), (table, format!("{open}{router}")));
        assert_eq!(printed(vec![], [10, 0, 0, 2]), (String::new(), "nothing is published of `web`\n".to_owned()));
    }
}
