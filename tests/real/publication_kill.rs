//! `kill -9` at the points of publish, unpublish, and a delete of what is published: real libvirt and nftables.

use crate::{
    crash::{At, kill},
    support::{
        host::{needs_host, virsh},
        idle::{create, idle_host, run, whole_or_gone},
        points::points_in,
    },
};

crate::tests![killed_while_it_publishes];

fn killed_while_it_publishes() {
    needs_host();
    let (host, name) = (idle_host("pkl", 223), "lite-test-pkl");
    let exists = || host.json(&["list"])["instances"].as_array().is_some_and(|i| !i.is_empty());
    let there = || {
        if !exists() {
            run(&mut create(&host, name));
        }
    };
    let hidden = || {
        there();
        host.ok(&["unpublish", name]);
    };
    let shown = || {
        there();
        host.ok(&["publish", name, "22:8033"]);
    };
    // Database, packet filter and the domain's record have the same.
    let is_published = |wanted: bool, after: &str| {
        assert!(whole_or_gone(&host, name, after), "{after}: gone");
        let listed = host.json(&["list"])["instances"][0]["published"].as_array().map(Vec::len);
        let metadata = virsh(&["metadata", name, "https://lite.example/xmlns/instance/1", "--config"]);
        let places = (
            listed == Some(1),
            host.tables_text().contains("ct original proto-dst 8033"),
            metadata.contains(r#""port":8033"#),
        );
        assert_eq!(places, (wanted, wanted, wanted), "{after}");
    };
    let publish = || host.command(&["publish", name, "22:8033"]);
    let unpublish = || host.command(&["unpublish", name]);
    let delete = || host.command(&["delete", name, "--yes"]);
    let (_, mut places) =
        kill(("publish", At::Each), &host, &hidden, &publish, &|after: &str| is_published(true, after));
    let (_, more) = kill(("unpublish", At::Each), &host, &shown, &unpublish, &|after: &str| is_published(false, after));
    places.extend(more);
    let absent = |after: &str| assert!(!whole_or_gone(&host, name, after), "{after}: still there");
    kill(("delete of what is published", At::FirstOfEachName), &host, &shown, &delete, &absent);
    let known = points_in("src/engine/sagas/publication.rs");
    // What is undone is passed where nothing can be loaded alone.
    let missed: Vec<_> = known.difference(&places).collect();
    assert_eq!(missed.len(), 1, "{missed:?} in {places:?}");
}
