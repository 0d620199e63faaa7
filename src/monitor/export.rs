//! The Prometheus endpoint: the values of the last closed minute, and what the watcher's last look took.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::stop::Stop;
use crate::model::{Code, Error, Metric, Point, Result, Unit};

/// What is shown of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Name.
    pub instance: String,
    /// Blueprint.
    pub blueprint: String,
    /// Bundle.
    pub bundle: String,
    /// Its points of the last minute.
    pub points: Vec<(Metric, Point)>,
}

/// What is shown of a load balancer.
#[derive(Debug, Clone, PartialEq)]
pub struct BalancerLine {
    /// Name.
    pub load_balancer: String,
    /// Its points of the last minute.
    pub points: Vec<(Metric, Point)>,
}

/// What the watcher shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    /// The instances, as the last closed minute has them.
    pub lines: Vec<Line>,
    /// The load balancers, likewise.
    pub balancers: Vec<BalancerLine>,
    /// What the last look at all of them took; none: it is not known here.
    pub look: Option<Duration>,
}

/// What the watcher writes and the endpoint reads.
pub type Shared = Arc<Mutex<Shown>>;

/// Longest a client may take to ask, and to read the answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Most clients at once; more wait to be accepted.
const MOST: usize = 16;
/// Wait after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    instance: String,
    blueprint: String,
    bundle: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BalancerLabels {
    load_balancer: String,
}

/// Name, help and unit of a metric as Prometheus wants them: base units, shares from 0 to 1.
fn described(metric: Metric) -> (&'static str, &'static str) {
    match metric {
        Metric::CpuUtilization => ("cpu_utilization_ratio", "Share of the virtual CPUs in use"),
        Metric::NetworkIn => ("network_receive_bytes", "Bytes received in the last minute"),
        Metric::NetworkOut => ("network_transmit_bytes", "Bytes sent in the last minute"),
        Metric::DiskReadBytes => ("disk_read_bytes", "Bytes read from disks in the last minute"),
        Metric::DiskWriteBytes => ("disk_written_bytes", "Bytes written to disks in the last minute"),
        Metric::DiskReadOps => ("disk_reads", "Reads from disks in the last minute"),
        Metric::DiskWriteOps => ("disk_writes", "Writes to disks in the last minute"),
        Metric::MemoryUtilization => ("memory_utilization_ratio", "Share of the memory that the guest uses"),
        Metric::DiskSpaceUtilization => ("disk_space_utilization_ratio", "How full the fullest file system is"),
        Metric::StatusCheckFailed => ("status_check_failed", "Whether either status check failed"),
        Metric::StatusCheckFailedInstance => ("status_check_failed_instance", "Whether the guest does not answer"),
        Metric::StatusCheckFailedSystem => ("status_check_failed_system", "Whether the host does not answer for it"),
        Metric::AppHealthy => ("app_healthy", "Whether the health check of the blueprint succeeds"),
        Metric::TransferUsed => ("transfer_used_ratio", "Share of the monthly transfer that is used up"),
        Metric::LastSnapshotAge => ("last_snapshot_age_seconds", "Age of the newest snapshot"),
        Metric::HealthyHostCount => ("healthy_hosts", "Instances that answer the health check"),
        Metric::UnhealthyHostCount => ("unhealthy_hosts", "Instances that do not answer the health check"),
        Metric::RequestCount => ("requests", "Requests in the last minute"),
        Metric::InstanceResponseTime => ("response_seconds", "Mean time to the answer of an instance"),
        Metric::HttpInstance2xx => ("answers_2xx", "Answers of instances with 2xx in the last minute"),
        Metric::HttpInstance3xx => ("answers_3xx", "Answers of instances with 3xx in the last minute"),
        Metric::HttpInstance4xx => ("answers_4xx", "Answers of instances with 4xx in the last minute"),
        Metric::HttpInstance5xx => ("answers_5xx", "Answers of instances with 5xx in the last minute"),
        Metric::HttpBalancer4xx => ("own_answers_4xx", "Answers of the load balancer with 4xx in the last minute"),
        Metric::HttpBalancer5xx => ("own_answers_5xx", "Answers of the load balancer with 5xx in the last minute"),
        Metric::RejectedConnectionCount => ("rejected", "Requests and connections that failed in the last minute"),
    }
}

