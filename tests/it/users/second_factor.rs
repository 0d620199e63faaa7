//! The second factor: asked for after the password, by codes that count once, and never what locks somebody out.

use lite::{
    access::totp::SecondFactor,
    app::{
        second_factor,
        session::{self, Entered, LoggedIn, Who},
    },
};

use super::*;

const PASSWORD: &str = "correct horse battery";

impl House {
    /// A user with a password, who is logged in.
    fn with_password(&self, user: &str) -> Who {
        let inside = self.come(Proof::Code(&self.add(user, Role::Operator, None))).expect("logged in");
        let who = self.who(&inside).expect("somebody");
        session::set_password(&self.app, &self.door, &who, PASSWORD).expect("set");
        self.by_code(user)
    }

    /// A user who came by a code of the shell.
    fn by_code(&self, user: &str) -> Who {
        let inside = self.come(Proof::Code(&self.code(user).expect("made"))).expect("logged in");
        self.who(&inside).expect("somebody")
    }

    /// What a telephone makes of a secret, so many half minutes from now.
    fn code_of(&self, user: &str, steps: i64) -> String {
        let kept = self._world.engine().store.second_factor(&name(user)).expect("read").expect("there");
        let factor = SecondFactor::of(user, *kept.secret.expose_secret()).expect("a factor");
        factor.code(self.clock.now() + SignedDuration::from_secs(30 * steps))
    }

    /// Types the password: what the second step is done with.
    fn half(&self, user: &str) -> String {
        let proof = Proof::Password { user, password: PASSWORD };
        match session::log_in(&self.app, &self.door, proof, HOME).expect("the password") {
            Entered::Half(half) => half.text().to_owned(),
            Entered::In(_) => panic!("nobody asks for the second factor of {user}"),
        }
    }

    fn second(&self, half: &str, code: &str) -> Result<LoggedIn> {
        session::second(&self.app, &self.door, half, code, HOME)
    }
}

#[test]
fn a_second_factor_is_asked_for_once_a_code_confirmed_it_and_each_counts_once() {
    let house = House::new();
    let who = house.with_password("anna");
    let made = second_factor::make_own(&house.app, &who).expect("made");
    assert_eq!(
        (made.secret.len(), made.link.as_str()),
        (32, format!("otpauth://totp/lite:anna?secret={}&issuer=lite", made.secret).as_str())
    );
    assert!(house.come(Proof::Password { user: "anna", password: PASSWORD }).is_ok(), "not confirmed yet");
    let confirm =
        |code: &str| second_factor::confirm_own(&house.app, &who, code).map(|changed| changed.result.to_string());
    assert_eq!(failed(confirm("000000")), Some(Code::WrongCode));
    // Made anew, the secret of before counts no more.
    let before = house.code_of("anna", 0);
    let again = second_factor::make_own(&house.app, &who).expect("made");
    assert_ne!(again.secret, made.secret);
    assert_eq!(failed(confirm(&before)), Some(Code::WrongCode));
    let first = house.code_of("anna", 0);
    assert_eq!(confirm(&first), Ok("asked for a second factor from now on".to_owned()));
    assert_eq!(house._world.engine().store.sessions(Some(&name("anna"))).expect("read"), [], "all sessions ended");
    assert_eq!(failed(second_factor::make_own(&house.app, &house.by_code("anna"))), Some(Code::SecondFactorOn));

    let half = house.half("anna");
    assert_eq!(failed(house.second(&half, &first)), Some(Code::LoginFailed), "it confirmed");
    let next = house.code_of("anna", 1);
    let inside = house.second(&half, &next).expect("logged in");
    assert_eq!(house.who(&inside).expect("somebody").user.as_str(), "anna");
    assert_eq!(failed(house.second(&half, &next)), Some(Code::LoginFailed), "what was half is used");
    let half = house.half("anna");
    assert_eq!(failed(house.second(&half, &next)), Some(Code::LoginFailed), "the code is used");
    assert_eq!(failed(house.second(&half, &house.code_of("anna", 0))), Some(Code::LoginFailed), "an older one");
    house.clock.pass(60);
    assert!(house.second(&half, &house.code_of("anna", 0)).is_ok());
    let audit = house.audit().join("\n");
    for row in ["anna second-factor-make anna done", "anna second-factor-confirm anna done", "- log-in anna refused"] {
        assert!(audit.contains(row), "{row}: {audit}");
    }
    assert!(!audit.contains(&made.secret) && !audit.contains(&again.secret) && !audit.contains(&next));
}

