//! How an error concerns its caller.

/// How an error concerns its caller. The exit code of the command line follows from it, and the status of an HTTP reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// What is named does not exist.
    NotFound,
    /// What is asked for belongs to something else.
    Taken,
    /// What is asked for has no valid form, or does not fit itself.
    InvalidInput,
    /// Not while the thing, or the host, is as it is.
    WrongState,
    /// Somebody else is working on it.
    Busy,
    /// The caller may not do it.
    Forbidden,
    /// Tried, and failed; the message says what was undone and what is left.
    Failed,
    /// A person has to look: an undo failed, or state and host disagree.
    NeedsAttention,
    /// libvirt, or the host, cannot be reached.
    Unreachable,
}

impl Class {
    /// The exit code of the process: 1 tried and failed, 2 refused before any change, 3 busy, 4 needs attention,
    /// 5 host unreachable.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::NotFound | Self::Taken | Self::InvalidInput | Self::WrongState | Self::Forbidden => 2,
            Self::Busy => 3,
            Self::NeedsAttention => 4,
            Self::Unreachable => 5,
        }
    }

    /// Whether nothing was changed or tried.
    pub fn is_refusal(self) -> bool {
        self.exit_code() == 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_exit_code() {
        use Class::*;
        let codes = [NotFound, Taken, InvalidInput, WrongState, Forbidden, Failed, Busy, NeedsAttention, Unreachable]
            .map(Class::exit_code);
        assert_eq!(codes, [2, 2, 2, 2, 2, 1, 3, 4, 5]);
    }
}
