//! A blueprint baked once and made twice from it, without a network, under TCG. Minutes, root and a libvirtd:
//! `LITE_TEST_REAL=1`. The gate bakes the example of docs/blueprints.md; `SLOW`, run by `make test-guests`, WordPress.

use std::collections::BTreeSet;

use crate::support::{
    docs,
    host::{Host, needs_host},
    http::{curl, get},
};

crate::tests![the_documented_blueprint_baked_once_made_twice_without_a_network,];

crate::tests![SLOW: wordpress_baked_once_made_twice_without_a_network];

/// Would break HTML, YAML, SQL or a shell if it were spliced anywhere.
const TITLE: &str = "Fish & <chips> \"$(reboot)\" it's 100% 'ok' \\n ñ";
const TITLE_HTML: &str = "Fish &amp; &lt;chips&gt; &quot;$(reboot)&quot; it&#039;s 100% &#039;ok&#039; \\n ñ";

/// What must not be the same on two machines: what, and the command that prints it in the guest.
type Own = (&'static str, &'static str);

/// Of every machine.
const OWN: [Own; 6] = [
    ("machine id", "cat /etc/machine-id"),
    ("boot id", "cat /proc/sys/kernel/random/boot_id"),
    ("host name", "hostname"),
    ("host key", "cat /etc/ssh/ssh_host_ed25519_key.pub"),
    ("random seed", "sudo sha256sum /var/lib/systemd/random-seed"),
    (
        "cloud-init's instance",
        "cat /run/cloud-init/instance-data.json | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"v1\"][\"instance_id\"])'",
    ),
];

/// Of a WordPress.
const OWN_OF_WORDPRESS: [Own; 4] = [
    ("database password", "sudo grep DB_PASSWORD /etc/wordpress/config-default.php"),
    ("keys", "sudo grep _KEY /etc/wordpress/config-default.php"),
    ("salts", "sudo grep _SALT /etc/wordpress/config-default.php"),
    ("administrator's hash", "sudo mariadb -N wordpress -e 'SELECT user_pass FROM wp_users'"),
];

/// A blueprint to bake, and what is known of it.
struct Subject<'a> {
    id: &'a str,
    /// Its text, for a newer version of it.
    text: &'a str,
    /// Parameters of the instances.
    set: &'a [&'a str],
    own: &'a [Own],
    /// Uses an instance, which is at this address, as its user does.
    use_it: fn(&Host, &str, &str),
}

fn the_documented_blueprint_baked_once_made_twice_without_a_network() {
    needs_host();
    let host = Host::new("bake", 73);
    docs::add_shelf(&host);
    let own = [("hash of the password", "sudo cat /etc/nginx/shelf.passwords")];
    let set = ["title=Hello", "account=ada"];
    baked_once_made_twice(
        &host,
        &Subject { id: "shelf", text: &docs::shelf(), set: &set, own: &own, use_it: served_and_guarded },
    );
}

fn wordpress_baked_once_made_twice_without_a_network() {
    needs_host();
    let host = Host::new("press", 98);
    let title = format!("title={TITLE}");
    let set = [title.as_str(), "admin_user=Ada.L"];
    let text = include_str!("../../blueprints/wordpress.yaml");
    let own = &OWN_OF_WORDPRESS;
    baked_once_made_twice(&host, &Subject { id: "wordpress", text, set: &set, own, use_it: installed_and_logged_in });
}

fn baked_once_made_twice(host: &Host, of: &Subject<'_>) {
    host.debian_13();
    let folder = host.folder.path().join("blueprints");
    std::fs::create_dir_all(&folder).expect("a folder");
    let small =
        "currency: USD\nbundles:\n  - {id: tiny, vcpus: 2, memory: 1 GiB, disk: 5 GiB, transfer: 1 TiB, price: 1}\n";
    std::fs::write(folder.join("bundles.yaml"), small).expect("written");

    let baked = host.json(&["image", "bake", of.id]);
    assert_eq!(host.left(), Vec::<String>::new(), "the machine that baked is left");
    let image = &baked["images"][0];
    let about = serde_json::json!({"blueprint": of.id, "version": "1", "base": "debian-13", "parameters": {}, "current": true, "warm": null});
    assert_eq!((&image["origin"], &image["baked"]), (&"baked".into(), &about));
    let id = image["id"].as_str().expect("an id");
    assert_eq!(host.json(&["image", "bake", of.id]), baked, "a second bake does nothing");

    host.without_a_way_out();
    // A baked guest sends nothing that would renew what the host remembers of an address used before.
    host.remembers_another_machine_at(&host.first_address());
    let names = ["a", "b"].map(|n| format!("{}-{n}", host.tag));
    let own: Vec<&Own> = OWN.iter().chain(of.own).collect();
    let mut seen: Vec<BTreeSet<String>> = vec![BTreeSet::new(); own.len()];
    for name in &names {
        let create = ["create", of.id, "--bundle", "tiny", "--name", name, "--timeout", "20m", "--json", "--verbose"];
        let set = of.set.iter().flat_map(|value| ["--set", value]);
        let out = host.lite(&create.into_iter().chain(set).collect::<Vec<_>>());
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(0), "{said}");
        assert!(said.contains(&format!("`{}` is installed already: baked image `{id}`\n", of.id)), "{said}");
        assert!(!said.contains("cloud-init: install"), "installed again: {said}");
        let created: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let used = serde_json::json!({"id": id, "digest": image["digest"], "baked": true});
        assert_eq!((&created["instance"]["image"], &created["instance"]["ready"]), (&used, &true.into()));
        assert!(!host.ok(&["logs", name, "--boot"]).contains("stage    install"));
        // One log-in for all: each takes seconds where all is emulated.
        let commands: Vec<String> = own.iter().map(|(_, command)| format!("({command}) && printf '\\036'")).collect();
        let answers = host.ok(&["ssh", name, "--", &commands.join(" && ")]);
        let answers: Vec<&str> = answers.split_terminator('\x1e').collect();
        assert_eq!(answers.len(), own.len());
        seen.iter_mut().zip(answers).for_each(|(seen, answer)| seen.extend([answer.to_owned()]));
        unsealed(host, name, of.id);
        (of.use_it)(host, name, created["instance"]["address"].as_str().expect("an address"));
    }
    for (seen, (what, _)) in seen.iter().zip(&own) {
        assert_eq!(seen.len(), names.len(), "the {what} is the same: {seen:?}");
        assert!(seen.iter().all(|s| !s.trim().is_empty()), "no {what}");
    }
    in_use_it_stays(host, of, image, &names);

    host.ok(&["delete", &names[0], &names[1], "--yes"]);
    assert!(host.ok(&["image", "prune", "--yes"]).starts_with(&format!("went    baked image `{id}`")));
    assert_eq!(host.left(), Vec::<String>::new());
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}

