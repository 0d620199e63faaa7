//! A bake killed at each of its points.

use super::*;

crate::tests![killed_while_it_bakes];

/// Tells a thread to end when it is dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Says of each guest that bakes that it has sealed its disk, and lets it power off; until `over`.
fn seal_and_power_off(logs: &std::path::Path, over: &AtomicBool) {
    let (mut told, mut running) = (BTreeSet::new(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        for entry in std::fs::read_dir(logs).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some((_, id)) = name.strip_suffix(".report.log").and_then(|n| n.rsplit_once('-')) else { continue };
            let Ok(id) = id.parse::<uuid::Uuid>() else { continue };
            if name.starts_with("bake-") && told.insert(id) {
                let file = std::fs::OpenOptions::new().append(true).open(entry.path());
                let _ = file.and_then(|mut f| f.write_all(b"{\"event\":\"sealed\"}\n"));
                running.push(id.to_string());
            }
        }
        running.retain(|id| {
            let domain = virsh(&["dumpxml", id]);
            // Until it boots nobody hears a key. One whose bake was killed is gone once that is undone.
            if domain.lines().next().is_some_and(|line| line.contains(" id='")) {
                virsh(&["send-key", id, "KEY_ENTER"]);
            }
            !domain.is_empty()
        });
        thread::sleep(Duration::from_millis(if running.is_empty() { 20 } else { 100 }));
    }
}

/// Kills a bake at each of its points.
fn bakes(host: &Host) -> (usize, BTreeSet<String>) {
    host.ok(&["image", "import", &image(host, "down", POWER_OFF_BY_KEY)]);
    let app = "id: cake\ntitle: A cake\ndescription: A cake.\ngroup: app\nversion: '1'\nbases: [down]\nuser: nobody\n\
        minimum: {memory: 32 MiB, disk: 1 MiB}\nports: [80/tcp]\ninstall: 'true'\nhealth:\n  http: {port: 80, path: /, status: 200}\n";
    std::fs::write(host.folder.path().join("blueprints/cake.yaml"), app).expect("written");
    // The first of all makes the network too: points of its own.
    assert!(create(host, "lite-test-oven").status().expect("lite runs").success());
    host.ok(&["delete", "lite-test-oven", "--yes"]);
    let (logs, over) = (host.folder.path().join("logs"), AtomicBool::new(false));
    thread::scope(|scope| {
        // Also where an assertion fails: the scope waits for its threads.
        let end = End(&over);
        scope.spawn(|| seal_and_power_off(&logs, &over));
        let baked = || -> Vec<String> {
            let listed = host.json(&["image", "list"]);
            let images = listed["images"].as_array().expect("images").iter();
            images.filter(|i| i["origin"] == "baked").map(|i| i["id"].as_str().expect("an id").to_owned()).collect()
        };
        let fresh = || baked().iter().for_each(|id| drop(host.ok(&["image", "remove", id, "--yes"])));
        let check = |after: &str| {
            assert!(!whole_or_gone(host, "bake-cake-1", after), "{after}: an instance");
            let files = std::fs::read_dir(host.pool_dir()).expect("the pool").flatten();
            let names = files.map(|e| e.file_name().to_string_lossy().into_owned());
            let ours = names.filter(|n| n.contains("cake") && !n.starts_with(".lock-")).count();
            assert_eq!(ours, baked().len() * 2, "{after}: half an image");
        };
        let found = kill(
            ("bake", At::FirstOfEachName),
            host,
            &fresh,
            &|| host.command(&["image", "bake", "cake", "--quiet"]),
            &check,
        );
        // It is whole, and what it is of is still so; then it is not.
        host.ok(&["image", "bake", "cake"]);
        drop(end);
        assert!(host.ok(&["image", "prune", "--yes"]).is_empty());
        std::fs::write(host.folder.path().join("blueprints/cake.yaml"), app.replace("'1'", "'2'")).expect("written");
        assert!(host.ok(&["image", "prune", "--dry-run"]).starts_with("would go    baked image `cake.down."));
        assert!(host.fails(2, &["image", "prune"]).contains("--yes"));
        assert!(host.ok(&["image", "prune", "--yes"]).starts_with("went    baked image `cake.down."));
        assert_eq!(baked(), Vec::<String>::new());
        host.ok(&["image", "remove", "down", "--yes"]);
        found
    })
}

fn killed_while_it_bakes() {
    needs_host();
    let (_, places) = bakes(&idle_host("oven", 60));
    for file in ["src/engine/journal.rs", "src/engine/provision.rs", "src/engine/sagas/bake.rs", "src/image/bake.rs"] {
        let known = points_in(file);
        assert!(places.is_superset(&known), "{file}: {known:?} in {places:?}");
    }
}
