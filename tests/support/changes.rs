//! Changes that are accepted and run in one go.

use std::{collections::BTreeSet, time::Duration};

use lite::{
    catalog::{Blueprint, Bundle, Health},
    engine::{
        BakeRequest, Ctx, Outcome, Receipt, Stopped,
        removal::purge::{self, Reason},
        sagas::{
            attachment, bake, delete, disk, disk_resize, disk_snapshot, firewall, load_balancer,
            publication::{self, Difference},
            reboot, remote, resize,
            restore::{self, How, Restored},
            site, snapshot, start, static_ip, stop, tag, undelete, upgrade, verify,
        },
    },
    model::{
        Domain, HealthPath, Instance, LoadBalancer, Location, MountPoint, Name, Observer, OperationKind, Protocol,
        Publication, Record, Result, Rule, Service, Site, Size, StaticIp, Tag, Target, Unobserved,
    },
    store::static_ips,
};

/// How long a deleted instance is kept.
pub const DAY: Duration = Duration::from_secs(86_400);

/// Deletes an instance, which is kept for a day.
pub fn keep_deleted(ctx: &mut Ctx, instance: &Instance) -> Result<Receipt> {
    let accepted = delete::accept(ctx, instance, Some(DAY))?;
    delete::run(ctx, accepted, &mut Unobserved)
}

/// Brings a deleted instance back, by another name if one is given.
pub fn undelete(ctx: &mut Ctx, deleted: &Instance, name: Option<&Name>) -> Result<Instance> {
    undelete_by(ctx, deleted, (name, None)).map(|(back, _)| back)
}

/// Brings back a deleted instance, with the parts of a blueprint as it is today.
pub fn undelete_by(
    ctx: &mut Ctx,
    deleted: &Instance,
    with: (Option<&Name>, Option<&Blueprint>),
) -> Result<(Instance, undelete::Found)> {
    let accepted = undelete::accept(ctx, deleted, with, &mut Unobserved)?;
    undelete::run(ctx, accepted)
}

/// Removes a deleted instance for good.
pub fn purge(ctx: &mut Ctx, deleted: &Instance) -> Result<Receipt> {
    let accepted = purge::accept(ctx, deleted)?.expect("it is kept");
    purge::run(ctx, accepted, Reason::Asked)
}

/// Starts an instance; whether it had to be.
pub fn start(
    ctx: &mut Ctx,
    instance: &Instance,
    timeout: Option<Duration>,
    observer: &mut dyn Observer,
) -> Result<bool> {
    let Some(accepted) = start::accept(ctx, instance, observer)? else { return Ok(false) };
    start::run(ctx, accepted, timeout, observer).map(|()| true)
}

/// Stops an instance.
pub fn stop(
    ctx: &mut Ctx,
    instance: &Instance,
    force: bool,
    grace: Duration,
    observer: &mut dyn Observer,
) -> Result<Stopped> {
    let Some(accepted) = stop::accept(ctx, instance)? else { return Ok(Stopped::Already) };
    stop::run(ctx, accepted, force, grace, observer)
}

/// Reboots an instance.
pub fn reboot(ctx: &mut Ctx, instance: &Instance, force: bool) -> Result<()> {
    let accepted = reboot::accept(ctx, instance)?;
    reboot::run(ctx, accepted, force)
}

/// A bundle of twice of what an instance has.
pub fn twice(record: &Record) -> Bundle {
    let twice = |size: Size| Size::bytes(size.as_bytes() * 2);
    Bundle {
        id: "twice".to_owned(),
        vcpus: record.vcpus,
        memory: twice(record.memory),
        disk: twice(record.disk),
        transfer: record.transfer,
        price: record.price,
        currency: record.currency.clone(),
    }
}

/// Gives an instance twice of what it has; nobody waits for its application.
pub fn resize(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let how = resize::How { force: true, grace: Duration::from_secs(1), until_ready: None };
    let accepted = resize::accept(ctx, instance, &twice(&instance.record), &mut Unobserved)?;
    resize::run(ctx, accepted.expect("something to do"), how, &mut Unobserved).map(drop)
}

