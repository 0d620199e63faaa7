//! What an earlier lite, somebody else, or a command that was cut off left on a host of the test driver.
#![allow(dead_code, reason = "each test binary uses its part")]

use lite::{
    engine,
    hypervisor::prelude::*,
    model::{HostId, OperationKind, OperationState, Record, Requester, ResourceRef, StepState, Via},
    plan::{self, Object, OwnedKind, Place, Step},
    store::Operation,
};

use super::world::World;

impl World {
    /// Makes the network one of an earlier lite: in mode `nat`, and without a domain.
    pub fn age_network(&self) {
        let hv = self.hypervisor.inner();
        let xml = hv.stored_network("lite").expect("read").expect("a network");
        hv.stop_network("lite").expect("stopped");
        hv.define_network("lite", &xml.replace("mode='route'", "mode='nat'")).expect("defined");
        hv.ensure_network("lite", &xml).expect("started");
    }

    pub fn define_foreign(&self, name: &str) {
        let xml = format!(
            "<domain type='test'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os></domain>"
        );
        self.hypervisor.inner().ensure_domain(&xml).expect("a foreign domain");
    }

    /// Everything of an instance, without its row; the journal says that it was deleted.
    pub fn create_orphan(&self, name: &str) -> uuid::Uuid {
        let record = self.create(name).expect("created").record;
        self.add_former(&record);
        self.orphan(&record);
        record.uuid
    }

    /// Takes the row away, as if the delete that the journal tells of had left all there is.
    pub fn orphan(&self, record: &Record) {
        let mut store = self.engine().store;
        let now = jiff::Timestamp::now();
        let started = Operation::started(
            OperationKind::Delete,
            ResourceRef::instance(record),
            HostId::local(),
            Requester::root(Via::Cli),
            now,
        );
        let delete = Operation { state: OperationState::Succeeded, ended_at: Some(now), ..started };
        store.insert_operation(&delete).expect("written");
        store.forget(record.uuid).expect("forgotten");
        engine::apply_firewall(&self.engine()).expect("loaded without it");
    }

    /// Makes everything of an instance again, as its create did.
    pub fn make_again(&self, record: &Record) {
        let (store, hv) = (self.engine().store, self.hypervisor.inner());
        let creates = store.operations(1000).expect("operations").into_iter();
        let creates = creates.filter(|o| o.kind == OperationKind::Create && o.instance() == Some(record.uuid));
        for step in creates.flat_map(|o| store.steps(&o.id).expect("steps")) {
            match serde_json::from_str(&step.step).expect("a step") {
                Step::Ensure { object: Object::Filter { name }, xml, .. } => hv.ensure_filter(&name, &xml),
                Step::Ensure { object: Object::DhcpHost { network, host }, .. } => hv.ensure_dhcp_host(&network, &host),
                Step::Ensure { object: Object::Volume { pool, name }, xml, .. } => hv.ensure_volume(&pool, &name, &xml),
                Step::Ensure { object: Object::Domain { .. }, xml, .. } => hv.ensure_domain(&xml),
                Step::Start { uuid } => hv.start(uuid),
                step => panic!("a create has no {step:?}"),
            }
            .expect("made again");
        }
        for host in plan::dns_hosts(record) {
            hv.ensure_dns_host("lite", &host).expect("named again");
        }
    }

    /// What an earlier lite gave an instance beside its domain, with the steps of the journal that tell of it.
    pub fn add_former(&self, record: &Record) {
        let (mut store, hv) = (self.engine().store, self.hypervisor.inner());
        let mut creates = store.operations(1000).expect("operations").into_iter();
        let create = creates.rfind(|o| o.instance() == Some(record.uuid)).expect("its create");
        let place = Place::from(self.settings());
        for (n, kind) in (100..).zip([OwnedKind::Filter, OwnedKind::DhcpHost]) {
            let object = kind.description().object(record, place).expect("an instance behind NAT");
            let xml = match &object {
                Object::Filter { name } => format!("<filter name='{name}'><uuid>{}</uuid></filter>", record.uuid),
                _ => String::new(),
            };
            match &object {
                Object::Filter { name } => hv.ensure_filter(name, &xml),
                Object::DhcpHost { network, host } => hv.ensure_dhcp_host(network, host),
                other => panic!("{other:?}"),
            }
            .expect("made");
            let step = serde_json::to_string(&Step::Ensure { kind, object, xml }).expect("JSON");
            store.record_step(&create.id, n, &step, StepState::Done).expect("written");
        }
    }
}
