//! What is written of who did what: operations have their kinds, and these are the actions beside them.

use jiff::Timestamp;

use super::{Requester, ResourceKind, words};

words! {
    /// An action that is audited and is no operation.
    AuditAction;
    /// Makes an alarm, or changes it.
    PutAlarm = "alarm-put",
    /// Removes an alarm.
    DeleteAlarm = "alarm-delete",
    /// Gives an alarm a state by hand.
    TestAlarm = "alarm-test",
    /// Sends nothing about an alarm for a while, or sends again.
    MuteAlarm = "alarm-mute",
    /// Adds a contact.
    AddContact = "contact-add",
    /// Removes a contact.
    RemoveContact = "contact-remove",
    /// Gives a contact a new secret.
    RotateContact = "contact-rotate",
    /// Sends a contact a test.
    TestContact = "contact-test",
    /// Gives back the code that was sent to a contact, or has a new one sent.
    VerifyContact = "contact-verify",
    /// Sends a message again.
    Redeliver = "contact-redeliver",
    /// Keeps a static address.
    AllocateStaticIp = "ip-allocate",
    /// Gives a static address back.
    ReleaseStaticIp = "ip-release",
    /// Asks an operation to end.
    Cancel = "cancel",
    /// Looks at the passwords of an instance.
    ShowSecrets = "secrets",
    /// Looks at the password of a remote.
    ShowRemoteSecrets = "remote-secrets",
    /// Opens the serial console of an instance.
    OpenConsole = "console",
    /// Leaves a serial console that was opened in a browser.
    CloseConsole = "console-end",
    /// Logs in to an instance, or runs a command there.
    Ssh = "ssh",
    /// Leaves an instance that was logged in to in a browser.
    EndSsh = "ssh-end",
    /// Runs the command of a job.
    RunJob = "run",
    /// Asks a job to end.
    CancelJob = "run-cancel",
    /// Copies files to an instance or from it.
    Copy = "cp",
    /// Finishes and undoes what was cut off.
    RepairAll = "repair-all",
    /// Makes a lost database anew.
    Rebuild = "rebuild",
    /// Removes what nobody owns.
    CollectGarbage = "gc",
    /// Puts in order what a check of the host found wrong.
    FixHost = "doctor-fix",
    /// Makes a code that logs in once.
    MakeLoginCode = "login-code",
    /// Adds a user.
    AddUser = "user-add",
    /// Gives a user another role or scope, keeps it out, or lets it in.
    ChangeUser = "user-change",
    /// Ends the sessions of a user.
    LogOutUser = "user-logout",
    /// Removes a user.
    RemoveUser = "user-remove",
    /// Makes a key of the API.
    CreateKey = "key-create",
    /// Has nobody come in with a key.
    DisableKey = "key-disable",
    /// Lets somebody in again who has a key.
    EnableKey = "key-enable",
    /// Removes a key.
    RemoveKey = "key-remove",
    /// Keeps a public key under a name.
    ImportKeyPair = "key-pair-import",
    /// Makes a pair of keys, and keeps the public one.
    CreateKeyPair = "key-pair-create",
    /// Replaces the tags of a key pair.
    TagKeyPair = "key-pair-tag",
    /// Forgets a key pair.
    DeleteKeyPair = "key-pair-delete",
    /// Looks at the key by which lite itself logs in.
    ShowLoginKey = "login-key",
    /// Logs in.
    LogIn = "log-in",
    /// Logs out.
    LogOut = "log-out",
    /// Sets its own password.
    SetPassword = "set-password",
    /// Makes a second factor, whose secret is shown.
    MakeSecondFactor = "second-factor-make",
    /// Confirms a second factor: it is asked for from then on.
    ConfirmSecondFactor = "second-factor-confirm",
    /// Removes a second factor.
    RemoveSecondFactor = "second-factor-remove",
    /// Asks for what it has no right to, and is not let.
    DenyAccess = "access-denied",
}

words! {
    /// What came of an audited action.
    AuditOutcome, InvalidOutcome, "an outcome of the audit";
    /// An operation was accepted: how that stands, the journal says.
    Accepted = "accepted",
    /// It was done.
    Done = "done",
    /// It was not done: who asked may not, or was not who they said.
    Refused = "refused",
}

/// A row of the audit that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who asked, by which way, and from where.
    pub requester: Requester,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: AuditAction,
    /// What it was about, by kind and name.
    pub resource: Option<(Option<ResourceKind>, String)>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// More of it, for people: never a secret.
    pub detail: Option<String>,
}

impl AuditEntry {
    /// Something that is done.
    pub fn done(requester: Requester, at: Timestamp, action: AuditAction) -> Self {
        Self { requester, at, action, resource: None, outcome: AuditOutcome::Done, detail: None }
    }

    /// The same, about a resource.
    #[must_use]
    pub fn about(self, kind: ResourceKind, name: impl std::fmt::Display) -> Self {
        Self { resource: Some((Some(kind), name.to_string())), ..self }
    }
}
