//! The contract of `Hypervisor`, held by the double (libvirt's test driver with what it lacks in memory). No root, no daemon.

use std::{net::Ipv4Addr, path::Path};

use lite::{
    hypervisor::{
        DhcpHost, DomainState, Domains,
        double::{self, Double},
        flaky::{Flaky, Moment},
        libvirt::Libvirt,
        prelude::*,
    },
    model::{Error, Mac},
};
use uuid::Uuid;

const URI: &str = "https://example.org/lite/test/1";
const UUID: Uuid = Uuid::from_u128(0x0d9a_4d5e_6c1b_4a61_8f0e_1f2d_3c4b_5a69);

fn host() -> Double {
    double::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node.xml")).expect("the test driver opens")
}

fn domain_xml(name: &str, uuid: Uuid, devices: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{devices}</devices></domain>"
    )
}

fn volume_xml(name: &str, bytes: u64) -> String {
    format!(
        "<volume><name>{name}</name><capacity unit='bytes'>{bytes}</capacity><target><format type='raw'/></target></volume>"
    )
}

fn state(host: &impl Domains) -> Option<DomainState> {
    host.domain(UUID).expect("the host answers").map(|d| d.state)
}

fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> &'static str {
    answer.expect_err("it is refused").code.as_str()
}

#[test]
fn a_domain_lives_and_every_step_is_repeatable() {
    let host = host();
    assert_eq!(host.domains().expect("listed"), vec![]);
    for _ in 0..2 {
        host.ensure_domain(&domain_xml("a", UUID, "")).expect("defined");
    }
    assert_eq!(state(&host), Some(DomainState::Off));
    for _ in 0..2 {
        host.start(UUID).expect("started");
    }
    assert_eq!(state(&host), Some(DomainState::Running));
    let listed = host.domains().expect("listed");
    assert_eq!(
        listed.iter().map(|d| (d.uuid, d.name.as_str(), d.state)).collect::<Vec<_>>(),
        [(UUID, "a", DomainState::Running)]
    );
    assert_eq!(code(host.remove_domain(UUID)), "domain_running");
    for _ in 0..2 {
        host.shutdown(UUID).expect("shut down");
    }
    host.start(UUID).expect("started again");
    for _ in 0..2 {
        host.destroy(UUID).expect("stopped");
    }
    for _ in 0..2 {
        host.remove_domain(UUID).expect("removed");
    }
    assert_eq!((state(&host), host.domain_xml(UUID)), (None, Ok(None)));
    host.destroy(UUID).expect("content that it is gone");
    assert_eq!([code(host.start(UUID)), code(host.shutdown(UUID)), code(host.reset(UUID))], ["no_domain"; 3]);
}

#[test]
fn an_unknown_element_is_refused_not_dropped() {
    let host = host();
    assert_eq!(code(host.ensure_domain(&domain_xml("a", UUID, "<tyop/>"))), "libvirt_refused_xml");
    assert_eq!(state(&host), None);
}

#[test]
fn metadata_comes_back_and_its_absence_is_no_error() {
    let host = host();
    assert_eq!(host.domain_metadata(UUID, URI), Ok(None), "no domain");
    host.ensure_domain(&domain_xml("a", UUID, "")).expect("defined");
    assert_eq!(host.domain_metadata(UUID, URI), Ok(None), "no metadata");
    host.set_domain_metadata(UUID, URI, "lite", "<record name='a&amp;b'/>").expect("set");
    let found = host.domain_metadata(UUID, URI).expect("read").expect("there");
    let document = roxmltree::Document::parse(&found).expect("XML");
    assert_eq!(
        (document.root_element().tag_name().name(), document.root_element().attribute("name")),
        ("record", Some("a&b"))
    );
    host.start(UUID).expect("started");
    host.set_domain_metadata(UUID, URI, "lite", "<record name='c'/>").expect("set while it runs");
    host.destroy(UUID).expect("stopped");
    assert!(host.domain_metadata(UUID, URI).expect("read").expect("there").contains("name=\"c\""), "kept over a stop");
}

