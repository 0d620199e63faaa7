//! What one create is made of: drawn, allocated, rendered and planned before anything is made on the host.

use super::Request;
use crate::{
    engine::{
        Engine, allocate,
        allocate::HostView,
        draw::{Drawn, record, secret_rows},
        operation_id,
    },
    guest,
    image::Image,
    model::{NetworkMode, Phase, Record, Result, Wanted},
    plan::{self, DomainPlan, Place, Resources, Sources, Step},
    render::{SeedInput, StaticAddress, render},
    store::{CleanSeed, NewInstance, Operation, OperationState, alarms, events::Stamp, instances, operations, secrets},
};

/// Everything made for one create.
pub(in crate::engine) struct Job {
    pub record: Record,
    pub resources: Resources,
    pub operation: Operation,
    pub steps: Vec<Step>,
    pub root_path: String,
    pub(super) image_bytes: Vec<u8>,
}

/// What a virtual machine is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Purpose {
    /// The user.
    Instance,
    /// An image: it is thrown away.
    Bake,
}

impl Engine<'_> {
    /// Allocates everything in one transaction, the operation itself included, and plans the steps.
    pub(super) fn allocate(
        &mut self,
        request: &Request<'_>,
        view: &HostView,
        kvm: bool,
        image: &Image,
        drawn: Drawn,
        purpose: Purpose,
    ) -> Result<Job> {
        let (settings, now) = (self.settings, (self.now)());
        let paths = &settings.paths;
        let network_key = match &request.network {
            NetworkMode::Nat => settings.network.clone(),
            NetworkMode::Bridge(bridge) => format!("bridge:{bridge}"),
        };
        let pool_path = view.pool.path.clone();
        self.store.write(|t| {
            allocate::request(t, request.request_id.as_deref())?;
            let stem = match purpose {
                Purpose::Instance => request.blueprint.id.clone(),
                Purpose::Bake => format!("bake-{}", request.blueprint.id),
            };
            let name = allocate::name(t, view, request.name.as_ref(), &stem)?;
            allocate::capacity(t, view, request.bundle)?;
            let address = match &view.subnet {
                Some(subnet) => Some(allocate::address(t, subnet, &network_key)?),
                None => None,
            };
            let static_address = view.subnet.as_ref().zip(address).map(|(subnet, address)| StaticAddress {
                address,
                prefix: subnet.prefix,
                gateway: subnet.gateway,
            });
            let record = record(request, image, &drawn, name, address, now);
            let resources = Resources::of(&record.name, record.uuid, paths);
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
            let root_path = at(&resources.root);
            let steps = plan::create(
                &DomainPlan {
                    record: &record,
                    resources: &resources,
                    root_path: &root_path,
                    seed_path: &at(&resources.seed),
                    network: &settings.network,
                    kvm,
                    arch: &view.info.arch,
                    machine: view.info.q35.then_some("q35"),
                },
                Place::from(settings),
                &Sources { image_path: Some(&image.path), seed_bytes: Some(image_bytes.len() as u64) },
            )?;
            let operation = Operation {
                id: operation_id(),
                kind: match purpose {
                    Purpose::Instance => "create".into(),
                    Purpose::Bake => "bake".into(),
                },
                resource: record.name.to_string(),
                instance: Some(record.uuid),
                state: OperationState::Started,
                error: None,
                request_id: request.request_id.clone(),
                arguments: Some(request.arguments.clone()),
                started_at: now,
                ended_at: None,
            };
            instances::insert(
                t,
                &NewInstance {
                    record: &record,
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
            Ok(Job { record, resources, operation, steps, root_path, image_bytes })
        })
    }
}
