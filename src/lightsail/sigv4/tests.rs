use http::{Request, request::Parts};
use secrecy::SecretString;

use super::{Signature, is_signed};
use crate::lightsail::fault::Fault;

const GOOD: &str = "AWS4-HMAC-SHA256 Credential=LITEKEY/20261128/home-1/lightsail/aws4_request, \
                    SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                    Signature=e460281d5e2df384a0ea1e3ce1ef54b542343c15a109ebc6624f43709c0ad85d";

/// What botocore signed, with other headers instead of or beside its own. One that is empty is left out.
fn request(authorization: &str, others: &[(&str, &str)]) -> Parts {
    let own = [
        ("host", "127.0.0.1:8480"),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-date", "20261128T080000Z"),
        ("x-amz-target", "Lightsail_20161128.GetRegions"),
        ("authorization", authorization),
    ];
    let mut request = Request::builder().method("POST").uri("/");
    let kept = own.iter().filter(|(name, _)| !others.iter().any(|(other, _)| other == name));
    for (name, value) in kept.chain(others).filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn verdict(parts: &Parts, body: &[u8], now: &str) -> Result<String, (&'static str, String)> {
    let told = |fault: Fault| (fault.kind, fault.message);
    let signature = Signature::read(parts).map_err(told)?;
    signature.check_time(now.parse().unwrap()).map_err(told)?;
    signature.check(&SecretString::from("secret"), parts, body).map_err(told)?;
    Ok(format!("{} {} {}", signature.key, signature.region, signature.service))
}

fn at_once(authorization: &str, others: &[(&str, &str)], body: &[u8]) -> Result<String, (&'static str, String)> {
    verdict(&request(authorization, others), body, "2026-11-28T08:00:00Z")
}

fn kind(authorization: &str, others: &[(&str, &str)]) -> &'static str {
    at_once(authorization, others, b"{}").map_or_else(|(kind, _)| kind, |_| "good")
}

const INCOMPLETE: &str = "IncompleteSignatureException";
const INVALID: &str = "InvalidSignatureException";

#[test]
fn what_botocore_signed_is_good() {
    assert_eq!(at_once(GOOD, &[], b"{}"), Ok("LITEKEY home-1 lightsail".to_owned()));
    let squeezed = GOOD.replace("x-amz-date;", "x-amz-date;x-amz-meta;");
    let signature = "9006001e99de545c299fd92f861954cd49c3ae95f9d8981ebe8e8dc2a9277368";
    let squeezed = format!("{}{signature}", squeezed.split_at(squeezed.len() - 64).0);
    let body = "{\"name\":\"ü\"}".as_bytes();
    assert_eq!(at_once(&squeezed, &[("x-amz-meta", "  a   b  c")], body).map(|_| ()), Ok(()));
    assert!(is_signed(&request(GOOD, &[]).headers) && !is_signed(&request("Basic YTpi", &[]).headers));
}

#[test]
fn what_is_not_as_it_was_signed_is_refused() {
    assert_eq!(at_once(GOOD, &[], b"{ }").map_err(|e| e.0), Err(INVALID));
    let elsewhere = "Lightsail_20161128.DeleteInstance";
    assert_eq!(kind(GOOD, &[("x-amz-target", elsewhere)]), INVALID);
    assert_eq!(kind(GOOD, &[("host", "127.0.0.1:8481")]), INVALID);
    assert_eq!(kind(GOOD, &[("content-type", "text/plain")]), INVALID);
    assert_eq!(kind(&GOOD.replace("home-1", "home-2"), &[]), INVALID);
    assert_eq!(kind(&GOOD.replace("20261128", "20261127"), &[]), INVALID);
    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    for content in [hash, "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "00"] {
        // It is not signed here, so even the right one is too little.
        assert_eq!(kind(GOOD, &[("x-amz-content-sha256", content)]), INCOMPLETE, "{content}");
        let signed = GOOD.replace("host;", "host;x-amz-content-sha256;");
        assert_eq!(kind(&signed, &[("x-amz-content-sha256", content)]), INVALID, "{content}");
    }
}

