//! Reserves the virtual machine of an instance or of a bake: one transaction for its name, address, capacity, secrets and operation.
//!
//! Nothing is made on the host before [`super::making`], which goes on as soon as the image is known.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use secrecy::SecretString;

use super::{
    Ctx, allocate,
    allocate::HostView,
    brought_disks, capacity,
    follow::{self, Wait},
    forward,
    generate::{Generated, generate, secret_rows},
    guest_address::check_stated,
    host,
    lock::{self, Lock},
    request::{CopyOf, Request},
    undo::{Because, undo},
};
use crate::{
    doctor,
    guest::{self, certificate},
    kill_point,
    model::{
        DesiredState, Error, Hint, NetworkMode, Observer, OperationKind, Phase, Record, ResourceRef, Result, Snapshot,
        Stage, Subject,
    },
    plan::{self, Chosen, Identity, Step},
    render::{Seed, SeedInput, identity, render},
    store::{CleanSeed, NewInstance, Operation, Secret, alarms, instances, jobs, operations, secrets, snapshots},
};

/// What a virtual machine is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// The user: its operation is written with it.
    Instance,
    /// An image, by this operation: the machine is thrown away.
    Bake(&'a Operation),
    /// A look whether a snapshot is whole, by this operation: no network reaches the machine, and it is thrown away.
    Verify(&'a Operation, &'a Snapshot),
    /// Memory that others go on from, by this operation: no network reaches the machine, and it is thrown away.
    Template(&'a Operation),
    /// A trial of such memory, by this operation: as an instance goes on from it, but for the network and that it is thrown away.
    Trial(&'a Operation),
}

impl<'a> Purpose<'a> {
    /// The kind of the operation.
    fn kind(self) -> OperationKind {
        match self {
            Self::Instance => OperationKind::Create,
            Self::Bake(_) => OperationKind::Bake,
            Self::Template(_) | Self::Trial(_) => OperationKind::Warm,
            Self::Verify(..) => OperationKind::VerifySnapshot,
        }
    }

    /// The operation that throws the machine away.
    fn of_machine(self) -> Option<&'a Operation> {
        match self {
            Self::Instance => None,
            Self::Bake(operation) | Self::Verify(operation, _) | Self::Template(operation) | Self::Trial(operation) => {
                Some(operation)
            }
        }
    }
}

/// An operation that makes a virtual machine, from its acceptance on. Holds the lock of its instance until that is made.
pub struct Job {
    /// What was asked for.
    pub request: Request,
    /// The instance. Its image digest is empty until the image is known.
    pub record: Record,
    /// The console's log.
    pub console_log: PathBuf,
    /// The report channel's log.
    pub report_log: PathBuf,
    /// The operation, in the journal.
    pub operation: Operation,
    /// Steps begun so far.
    pub started: Vec<(i64, Step)>,
    /// When the time-out began, on the monotonic clock.
    pub begun: Instant,
    /// That of the instance.
    lock: Option<Lock>,
    /// That of the create; a bake holds its own elsewhere.
    own: Option<Lock>,
    pub(super) view: HostView,
    pub(super) kvm: bool,
    pub(super) seed: Vec<u8>,
    /// The seed of later boots, and who the guest is: where it goes on from saved memory.
    pub(super) identity: Option<(Vec<u8>, SecretString)>,
    pub(super) unplugged: bool,
    pub(super) is_template: bool,
}

impl Job {
    /// Whether the guest can be told who it is: it may then go on from saved memory.
    pub fn can_be_told(&self) -> bool {
        self.identity.is_some() && self.record.scratch_disk.is_none() && self.record.disks.is_empty()
    }

    /// Whether it runs with KVM.
    pub fn kvm(&self) -> bool {
        self.kvm
    }

    /// What is followed of its guest, from its first boot on.
    pub fn wait<'a>(&'a self, subject: follow::Subject<'a>) -> Wait<'a> {
        Wait {
            subject,
            uuid: self.record.uuid,
            report: &self.report_log,
            console: &self.console_log,
            start: 0,
            deadline: self.deadline(),
            timeout: self.request.timeout,
        }
    }

    /// When to give up, on the monotonic clock.
    pub fn deadline(&self) -> Instant {
        self.begun + self.request.timeout
    }

    /// Where the root disk's file is.
    pub fn root_path(&self) -> String {
        self.volume_path(&plan::root_disk(&self.record))
    }

    pub(super) fn volume_path(&self, volume: &str) -> String {
        format!("{}/{volume}", self.view.pool.path)
    }

    /// Frees the instance: it is made, and others may work on it.
    pub fn free_instance(&mut self) {
        self.lock = None;
    }

    /// Frees the lock of an instance that is gone, and that of its operation.
    pub fn retire(self) {
        self.lock.into_iter().chain(self.own).for_each(Lock::retire);
    }

    /// Frees the lock of the operation, which has ended.
    pub fn retire_own(self) {
        self.own.into_iter().for_each(Lock::retire);
    }
}

/// Checks the host and reserves all that a new virtual machine needs, with its operation: one transaction, quickly.
///
/// # Errors
/// Refused where the host is not fit, something is taken, or does not fit. Nothing is left then.
pub fn reserve(ctx: &mut Ctx, request: Request, purpose: Purpose<'_>, observer: &mut dyn Observer) -> Result<Job> {
    let begun = ctx.clock.instant();
    observer.begin(Stage::Host);
    let free = request.address.map_or(Ok(()), |stated| check_stated(ctx, stated.address));
    let reserved = free.and_then(|()| host_view(ctx, &request.network, observer)).and_then(|(view, kvm)| {
        let generated = generate(&request.blueprint)?;
        let lock =
            Lock::acquire(&ctx.locks(), generated.uuid, "new", purpose.kind().as_str(), &*ctx.clock, Duration::ZERO)?;
        match insert(ctx, &request, &view, &generated, purpose) {
            Ok((record, operation, (seed, identity), own)) => {
                let logs = &ctx.settings.host.folders.logs;
                Ok(Job {
                    console_log: plan::console_log(&record, logs),
                    report_log: plan::report_log(&record, logs),
                    started: Vec::new(),
                    request,
                    record,
                    operation,
                    begun,
                    lock: Some(lock),
                    own,
                    view,
                    kvm,
                    seed,
                    identity,
                    unplugged: matches!(purpose, Purpose::Verify(..) | Purpose::Template(_) | Purpose::Trial(_)),
                    is_template: matches!(purpose, Purpose::Template(_)),
                })
            }
            Err(e) => {
                lock.retire();
                Err(e)
            }
        }
    });
    match &reserved {
        Ok(job) => {
            let promised = ctx.store.allocated(&ctx.host_id())?.memory;
            capacity::promised_twice(&job.view.info, promised).iter().for_each(|warning| observer.warn(warning));
            observer.finish();
            kill_point::reached("allocated");
        }
        Err(_) => observer.fail(),
    }
    reserved
}

/// The host, with what is lite's own made where it is missing; and whether its guests run with KVM.
fn host_view(ctx: &mut Ctx, network: &NetworkMode, observer: &mut dyn Observer) -> Result<(HostView, bool)> {
    host::check_bridge(ctx, network)?;
    host::prepare_host(ctx, network, observer)?;
    if let Some(refusing) = forward::refusing_network(ctx)?.filter(|_| *network == NetworkMode::Nat) {
        observer.warn(&forward::refusing(&refusing));
    }
    let view = host::view(ctx, network)?;
    let kvm = doctor::use_kvm(ctx.settings.host.accel, &*ctx.machine, view.info.kvm_offered, &view.info.arch)?;
    if !kvm {
        observer.warn(&Hint::from("no KVM on this host: the virtual machine is emulated, which is slow"));
    }
    Ok((view, kvm))
}

/// The seed; and where the guest may go on from saved memory the seed of later boots, and who it is.
type Content = (Vec<u8>, Option<(Vec<u8>, SecretString)>);

/// The transaction. Returns the record, the operation, the content of the seed, and the lock of a create.
fn insert(
    ctx: &mut Ctx,
    request: &Request,
    view: &HostView,
    generated: &Generated,
    purpose: Purpose<'_>,
) -> Result<(Record, Operation, Content, Option<Lock>)> {
    let (settings, locks, host, requester, stamp) =
        (ctx.settings.clone(), ctx.locks(), ctx.host_id(), ctx.requester.clone(), ctx.stamp());
    let now = stamp.now;
    let network_key = settings.host.network_key(&request.network);
    let authority = match purpose {
        Purpose::Instance => Some(certificate::authority(&settings.paths.state)?.public),
        Purpose::Bake(_) | Purpose::Verify(..) | Purpose::Template(_) | Purpose::Trial(_) => None,
    };
    ctx.store.write(|t| {
        allocate::request(t, request.request_id.as_deref())?;
        let stem = match purpose {
            Purpose::Instance if request.job.is_some() => format!("job-{}", request.blueprint.id),
            Purpose::Instance => request.blueprint.id.clone(),
            Purpose::Bake(_) => format!("bake-{}", request.blueprint.id),
            Purpose::Verify(..) => format!("verify-{}", request.blueprint.id),
            Purpose::Template(_) | Purpose::Trial(_) => format!("warm-{}", request.blueprint.id),
        };
        let name = allocate::name(t, view, request.name.as_ref(), &stem)?;
        allocate::capacity(t, &host, view, &request.promised(), &settings.host.overcommit)?;
        let address = match (&request.address, &view.subnet) {
            (Some(stated), _) => Some(allocate::stated(t, &host, stated.address, &network_key)?),
            (None, Some(subnet)) => Some(allocate::address(t, &host, subnet, &network_key)?),
            (None, None) => None,
        };
        let chosen = Chosen {
            blueprint: &request.blueprint,
            bundle: &request.bundle,
            base: &request.base,
            network: &request.network,
            tags: &request.tags,
        };
        let address6 = view.subnet.as_ref().zip(address).and_then(|(subnet, address)| subnet.address6(address));
        let identity = Identity { name, uuid: generated.uuid, mac: generated.mac, address, address6, created_at: now };
        let lies_on = request.copy_of.as_ref().and_then(CopyOf::snapshot).map(|snapshot| snapshot.id);
        let (disks, asked) = (brought_disks::attachments(request), request.asked.clone());
        let trusts_authority = authority.is_some();
        let record = Record { lies_on, disks, asked, trusts_authority, ..chosen.record(identity) };
        let secrets = match &request.copy_of {
            Some(CopyOf::Snapshot(snapshot)) => snapshots::secrets_of(t, snapshot)?,
            Some(CopyOf::Export(brought)) => brought.secrets.iter().cloned().map(Secret::from).collect(),
            None => secret_rows(request, &record, generated)?,
        };
        let trusted = authority.map(|authority| certificate::authorized(&authority, record.uuid));
        let ssh_keys: Vec<String> = trusted.into_iter().chain(request.ssh_keys.iter().cloned()).collect();
        let (seed, told) = render_seed((request, &ssh_keys), view, (generated, &secrets), &record, purpose)?;
        let content = match purpose {
            // As on a later boot of the instance.
            Purpose::Verify(..) => guest::seed::scrubbed_iso(&seed)?,
            _ => guest::seed::seed_iso(&seed)?,
        };
        let content = match (purpose, told) {
            (Purpose::Instance | Purpose::Trial(_), Some(told)) if request.copy_of.is_none() => {
                (content, Some((guest::seed::scrubbed_iso(&seed)?, told)))
            }
            _ => (content, None),
        };
        let operation = match purpose.of_machine() {
            None => Operation {
                request_id: request.request_id.clone(),
                arguments: Some(request.arguments.clone()),
                ..Operation::started(
                    purpose.kind(),
                    ResourceRef::instance(&record),
                    host.clone(),
                    requester.clone(),
                    now,
                )
            },
            Some(operation) => Operation { machine: Some(record.uuid), ..operation.clone() },
        };
        let own = match purpose {
            Purpose::Instance => Some(lock::own(&locks, &operation, now)?),
            _ => None,
        };
        instances::insert(
            t,
            &NewInstance {
                record: &record,
                host: &host,
                network: &network_key,
                blueprint: &request.blueprint,
                parameters: &request.parameters,
                image: "",
                seed: Some(&CleanSeed {
                    user_data: seed.user_data_scrubbed.clone(),
                    meta_data: seed.meta_data.clone(),
                    network_config: seed.network_config.clone(),
                    is_written: false,
                }),
            },
        )?;
        brought_disks::insert(t, &host, request, &record)?;
        secrets::insert(t, record.uuid, &secrets, Some(&generated.host_key.public))?;
        match purpose {
            Purpose::Bake(_) | Purpose::Verify(..) | Purpose::Template(_) | Purpose::Trial(_) => {
                instances::set_life(t, record.uuid, DesiredState::Running, Phase::Baking, None)?;
                operations::set_machine(t, &operation.id, record.uuid)?;
            }
            Purpose::Instance => {
                match &request.job {
                    // Nobody is woken for what is gone in an hour.
                    Some(job) => jobs::begin(t, &host, job, &record, now)?,
                    None => alarms::put_defaults(t, &Subject::from(&record), &request.blueprint.alarms, &stamp)?,
                }
                operations::insert(t, &operation)?;
            }
        }
        Ok((record, operation, content, own))
    })
}

fn render_seed(
    (request, ssh_keys): (&Request, &[String]),
    view: &HostView,
    (generated, secrets): (&Generated, &[Secret]),
    record: &Record,
    purpose: Purpose<'_>,
) -> Result<(Seed, Option<SecretString>)> {
    let secrets = secrets.iter().map(|secret| (secret.name.clone(), secret.value.clone())).collect();
    let reserved = |subnet| allocate::static_address(subnet, record);
    let address = request.address.or_else(|| view.subnet.as_ref().and_then(reserved));
    let (name, id) = match purpose {
        Purpose::Verify(_, snapshot) => (&snapshot.record.name, snapshot.record.instance_id()),
        _ => (&record.name, record.uuid),
    };
    let input = SeedInput {
        blueprint: &request.blueprint,
        name,
        uuid: id,
        mac: record.mac,
        address,
        params: &request.parameters,
        secrets: &secrets,
        ssh_keys,
        host_key: &generated.host_key,
        user_data: request.user_data.as_ref(),
        copied: request.copy_of.as_ref().map(CopyOf::former),
        seal: matches!(purpose, Purpose::Bake(_)),
        is_template: matches!(purpose, Purpose::Template(_)),
    };
    Ok((render(&input)?, identity(&input)?))
}

/// Undoes a create or a bake after an error, and says so.
pub fn abandon(ctx: &mut Ctx, job: Job, error: Error) -> Error {
    match undo(ctx, &job.operation, job.record.uuid, &job.started, Because::Failed(&error)) {
        Ok(()) => {
            let text = match job.operation.kind {
                OperationKind::Bake => "could not bake the image; everything was undone, nothing is left".to_owned(),
                OperationKind::Warm => {
                    "could not keep a machine warm; everything was undone, nothing is left".to_owned()
                }
                OperationKind::VerifySnapshot => {
                    format!(
                        "snapshot `{}` was not found whole; the machine it was booted in is gone",
                        job.operation.resource.name
                    )
                }
                _ => {
                    format!("could not create instance `{}`; everything was undone, nothing is left", job.record.name)
                }
            };
            job.retire();
            error.within(text)
        }
        Err(undo) => undo.cause(format!("undone because: {error}")),
    }
}
