//! Documents of what is watched.

use super::*;

pub(super) fn documents_of_monitoring(all: &mut Vec<(&'static str, Value)>) {
    let metric = Metric::CpuUtilization;
    let latest = view::MetricRow { metric, unit: metric.unit(), point: Some((now(), 1.5)) };
    add(all, "`metrics`", &view::MetricsDocument::of("web", &[latest]));
    let point =
        view::MetricPoint { at: now(), seconds: 60, average: 1.5, minimum: 1.5, maximum: 1.5, sum: 1.5, samples: 1 };
    let over_time = view::MetricView {
        instance: text("web"),
        metric,
        unit: metric.unit(),
        from: now(),
        to: now(),
        points: vec![point],
    };
    add(all, "`metrics --metric`", &over_time);
    add(all, "`alarm list`", &view::AlarmsDocument { alarms: &[alarm()] });
    let shown = view::AlarmView {
        row: alarm(),
        statistic: Statistic::Average,
        missing: Missing::Missing,
        notify: vec![Notify::Alarm],
        repeat_minutes: 240,
        reason: text("x"),
        incident: Some(text("in-1")),
    };
    add(all, "`alarm show`", &view::AlarmsDocument { alarms: &[shown] });
    let secret = view::SecretOnce { name: text("ops"), secret: text("whsec_x") };
    add(all, "`contact add`, `contact rotate`", &view::ContactsDocument { contacts: &[secret] });
    let contact = view::ContactRow {
        name: text("ops"),
        url: text("https://x"),
        format: text("standard"),
        private: false,
        waiting: 1,
        dead: 1,
        lost: 1,
        disabled: Some(text("x")),
        mail: false,
        unverified: false,
    };
    add(all, "`contact list`", &view::ContactsDocument { contacts: &[contact] });
    let delivery = view::DeliveryRow {
        id: text("msg_1"),
        contact: text("ops"),
        made_at: now(),
        what: text("alarm.firing"),
        state: text("queued"),
        attempts: 1,
        next_at: Some(now()),
        status: Some(500),
        error: Some(text("x")),
    };
    add(all, "`contact deliveries`", &view::DeliveriesDocument { deliveries: &[delivery] });
    let event = Event { at: now(), kind: EventKind::HostCapacity, data: EventData::says("x"), suppressed: false };
    let event = view::EventRow { id: 1, title: text("x"), event };
    add(all, "`events`, `alarm history`", &view::EventsDocument::of(&[event]));
    documents_of_users(all);
    let audited = view::AuditRow {
        id: 1,
        at: now(),
        actor: text("anna"),
        via: text("api"),
        address: Some([192, 0, 2, 7].into()),
        action: text("create"),
        kind: Some(text("instance")),
        resource: Some(text("web")),
        operation: Some(text("op-0123abcd")),
        outcome: text("succeeded"),
        detail: Some(text("x")),
    };
    add(all, "`audit`", &view::AuditLogDocument { audit: &[audited] });
    add(all, "an error", &view::ErrorView::from(&failure()));
}

fn documents_of_users(all: &mut Vec<(&'static str, Value)>) {
    let code = view::LoginCodeView {
        user: text("anna"),
        code: text("K7QF-9M2P-XV4T-C8RN"),
        link: Some(text("http://127.0.0.1:8480/login#K7QF-9M2P-XV4T-C8RN")),
        until: now(),
    };
    add(all, "`login`, `user add`", &code);
    let user = view::UserRow {
        name: text("anna"),
        role: Role::Operator,
        only: Some(text("client=acme")),
        disabled: false,
        password: true,
        second_factor: true,
        sessions: 1,
        keys: 1,
        created_at: now(),
    };
    add(all, "`user list`", &view::UsersDocument { users: std::slice::from_ref(&user) });
    let address = Some([192, 0, 2, 7].into());
    let session = view::SessionRow { address, began_at: now(), used_at: now() };
    let key = view::KeyRow {
        id: text("LITE0123456789ABCDEF"),
        user: text("anna"),
        role: Role::Viewer,
        label: text("laptop"),
        metrics: false,
        disabled: false,
        created_at: now(),
        used_at: Some(now()),
        address,
    };
    let (sessions, keys) = (&[session], std::slice::from_ref(&key));
    add(all, "`user show`", &view::UserDocument { user: &user, sessions, keys });
    let client = view::ClientView { region: text("home-1"), endpoint: text("http://127.0.0.1:8480") };
    add(all, "`key create`", &view::KeyCreated { key: key.clone(), secret: text("x"), client });
    let factor = view::SecondFactorView { user: text("anna"), secret: text("x"), link: text("x") };
    add(all, "`user second-factor`", &factor);
    add(all, "`key list`", &view::KeysDocument { keys });
}
