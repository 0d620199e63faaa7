//! What the firewall of an instance lets in.

use ipnet::IpNet;

use crate::{
    app::{Accepted, App, Caller, Right, scope::Target},
    engine::{Ctx, sagas::firewall},
    model::{Code, Error, Hint, MOST_RULES, Name, Observer, Result, Rule, Rules, Service, Verb, escaped},
    store::instances::no_such_instance,
    view::{FirewallView, OpenService},
};

/// What is done with the services of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// They are let in too.
    Open,
    /// They are not let in any more.
    Close,
    /// They alone are let in.
    Set,
}

/// A change of what is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refirewall {
    /// The instance.
    pub name: Name,
    /// What is done.
    pub action: Action,
    /// With these.
    pub services: Vec<Service>,
    /// From where; empty: from anywhere.
    pub sources: Vec<IpNet>,
    /// What was let in when whoever asks looked, as [`OpenService::line`] has it: refused where it is something else by now.
    pub seen: Option<String>,
    /// Wait while something else works on the instance.
    pub wait: bool,
    /// Say what would be, and change nothing.
    pub dry_run: bool,
}

/// What the firewall of an instance lets in.
///
/// # Errors
/// There is no such instance.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<FirewallView> {
    app.authorise(caller, Right::Read, Target::instance(name))?;
    let store = app.store(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    Ok(FirewallView::new(name, &store.require(name)?.record.rules()))
}

/// Changes what is let in; gives the rules there are then. Connections of what is closed end.
///
/// # Errors
/// Those of [`accept`], and of what fails then.
pub fn change(app: &App, caller: &Caller, request: &Refirewall, observer: &mut dyn Observer) -> Result<FirewallView> {
    if !request.dry_run {
        return accept(app, caller, request, observer)?.run(observer);
    }
    app.authorise(caller, Right::Change, Target::instance(&request.name))?;
    let ctx = app.change(caller, request.wait, observer)?;
    let rules = wanted(request, &ctx.store.require(&request.name)?.record.rules())?;
    Ok(FirewallView::new(&request.name, &rules))
}

/// Accepts a change.
///
/// # Errors
/// Refused, or busy. Nothing is changed then.
pub fn accept(
    app: &App,
    caller: &Caller,
    request: &Refirewall,
    observer: &mut dyn Observer,
) -> Result<Accepted<FirewallView>> {
    app.authorise(caller, Right::Change, Target::instance(&request.name))?;
    let ctx = app.change(caller, request.wait, observer)?;
    accept_in(ctx, &request.name, &|rules| wanted(request, rules))
}

fn accept_in(mut ctx: Ctx, name: &Name, wanted: &dyn Fn(&Rules) -> Result<Rules>) -> Result<Accepted<FirewallView>> {
    let instance = ctx.store.require(name)?;
    let accepted = firewall::accept(&mut ctx, &instance, wanted)?;
    let name = name.clone();
    let Some(accepted) = accepted else {
        return Ok(Accepted::without_operation(move |_| {
            Ok(FirewallView::new(&name, &ctx.store.require(&name)?.record.rules()))
        }));
    };
    Ok(Accepted::new(accepted.operation.clone(), move |_| {
        firewall::run(&mut ctx, accepted)?;
        Ok(FirewallView::new(&name, &ctx.store.require(&name)?.record.rules()))
    }))
}

/// Accepts that these rules alone are there.
///
/// # Errors
/// Refused, or busy. Nothing is changed then.
pub fn replace(
    app: &App,
    caller: &Caller,
    (name, rules): (&Name, Rules),
    observer: &mut dyn Observer,
) -> Result<Accepted<FirewallView>> {
    app.authorise(caller, Right::Change, Target::instance(name))?;
    bounded(name, rules.clone())?;
    let ctx = app.change(caller, false, observer)?;
    accept_in(ctx, name, &|_| Ok(rules.clone()))
}

/// The rules after the change.
fn wanted(request: &Refirewall, now: &Rules) -> Result<Rules> {
    if let Some(seen) = &request.seen {
        refuse_stale(&request.name, seen, &OpenService::line(&OpenService::all(now)))?;
    }
    let mut rules = if request.action == Action::Set { Rules::new() } else { now.clone() };
    for service in &request.services {
        match request.action {
            Action::Close => close(request, *service, &mut rules)?,
            Action::Open | Action::Set => open(request, *service, &mut rules)?,
        }
    }
    bounded(&request.name, rules)
}

/// Refused: a change of what is not there any more.
fn refuse_stale(name: &Name, seen: &str, now: &str) -> Result<()> {
    if seen == now {
        return Ok(());
    }
    let text = format!("the firewall of instance `{name}` was changed since this was asked for");
    Err(Error::new(Code::Busy, text)
        .cause(format!("let in was then: {}", escaped(seen)))
        .cause(format!("let in is now: {now}"))
        .hint("look at what is let in now, and ask again if it is still wanted"))
}

/// Not more rules than an instance has.
fn bounded(name: &Name, rules: Rules) -> Result<Rules> {
    match rules.len() {
        n if n > MOST_RULES => Err(Error::new(
            Code::TooManyRules,
            format!("instance `{name}` would have {n} rules, more than {MOST_RULES}"),
        )
        .hint("a port, or a range of ports, with one source is a rule: use ranges, or wider networks")),
        _ => Ok(rules),
    }
}