#[test]
fn a_header_that_is_smuggled_in_is_refused() {
    // Not signed, and yet read.
    assert_eq!(kind(GOOD, &[("x-amz-anything", "1")]), INCOMPLETE);
    assert_eq!(kind(GOOD, &[("x-amz-security-token", "abc")]), INCOMPLETE);
    let token = GOOD.replace("x-amz-date;", "x-amz-date;x-amz-security-token;");
    assert_eq!(kind(&token, &[("x-amz-security-token", "abc")]), "UnrecognizedClientException");
    // Twice: the one would be checked, and the other read.
    let mut parts = request(GOOD, &[]);
    parts.headers.append("x-amz-target", "Lightsail_20161128.DeleteInstance".parse().unwrap());
    assert_eq!(verdict(&parts, b"{}", "2026-11-28T08:00:00Z").map_err(|e| e.0), Err(INCOMPLETE));
    let mut parts = request(GOOD, &[]);
    parts.headers.append("authorization", GOOD.parse().unwrap());
    assert_eq!(verdict(&parts, b"{}", "2026-11-28T08:00:00Z").map_err(|e| e.0), Err(INCOMPLETE));
    // Signed as if it were there.
    assert_eq!(kind(&GOOD.replace("host;", "host;range;"), &[]), INCOMPLETE);
    for list in ["", "host", "host;x-amz-date", "x-amz-date;x-amz-target", "Host;x-amz-date;x-amz-target"] {
        assert_eq!(kind(&GOOD.replace("content-type;host;x-amz-date;x-amz-target", list), &[]), INCOMPLETE, "{list}");
    }
    assert_eq!(kind(&GOOD.replace("host;", "host;host;"), &[]), INCOMPLETE);
    let long = "a;".repeat(5000);
    assert_eq!(kind(&GOOD.replace("host;", &format!("{long}host;")), &[]), INCOMPLETE);
    assert_eq!(kind(GOOD, &[("x-amz-target", "")]), INCOMPLETE);
    assert_eq!(kind(GOOD, &[("x-amz-date", "")]), INCOMPLETE);
}

#[test]
fn what_has_not_the_form_is_named() {
    assert_eq!(kind("", &[]), "MissingAuthenticationTokenException");
    for (from, to) in [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"),
        ("LITEKEY/", ""),
        ("LITEKEY", ""),
        ("LITEKEY", "LITE KEY"),
        ("LITEKEY", "LITEKEY/20261128"),
        ("aws4_request", "aws4_reques"),
        ("Signature=e4", "Signature=E4"),
        ("Signature=e4", "Signature="),
        ("Signature=", "Signatur="),
        ("Signature=", "Credential="),
        (", Signature", ", Version=1, Signature"),
    ] {
        assert_eq!(kind(&GOOD.replace(from, to), &[]), INCOMPLETE, "{from} {to}");
    }
    for time in ["2026-11-28T08:00:00Z", "20261128T080000", "20261328T080000Z", "20261128T0800001", "+0261128T080000Z"]
    {
        assert_eq!(kind(GOOD, &[("x-amz-date", time)]), INCOMPLETE, "{time}");
    }
}

#[test]
fn clocks_may_be_five_minutes_apart() {
    let at = |now: &str| verdict(&request(GOOD, &[]), b"{}", now).map(drop);
    assert_eq!(at("2026-11-28T08:05:00Z"), Ok(()));
    assert_eq!(at("2026-11-28T07:55:00Z"), Ok(()));
    let text = "the request was signed at 2026-11-28T08:00:00Z, and this host has 2026-11-28T08:05:01Z";
    assert_eq!(at("2026-11-28T08:05:01Z"), Err(("RequestTimeTooSkewed", text.to_owned())));
    assert_eq!(at("2026-11-28T07:54:59Z").map_err(|e| e.0), Err("RequestTimeTooSkewed"));
}
