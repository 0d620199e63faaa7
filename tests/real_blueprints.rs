//! Blueprints on real Debian guests under TCG: minutes, root and a libvirtd: `LITE_TEST_REAL=1`. The full set is
//! `make test-blueprints`.

mod support {
    pub mod host;
}

use std::process::Command;

use support::host::{Host, skip_reason, text};

/// Whole applications take a quarter of an hour each without KVM.
fn too_slow() -> bool {
    let skipped = std::env::var_os("LITE_TEST_SLOW").is_none_or(|v| v != "1");
    if skipped {
        eprintln!(
            "SKIPPED: applications from their packages take a quarter of an hour each; LITE_TEST_SLOW=1 runs them"
        );
    }
    skipped
}

/// The example of `docs/blueprints.md`, as a reader would try it, broken first.
#[test]
fn the_documented_blueprint_boots() {
    if skip_reason().is_some() || too_slow() {
        return;
    }
    let host = Host::new("docs", 75);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/blueprints.md")).expect("the page");
    let good = page.split("```yaml\n").nth(1).and_then(|t| t.split("```").next()).expect("a blueprint");
    let file = host.folder.path().join("shelf.yaml");
    let path = file.to_str().expect("a path");
    let record = host.folder.path().join("verified.yaml");
    let record = record.to_str().expect("a path");

    std::fs::write(&file, good).expect("written");
    let tested = host.json(&["blueprints", "test", path, "--record", record]);
    let test = &tested["tests"][0];
    assert_eq!((&test["blueprint"], &test["result"]), (&"shelf".into(), &"boot".into()), "{test}");
    let stages: Vec<_> = test["stages"].as_array().expect("stages").iter().filter_map(|s| s["name"].as_str()).collect();
    let wanted = ["render", "host", "image", "disk", "boot", "address", "cloud-init", "application", "ports", "remove"];
    assert_eq!(stages, wanted);
    assert_eq!(host.left(), Vec::<String>::new());
    let recorded = std::fs::read_to_string(record).expect("recorded");
    let list = lite::catalog::read_verified("verified.yaml", &recorded).expect("good");
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].how, list[0].image.as_deref()), (lite::catalog::How::Boot, test["image"].as_str()));

    let folder = host.folder.path().join("blueprints");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::copy(&file, folder.join("shelf.yaml")).expect("copied");
    let known = host.json(&["blueprints", "show", "shelf"]);
    assert_eq!(known["blueprints"][0]["verified"][0]["how"], "boot", "{known}");
    std::fs::write(folder.join("shelf.yaml"), good.replace("autoindex on", "autoindex off")).expect("written");
    let known = host.json(&["blueprints", "show", "shelf"]);
    assert_eq!(known["blueprints"][0]["verified"][0]["how"], "changed", "{known}");

    // What breaks in the guest is told, and nothing stays of it either.
    let broken = good.replace("nginx openssl", "no-such-package-of-lite").replace("id: shelf", "id: shelf-2");
    std::fs::write(&file, broken).expect("written");
    let error = host.fails(1, &["blueprints", "test", path, "--record", record]);
    assert!(error.contains("failed in module `install`") && error.contains("no-such-package-of-lite"), "{error}");
    assert!(error.contains("with `--keep` the virtual machine stays for a look"), "{error}");
    assert_eq!(host.left(), Vec::<String>::new());
    assert_eq!(std::fs::read_to_string(record).ok(), Some(recorded), "a failed test is not recorded");
}

/// WordPress as a user meets it: installed, with a title that could break out, and a log-in that works.
#[test]
fn wordpress_is_installed_and_its_administrator_logs_in() {
    if skip_reason().is_some() || too_slow() {
        return;
    }
    let host = Host::new("wp", 76);
    let title = "Fish & <chips> \"$(reboot)\" it's 100% 'ok' \\n ñ";
    let set = format!("title={title}");
    let small =
        "currency: USD\nbundles:\n  - {id: tiny, vcpus: 2, memory: 1 GiB, disk: 5 GiB, transfer: 1 TiB, price: 1}\n";
    std::fs::create_dir_all(host.folder.path().join("blueprints")).expect("made");
    std::fs::write(host.folder.path().join("blueprints/bundles.yaml"), small).expect("written");
    let name = "lite-test-wp";
    let created = host.json(&[
        "create",
        "wordpress",
        "--name",
        name,
        "--bundle",
        "tiny",
        "--timeout",
        "40m",
        "--set",
        &set,
        "--set",
        "admin_user=Ada.L",
    ]);
    let address = created["instance"]["address"].as_str().expect("an address").to_owned();
    let secrets = host.json(&["secrets", name]);
    let admin = secrets["secrets"].as_array().expect("secrets").iter().find(|s| s["name"] == "admin").expect("admin");
    assert_eq!(admin["user"], "Ada.L");
    let password = admin["value"].as_str().expect("a password");

    let page = curl(&[&format!("http://{address}/")]);
    assert!(page.contains("<meta name=\"generator\" content=\"WordPress"), "{page}");
    let html = "Fish &amp; &lt;chips&gt; &quot;$(reboot)&quot; it&#039;s 100% &#039;ok&#039; \\n ñ";
    assert!(page.contains(&format!("<title>{html}</title>")), "{page}");
    assert!(!log_in(&host, &address, "not the password").contains("<h1>Dashboard</h1>"));
    assert!(log_in(&host, &address, password).contains("<h1>Dashboard</h1>"));
    assert!(curl(&[&format!("http://{address}/wp-admin/install.php")]).contains("Already Installed"));

    let listening = host.ok(&["ssh", name, "--", "sudo ss -Hltn"]);
    assert!(!listening.contains(":3306"), "the database has no port: {listening}");
    host.ok(&["delete", name, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
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

fn curl(args: &[&str]) -> String {
    let out = Command::new("curl").args(["-sS", "--max-time", "60"]).args(args).output().expect("curl runs");
    assert!(out.status.success(), "curl {args:?}: {}", text(&out.stderr));
    text(&out.stdout)
}
