//! Domains that somebody renamed, edited, stopped or removed by hand: shown as what they are, put back only when asked.

use std::time::Duration;

use crate::support::{changes, warned::Warned, world::World};
use lite::{
    engine::{self, Listed, Redefinition, Unobserved},
    hypervisor::{DomainState, flaky::Moment, prelude::*},
    model::{Class, DesiredState, Drift, Instance, InstanceState, Name, Phase, Tap},
};
use uuid::Uuid;

/// A world with an instance `web`: its id, and its record as stored.
fn world() -> (World, Uuid) {
    let world = World::new();
    let uuid = world.create("web").expect("created").record.uuid;
    world.engine().store.set_phase(uuid, Phase::Ready, None).expect("set");
    (world, uuid)
}

fn web(world: &World) -> Instance {
    world.engine().store.require(&Name::parse("web").expect("a name")).expect("stored")
}

fn xml(world: &World, uuid: Uuid) -> String {
    world.hypervisor.domain_xml(uuid).expect("read").expect("there")
}

/// Edits the domain, which must be off, as `virsh edit` does.
fn edit(world: &World, uuid: Uuid, from: &str, to: &str) {
    let old = xml(world, uuid);
    assert!(old.contains(from), "no {from} in {old}");
    world.hypervisor.ensure_domain(&old.replace(from, to)).expect("redefined");
}

/// The place in the pool of the image of these tests, which is in none: a definition that is made anew names that.
fn in_pool(xml: &str) -> String {
    xml.replace("/pool/base.qcow2", "/var/lib/libvirt/images/lite/base.qcow2")
}

fn listed(world: &World) -> Listed {
    engine::list(&world.engine()).expect("listed").remove(0)
}

fn inspected(world: &World) -> Listed {
    engine::inspect(&world.engine(), listed(world)).expect("inspected")
}

fn words(drift: &[Drift]) -> Vec<String> {
    drift.iter().map(ToString::to_string).collect()
}

#[test]
fn an_untouched_instance_differs_in_nothing() {
    let (world, uuid) = world();
    let running = inspected(&world);
    assert_eq!((running.state, running.power, running.drift), (InstanceState::Running, InstanceState::Running, vec![]));
    world.hypervisor.destroy(uuid).expect("stopped by hand");
    let off = inspected(&world);
    assert_eq!((off.state, off.power, off.drift), (InstanceState::Stopped, InstanceState::Stopped, vec![]));
    assert_eq!(
        off.instance.desired_state,
        DesiredState::Running,
        "what the user wants is not what somebody did by hand"
    );
    assert_eq!(engine::plan_redefinition(&world.engine(), &web(&world)), Ok(Redefinition::Nothing));
    assert_eq!(engine::redefine(&mut world.engine(), &web(&world)), Ok(Redefinition::Nothing));
}

#[test]
fn what_a_listing_sees_costs_no_question_per_domain() {
    let (world, uuid) = world();
    world.create("other").expect("created");
    world.hypervisor.destroy(uuid).expect("stopped");
    edit(&world, uuid, "<memory unit='KiB'>524288</memory>", "<memory unit='KiB'>1048576</memory>");
    world.hypervisor.rename_domain(uuid, "web-x").expect("renamed by hand");
    let before = world.hypervisor.calls().len();
    let listed = engine::list(&world.engine()).expect("listed");
    assert_eq!(world.hypervisor.calls()[before..], ["domains", "taps"]);
    let shown: Vec<_> = listed.iter().map(|l| (l.instance.record.name.as_str(), l.state, words(&l.drift))).collect();
    let drift = ["name: web-x (recorded: web)", "memory: 1 GiB (recorded: 512 MiB)"].map(str::to_owned).to_vec();
    assert_eq!(shown, [("other", InstanceState::Running, vec![]), ("web", InstanceState::Drifted, drift)]);
    assert_eq!(listed[1].power, InstanceState::Stopped);
}

