//! What a request must be before anything else looks at it: of a kind that is answered here, for this host by its name, and, if it
//! changes something, from a page of this console. Pure.

use std::net::IpAddr;

use http::{HeaderMap, Method, StatusCode, header, request::Parts};

use super::hosts::Hosts;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// 405: neither GET, HEAD nor POST.
    Method,
    /// 411: its body has no length. So nobody in front of this server can see another end of it than this server does.
    Length,
    /// 421: it is for another host, or for none. A name that somebody else leads here must not get in (DNS rebinding).
    Host,
    /// 403: it changes something, and does not come from a page of this console.
    CrossSite,
}

impl Refused {
    /// How it is answered.
    pub fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "this is not asked here\n"),
            Self::Length => (StatusCode::LENGTH_REQUIRED, "a body needs its length\n"),
            Self::Host => {
                (StatusCode::MISDIRECTED_REQUEST, "this console has another name: `lite serve --name` adds one\n")
            }
            Self::CrossSite => (StatusCode::FORBIDDEN, "this does not come from a page of this console\n"),
        }
    }
}

/// From where a request really came, and by which scheme. A proxy that is trusted says so, and nobody else.
pub fn origin(
    peer: IpAddr,
    scheme: &'static str,
    proxy: Option<IpAddr>,
    headers: &HeaderMap,
) -> (IpAddr, &'static str) {
    if proxy != Some(peer) {
        return (peer, scheme);
    }
    // The last one is the proxy's own word; what stands before it is the client's.
    let last = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    let address = last.and_then(|all| all.rsplit(',').next()).and_then(|one| one.trim().parse::<IpAddr>().ok());
    let scheme = match only(headers, "x-forwarded-proto") {
        Some("https") => "https",
        _ => scheme,
    };
    (address.map_or(peer, |address| address.to_canonical()), scheme)
}

/// Methods of programs that sign: those of the console, and what clients of other services send here by mistake.
const SIGNED: [Method; 5] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];

/// Whether a request is the API's, which answers whatever is signed, wherever it was sent: the console takes no signature. A page
/// elsewhere can send neither header without asking first, which is refused.
pub fn is_for_api(parts: &Parts) -> bool {
    is_signed(parts) || is_posted_to_root(parts) && parts.headers.contains_key("x-amz-target")
}

fn is_signed(parts: &Parts) -> bool {
    parts.headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-"))
}

/// Whether a request has the method and the path that the API has.
pub fn is_posted_to_root(parts: &Parts) -> bool {
    parts.method == Method::POST && parts.uri.path() == "/"
}

/// The value of a header that is there once.
fn only(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

/// The host that a request names: by its address where that has one, by its header, or by both alike.
fn host(parts: &Parts) -> Option<&str> {
    match parts.uri.authority() {
        None => only(&parts.headers, header::HOST),
        Some(named) if !parts.headers.contains_key(header::HOST) => Some(named.as_str()),
        Some(named) => only(&parts.headers, header::HOST).filter(|host| *host == named.as_str()),
    }
}

/// Looks at method and headers; `scheme` is the one that the browser speaks.
///
/// # Errors
/// Why the request is refused.
pub fn check(hosts: &Hosts, scheme: &str, parts: &Parts) -> Result<(), Refused> {
    let known: &[Method] = if is_signed(parts) { &SIGNED } else { &[Method::GET, Method::HEAD, Method::POST] };
    if !known.contains(&parts.method) {
        return Err(Refused::Method);
    }
    if parts.headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Refused::Length);
    }
    let host = host(parts).filter(|host| hosts.has(host)).ok_or(Refused::Host)?;
    let changes = parts.method == Method::POST || parts.headers.contains_key(header::UPGRADE);
    if !changes || is_for_api(parts) {
        return Ok(());
    }
    let is_own = match (parts.headers.get("sec-fetch-site"), only(&parts.headers, header::ORIGIN)) {
        (Some(_), _) => only(&parts.headers, "sec-fetch-site") == Some("same-origin"),
        (None, Some(origin)) => origin == format!("{scheme}://{host}"),
        (None, None) => false,
    };
    if is_own { Ok(()) } else { Err(Refused::CrossSite) }
}

#[cfg(test)]
mod tests {
    use http::{Method, Request, request::Parts};

    use super::{super::hosts::Hosts, Refused, check, is_for_api, origin};

