//! The second factor in the console: its page, and the step after the password.

use jiff::{SignedDuration, Timestamp};
use lite::{
    access::totp::SecondFactor,
    model::{Name, Role, Scope},
};
use secrecy::ExposeSecret;

use crate::support::{
    html::{faults, part},
    served::{Answer, Served},
};

const PAGE: &str = "/access/second-factor";

/// What a telephone makes of a user's secret, so many half minutes from now.
fn code(served: &Served, user: &str, steps: i64) -> String {
    let store = served.world.engine().store;
    let kept = store.second_factor(&Name::parse(user).expect("a name")).expect("read").expect("there");
    let factor = SecondFactor::of(user, *kept.secret.expose_secret()).expect("a factor");
    factor.code(Timestamp::now() + SignedDuration::from_secs(30 * steps))
}

fn to(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status, answer.field("location"))
}

#[test]
fn a_second_factor_is_set_up_on_its_page_and_asked_for_after_the_password() {
    let served = Served::new();
    let cookie = served.log_in(&served.add("vera", Role::Viewer, Scope::All));
    let password = "password=correct+horse+battery&again=correct+horse+battery";
    assert_eq!(to(&served.post("/access/password", &cookie, password)), (303, Some("/login")));
    let log_in = || served.post("/login", "", "user=vera&password=correct+horse+battery");
    let cookie = log_in().cookie();
    let page = served.get(PAGE, &cookie).body;
    assert!(page.contains("Your password alone logs in.") && page.contains(">Set it up</button>"), "{page}");
    let made = served.post(PAGE, &cookie, "").body.replace("&#x2f;", "/");
    let secret = part(&made, "<dt>Secret</dt><dd><code>", "</code>").to_owned();
    assert_eq!(secret.len(), 32, "{made}");
    assert!(made.contains(&format!("otpauth://totp/lite:vera?secret={secret}&amp;issuer=lite")), "{made}");
    assert!(!served.get(PAGE, &cookie).body.contains(&secret), "it is shown once");
    let refused = served.post(&format!("{PAGE}/confirm"), &cookie, "code=000000");
    assert_eq!((refused.status, part(faults(&refused.body)[0], "#f-", "\"")), (400, "code"));
    assert!(!refused.body.contains(&secret), "{}", refused.body);
    let confirmed = served.post(&format!("{PAGE}/confirm"), &cookie, &format!("code={}", code(&served, "vera", 0)));
    assert_eq!(to(&confirmed), (303, Some("/login")));
    assert_eq!(served.get(PAGE, &cookie).status, 303, "the session is over");

    let asked = log_in();
    assert_eq!((asked.status, asked.field("set-cookie")), (200, None));
    let half = part(&asked.body, "name=\"half\" value=\"", "\"").to_owned();
    let second = |half: &str, code: &str| served.post("/login/second", "", &format!("half={half}&code={code}"));
    let wrong = second(&half, "000000");
    assert_eq!((wrong.status, wrong.field("set-cookie")), (403, None));
    assert_eq!(part(&wrong.body, "name=\"half\" value=\"", "\""), half, "one may try again");
    assert!(wrong.body.contains("this does not log in"), "{}", wrong.body);
    let next = code(&served, "vera", 1);
    let inside = second(&half, &next);
    assert_eq!(to(&inside), (303, Some("/")));
    assert_eq!(second(&half, &next).status, 403, "both count once");
    let cookie = inside.cookie();
    let page = served.get(PAGE, &cookie).body;
    assert!(page.contains("Your password and a code log in."), "{page}");
    assert_eq!(to(&served.post(&format!("{PAGE}/remove"), &cookie, "")), (303, Some(PAGE)));
    assert_eq!(to(&log_in()), (303, Some("/")), "the password does again");
    let audit = served.audit().join("\n");
    assert!(!audit.contains(&secret) && !audit.contains(&next), "{audit}");
    let hostile = second("<script>", "%00%1b");
    assert_eq!((hostile.status, hostile.body.contains("<script>\"")), (403, false));
}
