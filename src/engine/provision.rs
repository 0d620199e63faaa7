//! Makes the virtual machine of an instance or of a bake: all of it is allocated, rendered and planned before anything is
//! made on the host.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::{
    Capacity, Ctx, Observer, allocate,
    allocate::HostView,
    execute::Payload,
    generate::{Drawn, record, secret_rows},
    host,
    journal::{self, Run},
    undo::{Because, undo},
};
use crate::{
    catalog::{Blueprint, Bundle},
    doctor, guest,
    image::Image,
    kill_point,
    model::{Code, Error, Name, NetworkMode, OperationKind, Phase, Record, ResourceRef, Result, Tag, Wanted},
    plan::{self, DomainPlan, Place, Sources, Step},
    render::{SeedInput, StaticAddress, UserData, render},
    store::{CleanSeed, NewInstance, Operation, alarms, events::Stamp, instances, operations, secrets},
};

/// What is asked for; every value is checked already.
pub struct Request<'a> {
    /// The blueprint.
    pub blueprint: &'a Blueprint,
    /// The bundle.
    pub bundle: &'a Bundle,
    /// Base image id.
    pub base: &'a str,
    /// All parameters.
    pub parameters: BTreeMap<String, String>,
    /// Wanted name; none: the first free `BLUEPRINT-N`.
    pub name: Option<Name>,
    /// Public keys allowed to log in.
    pub ssh_keys: Vec<String>,
    /// The user's own user-data.
    pub user_data: Option<UserData>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Network.
    pub network: NetworkMode,
    /// How long the set-up may take.
    pub timeout: Duration,
    /// Wait until the application answers.
    pub wait: bool,
    /// The caller's own id, for safe retries.
    pub request_id: Option<String>,
    /// Digest of everything asked for.
    pub arguments: String,
}

/// Everything made for one create.
pub struct Job {
    pub record: Record,
    pub console_log: PathBuf,
    pub report_log: PathBuf,
    pub operation: Operation,
    pub steps: Vec<Step>,
    pub root_path: String,
    purpose: Purpose,
    image_bytes: Vec<u8>,
}

/// What a virtual machine is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The user.
    Instance,
    /// An image: it is thrown away.
    Bake,
}

/// Allocates everything in one transaction, the operation itself included, and plans the steps.
pub fn allocate_all(
    ctx: &mut Ctx,
    request: &Request<'_>,
    view: &HostView,
    kvm: bool,
    image: &Image,
    drawn: Drawn,
    purpose: Purpose,
) -> Result<Job> {
    let (settings, now) = (ctx.settings.clone(), ctx.now());
    let (host, requester) = (ctx.host_id(), ctx.requester.clone());
    let (place, logs) = (Place::from(&*settings), &settings.host.folders.logs);
    let network_key = match &request.network {
        NetworkMode::Nat => settings.host.network.clone(),
        NetworkMode::Bridge(bridge) => format!("bridge:{bridge}"),
    };
    let pool_path = view.pool.path.clone();
    ctx.store.write(|t| {
        allocate::request(t, request.request_id.as_deref())?;
        let stem = match purpose {
            Purpose::Instance => request.blueprint.id.clone(),
            Purpose::Bake => format!("bake-{}", request.blueprint.id),
        };
        let name = allocate::name(t, view, request.name.as_ref(), &stem)?;
        allocate::capacity(t, &host, view, request.bundle)?;
        let address = match &view.subnet {
            Some(subnet) => Some(allocate::address(t, &host, subnet, &network_key)?),
            None => None,
        };
        let static_address = view.subnet.as_ref().zip(address).map(|(subnet, address)| StaticAddress {
            address,
            prefix: subnet.prefix,
            gateway: subnet.gateway,
        });
        let record = record(request, image, &drawn, name, address, now);
        let seed = render(&SeedInput {
            blueprint: request.blueprint,
            name: &record.name,
            uuid: record.uuid,
            mac: record.mac,
            address: static_address,
            params: &request.parameters,
            secrets: &drawn.secrets,
            ssh_keys: &request.ssh_keys,
            host_key: &drawn.host_key,
            user_data: request.user_data.as_ref(),
            seal: purpose == Purpose::Bake,
        })?;
        let image_bytes = guest::seed::seed_iso(&seed)?;
        let at = |volume: &str| format!("{pool_path}/{volume}");
        let root_path = at(&plan::root_disk(&record));
        let steps = plan::create(
            &DomainPlan {
                record: &record,
                attached: &plan::attached(&record, place, |volume| Ok(at(volume)))?,
                network: &settings.host.network,
                kvm,
                arch: &view.info.arch,
                machine: view.info.q35.then_some("q35"),
            },
            place,
            &Sources { image_path: Some(&image.path), seed_bytes: Some(image_bytes.len() as u64) },
        )?;
        let kind = match purpose {
            Purpose::Instance => OperationKind::Create,
            Purpose::Bake => OperationKind::Bake,
        };
        let operation = Operation {
            request_id: request.request_id.clone(),
            arguments: Some(request.arguments.clone()),
            ..Operation::started(kind, ResourceRef::instance(&record), host.clone(), requester.clone(), now)
        };
        instances::insert(
            t,
            &NewInstance {
                record: &record,
                host: &host,
                network: &network_key,
                blueprint: request.blueprint,
                parameters: &request.parameters,
                image: &image.volume,
                seed: Some(&CleanSeed {
                    user_data: seed.user_data_scrubbed.clone(),
                    meta_data: seed.meta_data.clone(),
                    network_config: seed.network_config.clone(),
                }),
            },
        )?;
        if purpose == Purpose::Bake {
            instances::set_life(t, record.uuid, Wanted::Running, Phase::Baking, None)?;
        }
        let rows = secret_rows(request, &record, &drawn)?;
        secrets::insert(t, record.uuid, &rows, Some(&drawn.host_key.public))?;
        if purpose != Purpose::Bake {
            alarms::put_defaults(t, &record, &request.blueprint.alarms, &Stamp::here(now))?;
        }
        operations::insert(t, &operation)?;
        let (console_log, report_log) = (plan::console_log(&record, logs), plan::report_log(&record, logs));
        Ok(Job { record, console_log, report_log, operation, steps, root_path, purpose, image_bytes })
    })
}