/// Replaces the tags of an instance.
pub fn set_tags(ctx: &mut Ctx, instance: &Instance, tags: Vec<Tag>) -> Result<()> {
    let Some(accepted) = tag::accept(ctx, instance, &|_| Ok(tags.clone()))? else { return Ok(()) };
    tag::run(ctx, accepted)
}

/// Lets in a port from anywhere, beside what is let in already.
pub fn open(ctx: &mut Ctx, instance: &Instance, port: &str) -> Result<()> {
    let rule = Rule { service: Service::parse(port)?, source: None };
    let wanted = |now: &_| Ok(std::iter::once(rule).chain(Clone::clone(now)).collect());
    let Some(accepted) = firewall::accept(ctx, instance, &wanted)? else { return Ok(()) };
    firewall::run(ctx, accepted)
}

/// Lets nobody in at a port.
pub fn close(ctx: &mut Ctx, instance: &Instance, port: &str) -> Result<()> {
    let service = Service::parse(port)?;
    let wanted = |now: &BTreeSet<Rule>| Ok(now.iter().filter(|rule| rule.service != service).cloned().collect());
    let Some(accepted) = firewall::accept(ctx, instance, &wanted)? else { return Ok(()) };
    firewall::run(ctx, accepted)
}

/// Lets a port of the host lead to SSH of an instance.
pub fn publish(ctx: &mut Ctx, instance: &Instance, port: u16) -> Result<()> {
    let publication = Publication { address: None, port, protocol: Protocol::Tcp, guest_port: 22, sources: vec![] };
    publication_of(ctx, instance, OperationKind::Publish, &Difference { added: vec![publication], removed: vec![] })
}

/// Takes all away that leads to an instance.
pub fn unpublish(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let removed = ctx.store.require(&instance.record.name)?.record.published;
    publication_of(ctx, instance, OperationKind::Unpublish, &Difference { added: vec![], removed })
}

fn publication_of(ctx: &mut Ctx, instance: &Instance, kind: OperationKind, difference: &Difference) -> Result<()> {
    let wanted = |_: &Ctx, _: &Instance| Ok(difference.clone());
    let accepted = publication::accept(ctx, instance, kind, &wanted)?;
    accepted.map_or(Ok(()), |accepted| publication::run(ctx, accepted).map(drop))
}

/// Lets the static address `site` lead to an instance; it is kept first if it is not.
pub fn attach(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    keep(ctx)?;
    static_ip_of(ctx, instance, OperationKind::AttachStaticIp)
}

/// Lets it lead nowhere.
pub fn detach(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    static_ip_of(ctx, instance, OperationKind::DetachStaticIp)
}

/// A load balancer `shop` of port 22, at port 8080 of the host.
fn shop(ctx: &Ctx) -> Result<LoadBalancer> {
    Ok(LoadBalancer {
        id: uuid::Uuid::from_u128(0x100),
        name: Name::parse("shop")?,
        instance_port: 22,
        domain: None,
        listen: Some(8080),
        health_path: HealthPath::parse("/")?,
        sticky: false,
        targets: Vec::new(),
        created_at: ctx.now(),
    })
}

/// Makes the load balancer `shop`.
pub fn balance(ctx: &mut Ctx) -> Result<()> {
    let new = shop(ctx)?;
    let accepted = load_balancer::accept_new(ctx, new)?;
    load_balancer::run(ctx, accepted, Duration::ZERO).map(drop)
}

/// Puts an instance behind it.
pub fn add_target(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let target = Target::of(instance.record.uuid);
    let wanted = move |_: &Ctx, now: &LoadBalancer| Ok(Some(LoadBalancer { targets: vec![target], ..now.clone() }));
    balancer_of(ctx, OperationKind::AttachTargets, &wanted)
}

/// Takes all out of it.
pub fn remove_targets(ctx: &mut Ctx) -> Result<()> {
    let wanted = |_: &Ctx, now: &LoadBalancer| Ok(Some(LoadBalancer { targets: Vec::new(), ..now.clone() }));
    balancer_of(ctx, OperationKind::DetachTargets, &wanted)
}

/// Deletes it.
pub fn unbalance(ctx: &mut Ctx) -> Result<()> {
    balancer_of(ctx, OperationKind::DeleteLoadBalancer, &|_, _| Ok(None))
}

