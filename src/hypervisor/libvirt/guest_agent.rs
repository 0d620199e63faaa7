//! The agent in a guest, by its own commands: each has a time limit there, which libvirt's calls of the same names have not.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use virt::error::ErrorNumber::{AgentCommandFailed, AgentCommandTimeout, AgentUnresponsive, AgentUnsynced};

use super::{
    Libvirt,
    connect::{ORDINARY, no_nul},
    errors::Problem,
    lifecycle, lookup,
};
use crate::{
    hypervisor::GuestAgent,
    model::{Code, Error, Result, escaped},
};

/// How long an agent has for an answer, in seconds.
const ANSWER_SECONDS: i32 = 5;
/// How long a program in the guest may take, and how often it is asked for.
const PROGRAM: (Duration, Duration) = (Duration::from_secs(10), Duration::from_millis(100));
/// How long one may take that is given something to read: an interpreter of the guest's, which has to start first.
const READER: Duration = Duration::from_secs(60);

impl GuestAgent for Libvirt {
    fn freeze(&self, uuid: Uuid) -> Result<()> {
        self.ask(uuid, &json!({"execute": "guest-fsfreeze-freeze"})).map(drop)
    }

    fn thaw(&self, uuid: Uuid) -> Result<()> {
        self.ask(uuid, &json!({"execute": "guest-fsfreeze-thaw"})).map(drop)
    }

    fn is_frozen(&self, uuid: Uuid) -> Result<bool> {
        Ok(self.ask(uuid, &json!({"execute": "guest-fsfreeze-status"}))? == "frozen")
    }

    fn run_in_guest(&self, uuid: Uuid, program: &str, arguments: &[&str], input: &[u8]) -> Result<i64> {
        let mut started = json!({"execute": "guest-exec", "arguments": {"path": program, "arg": arguments}});
        let limit = if input.is_empty() { PROGRAM.0 } else { READER };
        if !input.is_empty() {
            started["arguments"]["input-data"] = Value::String(STANDARD.encode(input));
        }
        let pid = self.ask(uuid, &started)?.get("pid").and_then(Value::as_i64);
        let pid = pid.ok_or_else(|| failed(uuid, "it started no process"))?;
        let status = json!({"execute": "guest-exec-status", "arguments": {"pid": pid}});
        for _ in 0..limit.as_millis() / PROGRAM.1.as_millis() {
            let seen = self.ask(uuid, &status)?;
            if seen.get("exited") == Some(&Value::Bool(true)) {
                return seen.get("exitcode").and_then(Value::as_i64).ok_or_else(|| failed(uuid, "a signal ended it"));
            }
            std::thread::sleep(PROGRAM.1);
        }
        Err(failed(uuid, &format!("`{}` did not end within {} s", escaped(program), limit.as_secs())))
    }
}

/// An error of an agent.
fn failed(uuid: Uuid, cause: &str) -> Error {
    Error::new(Code::GuestAgent, format!("the agent in domain {uuid} did not do what it was asked for")).cause(cause)
}

/// An answer of an agent.
#[derive(Deserialize)]
struct Answer {
    r#return: Value,
}

impl Libvirt {
    /// Asks the agent; what it returned.
    fn ask(&self, uuid: Uuid, command: &Value) -> Result<Value> {
        let command = command.to_string();
        no_nul(&[&command])?;
        // Once: a freeze that took effect is refused a second time.
        let answer = self.link.call_once(&format!("ask the agent in domain {uuid}"), ORDINARY, move |c| {
            let domain = lookup::domain(c, uuid)?.ok_or_else(|| lifecycle::absent(uuid))?;
            domain.qemu_agent_command(&command, ANSWER_SECONDS, 0).map_err(|error| {
                let of_agent = [AgentUnresponsive, AgentUnsynced, AgentCommandTimeout, AgentCommandFailed];
                match error.code().is_any(of_agent.to_vec()) {
                    true => Problem::Ours(failed(uuid, error.message())),
                    false => Problem::Virt(error),
                }
            })
        })?;
        let answer: Answer = serde_json::from_str(&answer).map_err(|e| failed(uuid, "its answer is none").cause(e))?;
        Ok(answer.r#return)
    }
}
