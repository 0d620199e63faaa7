//! The data files: what is embedded, what an operator may add, and every way a file can be wrong.

mod faults;
mod parameters;

use std::collections::BTreeMap;

use lite::{
    catalog::{
        Catalog, Group, Health, ParameterType, SourceFile, Verification, Verified, VerifiedBy, add_verified, check,
        check_with, read_verified, resolve_params, write_verified,
    },
    model::Error,
};

const WIKI: &str = include_str!("../fixtures/catalog/wiki.yaml");
const BAD: &str = include_str!("../fixtures/catalog/bad.yaml");
const BAD_BUNDLES: &str = include_str!("../fixtures/catalog/bad-bundles.yaml");

fn embedded() -> Catalog {
    Catalog::embedded().expect("the embedded catalog is good")
}

fn source(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned(), fault: None }
}

fn said<T>(result: Result<T, Error>) -> (String, Vec<String>, u8) {
    match result {
        Ok(_) => panic!("was accepted"),
        Err(e) => (e.message.clone(), e.hint_texts(), e.exit_code()),
    }
}

fn faults(file: &str, text: &str) -> Vec<String> {
    check(file, text).iter().map(ToString::to_string).collect()
}

#[test]
fn bundles_are_those_of_the_design() {
    let rows: Vec<String> = embedded()
        .bundles
        .iter()
        .map(|b| {
            format!("{} | {} | {} | {} | {} | {} {}", b.id, b.vcpus, b.memory, b.disk, b.transfer, b.price, b.currency)
        })
        .collect();
    assert_eq!(
        rows,
        [
            "nano | 2 | 512 MiB | 20 GiB | 1 TiB | 5.00 USD",
            "micro | 2 | 1 GiB | 40 GiB | 2 TiB | 7.00 USD",
            "small | 2 | 2 GiB | 60 GiB | 3 TiB | 12.00 USD",
            "medium | 2 | 4 GiB | 80 GiB | 4 TiB | 24.00 USD",
            "large | 2 | 8 GiB | 160 GiB | 5 TiB | 44.00 USD",
            "xlarge | 4 | 16 GiB | 320 GiB | 6 TiB | 84.00 USD",
            "2xlarge | 8 | 32 GiB | 640 GiB | 7 TiB | 164.00 USD",
        ]
    );
}

#[test]
fn embedded_blueprints_hold_what_they_promise() {
    let catalog = embedded();
    let ids = [
        "debian-12",
        "debian-13",
        "docker",
        "ghost",
        "joomla",
        "lamp",
        "magento",
        "mean",
        "nginx",
        "nodejs",
        "plesk",
        "postgres",
        "ubuntu-24.04",
        "wordpress",
    ];
    assert_eq!(catalog.blueprints.keys().collect::<Vec<_>>(), ids);
    let nginx = catalog.blueprint("nginx").expect("known");
    assert_eq!((nginx.group, nginx.user.as_str()), (Group::App, "debian"));
    assert_eq!(nginx.bases, ["debian-13", "debian-12", "ubuntu-24.04"]);
    assert_eq!(nginx.ports.iter().map(ToString::to_string).collect::<Vec<_>>(), ["22/tcp", "80/tcp"]);
    assert_eq!(nginx.parameters.len(), 1);
    assert_eq!((nginx.parameters[0].name.as_str(), nginx.parameters[0].kind), ("title", ParameterType::Text));
    assert_eq!(
        nginx.alarms.iter().map(|a| a.metric.as_str()).collect::<Vec<_>>(),
        ["AppHealthy", "MemoryUtilization", "DiskSpaceUtilization"]
    );
    let proof = "<meta name=\"generator\" content=\"lite-nginx\">";
    assert_eq!(
        nginx.health,
        Some(Health::Http { port: 80, path: "/".to_owned(), status: 200, text: Some(proof.to_owned()) })
    );
    assert!(nginx.configure.contains(proof), "the page holds what the health check looks for");
    let debian = catalog.blueprint("debian-13").expect("known");
    assert_eq!(debian.health, Some(Health::Tcp { port: 22, banner: Some("SSH-".to_owned()) }));
    assert_eq!((debian.install.as_str(), debian.configure.as_str()), ("", ""));
}

