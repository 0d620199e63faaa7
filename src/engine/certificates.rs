//! Certificates of domains: asked for when they are due, again when that fails, and forgotten when nobody needs them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    Ctx,
    lock::{Attempt, CERTIFICATES, Lock},
    proxy,
    published::configure_site,
};
use crate::{
    acme,
    model::{Certificate, CertificateState, Code, Domain, Error, Result, escaped},
    store::sites,
};

/// How long to wait for another process that asks for one.
const WAIT: Duration = Duration::from_secs(180);
/// Pauses after tries that failed, in minutes; the last one stays.
const PAUSES: [i64; 5] = [1, 5, 30, 2 * 60, 6 * 60];
/// Most tries an hour, whoever asks: an authority shuts out who fails more often.
const MOST_TRIES: usize = 4;
/// How long a certificate may be due before somebody should have asked for it.
const LATE: SignedDuration = SignedDuration::from_mins(10);
/// Days that a certificate is kept which no site needs.
const KEPT: i64 = 30;

/// When to try again after so many failures, the last of which was now.
pub fn next_try(failures: u32, now: Timestamp) -> Timestamp {
    let at = usize::try_from(failures).unwrap_or(usize::MAX).clamp(1, PAUSES.len()) - 1;
    now.saturating_add(SignedDuration::from_mins(PAUSES[at])).unwrap_or(Timestamp::MAX)
}

/// When a certificate is to be renewed: after two thirds of its lifetime.
fn renewal(from: Timestamp, until: Timestamp) -> Timestamp {
    let third = until.duration_since(from) / 3;
    until.saturating_sub(third).unwrap_or(until)
}

/// Has a certificate of a domain issued and served, if it is due. A try that fails is written down with the next one.
///
/// # Errors
/// [`Code::CertificateFailed`] with the authority's words; the domain is served over HTTP, or with the certificate it has.
pub fn obtain(ctx: &mut Ctx, domain: &Domain) -> Result<()> {
    let _lock = Lock::acquire(&ctx.locks(), CERTIFICATES, "certificate", "certificate", &*ctx.clock, WAIT)?;
    try_once(ctx, domain)
}

/// Asks for each certificate that is due, and forgets those that no site has needed for a month. A sentence for each.
///
/// # Errors
/// Those of the database.
pub fn renew(ctx: &mut Ctx) -> Result<Vec<String>> {
    let now = ctx.now();
    let all = ctx.store.certificates_on(&ctx.host_id())?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    // Somebody who asks just now is let be.
    let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), CERTIFICATES, "certificate", now)? else {
        return Ok(Vec::new());
    };
    forget_unused(ctx, &all, now)?;
    let due: Vec<Certificate> = all.into_iter().filter(|c| is_due(ctx, c, now)).collect();
    let tried: Vec<(Certificate, Result<()>)> = due
        .into_iter()
        .map(|certificate| {
            let tried = try_once(ctx, &certificate.domain);
            (certificate, tried)
        })
        .collect();
    // A guest may take minutes to answer: nobody who asks for a certificate waits for it.
    drop(lock);
    Ok(tried.into_iter().map(|(Certificate { domain, file, .. }, tried)| outcome(ctx, &domain, &file, tried)).collect())
}

/// What became of a try, in words; an application whose links have been plain ones so far is told.
fn outcome(ctx: &mut Ctx, domain: &Domain, before: &Option<String>, tried: Result<()>) -> String {
    if let Err(error) = tried {
        return format!("`{domain}` has no new certificate: {error}");
    }
    let told = if before.is_none() { configure_instances(ctx, domain) } else { Ok(()) };
    let problem = told.map_or_else(|error| format!(", but: {error}"), |()| String::new());
    format!("`{domain}` has a new certificate{problem}")
}

/// Whether it is to be asked for: it is time, or the file of one that was issued is lost.
fn is_due(ctx: &Ctx, certificate: &Certificate, now: Timestamp) -> bool {
    certificate.unused_since.is_none() && (certificate.due <= now || is_lost(ctx, certificate))
}

fn is_lost(ctx: &Ctx, Certificate { state, file, .. }: &Certificate) -> bool {
    let is_there = |file: &String| ctx.machine.info(&proxy::folder(ctx).join(file)).is_ok();
    *state == CertificateState::Issued && !file.as_ref().is_some_and(is_there)
}

/// Domains whose certificate nobody has asked for, though it was due a while ago; and what is wrong, in words.
///
/// # Errors
/// Those of the database.
pub fn overdue(ctx: &Ctx) -> Result<Vec<(Domain, String)>> {
    let late = ctx.now().saturating_sub(LATE).unwrap_or(Timestamp::MIN);
    let all = ctx.store.certificates_on(&ctx.host_id())?.into_iter().filter(|c| is_due(ctx, c, late));
    let words = |c: &Certificate| match (&c.error, c.state) {
        (_, CertificateState::Issued) if is_lost(ctx, c) => "the file of its certificate is gone".to_owned(),
        (_, CertificateState::Issued) => format!("its certificate was to be renewed at {}, and was not", c.due),
        (Some(error), _) => format!("it has no certificate, and none was asked for at {}: {}", c.due, escaped(error)),
        (None, _) => format!("it has no certificate, and none was asked for at {}", c.due),
    };
    Ok(all.map(|c| (c.domain.clone(), words(&c))).collect())
}

