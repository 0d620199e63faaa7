//! Clients of others, unmodified, against the Lightsail API of a host of the test driver.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use lite::{
    app::{Caller, key},
    model::{Name, Role, Via},
};

use crate::support::{
    api::{House, Key},
    api_listener::listen,
    need,
    skip::skip,
};

crate::tests![boto3_drives_a_host_and_each_reply_is_as_its_model_says];

// Each call of the command takes a second.
crate::tests![SLOW: the_aws_command_drives_a_host, terraforms_provider_plans_nothing_after_an_apply];

/// Where `.ci/setup test` puts the clients where the machine has none.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/aws/bin");

/// A client's program: that of the machine, or else that of the tools.
fn program(name: &str, works: &[&str]) -> String {
    let own = format!("{TOOLS}/{name}");
    let all = [name.to_owned(), own];
    let runs = |program: &&String| Command::new(program).args(works).output().is_ok_and(|out| out.status.success());
    all.iter().find(runs).cloned().unwrap_or_else(|| skip(format!("needs {name} with boto3 or awscli")))
}

fn house(page: usize) -> Arc<House> {
    need::programs(&["qemu-img", "ssh-keygen"]);
    Arc::new(House::with_images(page))
}

fn boto3_drives_a_host_and_each_reply_is_as_its_model_says() {
    let python = program("python3", &["-c", "import boto3"]);
    let house = house(3);
    let (anna, vera) = (house.admin(), house.key("vera", Role::Viewer, None));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/api_client.py");
    let endpoint = listen(&house);
    let run = Command::new(python)
        .arg(script)
        .args([&endpoint, &anna.id, &anna.secret, &vera.id, &vera.secret])
        .env_remove("AWS_ENDPOINT_URL")
        .output()
        .expect("it runs");
    assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
}

/// Each reply that a house gave is as botocore's own model has it.
fn are_as_modelled(house: &House) {
    let python = program("python3", &["-c", "import botocore"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/api_model.py");
    let replies = house.replies.lock().expect("not poisoned").clone();
    let lines: String = replies.iter().map(|(operation, reply)| format!("[\"{operation}\", {reply}]\n")).collect();
    let mut check = Command::new(python);
    check.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn().expect("it runs");
    check.stdin.take().expect("its input").write_all(lines.as_bytes()).expect("written");
    let done = check.wait_with_output().expect("it ends");
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).trim().to_owned());
    assert_eq!(said, [replies.len().to_string(), String::new()]);
    assert!(replies.len() > 20, "{}", replies.len());
}

/// The profile that is pasted, and a folder for it.
struct Aws {
    program: String,
    folder: tempfile::TempDir,
}

impl Aws {
    /// With the profile that `lite key create` prints, but for the port of this test.
    fn new(house: &House, endpoint: &str, user: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let create = key::Create { user: Name::parse(user).expect("a name"), role: None, label: String::new() };
        let made = key::create(&house.app, &Caller::root(Via::Cli), &create).expect("a key");
        let profile = made.profile().replace(&made.client.endpoint, endpoint);
        std::fs::write(folder.path().join("config"), profile).expect("written");
        Self { program: program("aws", &["--version"]), folder }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let config = self.folder.path().join("config");
        Command::new(&self.program)
            .arg("lightsail")
            .args(arguments)
            .env("AWS_CONFIG_FILE", config)
            .env("AWS_SHARED_CREDENTIALS_FILE", self.folder.path().join("none"))
            .env("AWS_PROFILE", "lite")
            .env("AWS_PAGER", "")
            .env_remove("AWS_ENDPOINT_URL")
            .output()
            .expect("it runs")
    }

    fn text(&self, arguments: &[&str]) -> String {
        let run = self.run(&[arguments, &["--output", "text"]].concat());
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).expect("text").trim_end().to_owned()
    }

    /// Asks for a change, and waits for its first operation as scripts do.
    fn change(&self, arguments: &[&str]) {
        let id = self.text(&[arguments, &["--query", "operations[0].id || operation.id"]].concat());
        for _ in 0..100 {
            let state = self.text(&["get-operation", "--operation-id", &id, "--query", "operation.status"]);
            match state.as_str() {
                "Started" => std::thread::sleep(std::time::Duration::from_millis(100)),
                state => return assert_eq!(state, "Succeeded", "{arguments:?}"),
            }
        }
        panic!("{arguments:?} does not end");
    }
}

