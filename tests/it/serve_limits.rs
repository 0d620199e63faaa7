//! What the server takes of whoever comes: no body, head or connection without end, and no nonsense.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use lite::serve::Limits;

use crate::support::served::{FORM, OWN, Served, request, rest, status};

/// Short times, so that a test sees them end.
fn short() -> Limits {
    // Long enough for a machine on which much else is tested: a head that comes late ends its connection without a word.
    let (head, body) = (Duration::from_millis(1600), Duration::from_millis(2400));
    Limits { head, body, idle: Duration::from_millis(3600), ..Limits::default() }
}

#[test]
fn the_limits_are_those_that_are_told() {
    let limits = Limits::default();
    let seconds = [limits.handshake, limits.head, limits.body, limits.answer, limits.idle].map(|time| time.as_secs());
    assert_eq!(seconds, [5, 5, 15, 30, 60]);
    assert_eq!(
        (limits.connections, limits.of_address, limits.of_loopback, limits.kept_for_loopback),
        (512, 64, 256, 64)
    );
    assert_eq!((limits.head_bytes, limits.head_lines), (16 * 1024, 64));
}

#[test]
fn what_is_too_long_or_no_request_is_refused_at_once() {
    let served = Served::new();
    let host = served.address;
    let post = |lines: &[&str], body: &str| request(host, "POST", "/login", lines, body);
    let own = [FORM, OWN];
    // Of a body that is too long nobody waits for a byte.
    let announced = |length: &str, more: &str| {
        format!("POST /login HTTP/1.1\r\nHost: {host}\r\n{OWN}\r\n{FORM}\r\n{more}Content-Length: {length}\r\n\r\n")
    };
    let lines: Vec<String> = (0..70).map(|n| format!("X-{n}: 1")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let long = format!("X-Long: {}", "x".repeat(20 * 1024));
    let cases: [(&str, String, Option<u16>); 22] = [
        ("a body of 2 MiB", announced("2097152", ""), Some(413)),
        ("a body of 2^64", announced("18446744073709551616", ""), Some(400)),
        ("a body of a negative length", announced("-1", ""), Some(400)),
        ("a body of +1", announced("+1", ""), Some(400)),
        ("two lengths", announced("5", "Content-Length: 6\r\n"), Some(400)),
        ("pieces", post(&[FORM, OWN, "Transfer-Encoding: chunked"], ""), Some(411)),
        ("pieces and a length", announced("5", "Transfer-Encoding: chunked\r\n"), Some(411)),
        ("pieces of an unknown kind", post(&[FORM, OWN, "Transfer-Encoding: xchunked"], ""), Some(400)),
        ("another kind of body", post(&["Content-Type: text/plain", OWN], "code=x"), Some(415)),
        ("a body that is no form", post(&own, "%%%=%ff"), Some(403)),
        ("a tab before the colon", post(&["Host : x", OWN], ""), Some(400)),
        ("a line that goes on", post(&["X-A: b\r\n c", OWN], ""), Some(400)),
        ("64 lines and more", request(host, "GET", "/login", &lines, ""), Some(431)),
        ("a head of 20 KiB", request(host, "GET", "/login", &[&long], ""), Some(431)),
        ("TRACE", request(host, "TRACE", "/login", &[], ""), Some(405)),
        ("CONNECT", format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"), Some(405)),
        ("PUT", request(host, "PUT", "/login", &[], ""), Some(405)),
        ("a path out of here", request(host, "GET", "/../../state.db", &[], ""), Some(404)),
        ("the same, disguised", request(host, "GET", "/assets/%2e%2e%2f%2e%2e%2fstate.db", &[], ""), Some(404)),
        ("NUL, disguised", request(host, "GET", "/assets/style.css%00", &[], ""), Some(404)),
        ("NUL", request(host, "GET", "/a\0b", &[], ""), Some(400)),
        ("no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned(), Some(400)),
    ];
    for (what, bytes, wanted) in cases {
        assert_eq!(status(&served.raw(bytes.as_bytes())), wanted, "{what}");
    }
    // A body that is longer than it said is the next request, and a connection with a fault ends.
    let two =
        post(&[FORM, OWN, "Transfer-Encoding: chunked"], "0\r\n\r\nGET /login HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let said = served.raw(two.as_bytes());
    assert_eq!(String::from_utf8_lossy(&said).matches("HTTP/1.1 ").count(), 1, "nothing is answered after a refusal");
    assert_eq!(served.get("/login", "").status, 200);
}

#[test]
fn a_head_and_a_body_that_do_not_come_end_the_connection_and_nobody_else_waits() {
    let served = Served::with(|options| options.limits = short());
    let mut slow: Vec<TcpStream> = (0..20).map(|_| served.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /login HTTP/1.1\r\nHos").expect("sent");
    }
    let mut bodies: Vec<TcpStream> = (0..20).map(|_| served.connect()).collect();
    let begun =
        format!("POST /login HTTP/1.1\r\nHost: {}\r\n{OWN}\r\n{FORM}\r\nContent-Length: 9\r\n\r\ncode", served.address);
    for stream in &mut bodies {
        stream.write_all(begun.as_bytes()).expect("sent");
    }
    let mut silent: Vec<TcpStream> = (0..20).map(|_| served.connect()).collect();
    assert_eq!(served.get("/login", "").status, 200, "others are answered meanwhile");
    for stream in &mut bodies {
        assert_eq!(status(&rest(stream)), Some(408));
    }
    // A byte now and then is no progress.
    let drop_by_drop = std::thread::spawn({
        let mut stream = served.connect();
        move || {
            stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
            let mut answer = [0; 64];
            for byte in b"GET /login HTTP/1.1\r\nHost: localhost\r\nX: ".iter().chain(std::iter::repeat_n(&b'x', 600)) {
                let gone = stream.write_all(&[*byte]).is_err();
                match stream.read(&mut answer) {
                    Ok(_) => return true,
                    Err(_) if gone => return true,
                    Err(_) => {}
                }
            }
            false
        }
    });
    assert!(drop_by_drop.join().expect("no panic"), "a byte at a time is cut off");
    for stream in slow.iter_mut().chain(&mut silent) {
        assert!([None, Some(408)].contains(&status(&rest(stream))));
    }
}

/// The status of the next answer on a connection that stays, which is read whole.
fn next_answer(stream: &mut TcpStream) -> Option<u16> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer on the same connection");
        head.extend(byte);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).expect("a length");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    status(&head)
}

#[test]
fn between_two_requests_a_client_may_be_silent_for_longer_than_within_a_head() {
    // Its silence alone would end a connection later than a client here waits.
    let limits = Limits { head: Duration::from_millis(200), idle: Duration::from_secs(3600), ..Limits::default() };
    let served = Served::with(|options| options.limits = limits);
    let mut stream = served.connect();
    let ask = request(served.address, "GET", "/login", &[], "").replace("Connection: close\r\n", "");
    for _ in 0..3 {
        stream.write_all(ask.as_bytes()).expect("sent");
        assert_eq!(next_answer(&mut stream), Some(200));
        std::thread::sleep(4 * limits.head);
    }
    stream.write_all(b"GET /login HT").expect("sent");
    assert_eq!(rest(&mut stream), b"", "a head that does not come ends the connection");
}

#[test]
fn who_reads_no_answer_is_hung_up_on() {
    let served = Served::with(|options| options.limits = short());
    let mut stream = served.connect();
    // More answers than the buffers of both ends hold, none of them read.
    let asks = request(served.address, "GET", "/assets/style.css", &[], "").replace("Connection: close\r\n", "");
    let mut sent = 0;
    stream.set_write_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    while sent < 100_000 && stream.write_all(asks.as_bytes()).is_ok() {
        sent += 1;
    }
    assert!(sent < 100_000, "the server ended it");
}

#[test]
fn too_many_connections_are_hung_up_on_and_there_is_room_again() {
    let limits = Limits { of_loopback: 8, ..Limits::default() };
    let served = Served::with(|options| options.limits = limits);
    let mut held: Vec<TcpStream> = (0..8).map(|_| served.connect()).collect();
    let mut more = served.connect();
    assert_eq!(rest(&mut more), b"", "the ninth");
    held.pop();
    // It is counted as soon as the server sees that one has gone.
    let again = (0..200).any(|_| {
        let said = served.raw(request(served.address, "GET", "/login", &[], "").as_bytes());
        if said.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
        }
        status(&said) == Some(200)
    });
    assert!(again);
}

#[test]
fn a_stop_lets_what_is_under_way_end() {
    let mut served = Served::new();
    let idle = served.connect();
    assert_eq!(served.get("/login", "").status, 200);
    served.stop();
    assert!(TcpStream::connect(served.address).is_err(), "nobody listens");
    drop(idle);
}

/// What is repeated in a form costs a look at all of it: 64 KiB of fields without a name kept a core for seconds.
#[test]
fn a_form_of_more_fields_than_any_page_sends_is_refused() {
    let served = Served::new();
    let cookie = served.root();
    let fields = |many: usize| served.post("/key-pairs", &cookie, &"a=&".repeat(many)).status;
    assert_eq!((fields(1000), fields(1001)), (400, 413));
}
