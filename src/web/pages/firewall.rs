//! `/instances/NAME/firewall`: what is let in, and the forms that open and close.

use serde::Serialize;

use super::{
    super::{
        fault::Faults,
        form::Fields,
        frame::{At, Warnings},
        sheet::{Sheet, Wanted},
    },
    instance::{self, named},
    network::sources,
};
use crate::{
    app::{
        App, Caller,
        instance::{
            firewall::{self, Action, Refirewall},
            list,
        },
    },
    model::{Code, Error, NetworkMode, Result, Service, Unobserved},
    view::OpenService,
};

/// The page.
pub struct Firewall;

/// What it shows.
#[derive(Serialize)]
pub struct View {
    name: String,
    rules: Vec<OpenService>,
    /// The same, which a form sends back: one that was shown before another change is refused.
    seen: String,
    /// It is on a network of its own, where nothing knows which packets are answers.
    is_bridged: bool,
}

impl Sheet for Firewall {
    const AT: At = At::Instances;
    const TEMPLATE: &'static str = "firewall.html.j2";
    type View = View;

    fn title(name: &str) -> String {
        format!("Firewall of {name}")
    }

    fn back(name: &str, _: &Fields) -> String {
        instance::under(name, "firewall")
    }

    fn look(app: &App, caller: &Caller, name: &str, said: &mut Warnings) -> Result<View> {
        let rules = firewall::show(app, caller, &named(name)?, said)?.rules;
        let (rows, _) = list::cost(app, caller, &[], &mut Unobserved)?;
        let is_bridged = rows.iter().any(|row| row.name == name && row.network != NetworkMode::Nat);
        Ok(View { name: name.to_owned(), seen: OpenService::line(&rules), rules, is_bridged })
    }

    fn wanted(name: &str, fields: &Fields, faults: &mut Faults) -> Option<Wanted> {
        let name = faults.take("port", named(name));
        let action = match fields.text("action") {
            "close" => Action::Close,
            _ => Action::Open,
        };
        let services = match fields.text("port") {
            "" => Err(Error::new(Code::InvalidPort, "no port is given")
                .hint("such as `443`, `53/udp`, `8000-8010/tcp` or `icmp`")),
            text => text.split_whitespace().map(Service::parse).collect::<Result<Vec<_>>>(),
        };
        let services = faults.take("port", services);
        let sources = sources(fields, "sources", faults);
        let seen = fields.some("seen").map(str::to_owned);
        let (name, services, sources) = (name?, services?, sources?);
        let request = Refirewall { name, action, services, sources, seen, wait: false, dry_run: false };
        Some(Wanted::change(move |app, caller| firewall::accept(app, caller, &request, &mut Unobserved)))
    }
}