/// Whether no site has needed it for a month.
fn is_unused(certificate: &Certificate, now: Timestamp) -> bool {
    let kept = SignedDuration::from_hours(24 * KEPT);
    certificate.unused_since.is_some_and(|since| now.duration_since(since) >= kept)
}

/// Domains whose certificate no site has needed for a month.
///
/// # Errors
/// Those of the database.
pub fn unused(ctx: &Ctx) -> Result<Vec<Domain>> {
    let (all, now) = (ctx.store.certificates_on(&ctx.host_id())?, ctx.now());
    Ok(all.into_iter().filter(|c| is_unused(c, now)).map(|c| c.domain).collect())
}

/// Removes the certificates that no site has needed for a month, with their keys.
///
/// # Errors
/// Those of the database and the system.
pub fn forget(ctx: &mut Ctx) -> Result<()> {
    let _lock = Lock::acquire(&ctx.locks(), CERTIFICATES, "certificate", "certificate", &*ctx.clock, WAIT)?;
    let all = ctx.store.certificates_on(&ctx.host_id())?;
    let now = ctx.now();
    forget_unused(ctx, &all, now)
}

fn forget_unused(ctx: &mut Ctx, all: &[Certificate], now: Timestamp) -> Result<()> {
    let (host, folder) = (ctx.host_id(), proxy::folder(ctx));
    for Certificate { domain, .. } in all.iter().filter(|c| is_unused(c, now)) {
        ctx.store.write(|t| sites::remove_certificate(t, &host, domain))?;
        acme::forget_order(&folder, domain)?;
    }
    // Those of a renewal that was cut off too.
    let files: Vec<_> = ctx.store.certificates_on(&host)?.into_iter().filter_map(|c| c.file).collect();
    acme::kept(&folder).iter().filter(|name| !files.contains(name)).try_for_each(|name| acme::remove(&folder, name))
}

fn configure_instances(ctx: &mut Ctx, domain: &Domain) -> Result<()> {
    let instances = ctx.store.instances_of_domain(&ctx.host_id(), domain)?;
    instances.into_iter().try_for_each(|instance| configure_site(ctx, instance).map(drop))
}

fn try_once(ctx: &mut Ctx, domain: &Domain) -> Result<()> {
    let (host, folder, now) = (ctx.host_id(), proxy::folder(ctx), ctx.now());
    let Some(mut certificate) = ctx.store.certificate(&host, domain)? else { return Ok(()) };
    let is_there = |file: &String| ctx.machine.info(&folder.join(file)).is_ok();
    if certificate.due > now && certificate.file.as_ref().is_some_and(is_there) {
        return Ok(());
    }
    let hour_ago = now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
    certificate.tried.retain(|at| *at > hour_ago);
    if certificate.tried.len() >= MOST_TRIES {
        let text =
            format!("it was asked for {MOST_TRIES} times within an hour; the next try is at {}", certificate.due);
        return Err(Error::new(Code::CertificateFailed, text));
    }
    certificate.tried.push(now);
    let before = certificate.file.clone();
    ctx.store.write(|t| sites::update_certificate(t, &host, &certificate))?;
    let acme = ctx.settings.acme.clone();
    let issued = acme::issue(&acme, &folder, domain, &mut |challenge| {
        certificate.challenge = challenge;
        ctx.store.write(|t| sites::update_certificate(t, &host, &certificate))?;
        proxy::apply(ctx)
    });
    certificate.challenge = None;
    let done = match issued {
        Ok(acme::Issued { file, not_before, not_after }) => {
            certificate.state = CertificateState::Issued;
            (certificate.file, certificate.not_after) = (Some(file), Some(not_after));
            certificate.due = renewal(not_before, not_after);
            (certificate.failures, certificate.error) = (0, None);
            Ok(())
        }
        Err(error) => {
            certificate.state = CertificateState::Failed;
            certificate.failures = certificate.failures.saturating_add(1);
            certificate.due = next_try(certificate.failures, now);
            certificate.error = Some(error.to_string());
            Err(error)
        }
    };
    ctx.store.write(|t| sites::update_certificate(t, &host, &certificate))?;
    proxy::apply(ctx)?;
    let old = before.filter(|file| certificate.file.as_ref() != Some(file));
    old.map_or(Ok(()), |file| acme::remove(&folder, &file))?;
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_follow_the_schedule_and_renewal_leaves_a_third() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let minutes = |failures| next_try(failures, now).duration_since(now).as_mins();
        assert_eq!([1, 2, 3, 4, 5, 6, u32::MAX].map(minutes), [1, 5, 30, 120, 360, 360, 360]);
        let until = "2026-04-01T00:00:00Z".parse().unwrap();
        assert_eq!(renewal(now, until).to_string(), "2026-03-02T00:00:00Z");
    }
}