pub fn host_stage(ctx: &mut Ctx, request: &Request<'_>, observer: &mut dyn Observer) -> Result<(HostView, bool)> {
    host::check_bridge(ctx, &request.network)?;
    host::prepare_host(ctx, &request.network, observer)?;
    let view = host::view(ctx, &request.network)?;
    let kvm =
        doctor::use_kvm(ctx.settings.host.accel, &ctx.settings.host.connect, view.info.kvm_offered, &view.info.arch)?;
    if !kvm {
        observer.warn("no KVM on this host: the virtual machine is emulated, which is slow");
    }
    // Early and without a lock, for a quick answer before an image is fetched; the transaction decides.
    ctx.store.write(|t| {
        allocate::request(t, request.request_id.as_deref())?;
        allocate::name(t, &view, request.name.as_ref(), &request.blueprint.id)
    })?;
    Capacity::left(&view.info, &view.pool, view.used_by_disks, &ctx.store.allocated(&ctx.host_id())?)
        .check(request.bundle, true)?;
    Ok((view, kvm))
}

/// Allocates, journals and makes everything up to the running domain; undoes all of it if a step fails.
pub fn disk_stage(
    ctx: &mut Ctx,
    request: &Request<'_>,
    view: &HostView,
    kvm: bool,
    image: &Image,
    drawn: Drawn,
    purpose: Purpose,
) -> Result<Job> {
    let job = allocate_all(ctx, request, view, kvm, image, drawn, purpose)?;
    kill_point::reached("allocated");
    let id = job.operation.id.clone();
    let mut run = Run::new(&id);
    let payload = Payload::seed(&job.image_bytes);
    for step in &job.steps {
        let result = if ctx.cancelled() {
            Err(Error::new(Code::Interrupted, "interrupted"))
        } else {
            journal::step(ctx, &mut run, step, &payload)
        };
        if let Err(error) = result {
            return Err(abandon(ctx, &job, &run.started, error));
        }
    }
    Ok(job)
}

/// Undoes a create or a bake after an error, and says so.
pub fn abandon(ctx: &mut Ctx, job: &Job, started: &[(i64, Step)], error: Error) -> Error {
    match undo(ctx, &job.operation, job.record.uuid, started, Because::Failed(&error)) {
        Ok(()) => error.within(match job.purpose {
            Purpose::Bake => "could not bake the image; everything was undone, nothing is left".to_owned(),
            Purpose::Instance => {
                format!("could not create instance `{}`; everything was undone, nothing is left", job.record.name)
            }
        }),
        Err(undo) => undo.cause(format!("undone because: {error}")),
    }
}
