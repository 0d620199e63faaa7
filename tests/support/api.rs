//! The Lightsail API of a test's host, and a client that signs by itself.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use lite::{
    app::{App, Caller, key, user},
    clock::{Clock, SystemClock},
    lightsail::{Api, answer},
    model::{Name, Role, Scope, Unobserved, Via, hex},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::world::World;

/// From where all requests come.
pub const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A key of the API.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

/// A host with its API.
pub struct House {
    pub world: World,
    pub app: App,
    pub api: Arc<Api>,
    /// Each operation of Lightsail that was answered, with the answer.
    pub replies: Mutex<Vec<(String, String)>>,
    runtime: tokio::runtime::Runtime,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub kind: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    /// The exception, and its text.
    pub fn fault(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (self.status, text("__type"), text("message"))
    }

    pub fn exception(&self) -> String {
        self.fault().1
    }
}

/// A request before it is signed, and what is done to it after that.
#[derive(Clone)]
pub struct Wish {
    pub target: String,
    pub body: String,
    pub service: String,
    pub region: String,
    /// How the client calls this host.
    pub host: String,
    pub at: Timestamp,
    /// Headers that are signed too.
    pub signed: Vec<(String, String)>,
    /// Headers that are put over the signed ones.
    pub after: Vec<(String, String)>,
    /// The body that is sent instead.
    pub body_after: Option<String>,
}

impl Wish {
    pub fn of(operation: &str, body: &str) -> Self {
        Self {
            target: format!("Lightsail_20161128.{operation}"),
            body: body.to_owned(),
            service: "lightsail".to_owned(),
            region: "home-1".to_owned(),
            host: "127.0.0.1:8480".to_owned(),
            at: Timestamp::now(),
            signed: Vec::new(),
            after: Vec::new(),
            body_after: None,
        }
    }

    pub fn seconds_off(mut self, seconds: i64) -> Self {
        self.at += SignedDuration::from_secs(seconds);
        self
    }

    /// The request, signed by the letter of AWS's description.
    pub fn sign(&self, key: &Key) -> (Request<()>, Bytes) {
        let at = self.at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = at[..8].to_owned();
        let mut headers = vec![("host".to_owned(), self.host.clone()), ("x-amz-date".to_owned(), at.clone())];
        let is_json = !self.target.is_empty();
        let content =
            if is_json { "application/x-amz-json-1.1" } else { "application/x-www-form-urlencoded; charset=utf-8" };
        headers.push(("content-type".to_owned(), content.to_owned()));
        if is_json {
            headers.push(("x-amz-target".to_owned(), self.target.clone()));
        }
        headers.extend(self.signed.iter().cloned());
        headers.sort();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let request = format!("POST\n/\n\n{lines}\n{names}\n{}", hex(&Sha256::digest(&self.body)));
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hex(&Sha256::digest(request)));
        let mac = |key: &[u8], text: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        let of_day = mac(format!("AWS4{}", key.secret).as_bytes(), &date);
        let of_service = mac(&mac(&of_day, &self.region), &self.service);
        let signature = hex(&mac(&mac(&of_service, "aws4_request"), &text));
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", key.id);
        headers.push(("authorization".to_owned(), authorization));
        for (name, value) in &self.after {
            headers.retain(|(own, _)| own != name);
            headers.push((name.clone(), value.clone()));
        }
        let mut request = Request::builder().method("POST").uri("/");
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(name, value);
        }
        let body = self.body_after.as_ref().unwrap_or(&self.body);
        (request.body(()).expect("a request"), Bytes::from(body.clone()))
    }
}

/// A key of a user of its own, that sees what has one tag or all.
pub fn new_key(app: &App, user: &str, role: Role, only: Option<&str>) -> Key {
    let (root, name) = (Caller::root(Via::Cli), Name::parse(user).expect("a name"));
    let scope = only.map_or(Scope::All, |tag| Scope::parse(tag).expect("a tag"));
    let add = user::Add { name: name.clone(), role, scope, dry_run: false };
    user::add(app, &root, &add, &mut Unobserved).expect("a user");
    let create = key::Create { user: name, role: None, label: "test".to_owned() };
    let made = key::create(app, &root, &create).expect("a key");
    Key { id: made.key.id.clone(), secret: made.secret }
}

