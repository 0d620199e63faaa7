//! Who asks for something, by which front end, and what the caller may do.

use crate::model::{Code, Error, Requester, Result, Via};

/// What a use case needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// See what there is.
    Read,
    /// See passwords, log in, or reach a console.
    Access,
    /// Change instances, images, alarms and contacts.
    Change,
    /// Change the host, or repair what is known of it.
    Administer,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account and the front end, as the journal keeps them.
    pub requester: Requester,
    rights: Vec<Right>,
}

impl Caller {
    /// The account that may do everything.
    pub fn root(via: Via) -> Self {
        let rights = vec![Right::Read, Right::Access, Right::Change, Right::Administer];
        Self { requester: Requester::root(via), rights }
    }

    /// An account with these rights alone.
    pub fn limited(requester: Requester, rights: &[Right]) -> Self {
        Self { requester, rights: rights.to_vec() }
    }

    /// Refused (`forbidden`) unless the caller has the right.
    pub fn require(&self, right: Right) -> Result<()> {
        if self.rights.contains(&right) {
            return Ok(());
        }
        let what = match right {
            Right::Read => "see this",
            Right::Access => "log in to instances or see their passwords",
            Right::Change => "change this",
            Right::Administer => "change this host",
        };
        Err(Error::new(Code::Forbidden, format!("`{}` may not {what}", self.requester.actor)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Caller, Right};
    use crate::model::{Requester, Via};

    #[test]
    fn a_caller_does_what_it_has_the_right_to_and_nothing_else() {
        let reader = Caller::limited(Requester { actor: "ann".to_owned(), via: Via::Cli }, &[Right::Read]);
        assert_eq!(reader.require(Right::Read), Ok(()));
        for right in [Right::Access, Right::Change, Right::Administer] {
            assert_eq!(reader.require(right).map_err(|e| e.code.as_str()), Err("forbidden"), "{right:?}");
            assert_eq!(Caller::root(Via::Cli).require(right), Ok(()), "{right:?}");
        }
    }
}
