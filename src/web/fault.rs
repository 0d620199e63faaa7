//! Errors of a form: each leads to its field, in the words of the command line.

use serde::Serialize;

use super::form::Fields;
use crate::model::{Code, Error};

/// What is wrong with a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The field; none: it is about the form as a whole.
    pub field: Option<String>,
    text: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Fault {
    /// An error at its field.
    pub fn at(field: impl Into<String>, error: &Error) -> Self {
        Self { field: Some(field.into()), ..Self::of(error) }
    }

    /// An error of the form as a whole.
    pub fn of(error: &Error) -> Self {
        let hints = error.hint_texts();
        Self { field: None, text: error.message.clone(), causes: error.causes.clone(), hints }
    }

    /// An error at the field that it is about, if the form has that.
    pub fn placed(error: &Error, form: &Fields) -> Self {
        match places(error.code).iter().find(|field| form.sent(field)) {
            Some(field) => Self::at(*field, error),
            None => Self::of(error),
        }
    }

    /// The same error, of the form as a whole.
    pub fn whole(self) -> Self {
        Self { field: None, ..self }
    }
}

/// The fields that an error may be about: the first that a form has is it.
fn places(code: Code) -> &'static [&'static str] {
    match code {
        Code::BundleTooSmall | Code::UnknownBundle => &["bundle"],
        Code::NoCapacity | Code::DiskFull => &["bundle", "size"],
        Code::InvalidSize | Code::VolumeTooSmall => &["size"],
        Code::NameTaken | Code::InvalidName | Code::NoFreeName => &["new", "name", "user"],
        Code::UnknownBase | Code::NoImage | Code::ImageUnknown => &["base"],
        Code::InvalidTag | Code::NoSuchTag => &["tags", "only"],
        Code::InvalidScope => &["only"],
        Code::InvalidSshKey | Code::SecretGiven => &["public", "ssh_keys"],
        Code::NoSuchKeyPair => &["key_pair"],
        Code::InvalidRemote | Code::RemoteNotEmpty | Code::RemoteUnreachable => &["location"],
        Code::InvalidSecret => &["password"],
        Code::UnknownBlueprint | Code::NotBakeable => &["blueprint"],
        Code::NoSuchRemote => &["remote"],
        Code::InvalidUserData => &["user_data"],
        Code::InvalidFqdn => &["fqdn"],
        Code::InvalidTimezone => &["timezone"],
        Code::InvalidNetwork | Code::NoBridge => &["network"],
        Code::NoSuchInstance | Code::OtherInstance => &["instance"],
        Code::NotPublishable => &["instance", "domain", "ports"],
        Code::NoSuchDisk | Code::DiskAttached => &["disk"],
        Code::NoSuchSnapshot => &["snapshot"],
        Code::InvalidPath => &["mount"],
        Code::InvalidPort | Code::PortTaken | Code::PortClosed => &["ports", "listen", "port"],
        Code::DomainTaken | Code::InvalidDomain | Code::DnsMismatch | Code::ToolsMissing => &["domain"],
        Code::InvalidSource => &["sources"],
        Code::NotOurAddress | Code::AddressInUse | Code::AddressTaken | Code::NoFreeAddress | Code::InvalidAddress => {
            &["address"]
        }
        Code::InvalidWebhook | Code::ForbiddenAddress | Code::NotHttps | Code::NoAddress | Code::InvalidUrl => {
            &["webhook"]
        }
        Code::InvalidMailAddress | Code::NoMailServer | Code::MailNotSent => &["mail"],
        Code::InvalidFormat => &["format"],
        Code::WrongCode => &["code"],
        Code::InvalidWindow => &["of"],
        Code::UnknownMetric => &["metric"],
        Code::InvalidLabel => &["label"],
        Code::KeyMayMore => &["role"],
        Code::NoSuchUser => &["user"],
        _ => &[],
    }
}

/// Values out of a form, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The value, or none and its error at the field.
    pub fn take<T>(&mut self, field: &str, value: Result<T, Error>) -> Option<T> {
        value.map_err(|error| self.0.push(Fault::at(field, &error))).ok()
    }

    /// The value of a field by its parser, or none and its error there. A field that is empty is refused by the parser too.
    pub fn parse<T>(
        &mut self,
        fields: &Fields,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, Error>,
    ) -> Option<T> {
        self.take(field, parse(fields.text(field)))
    }

    /// The same of a field that may be left empty. None: it is wrong.
    #[allow(clippy::option_option, reason = "wrong is not empty")]
    pub fn parse_some<T>(
        &mut self,
        fields: &Fields,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, Error>,
    ) -> Option<Option<T>> {
        match fields.some(field) {
            Some(text) => self.take(field, parse(text)).map(Some),
            None => Some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::form::Fields, Fault};
    use crate::model::{Code, Error};

    #[test]
    fn an_error_is_at_the_first_field_of_its_own_that_the_form_has() {
        let form = |names: &[&str]| Fields::of(names.iter().map(|name| (*name, "")));
        for (code, names, field) in [
            (Code::NameTaken, &["name", "size"][..], Some("name")),
            (Code::NameTaken, &["name", "new"], Some("new")),
            (Code::NameTaken, &["size"], None),
            (Code::DiskFull, &["name", "size"], Some("size")),
            (Code::Busy, &["name"], None),
        ] {
            let fault = Fault::placed(&Error::new(code, "no"), &form(names));
            assert_eq!(fault.field.as_deref(), field, "{code:?} {names:?}");
        }
    }
}
