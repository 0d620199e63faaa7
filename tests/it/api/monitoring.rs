//! Alarms, metrics, contacts and prices by the API.

use lite::{
    app::{Caller, alarm},
    model::{Metric, Name, Point, Role, Unobserved, Via},
    store::metrics::{MinuteOf, SeriesCache, insert_minute},
};
use serde_json::{Value, json};

use crate::support::api::{House, Wish};

fn put(member: &str, value: Value) -> Value {
    let mut body = json!({"alarmName": "busy", "metricName": "CPUUtilization", "monitoredResourceName": "web",
        "comparisonOperator": "GreaterThanOrEqualToThreshold", "threshold": 80, "evaluationPeriods": 3});
    body[member] = value;
    body
}

#[test]
fn an_alarm_lives_by_the_api_and_the_command_sees_it() {
    let house = House::with_images(100);
    let anna = house.admin();
    house.world.create("web").expect("created");
    let one =
        || house.get(&anna, "GetAlarms", r#"{"alarmName":"busy","monitoredResourceName":"web"}"#)["alarms"].clone();
    let made = house.change(&anna, "PutAlarm", &put("notificationTriggers", json!(["ALARM", "OK"])));
    assert_eq!((&made[0]["operationType"], &made[0]["resourceType"]), (&json!("PutAlarm"), &json!("Alarm")));
    let told = [
        ("name", json!("busy")),
        ("metricName", json!("CPUUtilization")),
        ("comparisonOperator", json!("GreaterThanOrEqualToThreshold")),
        ("threshold", json!(80.0)),
        ("evaluationPeriods", json!(3)),
        ("datapointsToAlarm", json!(3)),
        ("period", json!(300)),
        ("statistic", json!("Average")),
        ("unit", json!("Percent")),
        ("treatMissingData", json!("missing")),
        ("state", json!("INSUFFICIENT_DATA")),
        ("notificationTriggers", json!(["ALARM", "OK"])),
        ("notificationEnabled", json!(true)),
    ];
    let alarm = one()[0].clone();
    for (member, value) in told {
        assert_eq!(alarm[member], value, "{member}");
    }
    let instance = house.get(&anna, "GetInstance", r#"{"instanceName":"web"}"#)["instance"].clone();
    let watched = json!({"arn": instance["arn"], "name": "web", "resourceType": "Instance"});
    assert_eq!(alarm["monitoredResourceInfo"], watched);
    let shown =
        alarm::show(&house.app, &Caller::root(Via::Cli), &Name::parse("busy").expect("a name"), &mut Unobserved);
    assert_eq!(shown.map(|view| (view.row.condition, view.row.period_minutes)), Ok((">= 80".to_owned(), 5)));
    house.change(&anna, "TestAlarm", &json!({"alarmName": "busy", "state": "ALARM"}));
    assert_eq!(one()[0]["state"], "ALARM");
    let mut counter = put("notificationEnabled", json!(false));
    counter["metricName"] = json!("NetworkIn");
    counter["datapointsToAlarm"] = json!(1);
    house.change(&anna, "PutAlarm", &counter);
    let changed = one()[0].clone();
    let told = ["statistic", "unit", "datapointsToAlarm", "notificationEnabled", "notificationTriggers"];
    assert_eq!(
        told.map(|member| changed[member].clone()),
        [json!("Sum"), json!("Bytes"), json!(1), json!(false), json!([])]
    );
    for (member, value) in [
        ("evaluationPeriods", json!(0)),
        ("evaluationPeriods", json!(289)),
        ("datapointsToAlarm", json!(4)),
        ("metricName", json!("DiskQueueLength")),
        ("metricName", json!("RequestCount")),
        ("comparisonOperator", json!(">")),
        ("threshold", json!("80")),
        ("treatMissingData", json!("never")),
        ("notificationTriggers", json!(["OK"])),
        ("notificationTriggers", json!(["FIRE"])),
        ("contactProtocols", json!(["SMS"])),
        ("tags", json!([{"key": "a"}])),
        ("alarmName", json!("web")),
    ] {
        let reply = house.call(&anna, "PutAlarm", &put(member, value).to_string());
        assert_eq!(reply.exception(), "InvalidInputException", "{member}: {reply:?}");
    }
    assert_eq!(one()[0], changed, "nothing was changed");
    let absent = put("monitoredResourceName", json!("absent")).to_string();
    assert_eq!(house.call(&anna, "PutAlarm", &absent).exception(), "NotFoundException");
    house.change(&anna, "DeleteAlarm", &json!({"alarmName": "busy"}));
    for operation in ["GetAlarms", "DeleteAlarm"] {
        // A second later: the same request to the letter is answered as the first one was.
        let wish = Wish::of(operation, r#"{"alarmName":"busy"}"#).seconds_off(1);
        assert_eq!(house.send(&anna, &wish).exception(), "NotFoundException", "{operation}");
    }
}

#[test]
fn what_was_measured_is_told_in_the_periods_that_are_asked_for() {
    let house = House::with_images(100);
    let anna = house.admin();
    house.world.create("web").expect("created");
    let mut store = house.world.engine().store;
    let uuid = store.instances().expect("instances")[0].record.uuid;
    // Ten minutes ago, at a whole period.
    let begin = (jiff::Timestamp::now().as_second() - 600) / 300 * 300;
    let mut cache = SeriesCache::default();
    for n in 0..6 {
        let point = Point { count: 2, sum: 20.0, min: 5.0, max: f64::from(u32::try_from(n).expect("small")) };
        let known = [MinuteOf { instance: uuid, points: vec![(Metric::CpuUtilization, point)] }];
        let (host, at) = (&house.world.settings().host.id, begin + n * 60);
        store.write(|t| insert_minute(t, &mut cache, host, at / 60, at, &known, |_| true)).expect("written");
    }
    let asked = |member: &str, value: Value| {
        let mut body = json!({"instanceName": "web", "metricName": "CPUUtilization", "period": 300, "unit": "Percent",
            "startTime": begin, "endTime": begin + 330, "statistics": ["Average", "Maximum", "SampleCount"]});
        body[member] = value;
        body.to_string()
    };
    let told = house.get(&anna, "GetInstanceMetricData", &asked("period", json!(300)));
    let point = |at: i64, maximum: f64, count: f64| json!({"timestamp": at as f64, "average": 10.0, "maximum": maximum, "sampleCount": count, "unit": "Percent"});
    let wanted = json!([point(begin, 4.0, 10.0), point(begin + 300, 5.0, 2.0)]);
    assert_eq!(told, json!({"metricName": "CPUUtilization", "metricData": wanted}));
    let none = house.get(&anna, "GetInstanceMetricData", &asked("metricName", json!("BurstCapacityTime")));
    assert_eq!(none, json!({"metricName": "BurstCapacityTime", "metricData": []}));
    for (member, value) in [
        ("period", json!(0)),
        ("period", json!(90)),
        ("unit", json!("Bytes")),
        ("metricName", json!("Nothing")),
        ("statistics", json!([])),
        ("statistics", json!(["Median"])),
        ("startTime", json!(begin + 330)),
        ("endTime", json!(1e300)),
    ] {
        let reply = house.call(&anna, "GetInstanceMetricData", &asked(member, value));
        assert_eq!(reply.exception(), "InvalidInputException", "{member}: {reply:?}");
    }
    let absent = house.call(&anna, "GetInstanceMetricData", &asked("instanceName", json!("absent")));
    assert_eq!(absent.exception(), "NotFoundException");
}

#[test]
fn prices_are_told_for_a_time_and_contacts_to_who_may_see_them() {
    let house = House::with_images(100);
    let (anna, vera) = (house.admin(), house.key("vera", Role::Viewer, None));
    house.world.create("web").expect("created");
    let start = jiff::Timestamp::now().as_second() + 3600;
    let asked = |name: &str, hours: i64| {
        json!({"resourceName": name, "startTime": start, "endTime": start + hours * 3600}).to_string()
    };
    let told = house.get(&anna, "GetCostEstimate", &asked("web", 730))["resourcesBudgetEstimate"][0].clone();
    let by_time = told["costEstimates"][0]["resultsByTime"][0].clone();
    assert_eq!((&told["resourceName"], &told["resourceType"]), (&json!("web"), &json!("Instance")));
    let members = ["usageCost", "pricingUnit", "unit", "currency"].map(|member| by_time[member].clone());
    assert_eq!(members, [json!(5.0), json!("Hrs"), json!(730.0), json!("USD")]);
    assert_eq!(house.call(&anna, "GetCostEstimate", &asked("absent", 1)).exception(), "NotFoundException");
    assert_eq!(house.call(&anna, "GetCostEstimate", &asked("web", 0)).exception(), "InvalidInputException");

    assert_eq!(house.get(&anna, "GetContactMethods", "{}"), json!({"contactMethods": []}));
    assert_eq!(house.call(&vera, "GetContactMethods", "{}").exception(), "AccessDeniedException");
    let sms = r#"{"protocol":"SMS","contactEndpoint":"+15555550100"}"#;
    assert_eq!(house.call(&anna, "CreateContactMethod", sms).exception(), "InvalidInputException");
    // No mail server is configured on this host.
    let mail = house.call(&anna, "CreateContactMethod", r#"{"protocol":"Email","contactEndpoint":"a@example.org"}"#);
    assert_eq!((mail.status, mail.json()["code"].clone()), (400, json!("no_mail_server")));
    assert_eq!(house.call(&anna, "DeleteContactMethod", r#"{"protocol":"Email"}"#).exception(), "NotFoundException");
}
