//! Buttons whose operations take a guest's word: upgrade, verify, repair. Each is accepted and run, and what fails says why in words.

use std::time::Duration;

use lite::{
    hypervisor::prelude::*,
    model::{Name, Phase},
    plan,
};

use crate::{
    support::{
        furnished::furnished,
        html::{fact, part, rows},
        served::Served,
        world::World,
    },
    upgrade,
};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// Has the guest of the next machine that a snapshot is booted in say this.
fn guest_says(world: &World, says: &str) {
    for _ in 0..600 {
        let engine = world.engine();
        let machine = engine.store.instances().expect("read").into_iter().find(|one| one.phase == Phase::Baking);
        let log = machine.map(|one| plan::report_log(&one.record, &engine.settings.host.folders.logs));
        if let Some(log) = log.filter(|log| std::path::Path::new(log).exists()) {
            return std::fs::write(log, says).expect("written");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no machine came");
}

#[test]
fn a_snapshot_is_booted_and_its_page_says_what_came_of_it() {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    let path = "/snapshots/shop-snap-1";
    let verify = |says: &str| {
        let begun = served.post(path, &cookie, "action=verify");
        let operation = begun.field("location").unwrap_or_else(|| panic!("{begun:?}")).to_owned();
        assert!(operation.starts_with("/operations/op-"), "{operation}");
        guest_says(&served.world, says);
        served.ended(&operation, &cookie)
    };
    let page = verify("{\"event\":\"booted\"}\n");
    assert!(page.contains("</span>succeeded</span>"), "{page}");
    assert!(fact(&served.get(path, &cookie).body, "Booted").starts_with("<time "));
    let page = verify("{\"event\":\"failed\",\"module\":\"<fsck>\",\"command\":\"\",\"code\":1,\"tail\":[]}\n");
    assert!(
        page.contains("</span>failed</span>") && page.contains("says that module <code>&lt;fsck&gt;</code> failed"),
        "{page}"
    );
    let one = served.get(path, &cookie).body;
    let why = part(&one, "<h2 id=\"failed\">It did not boot</h2>\n<p>", "</p>");
    assert_eq!(why, "the guest on snapshot <code>shop-snap-1</code> says that module <code>&lt;fsck&gt;</code> failed");
    served.world.sql("UPDATE snapshot SET state = 'deleting'");
    assert_eq!(served.refuses(path, &cookie, "action=verify"), ["-: snapshot `shop-snap-1` is being made, or goes"]);
}

/// The page of the latest operation of a kind, once there is one.
fn operation(served: &Served, cookie: &str, kind: &str) -> String {
    for _ in 0..600 {
        let page = served.get("/operations", cookie).body;
        let found = rows(&page).into_iter().find(|row| row.contains(&format!("\">{kind}</a>")));
        if let Some(row) = found {
            return part(row, "href=\"", "\"").to_owned();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no {kind}");
}

#[test]
fn an_instance_is_upgraded_by_its_button_and_one_that_fails_says_why() {
    for (says, ends) in [(upgrade::THROUGH, "succeeded"), (upgrade::FAILED, "failed")] {
        let (world, _folder) = upgrade::made(upgrade::PART, says);
        let served = Served::of(world, |_| {});
        let cookie = served.root();
        let path = "/instances/web/settings";
        let plan = served.post(path, &cookie, "action=upgrade&plan=yes").body;
        assert_eq!(
            part(&plan, "<p class=\"told\" role=\"status\">", "</p>"),
            "<code>web</code> would be upgraded by version of-today of blueprint <code>debian-13</code>, with snapshot <code>web-snap-1</code> as the way back."
        );
        let begun = served.post(path, &cookie, "action=upgrade");
        assert_eq!(begun.field("location"), Some("/instances/web"), "where what is at work on it is seen");
        let page = served.ended(&operation(&served, &cookie, "upgrade"), &cookie);
        assert!(page.contains(&format!("</span>{ends}</span>")), "{page}");
        let version = part(&served.get(path, &cookie).body, "It was made by version ", " of ").to_owned();
        assert_eq!(
            (version == "of-today", page.contains("apt-get upgrade")),
            (ends == "succeeded", ends == "failed"),
            "{page}"
        );
    }
}

#[test]
fn what_was_changed_by_hand_is_put_back_by_its_button_or_says_why_not() {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    let hypervisor = &served.world.hypervisor;
    let uuid = served.world.engine().store.require(&name("blog")).expect("there").record.uuid;
    hypervisor.destroy(uuid).expect("stopped by hand");
    let xml = hypervisor.domain_xml(uuid).expect("read").expect("there");
    let edited = xml.replace("<memory unit='KiB'>524288</memory>", "<memory unit='KiB'>1048576</memory>");
    assert_ne!(xml, edited);
    hypervisor.ensure_domain(&edited).expect("edited by hand");
    let page = || served.get("/instances/blog", &cookie).body;
    assert!(page().contains("<th scope=\"row\">memory</th><td data-label=\"Recorded\">512 MiB</td>"), "{}", page());
    hypervisor.fail_every("ensure_domain");
    let failed = served.post("/instances/blog/repair", &cookie, "");
    assert!(failed.status >= 400 && failed.body.contains("<main id=\"main\""), "{failed:?}");
    assert!(hypervisor.hits() > 0, "the fault was met");
    assert!(page().contains("Put it back as recorded"));
    hypervisor.heal();
    assert_eq!(served.does("/instances/blog/repair", &cookie, ""), "/instances/blog");
    assert!(!page().contains("Changed by hand"), "{}", page());
}
