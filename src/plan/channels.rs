//! By what a guest and the host talk without a network.

use serde::Serialize;

use super::parts::DomainPlan;

#[derive(Serialize)]
pub(super) struct Serial {
    #[serde(rename = "@type")]
    kind: &'static str,
    log: Log,
    target: Port,
}

#[derive(Serialize)]
struct Log {
    #[serde(rename = "@file")]
    file: String,
    #[serde(rename = "@append")]
    append: &'static str,
}

#[derive(Serialize)]
struct Port {
    #[serde(rename = "@port")]
    port: u32,
}

#[derive(Serialize)]
pub(super) struct Channel {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<PathSource>,
    target: ChannelTarget,
}

#[derive(Serialize)]
struct PathSource {
    #[serde(rename = "@path")]
    path: String,
    #[serde(rename = "@append")]
    append: &'static str,
}

#[derive(Serialize)]
struct ChannelTarget {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@name")]
    name: &'static str,
}

/// The channel by which a guest that goes on from saved memory is told who it is.
pub const THAW_CHANNEL: &str = "org.lite.thaw";

/// The serial console, recorded.
pub(super) fn serial(plan: &DomainPlan<'_>) -> Serial {
    Serial { kind: "pty", log: Log { file: plan.attached.console_log.clone(), append: "on" }, target: Port { port: 0 } }
}

/// What the guest's agent, its reports and, where it goes on from saved memory, its identity go through.
pub(super) fn channels(plan: &DomainPlan<'_>) -> Vec<Channel> {
    let mut all = vec![
        Channel {
            kind: "unix",
            source: None,
            target: ChannelTarget { kind: "virtio", name: "org.qemu.guest_agent.0" },
        },
        Channel {
            kind: "file",
            source: Some(PathSource { path: plan.attached.report_log.clone(), append: "on" }),
            target: ChannelTarget { kind: "virtio", name: "org.lite.report" },
        },
    ];
    if plan.is_warm {
        let target = ChannelTarget { kind: "virtio", name: THAW_CHANNEL };
        all.push(Channel { kind: "unix", source: None, target });
    }
    all
}
