"""boto3, unmodified, against the API: each reply is read by botocore's own model, and what a person would do is done.

Arguments: endpoint, id and secret of an administrator's key, those of a viewer's. Ends with 0, or with what went wrong.
"""

import datetime
import json
import subprocess
import sys
import tempfile
import threading
import time

import boto3
import botocore.config
from api_model import check

endpoint, key, secret, viewer, viewer_secret = sys.argv[1:]
replies = {"count": 0}


def read(http_response, parsed, model, **_):
    if http_response.status_code == 200:
        check(json.loads(http_response.content), model.output_shape, model.name)
        replies["count"] += 1


def client(service="lightsail", key=key, secret=secret, retries=0):
    config = botocore.config.Config(retries={"total_max_attempts": retries + 1}, max_pool_connections=30)
    made = boto3.client(service, endpoint_url=endpoint, region_name="home-1", aws_access_key_id=key,
                        aws_secret_access_key=secret, config=config)
    if service == "lightsail":
        made.meta.events.register("after-call.lightsail", read)
    return made


c = client()


def done(reply):
    for operation in reply.get("operations") or [reply["operation"]]:
        for _ in range(600):
            now = c.get_operation(operationId=operation["id"])["operation"]
            if now["isTerminal"]:
                break
            time.sleep(0.05)
        assert now["status"] == "Succeeded", now
    return reply


def refused(error, call, **arguments):
    try:
        call(**arguments)
    except error as e:
        body = e.response
        assert body.get("tip") or body["Error"]["Message"], body
        return e
    raise AssertionError(f"{call} was not refused")


# Who am I, and where.
assert client("sts").get_caller_identity()["Arn"].endswith(":user/anna")
assert [r["name"] for r in c.get_regions(includeAvailabilityZones=True)["regions"]] == ["home-1", "us-east-1"]
assert len(list(c.get_paginator("get_blueprints").paginate().search("blueprints[].blueprintId"))) > 10

# A key pair that ssh-keygen reads.
made = c.create_key_pair(keyPairName="made")
with tempfile.NamedTemporaryFile("w") as file:
    file.write(made["privateKeyBase64"])
    file.flush()
    public = subprocess.run(["ssh-keygen", "-y", "-f", file.name], check=True, capture_output=True, text=True).stdout
assert public.split()[:2] == made["publicKeyBase64"].split()[:2]

# Threads at once, each with a name of its own. The pool of the double has room for three with disks and a snapshot.
arguments = dict(availabilityZone="home-1a", blueprintId="debian_13", bundleId="nano_3_0", keyPairName="made")
failures = []


def create(n):
    try:
        done(client().create_instances(instanceNames=[f"many-{n}"], **arguments))
    except Exception as e:  # noqa: BLE001
        failures.append(repr(e))


