//! create: a working application from one command, or nothing.

mod job;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

pub(super) use job::{Job, Purpose};

use super::{
    Engine, Observer, Stage, allocate,
    allocate::HostView,
    draw::{Drawn, draw},
    execute::Payload,
    journal::Run,
    lock::Lock,
    recover::DIED,
    wait::Wait,
};
use crate::{
    catalog::{Blueprint, Bundle},
    doctor,
    image::Image,
    kill_point,
    model::{Code, Error, EventKind, Name, NetworkMode, Phase, Record, Result, Tag},
    plan::{self, Step},
    render::{UserData, render_output},
    store::{self, OperationState},
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

/// A new instance.
#[derive(Debug)]
pub struct Created {
    /// Its record.
    pub record: Record,
    /// Its blueprint's output lines, label and value.
    pub output: Vec<(String, String)>,
    /// Its secrets that are shown once.
    pub secrets: Vec<store::Secret>,
    /// The operation that made it.
    pub operation: String,
    /// Whether the application answered.
    pub ready: bool,
    /// The instance existed: an earlier request of the same id made it.
    pub repeated: bool,
}

impl Engine<'_> {
    /// Makes an instance. Refused before any change, rolled back until it runs, kept as `failed` after that.
    pub fn create(
        &mut self,
        request: &Request<'_>,
        image: &mut dyn FnMut(&mut dyn Observer) -> Result<Image>,
        observer: &mut dyn Observer,
    ) -> Result<Created> {
        if let Some(earlier) = self.earlier(request)? {
            return Ok(earlier);
        }
        let begun = Instant::now();
        observer.begin(Stage::Host);
        let (view, kvm) = self.host_stage(request, observer).inspect_err(|_| observer.fail())?;
        observer.finish();

        observer.begin(Stage::Image);
        let image = image(observer).inspect_err(|_| observer.fail())?;
        observer.finish();

        observer.begin(Stage::Disk);
        let drawn = draw(request.blueprint)?;
        let lock = Lock::acquire(&self.locks(), drawn.uuid, "new", "create", (self.now)(), Duration::ZERO)?;
        let made = self.disk_stage(request, &view, kvm, &image, drawn, Purpose::Instance);
        let job = match made {
            Ok(job) => job,
            Err(e) => {
                observer.fail();
                lock.retire();
                return Err(e);
            }
        };
        observer.finish();
        let result = self.ready_stage(request, &job, begun, observer);
        drop(lock);
        result
    }

    pub(super) fn host_stage(
        &mut self,
        request: &Request<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(HostView, bool)> {
        self.check_bridge(&request.network)?;
        self.prepare_host(&request.network, observer)?;
        let view = self.view(&request.network)?;
        let kvm = doctor::use_kvm(self.settings.accel, &self.settings.connect, view.info.kvm_offered, &view.info.arch)?;
        if !kvm {
            observer.warn("no KVM on this host: the virtual machine is emulated, which is slow");
        }
        // Early and without a lock, for a quick answer before an image is fetched; the transaction decides.
        self.store.write(|t| {
            allocate::request(t, request.request_id.as_deref())?;
            allocate::name(t, &view, request.name.as_ref(), &request.blueprint.id)
        })?;
        super::Capacity::left(&view.info, &view.pool, view.used_by_disks, &self.store.allocated()?)
            .check(request.bundle, true)?;
        Ok((view, kvm))
    }

    /// Allocates, journals and makes everything up to the running domain; undoes all of it if a step fails.
    pub(super) fn disk_stage(
        &mut self,
        request: &Request<'_>,
        view: &HostView,
        kvm: bool,
        image: &Image,
        drawn: Drawn,
        purpose: Purpose,
    ) -> Result<Job> {
        let job = self.allocate(request, view, kvm, image, drawn, purpose)?;
        kill_point::reached("allocated");
        let id = job.operation.id.clone();
        let mut run = Run::new(&id);
        let payload = Payload::seed(&job.image_bytes);
        for step in &job.steps {
            let result = if self.is_interrupted() {
                Err(Error::new(Code::Interrupted, "interrupted"))
            } else {
                self.step(&mut run, step, &payload)
            };
            if let Err(error) = result {
                return Err(self.abandon(&job, &run.started, error));
            }
        }
        Ok(job)
    }

    /// Undoes a create or a bake and says so.
    pub(super) fn abandon(&mut self, job: &Job, started: &[(i64, Step)], error: Error) -> Error {
        let logs = plan::remove_logs(&job.record, self.settings.into());
        let undone = self
            .roll_back(&job.operation.id, started)
            .and_then(|()| self.execute(&logs, &Payload::none()))
            .and_then(|()| self.store.forget(job.record.uuid));
        match undone {
            Ok(()) => {
                let _ = self.store.end_operation(
                    &job.operation.id,
                    OperationState::Failed,
                    Some(&error.to_string()),
                    (self.now)(),
                );
                error.within(match job.operation.kind.as_str() {
                    "bake" => "could not bake the image; everything was undone, nothing is left".to_owned(),
                    _ => {
                        format!(
                            "could not create instance `{}`; everything was undone, nothing is left",
                            job.record.name
                        )
                    }
                })
            }
            Err(undo) => {
                let text = format!("{error}; {undo}");
                let _ = self.store.end_operation(
                    &job.operation.id,
                    OperationState::NeedsAttention,
                    Some(&text),
                    (self.now)(),
                );
                let _ = self.tell(EventKind::OperationNeedsAttention, Some(&job.record), &text);
                undo.cause(format!("undone because: {error}"))
            }
        }
    }

    /// Waits for the application, and stores what came of it.
    fn ready_stage(
        &mut self,
        request: &Request<'_>,
        job: &Job,
        begun: Instant,
        observer: &mut dyn Observer,
    ) -> Result<Created> {
        let uuid = job.record.uuid;
        if !request.wait {
            self.store.set_phase(uuid, Phase::Started, None)?;
            self.tell(EventKind::InstanceCreated, Some(&job.record), "it was made; nobody waited for its application")?;
            self.end(&job.operation, Ok(()))?;
            return self.created(&job.record, &job.operation.id, false, false);
        }
        let waited = self.wait_ready(
            &Wait {
                record: &job.record,
                health: request.blueprint.health.as_ref(),
                report: Path::new(&job.resources.report_log),
                console: Path::new(&job.resources.console_log),
                start: 0,
                deadline: begun + request.timeout,
                timeout: request.timeout,
            },
            observer,
        );
        match &waited {
            Ok(_) => {
                self.store.set_phase(uuid, Phase::Ready, None)?;
                self.tell(EventKind::InstanceCreated, Some(&job.record), "it was made and its application answers")?;
                if let Err(e) = self.clean_seed(&job.record) {
                    observer.warn(&format!("the seed still holds its secrets: {e}"));
                }
            }
            Err(e) if e.code == Code::Interrupted => self.store.set_phase(uuid, Phase::Started, None)?,
            Err(e) => {
                self.store.set_phase(uuid, Phase::Failed, Some(&e.message))?;
                self.tell(EventKind::InstanceFailed, Some(&job.record), &e.message)?;
            }
        }
        let waited = self.end(&job.operation, waited)?;
        let mut record = job.record.clone();
        record.address = waited.address;
        self.created(&record, &job.operation.id, true, false)
    }

    /// The result of an earlier request of the same id.
    fn earlier(&mut self, request: &Request<'_>) -> Result<Option<Created>> {
        let Some(id) = &request.request_id else { return Ok(None) };
        let Some(operation) = self.store.operation_by_request(id)? else { return Ok(None) };
        if operation.arguments.as_deref() != Some(&request.arguments) {
            return Err(Error::new(Code::RequestIdReused, "this request id was used for another request")
                .hint("use a new `--request-id` for a new request"));
        }
        match operation.state {
            OperationState::Succeeded => {}
            OperationState::Started => {
                return Err(allocate::at_work(&operation.id));
            }
            // Its process was killed and all of it undone: nobody was told anything, and the retry is the first to be.
            OperationState::Failed if operation.error.as_deref() == Some(DIED) => {
                self.store.release_request(&operation.id)?;
                return Ok(None);
            }
            OperationState::Failed | OperationState::NeedsAttention => {
                return Err(Error::new(Code::RequestFailed, "the first request of this id failed")
                    .cause(operation.error.unwrap_or_default())
                    .hint("use a new `--request-id` to try again"));
            }
        }
        let instance = operation.instance.map(|uuid| self.store.instance_by_uuid(uuid)).transpose()?.flatten();
        let Some(instance) = instance else {
            return Err(Error::failed(Code::NoSuchInstance, "the instance of this request was deleted since")
                .hint("use a new `--request-id` to make another"));
        };
        self.created(&instance.record, &operation.id, instance.phase == Phase::Ready, true).map(Some)
    }

    fn created(&self, record: &Record, operation: &str, ready: bool, repeated: bool) -> Result<Created> {
        let (blueprint, parameters) = self.store.blueprint_of(record.uuid)?;
        let address = record.address.map_or_else(String::new, |a| a.to_string());
        Ok(Created {
            output: render_output(&blueprint, &record.name, &address, &parameters)?,
            secrets: self.store.secrets(record.uuid)?.into_iter().filter(|s| s.shown).collect(),
            record: record.clone(),
            operation: operation.to_owned(),
            ready,
            repeated,
        })
    }
}