/// What every application has to bring, so that none is added without.
#[test]
fn every_application_is_whole() {
    let catalog = embedded();
    let updates = include_str!("../../cloud-init/common/packages.sh");
    for b in catalog.blueprints.values().filter(|b| b.group == Group::App) {
        let id = &b.id;
        assert!(b.install.starts_with(updates), "{id}: installs its updates by itself");
        assert!(!b.configure.is_empty() && !b.output.is_empty(), "{id}: configure and output");
        assert!(b.ports.iter().any(|p| p.to_string() == "22/tcp"), "{id}: SSH");
        assert!(b.min_memory.to_string() != "0 B" && b.min_disk >= lite::model::Size::mib(4096), "{id}: minimum");
        match &b.health {
            Some(Health::Http { text, .. }) => assert!(text.is_some(), "{id}: a status alone proves no application"),
            Some(Health::Command { .. }) => {}
            other => panic!("{id}: an open port proves no application: {other:?}"),
        }
        let metrics: Vec<_> = b.alarms.iter().map(|a| a.metric.as_str()).collect();
        assert_eq!(metrics, ["AppHealthy", "MemoryUtilization", "DiskSpaceUtilization"], "{id}");
        for p in &b.parameters {
            assert!(p.pattern.is_some() || id == "nginx", "{id}: `{}` needs a pattern", p.name);
        }
        // What is generated is never a default, and what is typed is never a secret.
        assert!(b.parameters.iter().all(|p| !p.name.contains("password")), "{id}");
        assert!(b.secrets.iter().all(|s| s.length >= 20), "{id}");
    }
}

/// What was booted once is not allowed to fall back to a guess. `changed` is: `make test-blueprints` makes it `boot` again.
#[test]
fn what_was_booted_is_still_known() {
    let catalog = embedded();
    for id in ["docker", "ghost", "lamp", "postgres", "wordpress"] {
        let blueprint = catalog.blueprint(id).expect("known");
        assert_ne!(catalog.verification(blueprint, "debian-13"), Verification::Render, "{id}");
    }
    for v in &catalog.verified {
        let blueprint = catalog.blueprint(&v.blueprint).expect("a test of a blueprint that is there");
        assert!(blueprint.bases.contains(&v.base), "{} on {}", v.blueprint, v.base);
        assert_eq!(v.image.is_some(), v.how == VerifiedBy::Boot, "{}: an image is what was booted", v.blueprint);
    }
}

#[test]
fn what_only_an_instance_knows_is_not_installed() {
    let text =
        WIKI.replace("install: wiki/install.sh", "install: [wiki/install.sh, 'echo $LITE_SECRET_KEY ${LITE_NAME}']");
    let faults = check_with("wiki.yaml", &text, &[source("wiki/install.sh", "")]);
    let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "wiki.yaml:19: install: uses `LITE_NAME`, which differs per instance; move it to `configure`",
            "wiki.yaml:19: install: uses `LITE_SECRET`, which differs per instance; move it to `configure`",
        ]
    );
    for b in embedded().blueprints.values() {
        let reads = b.install_parameters();
        let known = [
            "download",
            "sha256",
            "opensearch",
            "opensearch_sha256",
            "components",
            "mongodb",
            "mongodb_sha256",
            "npm_registry",
        ];
        assert!(reads.iter().all(|p| known.contains(p)), "{}: {reads:?}", b.id);
    }
}

#[test]
fn a_script_may_have_parts() {
    let text =
        WIKI.replace("install: wiki/install.sh", "install: [common/packages.sh, wiki/install.sh, 'echo a', 'echo b']");
    let catalog =
        Catalog::load(&[source("wiki.yaml", &text), source("wiki/install.sh", "packages wiki")]).expect("good");
    let wanted = format!("{}packages wiki\necho a\necho b\n", include_str!("../../cloud-init/common/packages.sh"));
    assert_eq!(catalog.blueprint("wiki").map(|b| b.install.clone()), Ok(wanted));
    let missing = text.replace("wiki/install.sh", "wiki/instal.sh");
    assert_eq!(
        check("wiki.yaml", &missing).iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["wiki.yaml:19: install[1]: there is no script `wiki/instal.sh`; hold it inline with `install: |`"]
    );
}

