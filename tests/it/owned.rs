//! A second disk of an instance, which no verb asks for yet: everything that goes through the list of owned things has it.

use crate::support::world::World;
use lite::{
    engine::{self, Redefinition},
    hypervisor::prelude::*,
    model::{Drift, Name, Size},
    plan::{self, DomainPlan, Object, OwnedKind, Place, Sources, Step},
};

fn told(world: &World) -> Vec<String> {
    let audit = engine::audit(&world.engine()).expect("the database answers");
    audit.findings.iter().map(|f| format!("{} {}: {}", f.trouble, f.subject, f.problem)).collect()
}

#[test]
fn a_second_disk_is_made_missed_attached_deleted_and_collected() {
    let world = World::new();
    let before = world.snapshot();
    let (hv, mut engine) = (world.hypervisor.inner(), world.engine());
    let mut record = world.create("web").expect("created").record;
    record.scratch_disk = Some(Size::mib(64));
    let name = format!("lite-web-{}.scratch.qcow2", record.uuid.simple());

    // Create makes it, after the root disk and before the domain that has it.
    let place = Place { pool: "lite", network: "lite", logs: "/l".as_ref() };
    let attached = plan::attached(&record, place, |volume| Ok(format!("/p/{volume}"))).expect("named");
    let domain = DomainPlan {
        record: &record,
        attached: &attached,
        image: Some("/p/image"),
        snapshot: None,
        network: "lite",
        kvm: false,
        arch: "x86_64",
        machine: Some("q35"),
        unplugged: false,
        is_warm: false,
    };
    let sources = Sources { image_path: Some("/p/image"), seed_bytes: Some(1024) };
    let steps = plan::create(&domain, place, &sources).expect("planned");
    let subjects: Vec<String> = steps.iter().map(Step::subject).collect();
    assert_eq!(subjects[2], format!("scratch disk `{name}`"), "{subjects:?}");
    assert_eq!(subjects[3], format!("domain {}", record.uuid));

    // A record of it without the volume, then the volume without a domain that has it.
    engine.store.set_record(&record).expect("stored");
    assert_eq!(told(&world), [format!("missing instance `web`: its scratch disk `{name}` is gone")]);
    let Step::Ensure { kind: OwnedKind::ScratchDisk, object: Object::Volume { pool, .. }, xml } = &steps[2] else {
        panic!("{:?}", steps[2]);
    };
    hv.ensure_volume(pool, &name, xml).expect("made");
    assert_eq!(told(&world), Vec::<String>::new());
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("stored");
    let Redefinition::Drifted(drift) = engine::redefine(&mut engine, &instance).expect("put back") else {
        panic!("the domain has no scratch disk yet");
    };
    assert_eq!(drift[0], Drift::new("scratch disk", &name, "not attached"));
    assert_eq!(engine::redefine(&mut engine, &instance), Ok(Redefinition::Nothing));

    // Delete says that it goes, and it goes; where it is left over, gc takes it.
    let receipt = engine::delete(&mut engine, &instance).expect("deleted");
    assert!(receipt.removed.contains(&format!("scratch disk `{name}` (64 MiB) and its data")), "{receipt:?}");
    assert_eq!(world.snapshot(), before);
    hv.ensure_volume(pool, &name, xml).expect("left over");
    let orphans = engine::orphans(&engine).expect("looked");
    assert_eq!(engine::collect(&mut engine, &orphans), Ok(vec![format!("volume `{name}`")]));
    assert_eq!(world.snapshot(), before);
}
