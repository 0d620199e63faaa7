//! The registry of error codes: what scripts and other front ends tell errors apart by, and how each ends a command.

use super::Class;

/// Defines [`Code`]: each variant with its stable word, under the class that it usually has.
macro_rules! codes {
    ($($class:ident { $($name:ident = $word:literal,)* })*) => {
        /// What went wrong, for machines. A word is stable once released: scripts compare it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = concat!("`", $word, "`")] $name,)*)*
        }

        impl Code {
            /// Every code, by class.
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// Whether the state database could not be read or written just now: full, read-only, locked, a quota. What a guest
            /// needs at once does not wait for that.
            pub fn is_of_state(self) -> bool {
                matches!(self, Self::StateBusy | Self::StateError | Self::StateNotReadable | Self::StateNotWritable)
            }

            /// The word of the code, in snake_case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$name => $word,)*)*
                }
            }

            /// The code of a word; none if this lite does not know it.
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == word)
            }

            /// The class an error of this code has, where nothing else is said ([`super::Error::failed`]).
            pub fn class(self) -> Class {
                match self {
                    $($(Self::$name => Class::$class,)*)*
                }
            }
        }
    };
}

codes! {
    NotFound {
        ImageUnknown = "image_unknown",
        NoAuthority = "no_authority",
        NoImage = "no_image",
        NoSuchAddress = "no_such_address",
        NoSuchAlarm = "no_such_alarm",
        NoSuchContact = "no_such_contact",
        NoSuchDisk = "no_such_disk",
        NoSuchImage = "no_such_image",
        NoSuchInstance = "no_such_instance",
        NoSecondFactor = "no_second_factor",
        NoSuchJob = "no_such_job",
        NoSuchKey = "no_such_key",
        NoSuchKeyPair = "no_such_key_pair",
        NoSuchMessage = "no_such_message",
        NoSuchLoadBalancer = "no_such_load_balancer",
        NoSuchSnapshot = "no_such_snapshot",
        NoSuchRemote = "no_such_remote",
        NoSuchOperation = "no_such_operation",
        NotPublished = "not_published",
        NoSuchRule = "no_such_rule",
        NoSuchTag = "no_such_tag",
        NoSuchUser = "no_such_user",
        UnknownBase = "unknown_base",
        UnknownBlueprint = "unknown_blueprint",
        UnknownBundle = "unknown_bundle",
        UnknownHost = "unknown_host",
        UnknownImage = "unknown_image",
    }
    Taken {
        DomainTaken = "domain_taken",
        PortTaken = "port_taken",
        NameTaken = "name_taken",
        RequestIdReused = "request_id_reused",
    }
    InvalidInput {
        InvalidEvent = "invalid_event",
        InvalidNotify = "invalid_notify",
        InvalidAlarmState = "invalid_alarm_state",
        InvalidMissing = "invalid_missing",
        InvalidStatistic = "invalid_statistic",
        BlueprintsUnreadable = "blueprints_unreadable",
        BundleTooSmall = "bundle_too_small",
        Declined = "declined",
        DuplicateParameter = "duplicate_parameter",
        FileTooLarge = "file_too_large",
        FileUnreadable = "file_unreadable",
        ImageBackingFile = "image_backing_file",
        ImageExternalData = "image_external_data",
        ImageFormat = "image_format",
        ImageNotAFile = "image_not_a_file",
        ImageRefused = "image_refused",
        InvalidAccel = "invalid_accel",
        AddressInUse = "address_in_use",
        InvalidAddress = "invalid_address",
        InvalidAlphabet = "invalid_alphabet",
        InvalidAssignment = "invalid_assignment",
        InvalidBlueprint = "invalid_blueprint",
        InvalidCa = "invalid_ca",
        InvalidCertificate = "invalid_certificate",
        InvalidCommand = "invalid_command",
        InvalidCondition = "invalid_condition",
        InvalidCopy = "invalid_copy",
        InvalidCurrency = "invalid_currency",
        InvalidDomain = "invalid_domain",
        InvalidDigest = "invalid_digest",
        InvalidDuration = "invalid_duration",
        FileExists = "file_exists",
        InvalidExport = "invalid_export",
        InvalidSavedMemory = "invalid_saved_memory",
        NotIdentified = "not_identified",
        InvalidFormat = "invalid_format",
        InvalidFqdn = "invalid_fqdn",
        InvalidId = "invalid_id",
        InvalidImageId = "invalid_image_id",
        InvalidJobId = "invalid_job_id",
        InvalidMac = "invalid_mac",
        InvalidMirror = "invalid_mirror",
        InvalidName = "invalid_name",
        InvalidNetwork = "invalid_network",
        InvalidOperationId = "invalid_operation_id",
        InvalidParameter = "invalid_parameter",
        InvalidPath = "invalid_path",
        InvalidPattern = "invalid_pattern",
        InvalidPeriod = "invalid_period",
        InvalidPort = "invalid_port",
        InvalidPrice = "invalid_price",
        InvalidOutcome = "invalid_outcome",
        InvalidLabel = "invalid_label",
        InvalidPassword = "invalid_password",
        InvalidRecipient = "invalid_recipient",
        InvalidRemote = "invalid_remote",
        InvalidRequestId = "invalid_request_id",
        InvalidRole = "invalid_role",
        InvalidSchedule = "invalid_schedule",
        InvalidScope = "invalid_scope",
        InvalidSecret = "invalid_secret",
        InvalidSettings = "invalid_settings",
        InvalidSize = "invalid_size",
        InvalidSshKey = "invalid_ssh_key",
        NotOurAddress = "not_our_address",
        NotPublishable = "not_publishable",
        PortClosed = "port_closed",
        OpenToAll = "open_to_all",
        TooManyRules = "too_many_rules",
        InvalidSource = "invalid_source",
        InvalidVia = "invalid_via",
        InvalidTag = "invalid_tag",
        InvalidText = "invalid_text",
        InvalidThreshold = "invalid_threshold",
        InvalidTimezone = "invalid_timezone",
        InvalidUrl = "invalid_url",
        TlsNeeded = "tls_needed",
        InvalidUser = "invalid_user",
        InvalidUserData = "invalid_user_data",
        InvalidVariable = "invalid_variable",
        InvalidVerified = "invalid_verified",
        InvalidHeader = "invalid_header",
        InvalidMailAddress = "invalid_mail_address",
        InvalidWebhook = "invalid_webhook",
        InvalidWindow = "invalid_window",
        MissingParameter = "missing_parameter",
        NeedsYes = "needs_yes",
        NotHttps = "not_https",
        OneDigest = "one_digest",
        SecretGiven = "secret_given",
        SeedTooLarge = "seed_too_large",
        TooLarge = "too_large",
        Unencrypted = "unencrypted",
        UnknownColumn = "unknown_column",
        UnknownFormat = "unknown_format",
        UnknownMetric = "unknown_metric",
        UnknownParameter = "unknown_parameter",
        UnknownSetting = "unknown_setting",
        UnknownShell = "unknown_shell",
        UnknownWord = "unknown_word",
        UnreadableSettings = "unreadable_settings",
        Unverifiable = "unverifiable",
        Usage = "usage",
    }
    WrongState {
        AddressAttached = "address_attached",
        DiskAttached = "disk_attached",
        DiskInUse = "disk_in_use",
        NoAgent = "no_agent",
        ArchUnsupported = "arch_unsupported",
        CannotListen = "cannot_listen",
        ContactDisabled = "contact_disabled",
        ContactNotSigned = "contact_not_signed",
        DnsMismatch = "dns_mismatch",
        DomainRunning = "domain_running",
        HostNotFit = "host_not_fit",
        ImageDamaged = "image_damaged",
        ImageInUse = "image_in_use",
        JobEnded = "job_ended",
        LibvirtFirst = "libvirt_first",
        MissingGpgv = "missing_gpgv",
        MissingKeyring = "missing_keyring",
        NetworkUnusable = "network_unusable",
        NoAnswer = "no_answer",
        NoBridge = "no_bridge",
        NoCapacity = "no_capacity",
        NoFreeAddress = "no_free_address",
        NoFreeName = "no_free_name",
        NoKvm = "no_kvm",
        NoMailServer = "no_mail_server",
        NoSubnet = "no_subnet",
        NotBakeable = "not_bakeable",
        NoUpgrade = "no_upgrade",
        NotRunning = "not_running",
        OperationEnded = "operation_ended",
        NotSettled = "not_settled",
        OtherInstance = "other_instance",
        NotToVerify = "not_to_verify",
        NotATarget = "not_a_target",
        NothingToTest = "nothing_to_test",
        StillQueued = "still_queued",
        SubnetClash = "subnet_clash",
        SubnetTooSmall = "subnet_too_small",
        WrongCode = "wrong_code",
        ToolsMissing = "tools_missing",
        HostKeyChanged = "host_key_changed",
        RemoteNotEmpty = "remote_not_empty",
        RemoteRefused = "remote_refused",
        RemoteUnreachable = "remote_unreachable",
        Protected = "protected",
        SecondFactorOn = "second_factor_on",
    }
    Busy {
        Busy = "busy",
        ConsoleBusy = "console_busy",
        DomainBusy = "domain_busy",
        DomainStopping = "domain_stopping",
        ImageBusy = "image_busy",
        SnapshotInUse = "snapshot_in_use",
        StateBusy = "state_busy",
        TooManyRequests = "too_many_requests",
    }
    Forbidden {
        Forbidden = "forbidden",
        ForbiddenAddress = "forbidden_address",
        KeyMayMore = "key_may_more",
        LoginFailed = "login_failed",
        LoginTooOld = "login_too_old",
        LogsNotWritable = "logs_not_writable",
        NotForRoot = "not_for_root",
        NotRoot = "not_root",
        PoolNotWritable = "pool_not_writable",
        StateNotReadable = "state_not_readable",
        StateNotWritable = "state_not_writable",
        UnitNotWritten = "unit_not_written",
        TooManyTries = "too_many_tries",
        UserDisabled = "user_disabled",
    }
    Failed {
        AddressTaken = "address_taken",
        Altered = "altered",
        BackupFailed = "backup_failed",
        BadRedirect = "bad_redirect",
        BadSignature = "bad_signature",
        BlueprintFailed = "blueprint_failed",
        BrokenDataFile = "broken_data_file",
        BuildIncomplete = "build_incomplete",
        CertificateFailed = "certificate_failed",
        ClosedPipe = "closed_pipe",
        Completion = "completion",
        ContactTestFailed = "contact_test_failed",
        CopyFailed = "copy_failed",
        RestoreFailed = "restore_failed",
        SnapshotFailed = "snapshot_failed",
        RemoteDamaged = "remote_damaged",
        RemoteFailed = "remote_failed",
        RemoteStalled = "remote_stalled",
        MailNotSent = "mail_not_sent",
        MountFailed = "mount_failed",
        DiskFull = "disk_full",
        FileNotRemoved = "file_not_removed",
        Files = "files",
        FilterExists = "filter_exists",
        FirewallFailed = "firewall_failed",
        Gpgv = "gpgv",
        GuestAgent = "guest_agent",
        GuestCrashed = "guest_crashed",
        GuestDidNotStop = "guest_did_not_stop",
        GuestLost = "guest_lost",
        GuestPaused = "guest_paused",
        GuestPoweredOff = "guest_powered_off",
        GuestStopped = "guest_stopped",
        HostNotReady = "host_not_ready",
        HttpStatus = "http_status",
        IdleTimeout = "idle_timeout",
        ImageIo = "image_io",
        Injected = "injected",
        Internal = "internal",
        Interrupted = "interrupted",
        InvalidChecksumFile = "invalid_checksum_file",
        JobCut = "job_cut",
        Json = "json",
        KeyFailed = "key_failed",
        KeyUnusable = "key_unusable",
        LibvirtDenied = "libvirt_denied",
        LibvirtFailed = "libvirt_failed",
        LibvirtInUse = "libvirt_in_use",
        LibvirtNotStarted = "libvirt_not_started",
        LibvirtRefusedXml = "libvirt_refused_xml",
        LibvirtXml = "libvirt_xml",
        LinksFailed = "links_failed",
        ListIncomplete = "list_incomplete",
        LogNotRemoved = "log_not_removed",
        LogUnreadable = "log_unreadable",
        Man = "man",
        NoAddress = "no_address",
        NoDomain = "no_domain",
        NoHostKey = "no_host_key",
        NoNetwork = "no_network",
        NoPool = "no_pool",
        NoSsh = "no_ssh",
        NoVolume = "no_volume",
        NotAFile = "not_a_file",
        NotInstalled = "not_installed",
        NotReached = "not_reached",
        NotStarted = "not_started",
        NotTold = "not_told",
        NotWritable = "not_writable",
        Paused = "paused",
        PoolUnreadable = "pool_unreadable",
        ProxyFailed = "proxy_failed",
        PortsListening = "ports_listening",
        PortsUnknown = "ports_unknown",
        Read = "read",
        RenderFailed = "render_failed",
        RequestFailed = "request_failed",
        RoutesUnreadable = "routes_unreadable",
        Runtime = "runtime",
        SeedFailed = "seed_failed",
        SetupFailed = "setup_failed",
        Signals = "signals",
        StateError = "state_error",
        StateUnreadable = "state_unreadable",
        Stdout = "stdout",
        StillMounted = "still_mounted",
        Terminal = "terminal",
        Timeout = "timeout",
        Tls = "tls",
        TooManyRedirects = "too_many_redirects",
        ToolFailed = "tool_failed",
        Truncated = "truncated",
        Unreachable = "unreachable",
        Unreadable = "unreadable",
        Unresponsive = "unresponsive",
        UntrustedCertificate = "untrusted_certificate",
        UpgradeFailed = "upgrade_failed",
        UploadStalled = "upload_stalled",
        VerifiedUnusable = "verified_unusable",
        VolumeTooSmall = "volume_too_small",
        WaitEnded = "wait_ended",
        Write = "write",
        XmlError = "xml_error",
        OwnerDied = "owner_died",
        OutputRefused = "output_refused",
    }
    NeedsAttention {
        DiskGone = "disk_gone",
        Lost = "lost",
        StateDamaged = "state_damaged",
        StateMissing = "state_missing",
        StateNewer = "state_newer",
        UndoFailed = "undo_failed",
    }
    Unreachable {
        LibvirtTimeout = "libvirt_timeout",
        FirewallUnreachable = "firewall_unreachable",
        LibvirtUnreachable = "libvirt_unreachable",
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_unique_and_in_snake_case() {
        let words: BTreeSet<&str> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        let plain = |w: &&&str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert_eq!(words.iter().filter(|w| !plain(w)).collect::<Vec<_>>(), Vec::<&&str>::new());
    }
}