#[test]
fn show_sees_every_difference_and_repair_puts_each_back() {
    let (world, uuid) = world();
    world.hypervisor.destroy(uuid).expect("stopped");
    let (mac, port) = (web(&world).record.mac.to_string(), lite::plan::port_name(uuid));
    let address = format!("address='{mac}'");
    let (root, seed) = (format!("lite-web-{}.qcow2", uuid.simple()), format!("lite-web-{}.seed.iso", uuid.simple()));
    let other = "record: another one in the domain's metadata (recorded: the database's)".to_owned();
    let card = "<interface type='network'><mac address='52:54:00:00:00:02'/><source network='lite'/></interface>";
    let cases = [
        (">2</vcpu>", ">4</vcpu>", vec!["vcpus: 4 (recorded: 2)".to_owned()]),
        (
            address.as_str(),
            "address='52:54:00:00:00:01'",
            vec![format!("interface: 52:54:00:00:00:01 (recorded: {mac})")],
        ),
        (port.as_str(), "mine", vec![format!("port: mine (recorded: {port})")]),
        ("isolated='yes'", "isolated='no'", vec!["port: not isolated (recorded: isolated)".to_owned()]),
        (
            "<port isolated",
            "<filterref filter='allow-all'/><port isolated",
            vec!["filter: allow-all (recorded: none)".to_owned()],
        ),
        ("network='lite'", "network='default'", vec!["network: default (recorded: lite)".to_owned()]),
        (
            root.as_str(),
            "elsewhere.qcow2",
            vec![
                format!("root disk: not attached (recorded: {root})"),
                "disk: /var/lib/libvirt/images/lite/elsewhere.qcow2 (recorded: none)".to_owned(),
            ],
        ),
        (
            seed.as_str(),
            "other.iso",
            vec![
                format!("seed: not attached (recorded: {seed})"),
                "disk: /var/lib/libvirt/images/lite/other.iso (recorded: none)".to_owned(),
            ],
        ),
        (
            "</devices>",
            &format!("{card}</devices>"),
            vec![format!("interface: {mac}, 52:54:00:00:00:02 (recorded: {mac})")],
        ),
        ("schema=\"1\"", "schema=\"2\"", vec![other.clone()]),
        ("\"bundle\":\"nano\"", "\"bundle\":\"huge\"", vec![other]),
    ];
    for (from, to, wanted) in cases {
        edit(&world, uuid, from, to);
        let shown = inspected(&world);
        assert_eq!(words(&shown.drift), wanted, "{from}");
        assert_eq!((shown.state, shown.power), (InstanceState::Drifted, InstanceState::Stopped));
        let before = world.snapshot();
        assert!(matches!(engine::redefine(&mut world.engine(), &web(&world)), Ok(Redefinition::Drifted(_))), "{from}");
        assert_eq!(inspected(&world).drift, vec![], "{from}");
        assert_eq!(world.snapshot(), before);
    }
    // What lite does not set is the owner's business.
    edit(&world, uuid, "</devices>", "<watchdog model='i6300esb' action='reset'/></devices>");
    assert_eq!(inspected(&world).state, InstanceState::Stopped);
}

#[test]
fn a_drifted_instance_starts_as_it_is_and_the_user_is_told() {
    let (world, uuid) = world();
    world.hypervisor.destroy(uuid).expect("stopped");
    world.hypervisor.rename_domain(uuid, "web-x").expect("renamed by hand");
    let mut warned = Warned::default();
    assert_eq!(changes::start(&mut world.engine(), &web(&world), None, &mut warned), Ok(true));
    let wanted = "the domain of `web` was changed by hand: name: web-x (recorded: web); `lite repair web` puts it back";
    assert_eq!(warned.0, [wanted]);
    assert_eq!((listed(&world).state, listed(&world).power), (InstanceState::Drifted, InstanceState::Running));
    let error = engine::redefine(&mut world.engine(), &web(&world)).expect_err("it runs");
    assert_eq!(
        (error.code.as_str(), error.exit_code(), error.hint_texts()),
        ("domain_running", 2, vec!["stop it first: `lite stop web`".to_owned()])
    );
    assert_eq!(listed(&world).power, InstanceState::Running, "nothing was stopped");
    changes::stop(&mut world.engine(), &web(&world), true, Duration::ZERO, &mut Unobserved)
        .expect("stopped by id, whatever its name");
    assert!(matches!(engine::redefine(&mut world.engine(), &web(&world)), Ok(Redefinition::Drifted(_))));
    let names: Vec<_> = world.hypervisor.domains().expect("listed").into_iter().map(|d| d.name).collect();
    assert_eq!((names, listed(&world).state), (vec!["web".to_owned()], InstanceState::Stopped));
}

