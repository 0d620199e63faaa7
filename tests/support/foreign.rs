//! Things on the host that are not lite's, some with names deceptively like lite's but without its mark. What a second
//! client sees of them, and what lies in their files, is the same afterwards.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    host::{Host, text, virsh},
    idle,
};

/// What is seen of all of it: what, and its XML, state or checksum.
type Seen = BTreeMap<String, String>;

/// Foreign domains, volumes, a pool, a network, filters, an address and files. Removed when dropped.
pub struct Foreign {
    tag: String,
    ours: String,
    logs: PathBuf,
    pool: PathBuf,
    folder: tempfile::TempDir,
    filters: Vec<String>,
    before: Seen,
}

impl Foreign {
    /// Makes them beside the instance `name` of a host whose network is `10.171.THIRD.0/24`.
    pub fn new(host: &Host, name: &str, third: u8) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lite-test-foreign-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a folder");
        let id = Uuid::new_v4();
        let mut foreign = Self {
            tag: format!("lite-test-foreign-{}", &id.simple().to_string()[..8]),
            ours: host.tag.clone(),
            logs: host.folder.path().join("logs"),
            pool: host.pool_dir(),
            folder,
            filters: Vec::new(),
            before: Seen::new(),
        };
        foreign.make_filters();
        foreign.make_network(third);
        foreign.make_volumes(id);
        foreign.make_domains(name, &idle::image(host, "foreign", idle::IDLE));
        foreign.before = foreign.look();
        assert!(foreign.before.len() >= 16, "{:#?}", foreign.before.keys());
        foreign
    }

    /// Fails if anything differs from what it was.
    pub fn assert_untouched(&self, when: &str) {
        let now = self.look();
        for (what, before) in &self.before {
            assert_eq!(now.get(what), Some(before), "{when}: {what} was touched");
        }
        assert_eq!(now.len(), self.before.len(), "{when}");
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Hands a description to `virsh VERB`.
    fn define(&self, verb: &str, xml: &str, more: &[&str]) {
        let file = self.at("define.xml");
        fs::write(&file, xml).expect("written");
        let all: Vec<&str> = [verb].iter().chain(more).copied().chain([file.to_str().expect("a path")]).collect();
        let out = std::process::Command::new("virsh").args(["-q", "-c", "qemu:///system"]).args(all).output();
        let out = out.expect("virsh runs");
        assert!(out.status.success(), "{verb}: {}", text(&out.stderr));
    }

    /// One of its own name, and one named as lite names those of an instance.
    fn make_filters(&mut self) {
        for name in [self.tag.clone(), format!("lite-{}", Uuid::new_v4())] {
            self.define(
                "nwfilter-define",
                &format!("<filter name='{name}'><filterref filter='clean-traffic'/></filter>"),
                &[],
            );
            self.filters.push(name);
        }
    }

    /// A network with an address kept in it, and an address kept by hand in lite's own network.
    fn make_network(&self, third: u8) {
        let (tag, bridge) = (&self.tag, format!("ltf{}", &self.tag[self.tag.len() - 8..]));
        let xml = format!(
            "<network><name>{tag}</name><bridge name='{bridge}' stp='off' delay='0'/><ip address='198.19.{third}.1' \
             netmask='255.255.255.0'><dhcp><range start='198.19.{third}.2' end='198.19.{third}.254'/>\
             <host mac='52:54:00:00:00:01' name='web' ip='198.19.{third}.9'/></dhcp></ip></network>"
        );
        self.define("net-define", &xml, &[]);
        virsh(&["net-start", tag]);
        let host = format!("<host mac='52:54:00:00:00:02' name='{tag}' ip='10.171.{third}.250'/>");
        for copy in ["--live", "--config"] {
            self.define("net-update", &host, &[&self.ours, "add", "ip-dhcp-host", copy]);
        }
    }

    /// In lite's own pool such as its rule for names does not fit, in a pool of others such as it does; and files.
    fn make_volumes(&self, id: Uuid) {
        let (tag, id) = (&self.tag, id.simple().to_string());
        let theirs = self.at("pool");
        fs::create_dir(&theirs).expect("a folder");
        let xml =
            format!("<pool type='dir'><name>{tag}</name><target><path>{}</path></target></pool>", theirs.display());
        self.define("pool-define", &xml, &[]);
        virsh(&["pool-start", tag]);
        for name in [
            "data.raw".to_owned(),
            format!("{tag}.qcow2"),
            format!("{tag}.seed.iso"),
            format!("lite-{tag}-{}.qcow2", &id[1..]),
            format!("lite-{tag}-{}.qcow2", id.to_uppercase()),
            format!("lite-{tag}-{id}.raw"),
        ] {
            self.make_volume(&self.ours, &name);
        }
        self.make_volume(tag, &format!("lite-{tag}-{id}.qcow2"));
        self.make_volume(tag, &format!("lite-{tag}-{id}.seed.iso"));
        fs::create_dir_all(&self.logs).expect("a folder");
        for file in self.files() {
            fs::write(&file, tag).expect("written");
        }
    }

    fn make_volume(&self, pool: &str, name: &str) {
        let xml = format!("<volume><name>{name}</name><capacity unit='KiB'>64</capacity></volume>");
        self.define("vol-create", &xml, &[pool]);
        let content = self.at("content");
        fs::write(&content, name.repeat(20)).expect("written");
        virsh(&["vol-upload", "--pool", pool, name, content.to_str().expect("a path")]);
    }

    /// Files beside lite's own: logs that are no guest's, and a note in the folder of the pool.
    fn files(&self) -> [PathBuf; 4] {
        let id = Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef).simple().to_string();
        [
            self.logs.join("web.log"),
            self.logs.join(format!("web-{id}.console.log")),
            self.pool.join(".note"),
            self.pool.join("base-notes.txt"),
        ]
    }

    /// One that runs, one that is off, and one with the mark of an instance that is not it, as a clone has.
    fn make_domains(&self, name: &str, image: &str) {
        let copied = virsh(&["metadata", name, "--uri", "https://lite.example/xmlns/instance/1"]);
        assert!(copied.contains("schema=\"1\""), "{copied}");
        let copied =
            copied.replacen("<instance", "<lite:instance xmlns:lite='https://lite.example/xmlns/instance/1'", 1);
        let copied = copied.replace("</instance>", "</lite:instance>");
        let own = "<own:mark xmlns:own='urn:own'><instance schema='1'>{}</instance></own:mark>".to_owned();
        for (kind, metadata) in [("run", String::new()), ("off", own), ("copy", copied)] {
            let disk = self.at(&format!("{kind}.qcow2"));
            fs::copy(image, &disk).expect("copied");
            let xml = format!(
                "<domain type='qemu'><name>{0}-{kind}</name><metadata>{metadata}</metadata><memory unit='MiB'>32</memory>\
                 <vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><devices><disk type='file' device='disk'>\
                 <driver name='qemu' type='qcow2'/><source file='{1}'/><target dev='vda' bus='virtio'/></disk>\
                 <interface type='network'><source network='{0}'/><model type='virtio'/><filterref filter='{0}'/></interface>\
                 </devices></domain>",
                self.tag,
                disk.display()
            );
            self.define("define", &xml, &[]);
        }
        virsh(&["start", &format!("{}-run", self.tag)]);
    }

    fn look(&self) -> Seen {
        let mut seen = Seen::new();
        let mut put = |what: String, is: String| assert_eq!(seen.insert(what, is), None, "each is looked at once");
        for kind in ["run", "off", "copy"] {
            let name = format!("{}-{kind}", self.tag);
            put(format!("domain {name}"), virsh(&["dumpxml", "--inactive", &name]));
            // The number of a running domain is its run: a start in between would give another.
            put(format!("run of {name}"), virsh(&["domid", &name]) + &virsh(&["domstate", &name, "--reason"]));
            // QEMU writes nothing into an idle guest's disk.
            put(format!("disk of {name}"), checksum(&self.at(&format!("{kind}.qcow2"))));
        }
        for (copy, how) in [("live", &[][..]), ("stored", &["--inactive"][..])] {
            let all: Vec<&str> = ["net-dumpxml", &self.tag].iter().chain(how).copied().collect();
            put(format!("network {} ({copy})", self.tag), virsh(&all));
            let all: Vec<&str> = ["net-dumpxml", &self.ours].iter().chain(how).copied().collect();
            let entry = format!("name='{}'", self.tag);
            let kept = virsh(&all).lines().find(|l| l.contains(&entry)).map(|l| l.trim().to_owned());
            put(format!("address kept by hand ({copy})"), kept.unwrap_or_default());
        }
        for name in &self.filters {
            put(format!("filter {name}"), virsh(&["nwfilter-dumpxml", name]));
        }
        // The room on the file system is everybody's.
        let pool = virsh(&["pool-dumpxml", "--inactive", &self.tag]);
        let room = |line: &&str| ["<capacity", "<allocation", "<available"].iter().any(|tag| line.contains(tag));
        put(format!("pool {}", self.tag), pool.lines().filter(|line| !room(line)).collect());
        for pool in [&self.ours, &self.tag] {
            virsh(&["pool-refresh", pool]);
            let listed = virsh(&["vol-list", pool]);
            for (name, path) in listed.lines().filter_map(|l| l.trim().split_once(' ')) {
                if name.contains(&self.tag) || name == "data.raw" {
                    put(format!("volume {pool}/{name}"), checksum(Path::new(path.trim())));
                }
            }
        }
        for file in self.files() {
            put(format!("file {}", file.display()), checksum(&file));
        }
        assert!(seen.iter().all(|(what, is)| !is.trim().is_empty() || what.starts_with("run of")), "{seen:#?}");
        seen
    }
}

/// Content, mode and time of the last change.
fn checksum(path: &Path) -> String {
    let Ok(meta) = fs::metadata(path) else { return "absent".to_owned() };
    let digest = Sha256::digest(fs::read(path).expect("read"));
    let digest: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("{digest} {:o} {:?}", meta.permissions().mode(), meta.modified().expect("a time"))
}

impl Drop for Foreign {
    fn drop(&mut self) {
        for kind in ["run", "off", "copy"] {
            let name = format!("{}-{kind}", self.tag);
            virsh(&["destroy", &name]);
            virsh(&["undefine", &name]);
        }
        let tag = self.tag.as_str();
        for verb in ["net-destroy", "net-undefine", "pool-destroy", "pool-undefine"] {
            virsh(&[verb, tag]);
        }
        for name in &self.filters {
            virsh(&["nwfilter-undefine", name]);
        }
    }
}