#[test]
fn a_half_log_in_is_none_and_lasts_for_five_minutes_and_tries() {
    let house = House::new();
    house.with_password("anna");
    second_factor::make(&house.app, &root(), &name("anna")).expect("made");
    let code = house.code_of("anna", 0);
    second_factor::confirm(&house.app, &root(), &name("anna"), &code).expect("confirmed");
    let half = house.half("anna");
    let token = lite::access::session::Token::parse(&half).expect("a token");
    assert!(session::who(&house.app, &house.door, &token, HOME).expect("asked").is_none(), "it opens nothing");
    for wrong in ["", "x", &"ab".repeat(32)] {
        assert_eq!(failed(house.second(wrong, &house.code_of("anna", 1))), Some(Code::LoginFailed), "{wrong}");
    }
    house.clock.pass(300);
    assert_eq!(failed(house.second(&half, &house.code_of("anna", 0))), Some(Code::LoginFailed), "too late");
    let half = house.half("anna");
    let from = |n: u8| std::net::IpAddr::from([192, 0, 2, n]);
    let elsewhere = |n: u8, code: &str| session::second(&house.app, &house.door, &half, code, from(n));
    for n in 10..15 {
        assert_eq!(failed(elsewhere(n, "000000")), Some(Code::LoginFailed), "{n}");
    }
    assert_eq!(failed(elsewhere(20, &house.code_of("anna", 0))), Some(Code::LoginFailed), "five tries of this one");
    let proof = Proof::Password { user: "anna", password: PASSWORD };
    let next = session::log_in(&house.app, &house.door, proof, from(30));
    assert_eq!(failed(next), Some(Code::TooManyTries), "the name has to wait");
    house.clock.pass(60);
    let half = house.half("anna");
    assert!(house.second(&half, &house.code_of("anna", 0)).is_ok(), "nobody is locked out");
    // Another password since makes what was half void.
    let half = house.half("anna");
    session::set_password(&house.app, &house.door, &house.by_code("anna"), "another horse battery").expect("set");
    house.clock.pass(60);
    assert_eq!(failed(house.second(&half, &house.code_of("anna", 0))), Some(Code::LoginFailed));
}

#[test]
fn a_code_of_the_shell_needs_no_second_factor_and_takes_it_off() {
    let house = House::new();
    house.with_password("anna");
    let by_root = |code: &str| second_factor::confirm(&house.app, &root(), &name("anna"), code);
    assert_eq!(failed(by_root("000000")), Some(Code::NoSecondFactor));
    second_factor::make(&house.app, &root(), &name("anna")).expect("made");
    by_root(&house.code_of("anna", 0)).expect("confirmed");
    assert_eq!(
        by_root("x").map(|changed| changed.result.to_string()),
        Ok("asked for a second factor already".to_owned())
    );
    let shown = user::show(&house.app, &root(), &name("anna"), &mut Unobserved).expect("shown").row;
    assert!(shown.password && shown.second_factor);
    // The telephone is lost.
    let who = house.by_code("anna");
    second_factor::remove_own(&house.app, &who).expect("removed");
    assert!(house.come(Proof::Password { user: "anna", password: PASSWORD }).is_ok());
    assert_eq!(failed(second_factor::remove(&house.app, &root(), &name("anna"))), Some(Code::NoSecondFactor));
    assert_eq!(failed(second_factor::make(&house.app, &root(), &name("nobody"))), Some(Code::NoSuchUser));
    // Not by a cookie that somebody took hours ago.
    house.clock.pass(900);
    let late = Who { is_fresh: false, ..house.by_code("anna") };
    let refused = [
        failed(second_factor::make_own(&house.app, &late)),
        failed(second_factor::confirm_own(&house.app, &late, "1")),
        failed(second_factor::remove_own(&house.app, &late)),
    ];
    assert_eq!(refused, [Some(Code::LoginTooOld); 3]);
    // A user that goes takes it along.
    second_factor::make(&house.app, &root(), &name("anna")).expect("made");
    user::find(&house.app, &root(), &[name("anna")]).expect("found").run(&house.app).expect("removed");
    assert!(house._world.engine().store.second_factor(&name("anna")).expect("read").is_none());
}