/// The text of a scrape.
pub fn text(shown: &Shown) -> String {
    let mut registry = Registry::with_prefix("lite");
    if let Some(took) = shown.look {
        let look: Gauge<f64, AtomicU64> = Gauge::default();
        look.set(took.as_secs_f64());
        registry.register("watch_look_seconds", "Time that the last look at all instances took", look);
    }
    let instances = shown.lines.iter().map(|line| {
        let (instance, blueprint, bundle) = (line.instance.clone(), line.blueprint.clone(), line.bundle.clone());
        (Labels { instance, blueprint, bundle }, &line.points)
    });
    register(&mut registry, ("instance", "Instances that lite watches"), instances);
    let balancers = shown.balancers.iter();
    let balancers = balancers.map(|line| (BalancerLabels { load_balancer: line.load_balancer.clone() }, &line.points));
    register(&mut registry, ("load_balancer", "Load balancers that lite watches"), balancers);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut out, &registry);
    out
}

/// Registers what is shown of all resources of a kind: an information for each, and its points.
fn register<'a, L>(
    registry: &mut Registry,
    (kind, help): (&str, &str),
    all: impl Iterator<Item = (L, &'a Vec<(Metric, Point)>)>,
) where
    L: Clone + std::fmt::Debug + Eq + std::hash::Hash + EncodeLabelSet + Send + Sync + 'static,
{
    let mut families: BTreeMap<Metric, Family<L, Gauge<f64, AtomicU64>>> = BTreeMap::new();
    let info: Family<L, Gauge> = Family::default();
    registry.register(format!("{kind}_info"), help, info.clone());
    for (labels, points) in all {
        info.get_or_create(&labels).set(1);
        for (metric, point) in points {
            let value = point.sum / f64::from(point.count.max(1));
            let value = if metric.unit() == Unit::Percent { value / 100.0 } else { value };
            families.entry(*metric).or_default().get_or_create(&labels).set(value);
        }
    }
    for (metric, family) in families {
        let (name, help) = described(metric);
        registry.register(format!("{kind}_{name}"), help, family);
    }
}

/// Listens; refused if the address cannot be had.
pub fn listen(address: std::net::SocketAddr) -> Result<std::net::TcpListener> {
    let refused = |e: std::io::Error| {
        Error::new(Code::CannotListen, format!("cannot listen at {address}"))
            .cause(e)
            .hint("another program may have it: choose another port with `--metrics-listen`")
    };
    let listener = std::net::TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

/// Answers scrapes for ever, on a thread of its own; if that ends, by a fault, the watcher is told to: it is started again whole.
pub fn serve(listener: std::net::TcpListener, shared: Shared, stop: Arc<AtomicBool>) -> Result<()> {
    let broken = |e: std::io::Error| Error::new(Code::Internal, "cannot serve metrics").cause(e);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    let work = move || -> std::io::Result<()> {
        let _end = Stop(&stop);
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            answer_all(async || listener.accept().await.map(|(stream, _)| stream), &shared).await
        })
    };
    let named = std::thread::Builder::new().name("metrics".to_owned());
    named.spawn(work).map_err(broken).map(drop)
}

/// Answers all who come, so many at once.
async fn answer_all(
    mut accept: impl AsyncFnMut() -> std::io::Result<TcpStream>,
    shared: &Shared,
) -> std::io::Result<()> {
    let room = Arc::new(Semaphore::new(MOST));
    loop {
        let place = room.clone().acquire_owned().await.map_err(std::io::Error::other)?;
        let Ok(stream) = accept().await else {
            // Without a free descriptor the next attempt would fail at once, too.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let answered = tokio::time::timeout(LIMIT, answer(stream, shared)).await;
            drop(place);
            answered
        });
    }
}