threads = [threading.Thread(target=create, args=(n,)) for n in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures
names = list(c.get_paginator("get_instances").paginate().search("instances[].name"))
assert names == [f"many-{n}" for n in range(2)], names

# One asking, twice: the id is on the request that is sent.
again = client()


def same_id(request, **_):
    request.headers["amz-sdk-invocation-id"] = "00000000-0000-4000-8000-000000000001"


again.meta.events.register("before-send.lightsail.CreateInstances", same_id)
first = again.create_instances(instanceNames=["once"], **arguments)
second = again.create_instances(instanceNames=["once"], **arguments)
assert first["operations"] == second["operations"], (first, second)
done(first)

shown = c.get_instance(instanceName="once")["instance"]
assert (shown["bundleId"], shown["blueprintId"], shown["sshKeyName"]) == ("nano_3_0", "debian_13", "made"), shown
assert c.get_instance_state(instanceName="once")["state"] == {"code": 16, "name": "running"}
assert c.get_instance_access_details(instanceName="once")["accessDetails"]["username"] == "debian"
done(c.put_instance_public_ports(instanceName="once", portInfos=[
    {"fromPort": 80, "toPort": 80, "protocol": "tcp"}, {"fromPort": 0, "toPort": 65535, "protocol": "all", "cidrs": ["10.0.0.0/8"]}]))
ports = c.get_instance_port_states(instanceName="once")["portStates"]
assert sorted((p["protocol"], p["fromPort"], p["toPort"], tuple(p["cidrs"])) for p in ports) == [
    ("all", 0, 65535, ("10.0.0.0/8",)), ("tcp", 80, 80, ())], ports
done(c.tag_resource(resourceName="once", tags=[{"key": "env", "value": "prod"}]))
assert c.get_instance(instanceName="once")["instance"]["tags"] == [{"key": "env", "value": "prod"}]
done(c.stop_instance(instanceName="once", force=True))
done(c.start_instance(instanceName="once"))
assert c.get_operations_for_resource(resourceName="once")["operations"][0]["operationType"] == "CreateInstance"
done(c.create_disk(diskName="data", availabilityZone="home-1a", sizeInGb=1))
done(c.attach_disk(diskName="data", instanceName="once", diskPath="/dev/xvdf"))
assert c.get_disk(diskName="data")["disk"]["attachedTo"] == "once"
assert [d.get("name") for d in c.get_instance(instanceName="once")["instance"]["hardware"]["disks"]] == [None, "data"]
done(c.allocate_static_ip(staticIpName="front"))
done(c.attach_static_ip(staticIpName="front", instanceName="once"))
assert c.get_static_ip(staticIpName="front")["staticIp"]["isAttached"] is True
done(c.create_instance_snapshot(instanceSnapshotName="before", instanceName="once"))
for read_all in (c.get_operations, c.get_active_names, c.get_disks, c.get_static_ips, c.get_instance_snapshots,
                 c.get_bundles, c.get_key_pairs):
    read_all()

# What is done by itself, and what is before several.
done(c.enable_add_on(resourceName="once", addOnRequest={"addOnType": "AutoSnapshot", "autoSnapshotAddOnRequest": {"snapshotTimeOfDay": "06:00"}}))
shown = c.get_instance(instanceName="once")["instance"]
assert [(a["name"], a["snapshotTimeOfDay"]) for a in shown["addOns"]] == [("AutoSnapshot", "06:00")], shown["addOns"]
done(c.set_ip_address_type(resourceType="Instance", resourceName="once", ipAddressType=shown["ipAddressType"]))
assert c.get_auto_snapshots(resourceName="once")["autoSnapshots"] == []
refused(c.exceptions.NotFoundException, c.delete_auto_snapshot, resourceName="once", date="2026-03-01")
done(c.disable_add_on(resourceName="once", addOnType="AutoSnapshot"))
done(c.create_load_balancer(loadBalancerName="front-lb", instancePort=80, healthCheckPath="/"))
done(c.attach_instances_to_load_balancer(loadBalancerName="front-lb", instanceNames=["once"]))
balancer = c.get_load_balancer(loadBalancerName="front-lb")["loadBalancer"]
assert [h["instanceName"] for h in balancer["instanceHealthSummary"]] == ["once"], balancer
assert c.get_load_balancers()["loadBalancers"][0]["publicPorts"] == [80]

# What is watched, and what it costs.
done(c.put_alarm(alarmName="busy", metricName="CPUUtilization", monitoredResourceName="once", threshold=80,
                 comparisonOperator="GreaterThanThreshold", evaluationPeriods=2))
done(c.test_alarm(alarmName="busy", state="OK"))
alarm = c.get_alarms(alarmName="busy")["alarms"][0]
assert (alarm["threshold"], alarm["state"], alarm["period"]) == (80, "OK", 300), alarm
done(c.delete_alarm(alarmName="busy"))
now = datetime.datetime.now(datetime.timezone.utc)
day = dict(startTime=now - datetime.timedelta(days=1), endTime=now + datetime.timedelta(days=1))
c.get_load_balancer_metric_data(loadBalancerName="front-lb", metricName="RequestCount", period=300, unit="Count", statistics=["Sum"], **day)
done(c.detach_instances_from_load_balancer(loadBalancerName="front-lb", instanceNames=["once"]))
done(c.delete_load_balancer(loadBalancerName="front-lb"))
c.get_instance_metric_data(instanceName="once", metricName="NetworkIn", period=300, unit="Bytes", statistics=["Sum"], **day)
assert c.get_contact_methods()["contactMethods"] == []
assert c.get_cost_estimate(resourceName="once", **day)["resourcesBudgetEstimate"][0]["resourceName"] == "once"

# Each error once, with what to do next.
refused(c.exceptions.NotFoundException, c.get_instance, instanceName="absent")
refused(c.exceptions.InvalidInputException, c.create_instances, instanceNames=["x"], **{**arguments, "bundleId": "nine"})
refused(c.exceptions.OperationFailureException, c.get_buckets)
refused(client(key=viewer, secret=viewer_secret).exceptions.AccessDeniedException,
        client(key=viewer, secret=viewer_secret).delete_instance, instanceName="once")
wrong = refused(botocore.exceptions.ClientError, client(secret="wrong").get_regions)
assert wrong.response["Error"]["Code"] == "InvalidSignatureException", wrong.response
other = refused(botocore.exceptions.ClientError, client("s3").list_buckets)
assert "this host speaks the API of Lightsail" in str(other), str(other)

done(c.delete_instance_snapshot(instanceSnapshotName="before"))
done(c.detach_static_ip(staticIpName="front"))
done(c.release_static_ip(staticIpName="front"))
done(c.stop_instance(instanceName="once", force=True))
done(c.detach_disk(diskName="data"))
done(c.delete_disk(diskName="data"))
for name in ["once"] + names:
    done(c.delete_instance(instanceName=name))
refused(c.exceptions.NotFoundException, c.get_instance, instanceName="once")
assert c.get_instances()["instances"] == []
assert replies["count"] > 40, replies
