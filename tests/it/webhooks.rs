//! Messages on their way to receivers that answer well, badly, slowly, without end, or not at all.

use std::{
    io::Write,
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    receiver::{Got, OK, receiver, say, within},
    rows::store,
};
use lite::{
    clock::SystemClock,
    model::{Event, EventData, EventKind, HostId, Name},
    monitor::sender,
    notify::{address::Allowed, format::Format, outbox::Ways, signature::Secret},
    store::{
        Store,
        contacts::Contact,
        outbox::{Message, MessageState},
    },
};
use secrecy::ExposeSecret;

struct Sending {
    dir: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    warnings: Arc<Mutex<Vec<String>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Sending {
    /// A sender at work for contacts at these addresses, with one event for all of them.
    fn new(urls: &[&str], loopback: bool) -> Self {
        Self::on_database(urls, loopback, "")
    }

    /// The same with a database that these statements changed, so that something may go wrong.
    fn on_database(urls: &[&str], loopback: bool, statements: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut db = store(dir.path(), 1, false);
        for (n, url) in urls.iter().enumerate() {
            db.add_contact(&contact(&format!("c{n}"), url)).unwrap();
        }
        // Old enough to have been gathered.
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(11);
        let event = Event { at, kind: EventKind::InstanceCrashed, data: EventData::says("x"), suppressed: false };
        db.record_event(&HostId::local(), &event).unwrap();
        let fails = !statements.is_empty();
        rusqlite::Connection::open(dir.path().join("state.db")).unwrap().execute_batch(statements).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
        let (path, flag) = (dir.path().to_owned(), stop.clone());
        let base = Ways { allowed: Allowed { loopback, ..Allowed::default() }, mail: None };
        let told = warnings.clone();
        let thread = thread::spawn(move || {
            sender::run(&path, &base, &SystemClock, &flag, &|text| {
                assert!(fails, "{text}");
                told.lock().unwrap().push(text.to_owned());
            })
            .unwrap();
        });
        Self { dir, stop, warnings, thread: Some(thread) }
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path()).unwrap()
    }

    /// The message of a contact, once `done` holds of it.
    fn wait(&self, contact: &str, done: impl Fn(&Message) -> bool) -> Message {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let all = self.store().messages(Some(contact), false, 10).unwrap();
            if let Some(message) = all.into_iter().find(|m| done(m)) {
                return message;
            }
            assert!(Instant::now() < end, "waited a minute for {contact}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the sender panicked");
        }
    }
}

fn secret() -> Secret {
    Secret::from_bytes(&[3; 32]).unwrap()
}

fn contact(name: &str, url: &str) -> Contact {
    Contact {
        name: Name::parse(name).unwrap(),
        url: url.to_owned().into(),
        format: serde_json::to_string(&Format::Standard).unwrap(),
        private: false,
        secret: secret().text().clone(),
        old_secret: None,
        old_until: None,
        disabled: None,
        header: None,
        code: None,
        overflowed: 0,
        created_at: jiff::Timestamp::now(),
    }
}

fn verified(got: &Got) -> bool {
    got.is_signed_by(secret().text().expose_secret())
}

#[test]
fn a_header_of_the_users_goes_with_every_message() {
    let (url, got) = receiver(|_, stream| say(stream, OK));
    let sending = Sending::on_database(&[&url], true, "UPDATE contact SET header = 'X-Key: s3cret'");
    sending.wait("c0", |m| m.state == MessageState::Delivered);
    assert_eq!(got.recv().unwrap().headers["x-key"], "s3cret");
}

#[test]
fn a_good_receiver_gets_it_once_signed() {
    let (url, got) = receiver(|_, stream| say(stream, OK));
    let sending = Sending::new(&[&url], true);
    let message = sending.wait("c0", |m| m.state == MessageState::Delivered);
    assert_eq!((message.attempts, message.status), (1, Some(200)));
    let request = got.recv().unwrap();
    assert!(verified(&request));
    assert_eq!(
        (request.path.as_str(), request.headers["webhook-id"].to_str().unwrap()),
        ("/hook?token=x", message.id.as_str())
    );
    assert!(request.headers["user-agent"].to_str().unwrap().starts_with("lite/"));
    drop(sending);
    assert!(got.try_recv().is_err());
}

