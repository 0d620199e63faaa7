//! Who is let in: each wrong signature has the error that clients know, and reaches nothing.

use std::time::Duration;

use lite::{
    app::{Caller, key, user},
    clock::Clock,
    model::{Name, Role, Via},
};

use crate::support::{
    api::{House, Key, Reply, Wish, new_key},
    fake_clock::FakeClock,
    served::Served,
    world::World,
};

fn told(reply: &Reply) -> (u16, String) {
    let (status, kind, _) = reply.fault();
    (status, kind)
}

fn wish() -> Wish {
    Wish::of("GetRegions", "{}")
}

fn with(mut wish: Wish, name: &str, value: &str) -> Wish {
    wish.after.push((name.to_owned(), value.to_owned()));
    wish
}

#[test]
fn each_wrong_signature_has_its_error_and_reaches_nothing() {
    let house = House::new();
    let anna = house.admin();
    let other = Key { secret: "another".to_owned(), ..anna.clone() };
    let unknown = Key { id: "LITE0000000000000000".to_owned(), ..anna.clone() };
    let altered = Wish { body_after: Some(r#"{"includeAvailabilityZones":true}"#.to_owned()), ..wish() };
    let token = Wish { signed: vec![("x-amz-security-token".to_owned(), "t".to_owned())], ..wish() };
    let delete = "Lightsail_20161128.DeleteInstance";
    let whole = Wish { signed: vec![("x-amz-content-sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned())], ..wish() };
    let cases = [
        (&other, wish(), "InvalidSignatureException"),
        (&unknown, wish(), "UnrecognizedClientException"),
        (&anna, wish().seconds_off(-360), "RequestTimeTooSkewed"),
        (&anna, wish().seconds_off(360), "RequestTimeTooSkewed"),
        (&anna, altered, "InvalidSignatureException"),
        (&anna, with(wish(), "x-amz-target", delete), "InvalidSignatureException"),
        (&anna, with(wish(), "host", "elsewhere"), "InvalidSignatureException"),
        (&anna, with(wish(), "authorization", ""), "MissingAuthenticationTokenException"),
        (&anna, with(wish(), "authorization", "AWS4-HMAC-SHA256 Credential=a"), "IncompleteSignatureException"),
        (&anna, with(wish(), "x-amz-date", ""), "IncompleteSignatureException"),
        (&anna, with(wish(), "x-amz-meta-more", "1"), "IncompleteSignatureException"),
        (&anna, token, "UnrecognizedClientException"),
        (&anna, whole, "InvalidSignatureException"),
    ];
    for (key, wish, kind) in cases {
        let reply = house.send(key, &wish);
        assert_eq!(told(&reply), (403, kind.to_owned()), "{}", reply.body);
        assert!(!reply.body.contains(&anna.secret), "{}", reply.body);
    }
    let store = house.world.engine().store;
    assert_eq!(store.require_key(&anna.id).map(|key| key.used_at), Ok(None), "nobody came in");
    assert_eq!(told(&house.send(&anna, &Wish { region: "eu-west-1".to_owned(), ..wish() })).0, 400);
    assert_eq!(house.send(&anna, &wish()).status, 200);
    assert_eq!(house.send(&anna, &wish().seconds_off(240)).status, 200);
    assert!(store.require_key(&anna.id).is_ok_and(|key| key.used_at.is_some()));
}

#[test]
fn who_signs_wrongly_or_asks_without_end_has_to_wait() {
    let clock = FakeClock::new();
    let house = House::new();
    let (anna, bert) = (house.admin(), house.key("bert", Role::Viewer, None));
    let house = house.counting(clock.clone());
    let at = |wish: Wish| Wish { at: clock.now(), ..wish };
    let throttled = (400, "ThrottlingException".to_owned());
    let good = |key: &Key| house.send(key, &at(wish())).status;
    assert_eq!((0..100).filter(|_| good(&anna) == 200).count(), 100);
    assert_eq!(told(&house.send(&anna, &at(wish()))), throttled);
    assert_eq!(good(&bert), 200, "each key by itself");
    clock.sleep(Duration::from_millis(10));
    assert_eq!((good(&anna), good(&anna)), (200, 400));

    let wrong = Key { secret: "another".to_owned(), ..anna.clone() };
    for _ in 0..20 {
        assert_eq!(told(&house.send(&wrong, &at(wish()))), (403, "InvalidSignatureException".to_owned()));
    }
    let reply = house.send(&wrong, &at(wish()));
    assert_eq!(told(&reply), throttled);
    assert_eq!(reply.json()["tip"], "try again in 4 s");
    assert_eq!(good(&bert), 400, "nobody there is asked who it is");
    let identity = Wish { service: "sts".to_owned(), target: String::new(), ..at(wish()) };
    assert_eq!(house.send(&bert, &identity).status, 400);
    clock.sleep(Duration::from_secs(3));
    assert_eq!((good(&bert), told(&house.send(&wrong, &at(wish()))).0, good(&bert)), (200, 403, 400));
}

#[test]
fn who_may_no_more_is_out_at_once() {
    let house = House::new();
    let (anna, root) = (house.admin(), Caller::root(Via::Cli));
    let is_in = || house.send(&anna, &wish()).status;
    assert_eq!(is_in(), 200);
    key::disable(&house.app, &root, std::slice::from_ref(&anna.id), true).expect("disabled");
    assert_eq!(is_in(), 403);
    key::disable(&house.app, &root, std::slice::from_ref(&anna.id), false).expect("enabled");
    assert_eq!(is_in(), 200);
    let name = Name::parse("anna").expect("a name");
    let out = user::Change { disabled: Some(true), ..user::Change::default() };
    user::change(&house.app, &root, &name, &out).expect("disabled");
    let reply = house.send(&anna, &wish());
    assert_eq!(told(&reply), (403, "UnrecognizedClientException".to_owned()));
}

#[test]
fn what_is_no_call_of_lightsail_is_told_so_in_its_own_form() {
    let house = House::new();
    let anna = house.admin();
    let ask = |service: &str, target: &str, body: &str| {
        let wish = Wish { service: service.to_owned(), target: target.to_owned(), body: body.to_owned(), ..wish() };
        house.send(&anna, &wish)
    };
    let me = ask("sts", "", "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!((me.status, me.kind.as_str()), (200, "text/xml"), "{me:?}");
    let account = house.world.engine().store.account_number().expect("a number");
    let text = |tag: &str| me.body.split(&format!("<{tag}>")).nth(1).and_then(|rest| rest.split('<').next());
    assert_eq!(text("Arn"), Some(&*format!("arn:aws:iam::{account}:user/anna")));
    assert_eq!((text("Account"), text("UserId")), (Some(&*account), Some("anna")));
    let code = |reply: &Reply| (reply.status, reply.body.split("<Code>").nth(1).map(|rest| rest[..9].to_owned()));
    let unknown = (400, Some("UnknownOp".to_owned()));
    for body in ["Action=AssumeRole", "", "Action=GetCallerIdentity&Action=AssumeRole", "action=GetCallerIdentity"] {
        assert_eq!(code(&ask("sts", "", body)), unknown, "{body}");
    }
    assert_eq!(code(&ask("s3", "", "")), unknown);
    let of_dynamo = ask("dynamodb", "DynamoDB_20120810.ListTables", "{}");
    let text = "this host speaks the API of Lightsail, and not that of `dynamodb`";
    assert_eq!(of_dynamo.fault(), (400, "UnknownOperationException".to_owned(), text.to_owned()));
    assert_eq!(code(&ask("lightsail", "", "Action=GetInstances")), unknown);
    assert_eq!(ask("sts", "Lightsail_20161128.GetRegions", "{}").status, 400);
}

#[test]
fn hostile_bodies_and_headers_are_refused() {
    let house = House::new();
    let anna = house.admin();
    let status = |wish: Wish| told(&house.send(&anna, &wish));
    let invalid = (400, "InvalidInputException".to_owned());
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let long = format!(r#"{{"instanceName":"{}"}}"#, "a".repeat(60_000));
    let huge = format!(r#"{{"instanceName":"{}"}}"#, "a".repeat(70_000));
    for body in [&deep, &long, &huge, "[]", "{", r#"{"instanceName":7}"#, r#"{"instanceName":"\u0000"}"#, "{}"] {
        assert_eq!(status(Wish::of("GetInstance", body)), invalid, "{}", &body[..body.len().min(40)]);
    }
    for name in ["ü", "..", "a/b", "web\\u0000", "<script>", "' OR 1=1"] {
        let reply = house.call(&anna, "GetInstance", &format!(r#"{{"instanceName":"{name}"}}"#));
        assert_eq!(told(&reply), invalid, "{name}");
    }
    let many = format!(r#"{{"pageToken":"{}"}}"#, "A".repeat(5000));
    for token in [r#"{"pageToken":""}"#, r#"{"pageToken":"Zm9yZ2Vk"}"#, r#"{"pageToken":"é"}"#, &many] {
        assert_eq!(status(Wish::of("GetInstances", token)), invalid, "{token}");
    }
    let plain = with(Wish::of("GetRegions", "{}"), "content-type", "text/plain");
    assert_eq!(status(plain).1, "UnknownOperationException");
    let (request, body) = Wish::of("GetRegions", "{}").sign(&anna);
    for (method, uri) in [("GET", "/"), ("POST", "/?a=b"), ("POST", "/../../state.db"), ("TRACE", "/")] {
        let mut other = request.clone();
        (*other.method_mut(), *other.uri_mut()) = (method.parse().expect("a method"), uri.parse().expect("a path"));
        assert_eq!(told(&house.deliver(other, body.clone())), (400, "UnknownOperationException".to_owned()), "{uri}");
    }
    assert_eq!(house.key("bert", Role::Viewer, None).id.len(), 20);
}

#[test]
fn a_server_hands_on_what_is_signed_for_it() {
    let mut world = World::new();
    world.serve_in(&["home-1", "us-east-1"], 1);
    let served = Served::of(world, |_| {});
    let anna = new_key(&served.app, "anna", Role::Admin, None);
    let ask = |wish: &Wish| {
        let (request, body) = wish.sign(&anna);
        let own = request.headers().iter().filter(|(name, _)| *name != "host");
        let lines: Vec<String> =
            own.map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        served.ask("POST", "/", &lines, std::str::from_utf8(&body).expect("text"))
    };
    let host = served.address.to_string();
    let answer = ask(&Wish { host: host.clone(), ..wish() });
    assert_eq!((answer.status, answer.field("content-type")), (200, Some("application/x-amz-json-1.1")), "{answer:?}");
    assert!(answer.body.contains("home-1") && answer.field("x-amzn-requestid").is_some(), "{answer:?}");
    // As the settings say.
    let answer = ask(&Wish { host: host.clone(), region: "us-east-1".to_owned(), ..Wish::of("GetBundles", "{}") });
    assert!(answer.status == 200 && answer.body.contains("nextPageToken"), "{answer:?}");
    assert_eq!(ask(&Wish { host: host.clone(), region: "eu-west-1".to_owned(), ..wish() }).status, 400);
    // A proxy that gives it another name breaks the signature, and says so.
    let answer = ask(&Wish { host: "elsewhere:1".to_owned(), ..wish() });
    assert!(answer.status == 403 && answer.body.contains("InvalidSignatureException"), "{answer:?}");
    let identity = Wish {
        service: "sts".to_owned(),
        target: String::new(),
        body: "Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
        host,
        ..wish()
    };
    let answer = ask(&identity);
    assert!(answer.status == 200 && answer.body.contains("user/anna"), "{answer:?}");
}