fn open(request: &Refirewall, service: Service, rules: &mut Rules) -> Result<()> {
    if request.sources.is_empty() {
        // Who is named beside everybody is named for nothing.
        rules.retain(|rule| rule.service != service);
        rules.insert(Rule { service, source: None });
        return Ok(());
    }
    let anywhere = rules.iter().find(|rule| rule.source.is_none() && rule.service.has(service));
    if let Some(rule) = anywhere {
        return Err(Error::new(
            Code::OpenToAll,
            format!("`{service}` of instance `{}` is open to everybody: `--from` would keep nobody out", request.name),
        )
        .hint(
            Hint::from("close it first: ")
                .run_with(Verb::Firewall, &[&request.name, &"close", &rule.service])
                .text(", or replace all rules with `set`"),
        ));
    }
    rules.extend(request.sources.iter().map(|source| Rule { service, source: Some(*source) }));
    Ok(())
}

fn close(request: &Refirewall, service: Service, rules: &mut Rules) -> Result<()> {
    let closed = |rule: &Rule| {
        rule.service == service
            && (request.sources.is_empty() || rule.source.is_some_and(|source| request.sources.contains(&source)))
    };
    let missing = |source: &&IpNet| !rules.contains(&Rule { service, source: Some(**source) });
    let what = match request.sources.iter().find(missing) {
        Some(source) => Some(format!("`{service}` from `{source}`")),
        None if rules.iter().any(closed) => None,
        None => Some(format!("`{service}`")),
    };
    if let Some(what) = what {
        let error = Error::new(Code::NoSuchRule, format!("instance `{}` has no rule that opens {what}", request.name));
        return Err(match rules.iter().find(|rule| rule.service != service && rule.service.has(service)) {
            Some(part) => error.hint(format!("it is part of `{}`: close that, and open the rest", part.service)),
            None => error.hint(Hint::new().run_with(Verb::Firewall, &[&request.name]).text(" shows what is open")),
        });
    }
    rules.retain(|rule| !closed(rule));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::source;

    fn after(now: &[&str], action: Action, services: &[&str], from: &[&str]) -> std::result::Result<Vec<String>, Code> {
        let request = Refirewall {
            name: Name::parse("web").unwrap(),
            action,
            services: services.iter().map(|s| Service::parse(s).unwrap()).collect(),
            sources: from.iter().map(|s| source(s).unwrap()).collect(),
            seen: None,
            wait: false,
            dry_run: false,
        };
        let now = now.iter().map(|rule| Rule::try_from((*rule).to_owned()).unwrap()).collect();
        let rules = wanted(&request, &now).map_err(|e| e.code)?;
        Ok(rules.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn each_action_says_what_is_let_in_then() {
        let now = ["22/tcp", "80/tcp from 10.0.0.0/8", "icmp"];
        let text = |rules: &[&str]| Ok(rules.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            after(&now, Action::Open, &["80", "53/udp"], &["192.0.2.0/24", "2001:db8::/32"]),
            text(&[
                "22/tcp",
                "53/udp from 192.0.2.0/24",
                "53/udp from 2001:db8::/32",
                "80/tcp from 10.0.0.0/8",
                "80/tcp from 192.0.2.0/24",
                "80/tcp from 2001:db8::/32",
                "icmp"
            ])
        );
        assert_eq!(after(&now, Action::Open, &["80"], &[]), text(&["22/tcp", "80/tcp", "icmp"]));
        assert_eq!(after(&now, Action::Open, &["22"], &["10.0.0.0/8"]), Err(Code::OpenToAll));
        assert_eq!(after(&now, Action::Close, &["80", "icmp"], &[]), text(&["22/tcp"]));
        assert_eq!(after(&now, Action::Close, &["80"], &["10.0.0.0/8"]), text(&["22/tcp", "icmp"]));
        assert_eq!(after(&now, Action::Close, &["80"], &["10.0.0.0/8", "10.0.0.0/9"]), Err(Code::NoSuchRule));
        assert_eq!(after(&now, Action::Close, &["22"], &["10.0.0.0/8"]), Err(Code::NoSuchRule));
        assert_eq!(after(&now, Action::Close, &["443"], &[]), Err(Code::NoSuchRule));
        assert_eq!(after(&["1-100/tcp"], Action::Close, &["80"], &[]), Err(Code::NoSuchRule));
        assert_eq!(after(&now, Action::Set, &["443", "443"], &[]), text(&["443/tcp"]));
        assert_eq!(after(&now, Action::Set, &["22"], &["10.0.0.0/8"]), text(&["22/tcp from 10.0.0.0/8"]));
    }

    #[test]
    fn sixty_rules_are_the_most() {
        let ports: Vec<String> = (1..=61).map(|n| n.to_string()).collect();
        let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
        assert_eq!(after(&[], Action::Set, &ports[..60], &[]).map(|all| all.len()), Ok(60));
        assert_eq!(after(&[], Action::Set, &ports, &[]), Err(Code::TooManyRules));
        assert_eq!(after(&[], Action::Open, &ports[..31], &["10.0.0.0/8", "192.0.2.0/24"]), Err(Code::TooManyRules));
    }
}