fn seen(blueprint: &lite::catalog::Blueprint, how: VerifiedBy) -> Verified {
    Verified {
        blueprint: blueprint.id.clone(),
        version: blueprint.version.clone(),
        base: "debian-13".to_owned(),
        how,
        date: jiff::civil::date(2026, 11, 24),
        image: (how == VerifiedBy::Boot).then(|| "ab12".to_owned()),
        seconds: (how == VerifiedBy::Boot).then_some(70),
        parts: blueprint.parts_digest(),
    }
}

#[test]
fn a_test_holds_for_the_blueprint_as_it_was() {
    let mut catalog = embedded();
    catalog.verified.clear();
    let lamp = catalog.blueprint("lamp").expect("known").clone();
    assert_eq!(catalog.verification(&lamp, "debian-13").word(), "render");
    catalog.verified.push(seen(&lamp, VerifiedBy::Render));
    assert_eq!(catalog.verification(&lamp, "debian-13").word(), "render");
    catalog.verified.push(seen(&lamp, VerifiedBy::Boot));
    assert_eq!(catalog.verification(&lamp, "debian-13"), Verification::Boot(&seen(&lamp, VerifiedBy::Boot)));
    assert_eq!(catalog.verification(&lamp, "debian-12").word(), "render", "another base is another test");
    let mut described = lamp.clone();
    described.description.push_str(" And more.");
    assert_eq!(catalog.verification(&described, "debian-13").word(), "boot", "words alone change nothing in the guest");
    let mut changed = lamp.clone();
    changed.configure.push_str("true\n");
    assert_eq!(catalog.verification(&changed, "debian-13").word(), "changed");
    let mut newer = lamp;
    newer.version = "2".to_owned();
    assert_eq!(catalog.verification(&newer, "debian-13").word(), "changed");
}

#[test]
fn tests_are_kept_one_for_each_base() {
    let catalog = embedded();
    let lamp = catalog.blueprint("lamp").expect("known");
    let mut list = Vec::new();
    add_verified(&mut list, seen(lamp, VerifiedBy::Boot));
    add_verified(&mut list, seen(lamp, VerifiedBy::Render));
    assert_eq!(list, [seen(lamp, VerifiedBy::Boot)], "a rendering says no more than a boot of the same");
    let changed = Verified { parts: "000000000000".to_owned(), ..seen(lamp, VerifiedBy::Render) };
    add_verified(&mut list, changed.clone());
    assert_eq!(list, std::slice::from_ref(&changed), "of another text it is news");
    add_verified(&mut list, Verified { base: "debian-12".to_owned(), ..changed.clone() });
    add_verified(&mut list, Verified { blueprint: "docker".to_owned(), ..changed });
    let ids: Vec<_> = list.iter().map(|v| format!("{} {}", v.blueprint, v.base)).collect();
    assert_eq!(ids, ["docker debian-13", "lamp debian-12", "lamp debian-13"]);
    let text = write_verified(&list).expect("written");
    assert_eq!(read_verified("x", &text), Ok(list));
    let error = read_verified("a/verified.yaml", "verified: [{blueprint: x}]\n").expect_err("half");
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("invalid_verified", "`a/verified.yaml` is not a list of tests")
    );
    assert_eq!(read_verified("x", "verified: []\n"), Ok(Vec::new()));
}

