//! A build that is killed outright leaves no program running, and the next one is not hindered (`LITE_TEST_REAL=1`, root, a mirror).
//! The image of that next one is the one that the tests on Debian guests take.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{
    image_build,
    support::host::{BuiltImage, needs_host},
};

crate::tests![killed_build_takes_its_programs_along_and_the_next_one_succeeds,];

type Test = Result<(), Box<dyn std::error::Error>>;

fn lite(home: &Path, pool: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lite"));
    command.args(["image", "build", "debian-13"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("LITE_POOL_DIR", pool).env("LITE_STATE_DIR", home.join("state")).env("LITE_LOG_DIR", home.join("logs"));
    command
}

/// Whether the build in `pool` has come so far that packages are unpacked.
fn unpacking(pool: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(pool) else { return false };
    entries.flatten().any(|entry| entry.path().join("root/var/lib/dpkg/status").exists())
}

fn wait_until(what: &str, limit: Duration, done: impl Fn() -> Result<bool, std::io::Error>) -> Test {
    let end = Instant::now() + limit;
    while !done()? {
        if Instant::now() > end {
            return Err(format!("{what}: not within {limit:?}").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Processes that have the folder's path among their arguments.
fn programs(pool: &Path) -> Result<usize, std::io::Error> {
    let needle = pool.as_os_str().as_encoded_bytes();
    let names = |entry: &std::fs::DirEntry| {
        std::fs::read(entry.path().join("cmdline"))
            .is_ok_and(|line| line.windows(needle.len()).any(|part| part == needle))
    };
    Ok(std::fs::read_dir("/proc")?.flatten().filter(names).count())
}

fn killed_build_takes_its_programs_along_and_the_next_one_succeeds() -> Test {
    let built = BuiltImage::locked();
    needs_host();
    let home = tempfile::tempdir()?;
    let pool = home.path().join("pool");
    std::fs::create_dir(&pool)?;
    let mut killed = lite(home.path(), &pool).spawn()?;
    wait_until("packages are unpacked", Duration::from_secs(120), || Ok(unpacking(&pool)))?;
    assert!(programs(&pool)? > 0);
    killed.kill()?;
    assert_eq!(killed.wait()?.signal(), Some(9));
    // At once: the next build has to cope with what is still dying.
    image_build::is_complete_and_done_once(&pool)?;
    assert_eq!(programs(&pool)?, 0);
    let mut names: Vec<_> =
        std::fs::read_dir(&pool)?.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.ends_with(".qcow2"));
    names.sort();
    assert_eq!(names, [".lock-debian-13", "base-debian-13.json"]);
    built.keep(&pool);
    Ok(())
}