/// Nothing of the machine that baked is on the disk. The pattern does not match itself: sudo writes the command to the journal.
fn unsealed(host: &Host, name: &str, blueprint: &str) {
    let traces = format!(
        "sudo grep -rlsE 'bake-{blueprint}-[1]' /etc /var/lib/cloud /var/lib/lite /var/log /home /root; \
         sudo find /var/cache/apt -name '*.deb'; sudo ls /var/lib/apt/lists | grep -v -e lock -e partial; \
         ls /etc/ssh | grep ssh_host | grep -v ed25519; true"
    );
    assert_eq!(host.ok(&["ssh", name, "--", &traces]), "");
}

/// The value of a secret.
fn secret(host: &Host, name: &str, secret: &str, user: &str) -> String {
    let secrets = host.json(&["secrets", name]);
    let all = secrets["secrets"].as_array().expect("secrets");
    let found = all.iter().find(|s| s["name"] == secret).expect("the secret");
    assert_eq!(found["user"], user);
    found["value"].as_str().expect("a value").to_owned()
}

/// The shelf as its user meets it.
fn served_and_guarded(host: &Host, name: &str, address: &str) {
    assert!(get(address, "/").ends_with("<meta name=\"generator\" content=\"shelf\">\n<h1>Hello</h1>\n"));
    let password = secret(host, name, "reader", "ada");
    let status = |user: &str| {
        let url = format!("http://{address}/files/");
        curl(&["-o", "/dev/null", "-w", "%{http_code}", "-u", user, &url])
    };
    assert_eq!((status(&format!("ada:{password}")).as_str(), status("ada:wrong").as_str()), ("200", "401"));
}

/// WordPress as its user meets it.
fn installed_and_logged_in(host: &Host, name: &str, address: &str) {
    let password = &secret(host, name, "admin", "Ada.L");
    let page = get(address, "/");
    assert!(page.contains("<meta name=\"generator\" content=\"WordPress"), "{page}");
    assert!(page.contains(&format!("<title>{TITLE_HTML}</title>")), "{page}");
    assert!(!log_in(host, address, "not the password").contains("<h1>Dashboard</h1>"));
    assert!(log_in(host, address, password).contains("<h1>Dashboard</h1>"));
    assert!(get(address, "/wp-admin/install.php").contains("Already Installed"));
    let listening = host.ok(&["ssh", name, "--", "sudo ss -Hltn"]);
    assert!(!listening.contains(":3306"), "the database has no port: {listening}");
}

/// Posts the log-in form as a browser does; the page behind it.
fn log_in(host: &Host, address: &str, password: &str) -> String {
    let jar = host.folder.path().join("cookies");
    let _ = std::fs::remove_file(&jar);
    let jar = jar.to_str().expect("a path");
    let form = format!("http://{address}/wp-login.php");
    let to = format!("redirect_to=http://{address}/wp-admin/");
    let password = format!("pwd={password}");
    curl(&["-c", jar, &form]);
    let data = ["--data-urlencode", "log=Ada.L", "--data-urlencode", &password, "--data-urlencode", &to];
    curl(&[&["-L", "-b", jar, "-c", jar, "-d", "testcookie=1"], data.as_slice(), &[form.as_str()]].concat())
}

/// An image in use goes neither by hand nor by `prune`, whether it is current or not.
fn in_use_it_stays(host: &Host, of: &Subject<'_>, image: &serde_json::Value, names: &[String; 2]) {
    let id = image["id"].as_str().expect("an id");
    assert!(host.fails(2, &["image", "remove", id, "--yes"]).contains(&names[0]));
    let newer = of.text.replace("version: \"1\"", "version: \"2\"");
    assert_ne!(newer, of.text);
    std::fs::write(host.folder.path().join(format!("blueprints/{}.yaml", of.id)), newer).expect("written");
    let pruned = host.json(&["image", "prune", "--yes"]);
    assert_eq!(pruned["receipts"][0]["removed"], serde_json::json!([]));
    let kept = pruned["receipts"][0]["kept"][0].as_str().expect("words");
    assert!(kept.contains(&format!("used by {}, {}", names[0], names[1])), "{kept}");
    let outdated = host.json(&["blueprints", "outdated"]);
    assert_eq!(
        (&outdated["outdated"][0]["name"], &outdated["outdated"][1]["today"]),
        (&names[0].as_str().into(), &"2".into())
    );
    let columns = host.ok(&["list", "--columns", "name,version,image"]);
    let digest = &image["digest"].as_str().expect("a digest")[..12];
    assert_eq!(columns.lines().nth(1), Some(format!("{}  1        {digest}", names[0]).as_str()));
}