#[test]
fn unknown_ids_name_the_nearest() {
    let catalog = embedded();
    assert_eq!(
        said(catalog.blueprint("ngnix")),
        (
            "there is no blueprint `ngnix`".to_owned(),
            vec!["did you mean `nginx`? `lite blueprints` lists them".to_owned()],
            2
        )
    );
    assert_eq!(
        said(catalog.bundle("smal")),
        ("there is no bundle `smal`".to_owned(), vec!["did you mean `small`? `lite bundles` lists them".to_owned()], 2)
    );
    assert_eq!(
        said(catalog.bundle("\u{1b}[2J-does-not-exist-at-all")).0,
        "there is no bundle `\\u{1b}[2J-does-not-exist-at-all`"
    );
}

#[test]
fn a_bundle_below_the_minimum_is_refused() {
    let catalog = embedded();
    assert_eq!(
        said(catalog.resolve("wordpress", "nano", None)),
        (
            "bundle `nano` is too small for `wordpress`: 0.5 GiB of memory, at least 1 GiB needed".to_owned(),
            vec!["use `--bundle micro` or larger; `lite bundles` lists them".to_owned()],
            2
        )
    );
    let resolved = catalog.resolve("wordpress", "micro", None).expect("fits");
    assert_eq!((resolved.base.as_str(), resolved.bundle.id.as_str()), ("debian-13", "micro"));
}

#[test]
fn the_account_is_that_of_the_chosen_base() {
    let catalog = embedded();
    for (base, user) in [(None, "debian"), (Some("debian-12"), "debian"), (Some("ubuntu-24.04"), "ubuntu")] {
        assert_eq!(catalog.resolve("nginx", "nano", base).map(|r| r.blueprint.user), Ok(user.to_owned()), "{base:?}");
    }
    assert_eq!(
        said(catalog.resolve("nginx", "nano", Some("arch"))),
        (
            "`nginx` does not run on `arch`".to_owned(),
            vec!["it runs on debian-13, debian-12, ubuntu-24.04".to_owned()],
            2
        )
    );
}

#[test]
fn an_operator_adds_and_replaces() {
    let bundles = "currency: USD\nbundles:\n  - {id: nano, vcpus: 1, memory: 256 MiB, disk: 10 GiB, transfer: 1 TiB, price: 3.50}\n  \
                   - {id: huge, vcpus: 64, memory: 256 GiB, disk: 4 TiB, transfer: 8 TiB, price: 900}\n";
    let script = source("wiki/install.sh", "apt-get install -y wiki\n");
    let catalog =
        Catalog::load(&[source("bundles.yaml", bundles), source("wiki.yaml", WIKI), script]).expect("good files");
    assert_eq!(catalog.bundle("nano").map(|b| b.price.to_string()), Ok("3.50".to_owned()));
    assert_eq!(catalog.bundles.first().map(|b| b.id.as_str()), Some("nano"));
    assert_eq!(catalog.bundles.last().map(|b| b.id.as_str()), Some("huge"));
    let wiki = catalog.blueprint("wiki").expect("added");
    assert_eq!(wiki.install, "apt-get install -y wiki\n");
    assert_eq!(wiki.configure, "echo \"$LITE_PARAM_PAGES\" > /etc/wiki\n");
    assert_eq!(wiki.secrets[0].alphabet, "0123456789abcdef");
    assert_eq!(
        serde_json::to_value(&wiki.cloud_config).ok(),
        Some(serde_json::json!({"packages": ["wiki"], "ntp": {"enabled": true}}))
    );
    assert_eq!(check("wiki.yaml", WIKI).len(), 1, "alone, the script it names is missing");
    assert_eq!(check_with("wiki.yaml", WIKI, &[source("wiki/install.sh", "")]), []);
}

#[test]
fn one_catalog_has_one_currency() {
    let euro =
        "currency: EUR\nbundles: [{id: nano, vcpus: 1, memory: 1 GiB, disk: 10 GiB, transfer: 1 TiB, price: 4}]\n";
    let error = Catalog::load(&[source("bundles.yaml", euro)]).expect_err("mixed");
    assert_eq!(error.message, "the blueprint files have a fault");
    assert_eq!(
        error.causes,
        [
            "bundles `nano` and `micro` have different currencies, EUR and USD; a file with another currency has to state all bundles"
        ]
    );
}