#[test]
fn what_arrived_is_not_sent_again_while_the_database_cannot_be_written() {
    let (url, got) = receiver(|_, stream| say(stream, OK));
    let full = "CREATE TRIGGER full BEFORE UPDATE OF attempts ON message BEGIN SELECT RAISE(ABORT, 'full'); END";
    let sending = Sending::on_database(&[&url], true, full);
    assert_eq!(within(&got, Duration::from_secs(5)).len(), 1);
    assert_eq!(sending.warnings.lock().unwrap().len(), 1, "told once");
    rusqlite::Connection::open(sending.dir.path().join("state.db"))
        .unwrap()
        .execute_batch("DROP TRIGGER full")
        .unwrap();
    let message = sending.wait("c0", |m| m.state == MessageState::Delivered);
    assert_eq!((message.attempts, got.try_iter().count()), (1, 0));
}

#[test]
fn a_failure_is_tried_again_under_the_same_id() {
    let (url, got) =
        receiver(|n, stream| say(stream, if n == 0 { "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" } else { OK }));
    let sending = Sending::new(&[&url], true);
    let message = sending.wait("c0", |m| m.state == MessageState::Delivered);
    assert_eq!(message.attempts, 2);
    let (first, second) = (got.recv().unwrap(), got.recv().unwrap());
    assert!(verified(&first) && verified(&second));
    assert_eq!((&first.headers["webhook-id"], &first.body), (&second.headers["webhook-id"], &second.body));
}

#[test]
fn a_redirect_is_not_followed() {
    let (elsewhere, there) = receiver(|_, stream| say(stream, OK));
    let (url, got) = receiver(move |_, stream| {
        say(stream, &format!("HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"));
    });
    let sending = Sending::new(&[&url], true);
    let message = sending.wait("c0", |m| m.attempts >= 1);
    assert_eq!((message.state, message.error.as_deref()), (MessageState::Queued, Some("HTTP 302")));
    assert!(got.recv().is_ok());
    drop(sending);
    assert!(there.try_recv().is_err());
}

#[test]
fn an_endless_body_is_not_read() {
    let (url, _got) = receiver(|_, stream| {
        say(stream, "HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let sending = Sending::new(&[&url], true);
    assert_eq!(sending.wait("c0", |m| m.attempts == 1).state, MessageState::Delivered);
}

#[test]
fn slow_receivers_end_in_time_and_delay_no_other() {
    let (silent, _a) = receiver(|_, _| thread::sleep(Duration::from_secs(40)));
    let (trickle, _b) = receiver(|_, stream| {
        for byte in b"HTTP/1.1 200 OK\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_secs(1));
        }
    });
    let (good, _c) = receiver(|_, stream| say(stream, OK));
    let sending = Sending::new(&[&silent, &trickle, &good], true);
    sending.wait("c2", |m| m.state == MessageState::Delivered);
    for slow in ["c0", "c1"] {
        assert_eq!(sending.store().messages(Some(slow), false, 1).unwrap()[0].attempts, 0, "{slow} is still at it");
    }
    for slow in ["c0", "c1"] {
        let message = sending.wait(slow, |m| m.attempts == 1);
        let why = message.error.unwrap();
        assert!(why == "no answer in time" || why == "no answer within 15 s", "{slow}: {why}");
        assert_eq!(message.state, MessageState::Queued);
    }
}

#[test]
fn an_address_is_checked_again_at_the_attempt() {
    let (url, got) = receiver(|_, stream| say(stream, OK));
    let name = url.replace("127.0.0.1", "localhost");
    let sending = Sending::new(&[&url, &name], false);
    for contact in ["c0", "c1"] {
        let message = sending.wait(contact, |m| m.attempts == 1);
        assert_eq!(message.error.as_deref(), Some("messages may not go to 127.0.0.1: it is this host"));
    }
    assert!(got.try_recv().is_err());
}

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sending = Sending::new(&[&format!("http://127.0.0.1:{port}/secret")], true);
    let message = sending.wait("c0", |m| m.attempts == 1);
    assert_eq!(message.error.as_deref(), Some("Connection refused"));
}