    fn parts(method: &Method, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn hosts() -> Hosts {
        Hosts { address: "127.0.0.1".parse().unwrap(), names: vec!["console.example".to_owned()] }
    }

    fn asked(method: &Method, uri: &str, headers: &[(&str, &str)]) -> Result<(), Refused> {
        check(&hosts(), "http", &parts(method, uri, headers))
    }

    #[test]
    fn a_request_names_this_host_once_or_twice_alike() {
        let own = ("host", "localhost:8480");
        for (uri, headers, wanted) in [
            ("/", vec![own], Ok(())),
            ("/", vec![("host", "evil.example")], Err(Refused::Host)),
            ("/", vec![], Err(Refused::Host)),
            ("/", vec![own, own], Err(Refused::Host)),
            ("https://console.example:8480/", vec![], Ok(())),
            ("http://localhost:8480/", vec![own], Ok(())),
            ("http://localhost/", vec![own], Err(Refused::Host)),
            ("http://evil.example/", vec![own], Err(Refused::Host)),
            ("http://root@localhost:8480/", vec![], Err(Refused::Host)),
        ] {
            assert_eq!(asked(&Method::GET, uri, &headers), wanted, "{uri} {headers:?}");
        }
    }

    #[test]
    fn a_body_has_a_length_and_a_method_is_one_of_three() {
        let own = ("host", "localhost:8480");
        for method in [Method::TRACE, Method::PUT, Method::DELETE, Method::OPTIONS, Method::CONNECT, Method::PATCH] {
            assert_eq!(asked(&method, "/", &[own]), Err(Refused::Method));
        }
        let chunked = [own, ("sec-fetch-site", "same-origin"), ("transfer-encoding", "chunked")];
        assert_eq!(asked(&Method::POST, "/", &chunked), Err(Refused::Length));
    }

    #[test]
    fn what_changes_something_comes_from_a_page_of_the_console() {
        for upgrade in [false, true] {
            let asked = |more: &[(&str, &str)]| {
                let mut all = vec![("host", "localhost:8480")];
                all.extend(more);
                if upgrade {
                    all.push(("upgrade", "websocket"));
                }
                super::tests::asked(if upgrade { &Method::GET } else { &Method::POST }, "/login", &all)
            };
            let own: [&[(&str, &str)]; 3] = [
                &[("sec-fetch-site", "same-origin")],
                &[("sec-fetch-site", "same-origin"), ("origin", "null")],
                &[("origin", "http://localhost:8480")],
            ];
            for headers in own {
                assert_eq!(asked(headers), Ok(()), "{headers:?}");
            }
            let foreign: [&[(&str, &str)]; 10] = [
                &[],
                &[("sec-fetch-site", "cross-site")],
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin")],
                &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:8480")],
                &[("sec-fetch-site", "none")],
                &[("origin", "https://localhost:8480")],
                &[("origin", "http://localhost")],
                &[("origin", "http://localhost:8480"), ("origin", "http://localhost:8480")],
                &[("origin", "null")],
                &[("x-amz-target", "Lightsail_20161128.GetRegions")],
            ];
            for headers in foreign {
                assert_eq!(asked(headers), Err(Refused::CrossSite), "{headers:?}");
            }
        }
    }

    #[test]
    fn what_is_signed_is_the_apis_and_what_names_an_operation_is_where_it_is_posted_to_the_root() {
        let (signed, target) =
            (("authorization", "AWS4-HMAC-SHA256 x"), ("x-amz-target", "Lightsail_20161128.GetRegions"));
        for (method, path, headers, wanted) in [
            (Method::POST, "/", vec![signed], true),
            (Method::POST, "/", vec![target], true),
            (Method::POST, "/", vec![("authorization", "Basic x")], false),
            (Method::POST, "/login", vec![target], false),
            (Method::GET, "/", vec![target], false),
            (Method::GET, "/", vec![signed], true),
            (Method::PUT, "/bucket/key", vec![signed], true),
        ] {
            assert_eq!(is_for_api(&parts(&method, path, &headers)), wanted, "{method} {path} {headers:?}");
        }
    }

    #[test]
    fn a_signature_lets_no_other_host_and_no_preflight_in() {
        let (own, signed) = (("host", "localhost:8480"), ("authorization", "AWS4-HMAC-SHA256 x"));
        for (method, headers, wanted) in [
            (Method::PUT, vec![own, signed], Ok(())),
            (Method::DELETE, vec![own, signed], Ok(())),
            (Method::POST, vec![own, signed, ("sec-fetch-site", "cross-site")], Ok(())),
            (Method::PUT, vec![own], Err(Refused::Method)),
            (Method::PUT, vec![own, ("authorization", "Basic x")], Err(Refused::Method)),
            (Method::OPTIONS, vec![own, signed], Err(Refused::Method)),
            (Method::TRACE, vec![own, signed], Err(Refused::Method)),
            (Method::GET, vec![("host", "evil.example"), signed], Err(Refused::Host)),
            (Method::PUT, vec![own, signed, ("transfer-encoding", "chunked")], Err(Refused::Length)),
        ] {
            assert_eq!(asked(&method, "/x", &headers), wanted, "{method} {headers:?}");
        }
    }

    #[test]
    fn only_a_proxy_that_is_trusted_says_where_somebody_came_from() {
        let at = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
        let of = |peer: &str, headers: &[(&str, &str)]| {
            let parts = parts(&Method::GET, "/", headers);
            origin(at(peer), "http", Some(at("127.0.0.1")), &parts.headers)
        };
        let said = [("x-forwarded-for", "198.51.100.1, 192.0.2.7"), ("x-forwarded-proto", "https")];
        assert_eq!(of("127.0.0.1", &said), (at("192.0.2.7"), "https"));
        assert_eq!(of("192.0.2.9", &said), (at("192.0.2.9"), "http"));
        assert_eq!(of("127.0.0.1", &[]), (at("127.0.0.1"), "http"));
        let twice = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "nonsense")];
        assert_eq!(of("127.0.0.1", &twice), (at("127.0.0.1"), "http"));
    }
}