fn balancer_of(ctx: &mut Ctx, kind: OperationKind, wanted: &load_balancer::Wanted<'_>) -> Result<()> {
    let now = shop(ctx)?;
    let accepted = load_balancer::accept(ctx, &now, kind, wanted)?;
    accepted.map_or(Ok(()), |accepted| load_balancer::run(ctx, accepted, Duration::ZERO).map(drop))
}

/// Keeps the static address `site`.
pub fn keep(ctx: &mut Ctx) -> Result<()> {
    let (host, name) = (ctx.host_id(), Name::parse("site")?);
    if ctx.store.require_static_ip(&host, &name).is_ok() {
        return Ok(());
    }
    let site = StaticIp { name, address: [192, 168, 150, 250].into(), instance: None, created_at: ctx.now() };
    ctx.store.write(|t| static_ips::insert(t, &host, &site))
}

fn static_ip_of(ctx: &mut Ctx, instance: &Instance, kind: OperationKind) -> Result<()> {
    let accepted = static_ip::accept(ctx, instance, (kind, &Name::parse("site")?), &|_| Ok(()))?;
    accepted.map_or(Ok(()), |accepted| static_ip::run(ctx, accepted).map(drop))
}

/// Lets a domain lead to SSH of an instance.
pub fn publish_site(ctx: &mut Ctx, instance: &Instance, domain: &str) -> Result<()> {
    let site = Site { domain: Domain::parse(domain)?, guest_port: 22, sources: vec![] };
    site_of(ctx, instance, OperationKind::Publish, &site::Difference { added: vec![site], removed: vec![] })
}

/// Takes all domains away that lead to an instance.
pub fn unpublish_sites(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let removed = site::of(ctx, instance.record.uuid)?;
    site_of(ctx, instance, OperationKind::Unpublish, &site::Difference { added: vec![], removed })
}

/// Takes one domain away.
pub fn unpublish_site(ctx: &mut Ctx, instance: &Instance, domain: &str) -> Result<()> {
    let mut removed = site::of(ctx, instance.record.uuid)?;
    removed.retain(|site| site.domain.as_str() == domain);
    site_of(ctx, instance, OperationKind::Unpublish, &site::Difference { added: vec![], removed })
}

fn site_of(ctx: &mut Ctx, instance: &Instance, kind: OperationKind, difference: &site::Difference) -> Result<()> {
    let wanted = |_: &Ctx, _: &Instance, _: &[Site]| Ok(difference.clone());
    let accepted = site::accept(ctx, instance, kind, &wanted)?;
    accepted.map_or(Ok(()), |accepted| site::run(ctx, accepted).map(drop))
}

/// Makes the disk `data`.
pub fn disk(ctx: &mut Ctx) -> Result<()> {
    let accepted = disk::accept(ctx, &Name::parse("data")?, Size::mib(1 << 10))?;
    disk::run(ctx, accepted).map(drop)
}

/// Makes the snapshot `alone` of the disk.
pub fn snapshot_disk(ctx: &mut Ctx) -> Result<()> {
    let accepted = disk_snapshot::accept(ctx, &Name::parse("data")?, Some(&Name::parse("alone")?))?;
    disk_snapshot::run(ctx, accepted, &mut Unobserved).map(drop)
}

/// Makes the disk `copy` of the one in the snapshot `kept`, twice as large.
pub fn copy_disk(ctx: &mut Ctx) -> Result<()> {
    let source = disk::Source { snapshot: &Name::parse("kept")?, disk: None };
    let accepted = disk::accept_copy(ctx, &Name::parse("copy")?, source, Some(Size::mib(2 << 10)))?;
    disk::run(ctx, accepted).map(drop)
}

/// Makes it twice as large.
pub fn resize_disk(ctx: &mut Ctx) -> Result<()> {
    let accepted = disk_resize::accept(ctx, &Name::parse("data")?, Size::mib(2 << 10))?;
    disk_resize::run(ctx, accepted, &mut Unobserved).map(drop)
}

/// Deletes it.
pub fn delete_disk(ctx: &mut Ctx) -> Result<()> {
    let accepted = disk::accept_delete(ctx, &Name::parse("data")?)?;
    disk::run_delete(ctx, accepted)
}

