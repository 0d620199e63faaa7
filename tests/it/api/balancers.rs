//! Load balancers by the API.

use lite::{
    engine,
    model::{Name, Role},
};
use serde_json::{Value, json};

use crate::support::{api::House, changes};

#[test]
fn a_load_balancer_lives_by_the_api() {
    let house = House::with_images(100);
    let (anna, vera) = (house.admin(), house.key("vera", Role::Viewer, None));
    let change = |operation: &str, body: Value| house.change(&anna, operation, &body);
    for instance in ["web-1", "web-2"] {
        house.world.create(instance).expect("created");
        let mut ctx: engine::Ctx = house.world.engine();
        let found = ctx.store.require(&Name::parse(instance).expect("a name")).expect("stored");
        changes::open(&mut ctx, &found, "80").expect("opened");
    }
    let named = || json!({"loadBalancerName": "shop"});
    let new =
        json!({"loadBalancerName": "shop", "instancePort": 80, "healthCheckPath": "/up", "ipAddressType": "dualstack"});
    let made = change("CreateLoadBalancer", new.clone());
    assert_eq!(
        (&made[0]["operationType"], &made[0]["resourceType"], &made[0]["resourceName"]),
        (&json!("CreateLoadBalancer"), &json!("LoadBalancer"), &json!("shop"))
    );
    let taken = house.call(&vera, "CreateLoadBalancer", &new.to_string()).exception();
    assert_eq!(taken, "AccessDeniedException");
    let shown = |key| house.get(key, "GetLoadBalancer", &named().to_string())["loadBalancer"].clone();
    let told = ["protocol", "publicPorts", "healthCheckPath", "instancePort", "state", "instanceHealthSummary"];
    assert_eq!(
        told.map(|member| shown(&vera)[member].clone()),
        [json!("HTTP"), json!([80]), json!("/up"), json!(80), json!("active"), json!([])]
    );
    let both = json!({"loadBalancerName": "shop", "instanceNames": ["web-1", "web-2"]});
    change("AttachInstancesToLoadBalancer", both);
    let names = || {
        let all = shown(&anna)["instanceHealthSummary"].clone();
        all.as_array().expect("a list").iter().map(|one| one["instanceName"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["web-1", "web-2"]);
    let one = json!({"loadBalancerName": "shop", "instanceNames": ["web-1"]});
    let ended = change("DetachInstancesFromLoadBalancer", one);
    assert_eq!(ended[0]["operationType"], "DetachInstancesFromLoadBalancer");
    assert_eq!(names(), ["web-2"]);
    let active = house.get(&anna, "GetActiveNames", "{}")["activeNames"].clone();
    assert!(active.as_array().is_some_and(|all| all.contains(&json!("shop"))), "{active}");
    let now = jiff::Timestamp::now().as_second();
    let asked = |metric: &str, unit: &str| {
        let body = json!({"loadBalancerName": "shop", "metricName": metric, "period": 300, "unit": unit,
            "statistics": ["Sum"], "startTime": now - 600, "endTime": now});
        house.call(&anna, "GetLoadBalancerMetricData", &body.to_string())
    };
    for metric in ["RequestCount", "ClientTLSNegotiationErrorCount"] {
        assert_eq!(asked(metric, "Count").json(), json!({"metricName": metric, "metricData": []}));
    }
    assert_eq!(asked("CPUUtilization", "Percent").exception(), "InvalidInputException");
    let all = house.get(&anna, "GetLoadBalancers", "{}")["loadBalancers"].clone();
    assert_eq!(all, json!([shown(&anna)]));
    change("DeleteLoadBalancer", named());
    assert_eq!(house.get(&anna, "GetLoadBalancers", "{}"), json!({"loadBalancers": []}));
    assert_eq!(house.world.engine().store.instances().expect("instances").len(), 2, "its instances stay");
}
