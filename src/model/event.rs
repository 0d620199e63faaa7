//! Events: what happened, as it is stored, shown and sent.

use serde::{Deserialize, Serialize};

use super::{AlarmState, Comparator, EventInstance, EventLoadBalancer, Metric, Subject, Threshold, words};

words! {
    /// What happened.
    EventKind, InvalidEvent, "a kind of event";
    /// An alarm fired.
    AlarmFiring = "alarm.firing",
    /// An alarm still fires.
    AlarmReminder = "alarm.reminder",
    /// An alarm is over.
    AlarmResolved = "alarm.resolved",
    /// The data of an alarm stopped.
    AlarmNoData = "alarm.no_data",
    /// An instance was made.
    InstanceCreated = "instance.created",
    /// The set-up of an instance failed.
    InstanceFailed = "instance.failed",
    /// An instance went down by a crash.
    InstanceCrashed = "instance.crashed",
    /// The watcher started an instance again.
    InstanceRestarted = "instance.restarted",
    /// An instance crashed too often.
    InstanceCrashLoop = "instance.crash_loop",
    /// The disk of the host is full.
    InstanceDiskFull = "instance.disk_full",
    /// QEMU does not answer.
    InstanceUnresponsive = "instance.unresponsive",
    /// The virtual machine is gone.
    InstanceLost = "instance.lost",
    /// An automatic snapshot could not be made.
    SnapshotFailed = "snapshot.failed",
    /// An automatic snapshot could not be copied to its remote.
    PushFailed = "snapshot.push_failed",
    /// It could again.
    PushRestored = "snapshot.push_restored",
    /// A deleted instance that was kept is gone for good.
    InstancePurged = "instance.purged",
    /// Somebody else stopped it, or its guest did.
    InstanceExternalStop = "instance.external_stop",
    /// An operation could not be undone.
    OperationNeedsAttention = "operation.needs_attention",
    /// The host runs out of something.
    HostCapacity = "host.capacity",
    /// A test of a contact.
    ContactTest = "contact.test",
}

/// What is sent of an event, in `data`. No secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventData {
    /// Incident, of events of an alarm.
    pub incident: Option<String>,
    /// Number in the incident, from 1.
    pub sequence: Option<u32>,
    /// Name of the alarm.
    pub alarm: Option<String>,
    /// The instance.
    pub instance: Option<EventInstance>,
    /// The load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<EventLoadBalancer>,
    /// The host, by the name it gives itself.
    pub host: Option<String>,
    /// Metric.
    pub metric: Option<Metric>,
    /// Comparator.
    pub comparator: Option<Comparator>,
    /// Threshold.
    pub threshold: Option<Threshold>,
    /// Periods needed.
    pub m: Option<u32>,
    /// Periods looked at.
    pub n: Option<u32>,
    /// Length of a period in minutes.
    pub period: Option<u32>,
    /// State before.
    pub from: Option<AlarmState>,
    /// State after.
    pub to: Option<AlarmState>,
    /// One sentence.
    pub reason: String,
    /// Values of the periods, oldest first; none where there was no value.
    pub points: Vec<Option<f64>>,
    /// When the incident began.
    pub started_at: Option<jiff::Timestamp>,
    /// When it ended.
    pub ended_at: Option<jiff::Timestamp>,
    /// Of a resolved alarm: whether its firing was delivered to this contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firing_delivered: Option<bool>,
    /// How many changes of the alarm this message stands for, if more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<u32>,
}

impl EventData {
    /// Data of an event that is about a sentence alone.
    pub fn says(reason: impl Into<String>) -> Self {
        Self {
            incident: None,
            sequence: None,
            alarm: None,
            instance: None,
            load_balancer: None,
            host: None,
            metric: None,
            comparator: None,
            threshold: None,
            m: None,
            n: None,
            period: None,
            from: None,
            to: None,
            reason: reason.into(),
            points: Vec::new(),
            started_at: None,
            ended_at: None,
            firing_delivered: None,
            changes: None,
        }
    }

    /// The same about an instance or a load balancer.
    pub fn about(self, subject: &Subject) -> Self {
        match subject.clone() {
            Subject::Instance(instance) => Self { instance: Some(instance), ..self },
            Subject::LoadBalancer(balancer) => Self { load_balancer: Some(balancer), ..self },
        }
    }

    /// The name of the instance or the load balancer it is about.
    pub fn subject_name(&self) -> Option<&str> {
        let instance = self.instance.as_ref().map(|instance| instance.name.as_str());
        instance.or_else(|| self.load_balancer.as_ref().map(|balancer| balancer.name.as_str()))
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the wall clock.
    pub at: jiff::Timestamp,
    /// What.
    pub kind: EventKind,
    /// The rest.
    pub data: EventData,
    /// Stored, and not sent: the alarm is muted.
    pub suppressed: bool,
}