/// Gives it to an instance, mounted if that is said where.
pub fn attach_disk(ctx: &mut Ctx, instance: &Instance, mount: Option<&str>) -> Result<()> {
    let mount = mount.map(MountPoint::parse).transpose()?;
    let accepted = attachment::accept_attach(ctx, instance, &Name::parse("data")?, mount.as_ref())?;
    accepted.map_or(Ok(()), |accepted| attachment::run_attach(ctx, accepted).map(drop))
}

/// Takes it off.
pub fn detach_disk(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let accepted = attachment::accept_detach(ctx, instance, &Name::parse("data")?, false)?;
    accepted.map_or(Ok(()), |accepted| attachment::run_detach(ctx, accepted).map(drop))
}

/// Makes the snapshot `kept` of an instance.
pub fn snapshot(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let accepted = snapshot::accept(ctx, instance, Some(&Name::parse("kept")?))?;
    snapshot::run(ctx, accepted, &mut Unobserved).map(drop)
}

/// An instance that is snapshotted every day, of which one is kept, and was so yesterday.
pub fn automate(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    set_tags(ctx, instance, vec![Tag::parse("auto-snapshot=00:00/1")?])?;
    let instance = ctx.store.require(&instance.record.name)?;
    let accepted = snapshot::accept_automatic(ctx, &instance, jiff::civil::date(2026, 3, 1))?;
    snapshot::run(ctx, accepted, &mut Unobserved).map(drop)
}

/// Deletes it.
pub fn delete_snapshot(ctx: &mut Ctx) -> Result<()> {
    let accepted = snapshot::accept_delete(ctx, &Name::parse("kept")?)?;
    snapshot::run_delete(ctx, accepted)
}

/// Gives an instance the disk of the snapshot `kept`; nobody waits for its application.
pub fn restore(ctx: &mut Ctx, instance: &Instance) -> Result<Restored> {
    let accepted = restore::accept(ctx, instance, &Name::parse("kept")?, &mut Unobserved)?;
    restore::run(ctx, accepted, How { grace: Duration::ZERO, until_ready: None }, &mut Unobserved)
}

/// Upgrades an instance by a blueprint of another version, with a snapshot that is kept for an hour.
pub fn upgrade(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let until = ctx.now() + jiff::SignedDuration::from_hours(1);
    let accepted = snapshot::accept_until(ctx, instance, until)?;
    let kept = snapshot::run(ctx, accepted, &mut Unobserved)?.snapshot.name;
    let (of_instance, _) = ctx.store.blueprint_of(instance.record.uuid)?;
    let today = Blueprint {
        version: "of-today".to_owned(),
        upgrade: "true\n".to_owned(),
        health: Some(Health::Command { run: "true".to_owned(), timeout: 5 }),
        ..of_instance
    };
    let accepted = upgrade::accept(ctx, instance, today, &kept)?;
    upgrade::run(ctx, accepted, Duration::from_secs(60), &mut Unobserved)
}

/// Bakes an image, or gives the one that is there.
pub fn bake(ctx: &mut Ctx, request: BakeRequest, observer: &mut dyn Observer) -> Result<Outcome> {
    match bake::accept(ctx, request)? {
        bake::Accepted::New(job) => bake::run(ctx, *job, observer),
        bake::Accepted::Present(image) => Ok(Outcome { image: *image, present: true, operation: None }),
    }
}

/// Adds the remote `far`, a folder beside that of the database.
pub fn add_remote(ctx: &mut Ctx) -> Result<()> {
    let place = ctx.settings.paths.state.with_file_name("far");
    let accepted = remote::accept(ctx, &Name::parse("far")?, &Location::Folder(place))?;
    let keys = remote::Keys { password: "correct-horse".into(), given: false, credentials: None };
    remote::run(ctx, accepted, &keys, &mut Unobserved).map(drop)
}

/// Forgets it.
pub fn remove_remote(ctx: &mut Ctx) -> Result<()> {
    let accepted = remote::accept_remove(ctx, &Name::parse("far")?)?;
    remote::run_remove(ctx, accepted)
}

/// Boots the snapshot `kept` for at most a second.
pub fn verify_snapshot(ctx: &mut Ctx, observer: &mut dyn Observer) -> Result<Duration> {
    let accepted = verify::accept(ctx, &Name::parse("kept")?, Duration::from_secs(1))?;
    verify::run(ctx, accepted, observer)
}
