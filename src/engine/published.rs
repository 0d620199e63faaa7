//! Tells the application of an instance under which name the world reaches it: at once where its guest runs, and at each boot
//! from the seed.

use std::time::Duration;

use uuid::Uuid;

use super::{Ctx, guest_address::guest_address, host::subnet, reports::write_seed};
use crate::{
    guest::{
        output::bounded,
        report::{self, Report},
        ssh::{self, Login},
    },
    hypervisor::DomainState,
    model::{ApplicationUrl, Code, Error, Hint, Record, Result, Verb, escaped},
    render::{Published, meta_data},
};

/// Longest the part may take in the guest.
const LIMIT: Duration = Duration::from_secs(300);
/// Most bytes that are read of what the guest says.
const MOST: u64 = 64 << 10;
/// Exit code of `ssh` itself, where it could not log in.
const NO_LOGIN: i32 = 255;

/// Tells the application of an instance the first of the domains that were published of it, with HTTPS once it has a
/// certificate, or that there is none any more.
///
/// # Errors
/// Those of [`configure_published`], and those of the database and the network.
pub fn configure_site(ctx: &mut Ctx, instance: Uuid) -> Result<ApplicationUrl> {
    let host = ctx.host_id();
    let Some(instance) = ctx.store.instance_by_uuid(instance)? else { return Ok(ApplicationUrl::Unsupported) };
    let published = match ctx.store.first_domain_of(&host, instance.record.uuid)? {
        Some(domain) => {
            let url = domain.url(ctx.store.certificate(&host, &domain)?.as_ref());
            Some(Published { url, domain, proxy: subnet(ctx)?.gateway })
        }
        None => None,
    };
    configure_published(ctx, &instance.record, published.as_ref())
}

/// Has the blueprint's part `published` run in the guest of an instance, if it has one. `published` is none once the name is
/// gone. May be repeated at any time: the part runs only for what the guest does not know yet.
///
/// # Errors
/// `not_told`: the part failed, with its last words; it is tried again at the next boot. Or the seed cannot be written.
pub fn configure_published(ctx: &mut Ctx, record: &Record, published: Option<&Published>) -> Result<ApplicationUrl> {
    let (blueprint, _) = ctx.store.blueprint_of(record.uuid)?;
    if blueprint.published.is_empty() {
        return Ok(ApplicationUrl::Unsupported);
    }
    // First, so that no boot from now on tells it something else.
    note_in_seed(ctx, record, published)?;
    match login(ctx, record, blueprint.user)? {
        Some(login) => run(ctx, record, &login, published),
        None => Ok(ApplicationUrl::AtNextBoot),
    }
}

/// Has the seed tell it. One that still holds its secrets is left: the guest has not taken them over yet.
fn note_in_seed(ctx: &mut Ctx, record: &Record, published: Option<&Published>) -> Result<()> {
    let Some(mut seed) = ctx.store.seed(record.uuid)? else { return Ok(()) };
    seed.meta_data = meta_data(record.instance_id(), &record.name, published)?;
    match seed.is_written {
        true => write_seed(ctx, record, seed),
        false => ctx.store.set_seed(record.uuid, &seed),
    }
}

/// How to log in; none where that cannot work now.
pub fn login(ctx: &Ctx, record: &Record, user: String) -> Result<Option<Login>> {
    let runs = ctx.hypervisor.domain(record.uuid)?.is_some_and(|d| d.state == DomainState::Running);
    let lets_in = record.rules().iter().any(|rule| rule.service.to_string() == "22/tcp");
    if !runs || !lets_in {
        return Ok(None);
    }
    let known = guest_address(ctx, record)?.zip(ctx.store.host_key(record.uuid)?);
    Ok(known.map(|(address, host_key)| Login { name: record.name.to_string(), address, user, host_key }))
}

/// Runs the part in the guest, and waits for its end.
fn run(ctx: &Ctx, record: &Record, login: &Login, published: Option<&Published>) -> Result<ApplicationUrl> {
    let value = published.map_or_else(|| "{}".to_owned(), |p| p.to_json().to_string());
    let words = ["sudo", "/usr/bin/python3", "-IS", "/var/lib/lite/lite-guest.py", "published", &value];
    let mut command = ssh::command(&ctx.settings.paths.state, login, &words.map(str::to_owned))?;
    let not_told = || {
        Error::new(Code::NotTold, format!("the application of `{}` could not be told its name", record.name)).hint(
            Hint::from("it is tried again at the next boot: ")
                .run_with(Verb::Stop, &[&record.name])
                .text(", ")
                .run_with(Verb::Start, &[&record.name]),
        )
    };
    let out = bounded(&mut command, &[], MOST, LIMIT, &*ctx.clock).map_err(|e| not_told().cause(e))?;
    if out.status.success() {
        return Ok(ApplicationUrl::Configured);
    }
    if out.status.code() == Some(NO_LOGIN) {
        return Ok(ApplicationUrl::AtNextBoot);
    }
    let last = out.stdout.split(|b| *b == b'\n').filter_map(report::parse_line).next_back();
    let Some(Report::Published(told)) = last else {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(not_told().cause(escaped(said.lines().last().unwrap_or("it says nothing"))));
    };
    let place = if told.line > 0 { format!(" in line {}", told.line) } else { String::new() };
    let error = match told.command.as_str() {
        "" => not_told(),
        command => not_told().cause(format!("command{place}: {command} (exit {})", told.code)),
    };
    Err(told.tail.into_iter().filter(|line| !line.is_empty()).fold(error, Error::cause))
}