#[test]
fn one_whose_qemu_hangs_is_shown_as_such_and_not_waited_for() {
    let (world, uuid) = world();
    world.hypervisor.inner().show(uuid, DomainState::Unresponsive);
    let before = world.hypervisor.calls().len();
    assert_eq!((inspected(&world).state, inspected(&world).drift), (InstanceState::Unresponsive, vec![]));
    assert!(!world.hypervisor.calls()[before..].contains(&"domain_xml"), "its definition may never come");
    for error in [
        changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved).expect_err("refused"),
        changes::stop(&mut world.engine(), &web(&world), false, Duration::ZERO, &mut Unobserved).expect_err("refused"),
        engine::redefine(&mut world.engine(), &web(&world)).expect_err("refused"),
    ] {
        assert_eq!((error.code.as_str(), error.exit_code()), ("unresponsive", 1));
        assert_eq!(error.hints, ["pull the plug: `lite stop web --force` (the guest's unsaved data is lost)"]);
    }
    assert!(!world.hypervisor.calls()[before..].contains(&"shutdown"), "nobody presses its button");
    assert_eq!(
        changes::stop(&mut world.engine(), &web(&world), true, Duration::ZERO, &mut Unobserved),
        Ok(lite::engine::Stopped::Forced)
    );
    // One that only its definition's not coming gives away.
    changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved).expect("started");
    let timeout = lite::model::Error::new(lite::model::Code::LibvirtTimeout, "late");
    let listed = listed(&world);
    world.hypervisor.fail_all(timeout);
    let seen = engine::inspect(&world.engine(), listed).expect("told");
    assert_eq!((seen.state, seen.power), (InstanceState::Unresponsive, InstanceState::Unresponsive));
}

#[test]
fn more_memory_by_hand_counts_at_start() {
    let (world, uuid) = world();
    world.hypervisor.destroy(uuid).expect("stopped");
    // The host of the double has 12 GiB free.
    edit(&world, uuid, "<memory unit='KiB'>524288</memory>", "<memory unit='KiB'>16777216</memory>");
    let error = changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved).expect_err("refused");
    assert_eq!((error.code.as_str(), error.exit_code()), ("no_capacity", 2));
    assert!(error.message.contains("16 GiB of memory needed"), "{}", error.message);
}

#[test]
fn a_lost_instance_is_not_started_but_defined_again_on_its_disk() {
    let (world, uuid) = world();
    let before = world.snapshot();
    let was = in_pool(&xml(&world, uuid));
    world.hypervisor.destroy(uuid).expect("stopped");
    world.hypervisor.remove_domain(uuid).expect("undefined by hand");
    assert_eq!((inspected(&world).state, inspected(&world).power), (InstanceState::Lost, InstanceState::Lost));
    let gone = world.snapshot();
    for error in [
        changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved).expect_err("refused"),
        changes::stop(&mut world.engine(), &web(&world), false, Duration::ZERO, &mut Unobserved).expect_err("refused"),
        changes::reboot(&mut world.engine(), &web(&world), false).expect_err("refused"),
    ] {
        assert_eq!((error.class, error.code.as_str()), (Class::NeedsAttention, "lost"));
        assert_eq!(error.message, "the domain of instance `web` is gone from the host");
        assert_eq!(error.hints, ["its disk is there; define it again: `lite repair web`"]);
    }
    assert_eq!((world.snapshot(), web(&world).desired_state), (gone, DesiredState::Running), "nothing was changed");
    assert_eq!(engine::plan_redefinition(&world.engine(), &web(&world)), Ok(Redefinition::Lost));
    assert_eq!(engine::redefine(&mut world.engine(), &web(&world)), Ok(Redefinition::Lost));
    assert_eq!((world.snapshot(), xml(&world, uuid)), (before, was), "as it was");
    assert_eq!(listed(&world).state, InstanceState::Stopped);
    assert_eq!(changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved), Ok(true));
}