#[test]
fn volumes_are_made_once_and_hold_what_fits() {
    let host = host();
    assert_eq!(
        host.pool("lite").expect("asked").map(|p| (p.active, p.path)),
        Some((true, "/var/lib/libvirt/images/lite".to_owned()))
    );
    for _ in 0..2 {
        host.ensure_volume("lite", "v", &volume_xml("v", 4096)).expect("made");
    }
    host.upload("lite", "v", b"abc").expect("written");
    assert_eq!(host.uploaded("lite", "v").as_deref(), Some(&b"abc"[..]));
    assert_eq!(code(host.upload("lite", "v", &[0; 4097])), "volume_too_small");
    assert_eq!(
        host.volumes("lite").expect("listed").iter().map(|v| (v.name.as_str(), v.capacity)).collect::<Vec<_>>(),
        [("v", 4096)]
    );
    for _ in 0..2 {
        host.remove_volume("lite", "v").expect("deleted");
    }
    assert_eq!(host.volume("lite", "v"), Ok(None));
    assert_eq!([code(host.volumes("none")), code(host.upload("lite", "v", b""))], ["no_pool", "no_volume"]);
}

#[test]
fn an_inactive_pool_and_network_are_started() {
    let host = host();
    let pool = "<pool type='dir'><name>p</name><target><path>/p</path></target></pool>";
    let network = "<network><name>n</name><ip address='10.9.8.1' netmask='255.255.255.0'/></network>";
    for _ in 0..2 {
        host.ensure_pool("p", pool).expect("made");
        host.ensure_network("n", network).expect("made");
    }
    assert_eq!(host.pool("p").expect("asked").map(|p| p.active), Some(true));
    assert_eq!(host.network("n").expect("asked").map(|n| n.active), Some(true));
    for _ in 0..2 {
        host.remove_pool("p").expect("removed");
        host.remove_network("n").expect("removed");
    }
    assert_eq!((host.pool("p"), host.network("n")), (Ok(None), Ok(None)));
}

#[test]
fn an_address_is_kept_once_and_never_taken_from_another() {
    let host = host();
    let entry = |last: u8, address: u8| DhcpHost {
        mac: Mac::ours([0, 0, last]),
        address: Ipv4Addr::new(192, 168, 150, address),
        name: format!("guest-{last}"),
    };
    let kept = |host: &Double| host.network("lite").expect("asked").expect("there").xml.matches("<host ").count();
    for _ in 0..2 {
        host.ensure_dhcp_host("lite", &entry(1, 10)).expect("kept");
    }
    assert_eq!(kept(&host), 1);
    assert_eq!(code(host.ensure_dhcp_host("lite", &entry(2, 10))), "address_taken");
    host.ensure_dhcp_host("lite", &entry(1, 11)).expect("moved");
    host.ensure_dhcp_host("lite", &entry(2, 10)).expect("free again");
    assert_eq!(kept(&host), 2);
    for _ in 0..2 {
        host.remove_dhcp_host("lite", &entry(1, 11)).expect("released");
    }
    let xml = host.network("lite").expect("asked").expect("there").xml;
    assert!(xml.contains("192.168.150.10") && !xml.contains("192.168.150.11"), "{xml}");
    assert_eq!(code(host.ensure_dhcp_host("none", &entry(1, 10))), "no_network");
}

#[test]
fn a_filter_is_redefined_under_its_uuid_only() {
    let host = host();
    let xml = |uuid: u128, priority: u8| {
        format!("<filter name='f' chain='root' priority='{priority}'><uuid>{}</uuid></filter>", Uuid::from_u128(uuid))
    };
    host.ensure_filter("f", &xml(1, 0)).expect("defined");
    host.ensure_filter("f", &xml(1, 9)).expect("redefined");
    assert_eq!(code(host.ensure_filter("f", &xml(2, 0))), "filter_exists");
    assert_eq!((host.filters(), host.filter_xml("f")), (Ok(vec!["f".to_owned()]), Ok(Some(xml(1, 9)))));
    let interface = "<interface type='network'><source network='lite'/><filterref filter='f'/></interface>";
    host.ensure_domain(&domain_xml("a", UUID, interface)).expect("defined");
    host.start(UUID).expect("started");
    assert_eq!(code(host.remove_filter("f")), "libvirt_in_use");
    host.destroy(UUID).expect("stopped");
    for _ in 0..2 {
        host.remove_filter("f").expect("removed");
    }
    assert_eq!(host.filter_xml("f"), Ok(None));
}

#[test]
fn text_with_a_nul_is_refused() {
    let host = host();
    assert_eq!(code(Libvirt::open("test:///de\0fault").map(|_| ())), "invalid_text");
    let answers = [
        host.ensure_domain("<domain>\0"),
        host.set_domain_metadata(UUID, "u\0", "p", "<x/>"),
        host.ensure_volume("lite", "v\0", "<volume/>"),
        host.ensure_network("n\0", "<network/>"),
    ];
    assert_eq!(answers.map(code), ["invalid_text"; 4]);
}

