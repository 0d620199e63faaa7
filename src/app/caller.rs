//! Who asks for something, by which front end, and what the caller may do.

use crate::model::{Code, Error, Requester, Result, Role, Scope, Tag, Via};

/// What a use case needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// See what there is.
    Read,
    /// See passwords, log in, or reach a console.
    Access,
    /// Change instances, images, alarms and contacts.
    Change,
    /// Change the host, or repair what is known of it.
    Administer,
    /// Say who comes in, and what is protected: never by a key of the API.
    Protect,
}

impl Right {
    /// What it lets do, as it is told.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Read => "see this",
            Self::Access => "log in to instances or see their passwords",
            Self::Change => "change this",
            Self::Administer => "change this host",
            Self::Protect => "say who comes in, or what is protected",
        }
    }

    /// What an account of this role has the right to.
    pub fn of(role: Role) -> &'static [Self] {
        match role {
            Role::Viewer => &[Self::Read],
            Role::Operator => &[Self::Read, Self::Access, Self::Change],
            Role::Admin => &[Self::Read, Self::Access, Self::Change, Self::Administer, Self::Protect],
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account and the front end, as the journal keeps them.
    pub requester: Requester,
    rights: Vec<Right>,
    scope: Scope,
}

impl Caller {
    /// The account that may do everything.
    pub fn root(via: Via) -> Self {
        Self::of(Requester::root(via), Role::Admin, Scope::All)
    }

    /// An account of a role that sees a part of the host, or all of it.
    pub fn of(requester: Requester, role: Role, scope: Scope) -> Self {
        let mut rights = Right::of(role).to_vec();
        rights.retain(|right| *right != Right::Protect || requester.via != Via::Api);
        Self { requester, rights, scope }
    }

    /// An account with these rights alone.
    pub fn limited(requester: Requester, rights: &[Right]) -> Self {
        Self { requester, rights: rights.to_vec(), scope: Scope::All }
    }

    /// What of the host the caller sees.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the caller has the right to what it sees, so that a front end offers nothing that would be refused.
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// Refused (`forbidden`) unless the caller has the right, and sees the whole host: what a use case has not sorted out by
    /// scope is not for callers with one. Use cases that have say so by [`super::App::authorise`]. Those of an app ask by
    /// [`super::App::require`], which tells the audit.
    pub fn require(&self, right: Right) -> Result<()> {
        self.require_somewhere(right)?;
        let Some(tag) = self.scope.tag() else { return Ok(()) };
        Err(Error::new(
            Code::Forbidden,
            format!("`{}` works on what has the tag `{tag}`, and this is about more than that", self.requester.actor),
        ))
    }

    /// Refused (`forbidden`) unless the caller has the right to what it sees.
    pub fn require_somewhere(&self, right: Right) -> Result<()> {
        if self.may(right) {
            return Ok(());
        }
        Err(Error::new(Code::Forbidden, format!("`{}` may not {}", self.requester.actor, right.what())))
    }

    /// The tags that instances are chosen by, with that of the caller's scope.
    pub(super) fn with_scope(&self, tags: &[Tag]) -> Vec<Tag> {
        tags.iter().chain(self.scope.tag()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Caller, Right};
    use crate::model::{Requester, Role, Scope, Via};

    #[test]
    fn a_caller_does_what_it_has_the_right_to_and_nothing_else() {
        let reader =
            Caller::limited(Requester { actor: "ann".to_owned(), via: Via::Cli, address: None }, &[Right::Read]);
        assert_eq!(reader.require(Right::Read), Ok(()));
        for right in [Right::Access, Right::Change, Right::Administer] {
            assert_eq!(reader.require(right).map_err(|e| e.code.as_str()), Err("forbidden"), "{right:?}");
            assert_eq!(Caller::root(Via::Cli).require(right), Ok(()), "{right:?}");
        }
    }

    #[test]
    fn a_role_is_its_rights_and_a_scope_takes_away_what_is_not_sorted_by_it() {
        let requester = || Requester { actor: "ann".to_owned(), via: Via::Console, address: None };
        let all = [Right::Read, Right::Access, Right::Change, Right::Administer, Right::Protect];
        for (role, may) in [(Role::Viewer, 1), (Role::Operator, 3), (Role::Admin, 5)] {
            let caller = Caller::of(requester(), role, Scope::All);
            let scoped = Caller::of(requester(), role, Scope::parse("client=acme").unwrap());
            for (n, right) in all.into_iter().enumerate() {
                assert_eq!(caller.require(right).is_ok(), n < may, "{role} {right:?}");
                assert_eq!(scoped.require_somewhere(right).is_ok(), n < may, "{role} {right:?}");
                assert_eq!(scoped.require(right).map_err(|e| e.code.as_str()), Err("forbidden"), "{role} {right:?}");
            }
        }
    }
}
