//! One name, asked for by all three ways at once.

use std::{collections::BTreeMap, thread};

use lite::{
    app::{App, Caller, instance},
    model::{Role, Unobserved, Via},
};
use serde_json::Value;

use crate::support::{
    api::{Key, Wish, new_key},
    create_request::create_request,
    html::{faults, part},
    served::Served,
    world::World,
};

/// What came of one of them: nothing wrong, or why not.
type Told = Result<(), String>;

fn command(app: &App) -> Told {
    let checked = instance::create::check(app, &Caller::root(Via::Cli), create_request());
    let made = checked.and_then(|checked| checked.run(app, &mut Unobserved));
    made.map(drop).map_err(|error| error.code.as_str().to_owned())
}

fn request(served: &Served, key: &Key, n: usize) -> Told {
    let body =
        r#"{"instanceNames":["web"],"availabilityZone":"home-1a","blueprintId":"debian_12","bundleId":"nano_3_0"}"#;
    let wish = Wish { host: served.address.to_string(), ..Wish::of("CreateInstances", body) };
    let (request, body) = wish.sign(key);
    let own = request.headers().iter().filter(|(name, _)| *name != "host");
    let mut lines: Vec<String> =
        own.map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
    lines.push(format!("amz-sdk-invocation-id: id-{n}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let answer = served.ask("POST", "/", &lines, std::str::from_utf8(&body).expect("text"));
    let code = || serde_json::from_str::<Value>(&answer.body).expect("JSON")["code"].as_str().map(str::to_owned);
    if answer.status == 200 { Ok(()) } else { Err(code().unwrap_or_default()) }
}

fn form(served: &Served, cookie: &str) -> Told {
    let answer = served.post("/create", cookie, "blueprint=debian-12&bundle=nano&name=web");
    match answer.status {
        303 => Ok(()),
        _ => Err(faults(&answer.body).first().map_or(answer.body.clone(), |one| part(one, "#f-", "\"").to_owned())),
    }
}

#[test]
fn one_name_by_ten_commands_ten_requests_and_ten_forms_at_once_is_given_once() {
    let mut world = World::with_images();
    world.serve_in(&["home-1"], 100);
    let served = Served::of(world, |_| {});
    let (anna, cookie) = (new_key(&served.app, "anna", Role::Admin, None), served.log_in(&served.code()));
    let (served, anna, cookie) = (&served, &anna, cookie.as_str());
    let all: Vec<Told> = thread::scope(|scope| {
        let commands = (0..10).map(|_| scope.spawn(|| command(&served.app)));
        let requests = (0..10).map(|n| scope.spawn(move || request(served, anna, n)));
        let forms = (0..10).map(|_| scope.spawn(|| form(served, cookie)));
        let threads: Vec<_> = commands.chain(requests).collect();
        let threads: Vec<_> = threads.into_iter().chain(forms).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for told in &all {
        *counted.entry(told.as_ref().map_or_else(|why| why.as_str(), |()| "made")).or_default() += 1;
    }
    let refused =
        counted.get("name_taken").copied().unwrap_or_default() + counted.get("name").copied().unwrap_or_default();
    assert_eq!((counted.get("made"), refused), (Some(&1), 29), "{all:?}");
    assert_eq!(served.world.engine().store.instances().expect("instances").len(), 1);
}
