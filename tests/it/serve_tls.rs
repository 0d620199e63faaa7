//! Off loopback there is TLS or nothing, and TLS is that of the files that were given.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use lite::{
    app::{App, Caller},
    cli::{self, Env},
    clock::SystemClock,
    model::{CertificateFiles, Code, ServerCertificate, Via},
    serve::{self, Limits, Options, Say, Server},
    ui::testing::Capture,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::support::{
    served::{Served, request, rest},
    world::World,
};

/// A certificate for `localhost` as files, and that of its authority.
struct Files {
    folder: tempfile::TempDir,
    ca: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("written");
        write("cert.pem", leaf.pem());
        write("key.pem", key.serialize_pem());
        Self { ca: ca_certificate.der().clone(), folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pair(&self) -> ServerCertificate {
        ServerCertificate::Files(CertificateFiles { certificate: self.at("cert.pem"), key: self.at("key.pem") })
    }
}

/// What a client hears that trusts these authorities.
fn asked(served: &Served, trusted: &[CertificateDer<'static>]) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    trusted.iter().for_each(|ca| roots.add(ca.clone()).expect("an authority"));
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = StreamOwned::new(connection, served.connect());
    stream.write_all(request(served.address, "GET", "/login", &[], "").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn off_loopback_there_is_tls_or_nothing() {
    for listen in ["0.0.0.0:8480", "[::]:8480", "192.0.2.1:8480"] {
        let capture = Capture::default();
        let vars = [("HOME", "/h")].into_iter().collect();
        let mut env = Env { vars, clock: jiff::Timestamp::now, euid: 0, ui: capture.ui() };
        let code = cli::run(["lite", "serve", "--listen", listen].map(Into::into), &mut env);
        let told = format!(
            "error: `{listen}` is not this host alone: without TLS nothing is served there\n  hint: `--tls self` makes a \
             certificate, `--tls CERT,KEY` takes one; or listen on `127.0.0.1:8480`\n"
        );
        assert_eq!((code, capture.stderr()), (2, told));
    }
}

#[test]
fn a_certificate_is_believed_by_who_trusts_its_authority_and_by_nobody_else() {
    let files = Files::new();
    let served = Served::with(|options| options.tls = Some(files.pair()));
    let answer = asked(&served, std::slice::from_ref(&files.ca)).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(asked(&served, &[]).is_err());
    // Plain HTTP is no handshake.
    let plain = served.raw(request(served.address, "GET", "/login", &[], "").as_bytes());
    assert!(!plain.starts_with(b"HTTP/"), "{plain:?}");
    assert_eq!(served.app.settings.paths.state, served.world.settings().paths.state);
}

#[test]
fn files_that_change_are_read_again_and_what_is_none_changes_nothing() {
    let (files, other) = (Files::new(), Files::new());
    let said = Arc::<Mutex<Vec<String>>>::default();
    let served = Served::with(|options| {
        options.tls = Some(files.pair());
        options.limits.refresh = Duration::from_millis(20);
        let said = said.clone();
        options.say = Say::by(move |line| said.lock().expect("no panic").push(line.to_owned()));
    });
    let is_of = |authority: &Files| asked(&served, std::slice::from_ref(&authority.ca)).is_ok();
    assert!(is_of(&files) && !is_of(&other));
    let put = |name: &str| {
        std::fs::copy(other.at(name), files.at("new.pem")).expect("copied");
        std::fs::rename(files.at("new.pem"), files.at(name)).expect("there");
    };
    // Half of it belongs to nothing.
    put("cert.pem");
    let told = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !said.lock().expect("no panic").is_empty()
    });
    assert!(told);
    // It is looked at again and again.
    std::thread::sleep(Duration::from_millis(200));
    assert!(is_of(&files) && !is_of(&other));
    put("key.pem");
    let changed = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        is_of(&other)
    });
    assert!(changed && !is_of(&files));
    let start = format!(
        "the certificate from before is shown on: `{}` cannot be used for TLS: ",
        files.at("key.pem").display()
    );
    let said = said.lock().expect("no panic");
    assert_eq!(said.iter().map(|line| line.starts_with(&start)).collect::<Vec<_>>(), [true], "{said:?}");
}

#[test]
fn an_authority_of_this_host_vouches_for_its_names_and_stays() {
    let served = Served::with(|options| {
        options.tls = Some(ServerCertificate::Own);
        options.names = vec!["lite.example".to_owned()];
    });
    let authority = || serve::authority(&served.app, &Caller::root(Via::Cli)).expect("an authority");
    let pem = authority();
    let ca = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let answer = asked(&served, std::slice::from_ref(&ca)).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(asked(&served, &[]).is_err());
    let (rest, parsed) = x509_parser::parse_x509_certificate(&ca).expect("a certificate");
    assert!(rest.is_empty());
    let constraints = parsed.name_constraints().expect("once").expect("constrained").value.clone();
    let permitted: Vec<String> =
        constraints.permitted_subtrees.iter().flatten().map(|subtree| format!("{:?}", subtree.base)).collect();
    assert_eq!(permitted.len(), 4, "{permitted:?}");
    assert!(
        permitted[..2].iter().all(|name| name.contains("localhost") || name.contains("lite.example")),
        "{permitted:?}"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads");
    let options = Options { tls: Some(ServerCertificate::Own), ..Options::usual(([127, 0, 0, 1], 0).into()) };
    let again =
        runtime.block_on(Server::bind(served.app.clone(), options)).map(|server| server.fingerprint().is_some());
    assert_eq!(again, Ok(true));
    assert_eq!(authority(), pem, "it is the same after a restart");
}

#[test]
fn a_handshake_that_does_not_come_ends_the_connection() {
    let files = Files::new();
    let served = Served::with(|options| {
        options.tls = Some(files.pair());
        options.limits = Limits { handshake: Duration::from_millis(300), ..Limits::default() };
    });
    let mut silent: Vec<TcpStream> = (0..20).map(|_| served.connect()).collect();
    assert!(asked(&served, std::slice::from_ref(&files.ca)).is_ok(), "others are served meanwhile");
    for stream in &mut silent {
        assert_eq!(rest(stream), b"");
    }
}

#[test]
fn files_that_are_no_certificate_are_refused_before_anybody_listens() {
    let (files, world) = (Files::new(), World::new());
    drop(world.engine());
    std::fs::write(files.at("empty.pem"), "").expect("written");
    std::fs::write(files.at("other.pem"), KeyPair::generate().expect("a key").serialize_pem()).expect("written");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads");
    for (certificate, key) in [
        ("none.pem", "key.pem"),
        ("cert.pem", "none.pem"),
        ("empty.pem", "key.pem"),
        ("cert.pem", "empty.pem"),
        ("key.pem", "key.pem"),
        ("cert.pem", "cert.pem"),
        ("cert.pem", "other.pem"),
    ] {
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        let tls =
            Some(ServerCertificate::Files(CertificateFiles { certificate: files.at(certificate), key: files.at(key) }));
        let options = Options { tls, ..Options::usual(([127, 0, 0, 1], 0).into()) };
        let refused = runtime.block_on(Server::bind(app, options)).map(|_| ()).map_err(|e| (e.code, e.exit_code()));
        assert_eq!(refused, Err((Code::InvalidCertificate, 2)), "{certificate} {key}");
    }
}
