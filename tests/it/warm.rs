//! Instances that go on from the memory of another machine.

use lite::{
    engine::{self, ImageChoice},
    hypervisor::{DomainState, prelude::*},
    image::{self, Images},
    model::{Code, Name, SaveImage},
    plan::saved_memory,
    store::StepState,
};

use crate::support::{
    said::Said,
    warmed::{create_warm, try_it, warmed},
    world::World,
};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// Creates, and gives what was said of saved memory.
fn said(world: &World, of: &str) -> Vec<String> {
    let request = engine::Request { image: ImageChoice::Warm, ..world.plain_request(Some(of)) };
    let mut said = Said::default();
    engine::create(&mut world.engine(), request, &mut said).expect("created");
    said.0.retain(|line| line.contains("memory") || line.contains("cold"));
    said.0
}

/// The words of the steps of a create that were done, and of those that were undone.
fn steps(world: &World, of: &str) -> [Vec<String>; 2] {
    let store = world.engine().store;
    let uuid = store.require(&name(of)).expect("there").record.uuid;
    let operation =
        store.operations(100).expect("read").into_iter().rfind(|o| o.instance() == Some(uuid)).expect("one");
    let all = store.steps(&operation.id).expect("read");
    [StepState::Done, StepState::Undone].map(|state| {
        let of_state = all.iter().filter(|step| step.state == state);
        of_state.map(|step| step_word(&step.step)).collect()
    })
}

fn step_word(step: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(step).expect("JSON");
    let kind = value["kind"].as_str().map_or_else(String::new, |kind| format!(" {kind}"));
    format!("{}{kind}", value["step"].as_str().expect("a word"))
}

fn is_clean(world: &World) {
    let audit = engine::audit(&world.engine()).expect("audited");
    assert!(audit.is_clean(), "{audit:?}");
}

#[test]
fn an_instance_goes_on_from_the_memory_of_another_machine() {
    let world = World::new();
    let warm = warmed(&world);
    let told = said(&world, "web");
    assert_eq!(told, [format!("it goes on from the memory of image `{}`", warm.id)]);
    let record = world.engine().store.require(&name("web")).expect("there").record;
    let hv = world.hypervisor.inner();
    assert_eq!(hv.domain(record.uuid).expect("asked").map(|d| d.state), Some(DomainState::Running));
    let made = [
        "ensure root_disk",
        "ensure seed",
        "ensure domain",
        "clone saved_memory",
        "restore",
        "remove",
        "identify",
        "plug",
    ];
    assert_eq!(steps(&world, "web"), [made.map(str::to_owned).to_vec(), Vec::new()]);
    // Its definition knows nothing of it: the next boot is an ordinary one.
    let definition = hv.domain_xml(record.uuid).expect("asked").expect("there");
    assert!(
        !definition.contains("org.lite.thaw") && !definition.contains("genid") && !definition.contains("link state")
    );
    assert_eq!(hv.volume("lite", &saved_memory(&record)).expect("asked"), None);
    // The seed has no secret from the start on.
    let seed = hv.uploaded("lite", &lite::plan::seed(&record)).expect("written");
    assert!(!seed.windows(20).any(|part| part == b"OPENSSH PRIVATE KEY-"));
    is_clean(&world);
    // Another one is another machine.
    create_warm(&world, "other").expect("created");
    is_clean(&world);
}

#[test]
fn a_guest_that_does_not_say_who_it_is_is_started_cold() {
    let world = World::new();
    warmed(&world);
    world
        .hypervisor
        .inner()
        .set_channel_answer("{\"event\": \"failed\", \"module\": \"thaw\", \"tail\": [\"no link\"]}\n");
    let told = said(&world, "web");
    let why = "warning: it is started cold, for identity of the guest of domain";
    assert!(told.len() == 1 && told[0].starts_with(why) && told[0].contains("no link"), "{told:?}");
    let [done, undone] = steps(&world, "web");
    assert_eq!(done, ["remove", "ensure root_disk", "ensure seed", "ensure domain", "start"]);
    let taken_back = ["ensure root_disk", "ensure seed", "ensure domain", "clone saved_memory", "restore"];
    assert_eq!(undone, taken_back);
    is_clean(&world);
}

#[test]
fn memory_that_is_not_what_was_saved_is_not_used() {
    let world = World::new();
    let warm = warmed(&world);
    let file = image::memory_name(&warm.path);
    let whole = std::fs::read(&file).expect("read");
    let mut altered = whole.clone();
    *altered.last_mut().expect("a byte") ^= 1;
    let reason =
        |why: &str| [format!("warning: it is started cold, for the memory of image `{}` is not used: {why}", warm.id)];
    let write = |bytes: &[u8]| std::fs::write(&file, bytes).expect("written");
    write(&altered);
    assert_eq!(said(&world, "a"), reason("it is not what was saved"));
    write(&whole[..whole.len() - 1]);
    assert_eq!(said(&world, "b"), reason("it is not as long as it was"));
    write(&whole);
    let mode = |bits| std::os::unix::fs::PermissionsExt::from_mode(bits);
    std::fs::set_permissions(&file, mode(0o622)).expect("set");
    assert_eq!(said(&world, "c"), reason("others may write to it"));
    std::fs::set_permissions(&file, mode(0o600)).expect("set");
    world.hypervisor.inner().set_host(|host| host.hypervisor = "99.0.0".to_owned());
    let told = said(&world, "d");
    assert!(told.len() == 1 && told[0].contains("was saved by another host or version"), "{told:?}");
    assert_eq!(steps(&world, "d")[0], ["ensure root_disk", "ensure seed", "ensure domain", "start"]);
    is_clean(&world);
}

#[test]
fn memory_that_was_not_tried_is_not_used_and_what_fails_its_trial_is_removed() {
    let world = World::new();
    let warm = warmed(&world);
    let images = Images::in_folder(&world.settings().host.folders.pool);
    let sidecar = world.settings().host.folders.pool.join(image::sidecar_name(&warm.id));
    let text = std::fs::read_to_string(&sidecar).expect("read");
    let untried = text.replace("\"tried\": true", "\"tried\": false");
    assert_ne!(text, untried);
    std::fs::write(&sidecar, untried).expect("written");
    assert_eq!(said(&world, "web"), Vec::<String>::new());
    let hv = world.hypervisor.inner();
    hv.set_channel_answer("{\"event\": \"failed\", \"module\": \"thaw\", \"tail\": [\"no link\"]}\n");
    let error = try_it(&world).expect_err("no machine goes on from it");
    assert_eq!(error.code, Code::NotIdentified, "{error:?}");
    assert_eq!(image::get(&images, &warm.id).expect("read"), None);
    is_clean(&world);
    // The machine it was tried with was on no network at any time.
    assert!(!world.hypervisor.calls().contains(&"update_device"), "{:?}", world.hypervisor.calls());
}

#[test]
fn a_machine_of_another_size_starts_cold_and_says_nothing() {
    let world = World::new();
    warmed(&world);
    let mut request = engine::Request { image: ImageChoice::Warm, ..world.plain_request(Some("web")) };
    request.bundle.vcpus += 1;
    let mut told = Said::default();
    engine::create(&mut world.engine(), request, &mut told).expect("created");
    told.0.retain(|line| line.contains("memory") || line.contains("cold"));
    assert_eq!(told.0, Vec::<String>::new());
    assert_eq!(steps(&world, "web")[0].last().map(String::as_str), Some("start"));
}

#[test]
fn what_is_no_saved_memory_is_not_kept() {
    let error = SaveImage::parse(b"QEVM").expect_err("none");
    assert_eq!(error.code, Code::InvalidSavedMemory);
}