impl House {
    pub fn new() -> Self {
        Self::of(World::new(), 100)
    }

    /// A host whose lists have so many resources on a page.
    pub fn of(mut world: World, page: usize) -> Self {
        world.serve_in(&["home-1", "us-east-1"], page);
        drop(world.engine());
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        let api = Arc::new(Api::new(app.clone()).until_running().at_any_rate());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self { world, app, api, replies: Mutex::default(), runtime: runtime.expect("a runtime") }
    }

    /// A host with images of debian-12 and debian-13.
    pub fn with_images(page: usize) -> Self {
        let world = World::with_images();
        Self::of(world, page)
    }

    /// A key of a user of its own, that sees what has one tag or all.
    pub fn key(&self, user: &str, role: Role, only: Option<&str>) -> Key {
        new_key(&self.app, user, role, only)
    }

    pub fn admin(&self) -> Key {
        self.key("anna", Role::Admin, None)
    }

    /// Sends what was wished.
    pub fn send(&self, key: &Key, wish: &Wish) -> Reply {
        let (request, body) = wish.sign(key);
        self.deliver(request, body)
    }

    pub fn deliver(&self, request: Request<()>, body: Bytes) -> Reply {
        let (parts, ()) = request.into_parts();
        let response = self.runtime.block_on(answer(self.api.clone(), HOME, &parts, body));
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        assert_eq!(response.headers().get("x-amzn-requestid").map(http::HeaderValue::len), Some(36));
        let reply = Reply {
            status: response.status().as_u16(),
            kind: kind.unwrap_or_default().to_owned(),
            body: String::from_utf8(response.body().to_vec()).expect("text"),
        };
        let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        if let (200, Some((_, operation))) = (reply.status, target.and_then(|target| target.split_once('.'))) {
            self.replies.lock().expect("not poisoned").push((operation.to_owned(), reply.body.clone()));
        }
        reply
    }

    pub fn call(&self, key: &Key, operation: &str, body: &str) -> Reply {
        self.send(key, &Wish::of(operation, body))
    }

    /// What is answered where nothing is wrong.
    pub fn get(&self, key: &Key, operation: &str, body: &str) -> Value {
        let reply = self.call(key, operation, body);
        assert_eq!((reply.status, reply.kind.as_str()), (200, "application/x-amz-json-1.1"), "{operation}: {reply:?}");
        reply.json()
    }

    /// The same host, whose API counts how often it is called, by this clock.
    pub fn counting(self, clock: Arc<dyn Clock>) -> Self {
        let Self { world, runtime, replies, .. } = self;
        let app = App::of_host(world.settings().clone(), clock, world.hypervisor.clone());
        let api = Arc::new(Api::new(app.clone()));
        Self { world, app, api, replies, runtime }
    }

    /// The same host after its server was started anew.
    pub fn restarted(self) -> Self {
        let Self { world, app, runtime, replies, .. } = self;
        let api = Arc::new(Api::new(app.clone()).until_running().at_any_rate());
        Self { world, app, api, replies, runtime }
    }

    /// How an operation ended.
    pub fn ended(&self, key: &Key, id: &str) -> Value {
        for _ in 0..3000 {
            let body = serde_json::json!({"operationId": id}).to_string();
            let operation = self.get(key, "GetOperation", &body)["operation"].clone();
            if operation["isTerminal"] == true {
                return operation;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("operation {id} does not end");
    }

    /// Asks for a change, and waits until all of it is there.
    pub fn change(&self, key: &Key, operation: &str, body: &Value) -> Vec<Value> {
        let answer = self.get(key, operation, &body.to_string());
        let begun = answer["operations"].as_array().cloned().unwrap_or_else(|| vec![answer["operation"].clone()]);
        let id = |one: &Value| one["id"].as_str().unwrap_or_else(|| panic!("{operation}: {answer}")).to_owned();
        let ended: Vec<Value> = begun.iter().map(|one| self.ended(key, &id(one))).collect();
        let failed = ended.iter().find(|one| one["status"] != "Succeeded");
        assert_eq!(failed, None, "{operation}");
        ended
    }
}
