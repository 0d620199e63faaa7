//! libvirt's errors in our own words: what could not be done, libvirt's text as the cause, the next step.

use virt::error::{Error as VirtError, ErrorDomain, ErrorNumber};

use crate::{
    hypervisor::is_local,
    model::{Code, Error, Hint, Verb, is_hidden},
};

/// What goes wrong inside a call: libvirt's error, not yet translated, or one of ours.
#[derive(Debug)]
pub enum Problem {
    /// From libvirt.
    Virt(VirtError),
    /// Found by us.
    Ours(Error),
}

/// The result of the body of a call.
pub type Outcome<T> = std::result::Result<T, Problem>;

impl From<VirtError> for Problem {
    fn from(error: VirtError) -> Self {
        Self::Virt(error)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// `Ok(None)` where libvirt answered that the thing is not there; any other error stays one.
pub fn present<T>(answer: Result<T, VirtError>, absent: ErrorNumber) -> Outcome<Option<T>> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(error) if error.code().is(absent) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Content if libvirt answers that the thing is not there.
pub fn or_absent(answer: Result<(), VirtError>, absent: ErrorNumber) -> Outcome<()> {
    present(answer, absent).map(|_| ())
}

/// The driver does not know the call, or one of its flags. (Unknown flags read as an invalid argument.)
pub fn is_unsupported(error: &VirtError) -> bool {
    use ErrorNumber::{ArgumentUnsupported, InvalidArg, NoSupport, OperationUnsupported};
    error.code().is_any(vec![NoSupport, ArgumentUnsupported, OperationUnsupported, InvalidArg])
}

/// The connection is gone: the daemon died or cut us off. The next call needs a new one.
pub fn is_broken(error: &VirtError) -> bool {
    use ErrorNumber::{InternalError, InvalidConn, NoConnect, Rpc, SystemError};
    error.code().is_any(vec![NoConnect, InvalidConn])
        || (error.domain().is(ErrorDomain::Rpc) && error.code().is_any(vec![SystemError, InternalError, Rpc]))
}

/// An error for something we tried: `what` reads after "could not", such as `start domain X`.
pub fn translate(what: &str, problem: Problem) -> Error {
    use ErrorNumber::{AccessDenied, OperationTimeout, ResourceBusy, XmlDetail, XmlError, XmlInvalidSchema};
    let error = match problem {
        Problem::Ours(error) => return error,
        Problem::Virt(error) => error,
    };
    let number = error.code();
    let new = |code| Error::new(code, format!("libvirt could not {what}")).cause(clean(error.message()));
    if is_broken(&error) {
        new(Code::LibvirtUnreachable).hint(
            Hint::from("is libvirtd running? ")
                .run(Verb::Doctor)
                .text(" tells, ")
                .run_with(Verb::Doctor, &[&"--fix"])
                .text(" starts it"),
        )
    } else if number.is(OperationTimeout) {
        new(Code::DomainBusy).hint(
            Hint::from("something else works on this domain; try again, or ").run(Verb::Doctor).text(" if it stays"),
        )
    } else if number.is(ResourceBusy) {
        new(Code::LibvirtInUse)
    } else if number.is(AccessDenied) {
        new(Code::LibvirtDenied)
    } else if number.is_any(vec![XmlError, XmlDetail, XmlInvalidSchema]) {
        new(Code::LibvirtRefusedXml)
    } else {
        new(Code::LibvirtFailed)
    }
}

/// An error for a connection that could not be opened. `installed`: this machine has a daemon of libvirt.
pub fn unreachable(uri: &str, cause: &str, installed: bool) -> Error {
    let cause = clean(cause);
    let error = Error::new(Code::LibvirtUnreachable, format!("libvirt cannot be reached at `{}`", clean(uri)));
    if !is_local(uri) {
        return error.cause(cause).hint(format!("see whether `virsh -c {} version` answers", clean(uri)));
    }
    // The words follow the locale; only a hint hangs on them.
    let denied = ["ermission denied", "uthentication"].iter().any(|word| cause.contains(word));
    let error = error.cause(cause);
    if denied {
        return error.hint("run as root, or join the group: `usermod -aG libvirt $USER`, then log in again");
    }
    // The likeliest first.
    match is_usual(uri) {
        true => elsewhere(or_start(error, installed), uri),
        false => or_start(elsewhere(error, uri), installed),
    }
}

/// Whether an address is one that QEMU's driver has on this machine.
fn is_usual(uri: &str) -> bool {
    uri.split_once(":///").is_some_and(|(scheme, rest)| {
        matches!(scheme, "qemu" | "qemu+unix") && matches!(rest.split('?').next(), Some("system" | "session"))
    })
}

/// How libvirt gets to run here.
fn or_start(error: Error, installed: bool) -> Error {
    if !installed {
        return error.hint("install it: `apt-get install libvirt-daemon-system libvirt-clients qemu-system-x86`");
    }
    error
        .hint("start it with systemd: `systemctl start libvirtd`")
        .hint("start it without systemd: `virtlogd -d; libvirtd -d`")
        .hint(Hint::from("or let lite do it: ").run_with(Verb::Doctor, &[&"--fix"]))
}

/// Where libvirt might be instead.
fn elsewhere(error: Error, uri: &str) -> Error {
    error.hint(format!(
        "is that its address? `connect` in the settings (`LITE_CONNECT`) says `{}`; on this machine it is `qemu:///system`",
        clean(uri)
    ))
}

/// An error for an answer that did not come in time.
pub fn late(what: &str, seconds: u64) -> Error {
    Error::new(Code::LibvirtTimeout, format!("libvirt did not {what} within {seconds} s"))
        .hint(Hint::from("it, or a guest it waits for, hangs: ").run(Verb::Doctor).text(" looks"))
}

/// An error for a daemon that takes connections or calls and answers none.
pub fn hung(uri: &str) -> Error {
    let error = Error::new(Code::LibvirtTimeout, format!("libvirt does not answer at `{}`: it hangs", clean(uri)));
    if is_local(uri) {
        error
            .hint("restart it: `systemctl restart libvirtd`; without systemd: end its process, then `libvirtd -d`")
            .hint("running instances go on meanwhile")
    } else {
        error.hint(format!("see whether `virsh -c {} version` answers", clean(uri)))
    }
}

/// Text from libvirt on one line, without control characters.
fn clean(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::unreachable;

    #[test]
    fn the_likeliest_reason_is_told_first() {
        let said = |uri: &str, cause: &str, installed| {
            let error = unreachable(uri, cause, installed);
            assert_eq!((error.code.as_str(), error.exit_code()), ("libvirt_unreachable", 5));
            error.hint_texts()
        };
        let (usual, missing) = ("qemu:///system", "Failed to connect socket: No such file or directory");
        let address = |uri: &str| {
            format!(
                "is that its address? `connect` in the settings (`LITE_CONNECT`) says `{uri}`; on this machine it is `qemu:///system`"
            )
        };
        let start = [
            "start it with systemd: `systemctl start libvirtd`",
            "start it without systemd: `virtlogd -d; libvirtd -d`",
            "or let lite do it: `lite doctor --fix`",
        ];
        let install = "install it: `apt-get install libvirt-daemon-system libvirt-clients qemu-system-x86`";
        let denied = "run as root, or join the group: `usermod -aG libvirt $USER`, then log in again";
        let typed = "qemu:///sistem";
        assert_eq!(said(usual, missing, true), [start.as_slice(), &[&address(usual)]].concat());
        assert_eq!(said(usual, missing, false), [install, &address(usual)]);
        assert_eq!(said(usual, "Failed to connect socket: Permission denied", true), [denied]);
        assert_eq!(said(typed, "unexpected path", true), [&[&*address(typed)], start.as_slice()].concat());
        assert_eq!(
            said("qemu+ssh://h/system", missing, false),
            ["see whether `virsh -c qemu+ssh://h/system version` answers"]
        );
    }
}
