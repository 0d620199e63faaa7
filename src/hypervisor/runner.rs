//! Runs programs of the machine that runs the guests: on this one, or over SSH as libvirt does.

use std::process::Command;

use super::{LocalMachine, Machine, is_local};

/// Where the programs are.
pub enum Runner {
    /// On this machine.
    Here,
    /// On a machine that SSH reaches, with these arguments.
    OverSsh(Vec<String>),
    /// On a machine that only libvirt reaches.
    OutOfReach,
}

/// Why a program cannot be run.
#[derive(Debug, PartialEq, Eq)]
pub enum Unrunnable {
    /// This machine does not have it.
    NotInstalled,
    /// Only libvirt reaches the machine.
    OutOfReach,
}

impl Runner {
    /// The machine whose libvirt is reached by `uri`.
    pub fn of(uri: &str) -> Self {
        match uri.split_once("://") {
            _ if is_local(uri) => Self::Here,
            Some((driver, rest)) if driver.ends_with("+ssh") => {
                ssh_arguments(rest).map_or(Self::OutOfReach, Self::OverSsh)
            }
            _ => Self::OutOfReach,
        }
    }

    /// A program with arguments that no shell reads otherwise than they are.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Result<Command, Unrunnable> {
        let mut command = match self {
            Self::OverSsh(target) => {
                let mut ssh = Command::new("ssh");
                ssh.args(target).arg(program);
                ssh
            }
            Self::Here => Command::new(LocalMachine::of("").program(program).ok_or(Unrunnable::NotInstalled)?),
            Self::OutOfReach => return Err(Unrunnable::OutOfReach),
        };
        command.args(arguments);
        Ok(command)
    }
}

/// The arguments of `ssh` for the rest of a URI, `[user@]host[:port]/…`.
fn ssh_arguments(rest: &str) -> Option<Vec<String>> {
    let authority = rest.split(['/', '?']).next().filter(|a| !a.is_empty())?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    };
    let mut arguments = vec!["-T".to_owned(), "-o".to_owned(), "BatchMode=yes".to_owned()];
    arguments.extend(port.into_iter().flat_map(|port| ["-p".to_owned(), port.to_owned()]));
    arguments.extend(["--".to_owned(), host.to_owned()]);
    Some(arguments)
}
