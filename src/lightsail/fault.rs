//! What is answered instead of a result: in the forms that clients of the Lightsail API and of STS read.

use serde::Serialize;

use crate::model::{Class, Code, Error, Hint};

/// An answer that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Status of HTTP. What a client is to try again has 5xx, or is throttling.
    pub status: u16,
    /// The exception, such as `NotFoundException`.
    pub kind: &'static str,
    /// What went wrong.
    pub message: String,
    /// Our own code, where there is one.
    pub code: &'static str,
    /// What to do next.
    pub tip: String,
}

/// A result, or what is answered instead.
pub type Answer<T> = std::result::Result<T, Fault>;

impl Fault {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), code: "", tip: String::new() }
    }

    /// What was given has not its form, or cannot be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidInputException", message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(400, "NotFoundException", message)
    }

    /// It failed, or is not to be had here.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(400, "OperationFailureException", message)
    }

    /// Whoever asks may not.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(400, "AccessDeniedException", message)
    }

    /// The host does not answer, or lite itself is wrong. Clients try again.
    pub fn of_service(message: impl Into<String>) -> Self {
        Self::new(500, "ServiceException", message)
    }

    /// Too many at once. Clients slow down by themselves.
    pub fn throttled(message: impl Into<String>) -> Self {
        Self::new(400, "ThrottlingException", message)
    }

    /// Nobody knows an operation of this name.
    pub fn unknown_operation(message: impl Into<String>) -> Self {
        Self::new(400, "UnknownOperationException", message)
    }

    /// The request is not signed.
    pub fn unsigned(message: impl Into<String>) -> Self {
        Self::new(403, "MissingAuthenticationTokenException", message)
    }

    /// The signature lacks something.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self::new(403, "IncompleteSignatureException", message)
    }

    /// The signature is another.
    pub fn mismatch(message: impl Into<String>) -> Self {
        Self::new(403, "InvalidSignatureException", message)
    }

    /// Nobody comes in with this key.
    pub fn unknown_key(message: impl Into<String>) -> Self {
        Self::new(403, "UnrecognizedClientException", message)
    }

    /// The client's clock and ours differ too much.
    pub fn skewed(message: impl Into<String>) -> Self {
        Self::new(403, "RequestTimeTooSkewed", message)
    }

    /// With what to do next.
    #[must_use]
    pub fn tip(self, tip: impl Into<String>) -> Self {
        Self { tip: tip.into(), ..self }
    }

    /// The body, as the protocol JSON 1.1 has it.
    pub fn json(&self) -> Vec<u8> {
        let body = Json { kind: self.kind, message: &self.message, code: self.code, docs: "", tip: &self.tip };
        // A structure of text alone is always written.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// The body, as the query protocol has it.
    pub fn xml(&self, request: &str) -> Vec<u8> {
        let error = XmlError { kind: "Sender", code: self.kind, message: &self.message };
        quick_xml::se::to_string(&Xml { error, request }).unwrap_or_default().into_bytes()
    }
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(rename = "__type")]
    kind: &'a str,
    message: &'a str,
    code: &'a str,
    docs: &'a str,
    tip: &'a str,
}

#[derive(Serialize)]
#[serde(rename = "ErrorResponse")]
struct Xml<'a> {
    #[serde(rename = "Error")]
    error: XmlError<'a>,
    #[serde(rename = "RequestId")]
    request: &'a str,
}

#[derive(Serialize)]
struct XmlError<'a> {
    #[serde(rename = "Type")]
    kind: &'a str,
    #[serde(rename = "Code")]
    code: &'a str,
    #[serde(rename = "Message")]
    message: &'a str,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let fault = match error.class {
            _ if error.code == Code::TooManyRequests => Self::throttled(message),
            // Nobody can do anything about it but try again.
            _ if error.code == Code::Internal => Self::of_service(message),
            // What is asked for by a wrong id is a wrong input: clients take "not found" for "is gone".
            Class::NotFound if is_choice(error.code) => Self::invalid(message),
            Class::NotFound => Self::not_found(message),
            Class::Taken | Class::InvalidInput | Class::WrongState => Self::invalid(message),
            Class::Forbidden => Self::denied(message),
            Class::Busy | Class::Failed | Class::NeedsAttention => Self::failed(message),
            Class::Unreachable => Self::of_service(message),
        };
        let tip = error.hints.iter().map(Hint::to_string).collect::<Vec<_>>().join("; ");
        Self { code: error.code.as_str(), tip, ..fault }
    }
}

/// Whether a code is about what is chosen from the catalog, or is part of something that is there.
fn is_choice(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownBlueprint | Code::UnknownBundle | Code::UnknownBase | Code::NoSuchRule | Code::NoSuchTag
    )
}

#[cfg(test)]
mod tests {
    use super::Fault;
    use crate::model::{Code, Error};

    #[test]
    fn an_error_of_lites_is_the_exception_that_clients_know() {
        let told = |error: Error| {
            let fault = Fault::from(error);
            (fault.status, fault.kind, fault.code)
        };
        let of = |code| told(Error::new(code, "x"));
        assert_eq!(of(Code::NoSuchInstance), (400, "NotFoundException", "no_such_instance"));
        assert_eq!(of(Code::UnknownBundle), (400, "InvalidInputException", "unknown_bundle"));
        assert_eq!(of(Code::NameTaken), (400, "InvalidInputException", "name_taken"));
        assert_eq!(of(Code::Forbidden), (400, "AccessDeniedException", "forbidden"));
        assert_eq!(of(Code::Busy), (400, "OperationFailureException", "busy"));
        assert_eq!(of(Code::LibvirtUnreachable), (500, "ServiceException", "libvirt_unreachable"));
        assert_eq!(of(Code::TooManyRequests), (400, "ThrottlingException", "too_many_requests"));
        assert_eq!(of(Code::Internal), (500, "ServiceException", "internal"));
        assert_eq!(told(Error::failed(Code::NoSuchRule, "x")).1, "OperationFailureException");
    }

    #[test]
    fn both_forms_escape_what_they_hold() {
        let fault = Fault::from(Error::new(Code::NoSuchInstance, "no `<a>&\"`").hint("look"));
        assert_eq!(
            String::from_utf8(fault.json()).unwrap(),
            r#"{"__type":"NotFoundException","message":"no `<a>&\"`","code":"no_such_instance","docs":"","tip":"look"}"#
        );
        assert_eq!(
            String::from_utf8(fault.xml("7")).unwrap(),
            "<ErrorResponse><Error><Type>Sender</Type><Code>NotFoundException</Code><Message>no `&lt;a&gt;&amp;\"`\
             </Message></Error><RequestId>7</RequestId></ErrorResponse>"
        );
    }
}
