//! The one call of STS that clients make before others: who am I.

use serde::Serialize;

use super::{
    call::Call,
    fault::{Answer, Fault},
};

/// The document that clients know.
#[derive(Serialize)]
#[serde(rename = "GetCallerIdentityResponse")]
struct Response<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    #[serde(rename = "GetCallerIdentityResult")]
    result: Identity<'a>,
    #[serde(rename = "ResponseMetadata")]
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Identity<'a> {
    #[serde(rename = "Arn")]
    arn: String,
    #[serde(rename = "UserId")]
    user: &'a str,
    #[serde(rename = "Account")]
    account: &'a str,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(rename = "RequestId")]
    request: &'a str,
}

/// Answers a request of STS.
///
/// # Errors
/// It asks for something else than who signed it.
pub fn answer(call: &Call<'_>, request: &str) -> Answer<Vec<u8>> {
    let form = std::str::from_utf8(call.body).unwrap_or_default();
    let asked: Vec<&str> = form.split('&').filter_map(|field| field.strip_prefix("Action=")).collect();
    if asked != ["GetCallerIdentity"] {
        let text = "this host answers one call of STS, `GetCallerIdentity`: it gives no temporary keys";
        return Err(Fault::unknown_operation(text));
    }
    let (place, actor) = (call.place()?, &call.caller.requester.actor);
    let arn = format!("arn:aws:iam::{}:user/{actor}", place.account);
    let response = Response {
        namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
        result: Identity { arn, user: actor, account: &place.account },
        metadata: Metadata { request },
    };
    let written = quick_xml::se::to_string(&response);
    written.map(String::into_bytes).map_err(|_| Fault::of_service("the answer cannot be written"))
}