#[test]
fn a_double_shows_what_only_a_real_guest_does() {
    let host = host();
    host.ensure_domain(&domain_xml("a", UUID, "")).expect("defined");
    host.start(UUID).expect("started");
    host.crash(UUID).expect("crashed");
    assert_eq!(state(&host), Some(DomainState::Crashed));
    host.start(UUID).expect("started");
    host.ignore_power_button(true);
    host.shutdown(UUID).expect("asked");
    assert_eq!(state(&host), Some(DomainState::Running));
    assert_eq!(host.host().map(|h| (h.q35, h.cpus)), Ok((true, 8)));
}

#[test]
fn a_fault_is_hit_and_counted() {
    let host = Flaky::new(host());
    host.fail_nth(2, Moment::Before);
    host.fail_call("ensure_domain", 2, Moment::After);
    host.ensure_domain(&domain_xml("a", UUID, "")).expect("the first call passes");
    assert_eq!(code(host.start(UUID)), "injected");
    assert_eq!(state(host.inner()), Some(DomainState::Off), "it never reached the host");
    let other = Uuid::from_u128(7);
    assert_eq!(code(host.ensure_domain(&domain_xml("b", other, ""))), "injected");
    assert!(host.inner().domain(other).expect("asked").is_some(), "done, but the answer was lost");
    assert_eq!((host.hits(), host.calls()), (2, vec!["ensure_domain", "start", "ensure_domain"]));
    host.fail_all(Error::new(lite::model::Code::LibvirtUnreachable, "gone"));
    assert_eq!([code(host.domains()), code(host.domains())], ["libvirt_unreachable"; 2]);
    host.heal();
    assert_eq!((host.domains().map(|d| d.len()), host.hits()), (Ok(2), 4));
}

#[test]
fn threads_share_a_host() {
    let host = host();
    std::thread::scope(|scope| {
        for thread in 0..8_u128 {
            let host = &host;
            scope.spawn(move || {
                for round in 0..50 {
                    let uuid = Uuid::from_u128(thread << 64 | round);
                    host.ensure_domain(&domain_xml(&format!("t{thread}-{round}"), uuid, "")).expect("defined");
                    host.start(uuid).expect("started");
                    assert_eq!(host.domain(uuid).expect("asked").map(|d| d.state), Some(DomainState::Running));
                    assert_eq!(code(host.remove_domain(uuid)), "domain_running");
                    host.destroy(uuid).expect("stopped");
                    host.remove_domain(uuid).expect("removed");
                }
            });
        }
    });
    assert_eq!(host.domains(), Ok(vec![]));
}

#[test]
fn bytes_go_into_a_volume_out_of_it_and_into_a_copy() {
    crate::support::volume_contract::bytes_go_in_out_and_into_a_copy(&host(), "lite");
}

#[test]
fn a_path_with_odd_characters_opens() {
    let directory = tempfile::Builder::new().prefix("a b%?#é").tempdir().expect("a directory");
    let file = directory.path().join("node.xml");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node.xml"), &file).expect("copied");
    assert_eq!(double::open(&file).expect("opens").network("lite").map(|n| n.is_some()), Ok(true));
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4096
}

#[test]
fn listing_does_not_leak() {
    // In a process of its own: the other tests of this one allocate meanwhile.
    if std::env::var_os("LITE_TEST_ALONE").is_none() {
        let status = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "hypervisor_test_driver::listing_does_not_leak"])
            .env("LITE_TEST_ALONE", "yes")
            .status();
        assert!(status.expect("this program runs").success());
        return;
    }
    let host = host();
    for n in 0..20 {
        host.ensure_domain(&domain_xml(&format!("d{n}"), Uuid::from_u128(n), "")).expect("defined");
    }
    let list = |times: u32| (0..times).for_each(|_| assert_eq!(host.domains().map(|d| d.len()), Ok(20)));
    list(300);
    let before = resident();
    list(500);
    let grown = resident().saturating_sub(before);
    // The list of states alone would be 500 x 20 x 350 bytes = 3.5 MB, that of sizes more.
    assert!(grown < 1 << 20, "grew by {grown} bytes over 500 calls");
}