#[test]
fn a_lost_instance_whose_disk_is_gone_can_only_be_deleted() {
    let (world, uuid) = world();
    world.hypervisor.destroy(uuid).expect("stopped");
    world.hypervisor.remove_domain(uuid).expect("undefined by hand");
    let root = format!("lite-web-{}.qcow2", uuid.simple());
    world.hypervisor.remove_volume("lite", &root).expect("removed by hand");
    let error = changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved).expect_err("refused");
    assert_eq!(error.causes, [format!("the disk `{root}` of instance `web` is gone")]);
    assert_eq!(error.hints, ["remove what is left: `lite delete web`"]);
    let error = engine::redefine(&mut world.engine(), &web(&world)).expect_err("refused");
    assert_eq!((error.code.as_str(), error.exit_code()), ("disk_gone", 4));
    assert_eq!(world.engine().store.open_operations(), Ok(vec![]));
    // An error of the host is no absence.
    world.hypervisor.fail_call("volume", 1, Moment::Before);
    assert_eq!(engine::redefine(&mut world.engine(), &web(&world)).map_err(|e| e.code.as_str()), Err("injected"));
}

#[test]
fn a_failing_step_of_a_redefinition_removes_nothing_and_can_be_repeated() {
    for call in ["ensure_domain"] {
        for moment in [Moment::Before, Moment::After] {
            let (world, uuid) = world();
            world.hypervisor.destroy(uuid).expect("stopped");
            edit(&world, uuid, ">2</vcpu>", ">4</vcpu>");
            let before = world.snapshot();
            world.hypervisor.fail_call(call, 1, moment);
            assert_eq!(
                engine::redefine(&mut world.engine(), &web(&world)).map_err(|e| e.code.as_str()),
                Err("injected"),
                "{call} {moment:?}"
            );
            world.hypervisor.heal();
            assert_eq!(world.snapshot(), before, "{call} {moment:?}");
            engine::redefine(&mut world.engine(), &web(&world)).expect("again");
            assert_eq!(inspected(&world).drift, vec![], "{call} {moment:?}");
        }
    }
}

/// As an earlier lite defined it, with a filter of libvirt's: no drift, and made new when it is started next.
#[test]
fn a_former_definition_is_renewed_by_the_next_start() {
    let (world, uuid) = world();
    world.hypervisor.destroy(uuid).expect("stopped");
    let new = in_pool(&xml(&world, uuid));
    let (target, isolated) = (format!("<target dev='{}'/>", lite::plan::port_name(uuid)), "<port isolated='yes'/>");
    edit(&world, uuid, &target, "");
    edit(&world, uuid, isolated, &format!("<filterref filter='lite-{uuid}'/>"));
    assert_eq!(inspected(&world).drift, vec![]);
    assert_eq!(engine::plan_redefinition(&world.engine(), &web(&world)), Ok(Redefinition::Nothing));
    assert_eq!(changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved), Ok(true));
    assert_eq!(xml(&world, uuid), new);

    // Or without a word about what its root disk lies on: libvirt and QEMU would look into a file that the guest may write.
    world.hypervisor.destroy(uuid).expect("stopped");
    let (_, rest) = new.split_once("      <backingStore type='file'>\n").expect("what it lies on");
    let (chain, _) = rest.split_once("      </backingStore>\n").expect("closed");
    assert!(chain.contains("<source file='/var/lib/libvirt/images/lite/base.qcow2'>"), "{chain}");
    edit(&world, uuid, &format!("      <backingStore type='file'>\n{chain}      </backingStore>\n"), "");
    assert_eq!(changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved), Ok(true));
    assert_eq!(xml(&world, uuid), new);
}

