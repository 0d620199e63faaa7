//! Operations.

use jiff::SignedDuration;

use crate::{
    lightsail::{place::Place, wire},
    model::{Code, OperationState, ResourceKind},
    view::OperationRow,
};

/// What a resource is there.
pub fn resource_type(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Alarm => "Alarm",
        ResourceKind::Contact => "ContactMethod",
        ResourceKind::StaticIp => "StaticIp",
        ResourceKind::LoadBalancer => "LoadBalancer",
        ResourceKind::Snapshot => "InstanceSnapshot",
        ResourceKind::Disk => "Disk",
        ResourceKind::KeyPair => "KeyPair",
        // Others have no kind there.
        ResourceKind::Instance | ResourceKind::Image | ResourceKind::Network | ResourceKind::Remote => "Instance",
    }
}

/// The name of what it does; an operation of lite's alone keeps lite's own word.
fn operation_type(kind: &str) -> &str {
    match kind {
        "create" => "CreateInstance",
        "delete" => "DeleteInstance",
        "start" | "restart" => "StartInstance",
        "stop" => "StopInstance",
        "reboot" | "reset" => "RebootInstance",
        "tag" => "TagResource",
        "firewall" => "PutInstancePublicPorts",
        "attach" => "AttachStaticIp",
        "detach" => "DetachStaticIp",
        "disk-create" => "CreateDisk",
        "disk-attach" => "AttachDisk",
        "disk-detach" => "DetachDisk",
        "disk-delete" => "DeleteDisk",
        "snapshot-create" => "CreateInstanceSnapshot",
        "snapshot-delete" => "DeleteInstanceSnapshot",
        "lb-create" => "CreateLoadBalancer",
        "lb-attach" => "AttachInstancesToLoadBalancer",
        "lb-detach" => "DetachInstancesFromLoadBalancer",
        "lb-delete" => "DeleteLoadBalancer",
        other => other,
    }
}

/// An operation. One that a person has to look at has failed.
pub fn operation(row: OperationRow, place: &Place) -> wire::Operation {
    let (status, is_terminal) = match row.state.as_str() {
        state if state == OperationState::Started.as_str() => ("Started", false),
        state if state == OperationState::Succeeded.as_str() => ("Succeeded", true),
        _ => ("Failed", true),
    };
    let took = row.milliseconds.and_then(|ms| i64::try_from(ms).ok()).map(SignedDuration::from_millis);
    let ended = took.and_then(|took| row.started_at.checked_add(took).ok());
    let failed = status == "Failed";
    wire::Operation {
        id: row.id,
        resource_name: row.resource,
        resource_type: resource_type(row.resource_kind),
        created_at: row.started_at.into(),
        location: place.in_zone(),
        is_terminal,
        operation_type: operation_type(&row.kind).to_owned(),
        status,
        status_changed_at: ended.unwrap_or(row.started_at).into(),
        error_code: row.error_code.filter(|_| failed).map(Code::as_str).map(str::to_owned),
        error_details: row.error.filter(|_| failed),
    }
}
