//! A create as a front end asks for it.

use std::time::Duration;

use lite::{
    app::instance::create::Create,
    model::{Name, NetworkMode},
};

/// `web`, a plain debian-13 that nobody waits for.
pub fn create_request() -> Create {
    Create {
        blueprint: "debian-13".to_owned(),
        from_snapshot: None,
        bundle: None,
        name: Some(Name::parse("web").expect("a name")),
        base: None,
        parameters: vec![],
        ssh_keys: vec![],
        user_data: None,
        fqdn: None,
        timezone: None,
        tags: vec![],
        network: NetworkMode::Nat,
        address: None,
        use_baked: true,
        use_warm: true,
        asked: None,
        request_id: None,
        wait: false,
        timeout: Duration::from_secs(1),
        until_ready: false,
    }
}