#[test]
fn no_guest_starts_without_its_rules() {
    for call in ["loaded_rules", "load_rules"] {
        let (world, uuid) = world();
        world.hypervisor.destroy(uuid).expect("stopped");
        let nothing = lite::model::Ruleset { table: "lite".to_owned(), tables: vec![], text: String::new() };
        world.hypervisor.inner().load_rules(&nothing).expect("removed");
        world.hypervisor.fail_every(call);
        let error = changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved).expect_err("refused");
        assert_eq!((error.code.as_str(), listed(&world).power), ("injected", InstanceState::Stopped), "{call}");
        let other = world.create("other").map(|c| c.record.name).expect_err("refused");
        assert_eq!(other.code.as_str(), "injected");
        let generation = world.engine().store.desired_generations().expect("read")[0].1;
        engine::restart(&mut world.engine(), uuid, generation).map(drop).expect_err("refused");
        assert!(!world.hypervisor.calls().iter().rev().take_while(|c| **c != "destroy").any(|c| *c == "start"));
        world.hypervisor.heal();
        assert_eq!(changes::start(&mut world.engine(), &web(&world), None, &mut Unobserved), Ok(true));
        assert_eq!(world.snapshot().rules.len(), 2);
    }
}

/// What `virsh net-destroy` and `net-start` leave of the link of a guest: a tap device on no bridge.
fn cut_off(world: &World, uuid: Uuid) -> Tap {
    let name = lite::plan::port_name(uuid);
    world.hypervisor.inner().set_tap(&Tap { name: name.clone(), bridge: None, isolated: false });
    Tap { name, bridge: Some("virbr-lite".to_owned()), isolated: true }
}

fn taps(world: &World) -> Vec<Tap> {
    world.hypervisor.inner().taps().expect("listed")
}

#[test]
fn a_link_on_no_bridge_is_told_and_put_back_by_repair() {
    let (world, uuid) = world();
    let back = cut_off(&world, uuid);
    let drift = vec![Drift::new("link", "on bridge `virbr-lite`", "on no bridge")];
    assert_eq!((listed(&world).state, listed(&world).drift), (InstanceState::Drifted, drift.clone()));
    assert_eq!(inspected(&world).drift, drift);
    let found = engine::audit(&world.engine()).expect("looked").findings;
    let told: Vec<_> = found.iter().map(|f| (f.subject.as_str(), f.problem.as_str(), f.fix.to_string())).collect();
    let problem = "its link is on no bridge, and is to be on bridge `virbr-lite`";
    assert_eq!(told, [("instance `web`", problem, "`lite repair web` puts it back".to_owned())]);
    assert_eq!(engine::redefine(&mut world.engine(), &web(&world)), Ok(Redefinition::Drifted(drift)));
    assert_eq!(taps(&world), [back]);
    assert_eq!((inspected(&world).state, inspected(&world).drift), (InstanceState::Running, vec![]));
    assert_eq!(engine::plan_redefinition(&world.engine(), &web(&world)), Ok(Redefinition::Nothing));
}

#[test]
fn a_reboot_puts_the_link_back_and_starts_its_network() {
    let (world, uuid) = world();
    let back = cut_off(&world, uuid);
    let network = world.hypervisor.network("lite").expect("asked").expect("there");
    world.hypervisor.inner().stop_network("lite").expect("destroyed by hand");
    // What the watcher does: nobody's network is started unasked.
    assert_eq!(engine::restore_links(&world.engine()), Ok(vec![]));
    assert_eq!(listed(&world).state, InstanceState::Drifted);
    let mut engine = world.engine();
    let accepted = engine::sagas::reboot::accept(&mut engine, &web(&world)).expect("accepted");
    engine::sagas::reboot::run(&mut engine, accepted, false).expect("rebooted");
    assert_eq!((taps(&world), world.hypervisor.network("lite").expect("asked")), (vec![back], Some(network)));
}

#[test]
fn the_watcher_puts_links_back_of_guests_that_run() {
    let (world, uuid) = world();
    let other = world.create("other").expect("created").record.uuid;
    let back = cut_off(&world, uuid);
    // That of a domain on its way up is libvirt's to put on its bridge.
    let coming = Tap { bridge: None, isolated: false, ..cut_off(&world, other) };
    world.hypervisor.inner().show(other, DomainState::Paused);
    let engine = world.engine();
    assert_eq!(engine::restore_links(&engine), Ok(vec!["put the link of `web` back: it was on no bridge".to_owned()]));
    assert_eq!(taps(&world), [coming, back]);
    assert_eq!(engine::restore_links(&engine), Ok(vec![]));
}