async fn answer(mut stream: TcpStream, shared: Shared) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|w| w == b"\r\n\r\n") && request.len() < 8192 {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let first = request.split(|b| *b == b'\r').next().unwrap_or_default();
    let mut words = first.split(|b| *b == b' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, kind, body) = match (method, path) {
        (b"GET", b"/metrics") => {
            let shown = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
            ("200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8", text(&shown))
        }
        _ => ("404 Not Found", "text/plain", "metrics are at /metrics\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        time::Duration,
    };

    use super::{BalancerLine, Line, MOST, Shared, Shown, answer_all, described, listen, serve, text};
    use crate::model::{Metric, Point};

    #[test]
    fn shares_are_ratios_and_labels_are_escaped() {
        let points =
            vec![(Metric::CpuUtilization, Point::of(25.0).unwrap()), (Metric::AppHealthy, Point::of(1.0).unwrap())];
        let line = Line { instance: "a\"\n".into(), blueprint: "nginx".into(), bundle: "nano".into(), points };
        let balancer = BalancerLine {
            load_balancer: "front".into(),
            points: vec![(Metric::RequestCount, Point::of(12.0).unwrap())],
        };
        let shown =
            text(&Shown { lines: vec![line], balancers: vec![balancer], look: Some(Duration::from_millis(250)) });
        let labels = r#"{instance="a\"\n",blueprint="nginx",bundle="nano"}"#;
        for wanted in [
            format!("lite_instance_info{labels} 1\n"),
            format!("lite_instance_cpu_utilization_ratio{labels} 0.25\n"),
            format!("lite_instance_app_healthy{labels} 1.0\n"),
            "# TYPE lite_instance_app_healthy gauge\n".to_owned(),
            "lite_load_balancer_info{load_balancer=\"front\"} 1\n".to_owned(),
            "lite_load_balancer_requests{load_balancer=\"front\"} 12.0\n".to_owned(),
            "lite_watch_look_seconds 0.25\n".to_owned(),
        ] {
            assert!(shown.contains(&wanted), "{wanted}\n{shown}");
        }
        assert!(shown.ends_with("# EOF\n"));
    }

    #[test]
    fn a_client_too_many_waits_until_another_has_gone() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        serve(listener, Shared::default(), Arc::default()).unwrap();
        let mut idle: Vec<TcpStream> = (0..MOST).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        assert!(client.read(&mut [0]).is_err(), "nobody answers yet");
        drop(idle.pop());
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    /// A listener that another runtime's thread cannot take: it blocks, which tokio refuses by a panic or an error.
    #[test]
    fn a_thread_of_metrics_that_ends_ends_the_watcher() {
        let stop = Arc::new(AtomicBool::new(false));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        serve(listener, Shared::default(), stop.clone()).unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(60);
        while !stop.load(Ordering::Relaxed) {
            assert!(std::time::Instant::now() < end, "the watcher goes on without it");
            std::thread::yield_now();
        }
    }

    #[test]
    fn without_a_free_descriptor_it_does_not_spin() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut tries, shared) = (0, Shared::default());
        let accept = async || {
            tries += 1;
            Err(std::io::Error::from_raw_os_error(24))
        };
        let served = answer_all(accept, &shared);
        let began = std::time::Instant::now();
        let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_millis(1500), served).await });
        // A second between two tries, however late this thread was woken.
        assert!(ended.is_err() && tries <= began.elapsed().as_secs() + 1, "{tries} in {:?}", began.elapsed());
    }

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Metric::ALL.iter().map(|m| described(*m).0).collect();
        assert_eq!(names.len(), Metric::ALL.len());
    }
}