fn the_aws_command_drives_a_host() {
    let house = house(1);
    house.admin();
    let aws = Aws::new(&house, &listen(&house), "anna");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDc5CWkvXUStFeTNMvlcfDkW9l8ajrMPsOZmlTLhpvA1 me@here";
    assert_eq!(aws.text(&["get-regions", "--query", "regions[].name"]), "home-1\tus-east-1");
    let nano = "bundles[?bundleId=='nano'].[bundleId,price]";
    assert_eq!(aws.text(&["get-bundles", "--query", nano]).trim(), "nano\t5.0");
    aws.change(&["import-key-pair", "--key-pair-name", "laptop", "--public-key-base-64", key]);
    aws.change(&[
        "create-instances",
        "--instance-names",
        "web-1",
        "web-2",
        "--availability-zone",
        "home-1a",
        "--blueprint-id",
        "debian_13",
        "--bundle-id",
        "nano_3_0",
        "--key-pair-name",
        "laptop",
        "--user-data",
        "echo hi",
        "--tags",
        "key=client,value=acme",
    ]);
    // Two pages.
    let listed = aws.text(&["get-instances", "--query", "instances[].[name,bundleId]"]);
    assert_eq!(listed, "web-1\tnano_3_0\nweb-2\tnano_3_0");
    aws.change(&[
        "put-instance-public-ports",
        "--instance-name",
        "web-1",
        "--port-infos",
        "fromPort=80,toPort=80,protocol=tcp",
        "fromPort=22,toPort=22,protocol=tcp,cidrs=192.168.150.1/32",
    ]);
    let ports = ["get-instance-port-states", "--instance-name", "web-1", "--query", "portStates[].[fromPort,cidrs[0]]"];
    assert_eq!(aws.text(&ports), "22\t192.168.150.1/32\n80\tNone");
    aws.change(&["stop-instance", "--instance-name", "web-1", "--force"]);
    aws.change(&["start-instance", "--instance-name", "web-1"]);
    aws.change(&["tag-resource", "--resource-name", "web-1", "--tags", "key=env,value=prod"]);
    let first = ["get-operations-for-resource", "--resource-name", "web-1", "--query", "operations[0].operationType"];
    assert_eq!(aws.text(&first), "CreateInstance");
    aws.change(&["delete-instance", "--instance-name", "web-1"]);
    let gone = aws.run(&["get-instance", "--instance-name", "web-1"]);
    let told = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(!gone.status.success() && told.contains("NotFoundException"), "{told}");
    are_as_modelled(&house);
}

/// Terraform in a folder of its own, with the provider that a mirror of plug-ins has.
struct Terraform {
    folder: tempfile::TempDir,
    endpoint: String,
    key: Key,
}

impl Terraform {
    fn new(endpoint: String, key: Key) -> Self {
        need::programs(&["terraform"]);
        let mirror = std::env::var("LITE_TEST_TF_MIRROR");
        let mirror = mirror.unwrap_or_else(|_| skip("needs LITE_TEST_TF_MIRROR, a folder with hashicorp/aws"));
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = \"{mirror}\"\n    include = [\"*/*/*\"]\n  }}\n}}\n"
        );
        let public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDc5CWkvXUStFeTNMvlcfDkW9l8ajrMPsOZmlTLhpvA1 me@here\n";
        for (name, text) in [("terraform.rc", settings.as_str()), ("k.pub", public)] {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        Self { folder, endpoint, key }
    }

    fn write(&self, tag: &str) {
        let text = format!(
            r#"
provider "aws" {{}}
resource "aws_lightsail_key_pair" "k" {{
  name       = "tf-key"
  public_key = file("k.pub")
}}
resource "aws_lightsail_instance" "w" {{
  name              = "tf-web"
  availability_zone = "us-east-1a"
  blueprint_id      = "debian_12"
  bundle_id         = "nano_3_0"
  key_pair_name     = aws_lightsail_key_pair.k.name
  tags              = {{ a = "{tag}" }}
}}
resource "aws_lightsail_instance_public_ports" "p" {{
  instance_name = aws_lightsail_instance.w.name
  port_info {{
    protocol  = "tcp"
    from_port = 22
    to_port   = 22
  }}
}}
"#
        );
        std::fs::write(self.folder.path().join("main.tf"), text).expect("written");
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let run = Command::new("terraform")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TF_CLI_CONFIG_FILE", self.folder.path().join("terraform.rc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", &self.key.id)
            .env("AWS_SECRET_ACCESS_KEY", &self.key.secret)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .output()
            .expect("it runs");
        let text = [run.stdout, run.stderr].concat();
        (run.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    fn succeeds(&self, arguments: &[&str]) {
        let (code, text) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {text}");
    }
}

fn terraforms_provider_plans_nothing_after_an_apply() {
    let house = house(100);
    let anna = house.admin();
    let terraform = Terraform::new(listen(&house), anna.clone());
    let apply = ["apply", "-auto-approve", "-no-color"];
    let plan = ["plan", "-detailed-exitcode", "-no-color"];
    terraform.write("1");
    terraform.succeeds(&["init", "-no-color"]);
    terraform.succeeds(&apply);
    terraform.succeeds(&plan);
    terraform.write("2");
    terraform.succeeds(&apply);
    terraform.succeeds(&plan);
    let tags = house.get(&anna, "GetInstance", r#"{"instanceName":"tf-web"}"#)["instance"]["tags"].clone();
    assert_eq!(tags, serde_json::json!([{"key": "a", "value": "2"}]));
    // Deleted by hand: made anew, and nothing else.
    house.change(&anna, "DeleteInstance", &serde_json::json!({"instanceName": "tf-web"}));
    let (code, text) = terraform.run(&plan);
    assert!(code == Some(2) && text.contains("2 to add, 0 to change, 0 to destroy"), "{text}");
    terraform.succeeds(&apply);
    terraform.succeeds(&["destroy", "-auto-approve", "-no-color"]);
    assert_eq!(house.get(&anna, "GetInstances", "{}"), serde_json::json!({"instances": []}));
    assert_eq!(house.get(&anna, "GetKeyPairs", "{}"), serde_json::json!({"keyPairs": []}));
    are_as_modelled(&house);
}
