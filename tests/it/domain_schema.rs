//! Every blueprint × bundle × base gives a domain that passes libvirt's schema, and whose record reads back.

use std::path::Path;

use lite::{
    catalog::Catalog,
    hypervisor::{double, prelude::*},
    model::{Mac, Name, NetworkMode, Record},
    plan::{DomainPlan, METADATA_URI, Place, attached, domain_xml, record_of},
};
use uuid::Uuid;

#[test]
fn every_blueprint_bundle_and_base_defines() {
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node.xml");
    let host = double::open(&node).expect("the test driver");
    let catalog = Catalog::embedded().expect("the catalogue");
    let place = Place { pool: "lite", network: "lite", logs: "/l".as_ref() };
    let (mut count, mut small) = (0_u8, 0);
    for blueprint in catalog.blueprints.values() {
        for bundle in &catalog.bundles {
            for base in &blueprint.bases {
                let resolved = match catalog.resolve(&blueprint.id, &bundle.id, Some(base)) {
                    Ok(resolved) => resolved,
                    Err(e) if e.code.as_str() == "bundle_too_small" => {
                        small += 1;
                        continue;
                    }
                    Err(e) => panic!("{} {} {base}: {e}", blueprint.id, bundle.id),
                };
                let record = Record {
                    name: Name::parse(&format!("web-{count}")).expect("a name"),
                    uuid: Uuid::from_u128(u128::from(count) + 1),
                    blueprint: resolved.blueprint.id,
                    blueprint_version: resolved.blueprint.version,
                    base: resolved.base,
                    image_digest: "00".into(),
                    bundle: bundle.id.clone(),
                    vcpus: bundle.vcpus,
                    memory: bundle.memory,
                    disk: bundle.disk,
                    made_as: None,
                    seed_id: None,
                    root_disk: None,
                    lies_on: None,
                    asked: None,
                    kept: None,
                    trusts_authority: false,
                    scratch_disk: None,
                    disks: Vec::new(),
                    transfer: bundle.transfer,
                    price: bundle.price,
                    currency: bundle.currency.clone(),
                    mac: Mac::ours([0, 0, count]),
                    address: Some([192, 168, 150, count].into()),
                    address6: None,
                    network: NetworkMode::Nat,
                    ports: resolved.blueprint.ports,
                    firewall: None,
                    published: vec![],
                    sites: vec![],
                    tags: vec![],
                    created_at: jiff::Timestamp::UNIX_EPOCH,
                };
                let plan = DomainPlan {
                    record: &record,
                    attached: &attached(&record, place, |volume| Ok(format!("/p/{volume}"))).expect("named"),
                    image: Some("/p/image"),
                    snapshot: None,
                    network: "lite",
                    kvm: false,
                    arch: "x86_64",
                    machine: Some("q35"),
                    unplugged: false,
                    is_warm: false,
                };
                let xml = domain_xml(&plan).expect("written");
                host.ensure_domain(&xml).unwrap_or_else(|e| panic!("{} {} {base}: {e}", blueprint.id, bundle.id));
                let metadata = host.domain_metadata(record.uuid, METADATA_URI).expect("read").expect("there");
                assert_eq!(record_of(&metadata), Some(record));
                count += 1;
            }
        }
    }
    assert_eq!((count, small), (220, 25), "those that define, and bundles below the minimum of a blueprint");
}
