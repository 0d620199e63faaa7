//! Guests that go on from saved memory: which memory fits, and telling one who it is.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    sync::mpsc::{RecvTimeoutError, channel},
    time::Duration,
};

use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Ctx;
use crate::{
    catalog::{Blueprint, embedded_script},
    image::{self, Baked, Image, Memory, SavedBy},
    model::{Code, Error, Result, Size, hex},
    plan::THAW_CHANNEL,
    render,
};

/// Rises when a machine that goes on from memory of the same parts comes out otherwise.
const RECIPE: u32 = 1;
/// How long a guest may take to know who it is and to be set up.
const ANSWER: Duration = Duration::from_secs(180);
/// How often a wait for it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(200);
/// Longest answer, in bytes.
const LONGEST: u64 = 64 << 10;
/// Random bytes that a guest is told.
const ENTROPY: usize = 64;

/// What a machine that goes on from memory must have in common with the one whose memory it was.
#[derive(Debug, Clone, Copy)]
pub struct Kind<'a> {
    /// Its blueprint.
    pub blueprint: &'a Blueprint,
    /// The image that it lies on when it is cold.
    pub image: &'a Image,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Its memory.
    pub memory: Size,
    /// Its root disk.
    pub disk: Size,
}

/// What saved memory is made of: the same parts give the same key, and nothing else fits.
///
/// # Errors
/// Failed only if this build lacks its runners.
pub fn warm_of(kind: Kind<'_>) -> Result<Baked> {
    let digest = |name: &str| {
        let text = embedded_script(name);
        text.map(|text| hex(&Sha256::digest(text.as_bytes()))).ok_or_else(|| {
            Error::new(Code::RenderFailed, format!("this build of lite lacks its guest runner `{name}`"))
        })
    };
    let Kind { blueprint, image, vcpus, memory, disk } = kind;
    // serde_json keeps the keys of a mapping in order: the same parts make the same text.
    let parts = json!({
        "recipe": RECIPE,
        "image": image.digest,
        "blueprint": blueprint.id,
        "version": blueprint.version,
        "configure": blueprint.configure,
        "published": blueprint.published,
        "cloud_config": blueprint.cloud_config,
        "user": blueprint.user,
        "runners": [digest("lite-guest.py")?, digest("lite-thaw.py")?],
        "vcpus": vcpus,
        "memory": memory,
        "disk": disk,
    });
    let baked = image.baked.as_ref();
    Ok(Baked {
        key: hex(&Sha256::digest(parts.to_string())),
        blueprint: blueprint.id.clone(),
        version: blueprint.version.clone(),
        base: baked.map_or_else(|| image.id.clone(), |baked| baked.base.clone()),
        parameters: baked.map(|baked| baked.parameters.clone()).unwrap_or_default(),
    })
}

/// What saves memory on this host now, and reads it.
///
/// # Errors
/// The host cannot be asked.
pub fn saved_by(ctx: &Ctx, kvm: bool) -> Result<SavedBy> {
    let host = ctx.hypervisor.host()?;
    // A CPU that is not emulated: what it is, and which kernel shows it to guests.
    let files = ["/proc/cpuinfo", "/proc/sys/kernel/osrelease"];
    let cpu = || {
        let mut sum = Sha256::new();
        for file in files {
            let text = ctx.machine.text(file).unwrap_or_default();
            let lasting = text.lines().take_while(|line| !line.is_empty()).filter(|line| !line.contains("MHz"));
            lasting.for_each(|line| sum.update(line.as_bytes()));
        }
        hex(&sum.finalize())
    };
    Ok(SavedBy { qemu: host.hypervisor, libvirt: host.libvirt, arch: host.arch, q35: host.q35, cpu: kvm.then(cpu) })
}

/// The memory from which a machine of this kind can go on, and the image that it then lies on; none: there is none.
///
/// # Errors
/// It is another host's, or not what was saved.
pub fn find(ctx: &Ctx, kind: Kind<'_>, kvm: bool) -> Result<Option<(Image, Memory)>> {
    let wanted = warm_of(kind)?;
    let images = ctx.images()?;
    let Some(image) = image::get(&images, &wanted.id())?.filter(|image| image.baked.as_ref() == Some(&wanted)) else {
        return Ok(None);
    };
    let Some(memory) = image.memory.clone().filter(|memory| memory.tried) else { return Ok(None) };
    let now = saved_by(ctx, kvm)?;
    if memory.by != now {
        let what =
            format!("the memory of image `{}` was saved by another host or version ({})", image.id, memory.by.qemu);
        return Err(Error::new(Code::InvalidSavedMemory, what));
    }
    image::check_memory(&image.id, &image.path, &memory)?;
    Ok(Some((image, memory)))
}

/// What a guest answers.
#[derive(Deserialize)]
struct Answer {
    event: String,
    #[serde(default)]
    module: String,
    #[serde(default)]
    tail: Vec<String>,
}

/// Lets a paused guest run on and tells it who it is. Content once it knows, and its set-up has ended, well or not: that the guest reports.
///
/// # Errors
/// It did not answer in time, or could not take over who it is; `interrupted`.
pub fn identify(ctx: &Ctx, uuid: Uuid, identity: Option<&SecretString>) -> Result<()> {
    let lost = || Error::new(Code::NotIdentified, format!("nobody knows any more who domain {uuid} is"));
    let identity = identity.ok_or_else(lost)?;
    ctx.hypervisor.resume(uuid)?;
    let mut stream = ctx.hypervisor.open_channel(uuid, THAW_CHANNEL)?;
    let mut random = [0u8; ENTROPY];
    rand::rng().fill(&mut random);
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of today")]
    let now = ctx.now().as_millisecond() as f64 / 1000.0;
    let told = render::told(identity, now, &SecretString::from(hex(&random)))?;
    let (send, receive) = channel();
    let output = stream.output;
    // Its read may block for ever; it ends when the other side is dropped.
    let reader = std::thread::Builder::new().name("thaw".to_owned()).spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output.take(LONGEST)).read_line(&mut line).map(|_| line);
        let _ = send.send(read);
    });
    let unheard = |why: String| {
        Error::new(Code::NotIdentified, "the guest that goes on from saved memory did not say who it is").cause(why)
    };
    reader.map_err(|e| unheard(e.to_string()))?;
    stream.input.write_all(told.expose_secret().as_bytes()).map_err(|e| unheard(e.to_string()))?;
    let begun = ctx.clock.instant();
    let line = loop {
        match receive.recv_timeout(LOOK) {
            Ok(line) => break line.map_err(|e| unheard(e.to_string()))?,
            Err(RecvTimeoutError::Disconnected) => return Err(unheard("its channel closed".to_owned())),
            Err(RecvTimeoutError::Timeout) if ctx.cancelled() => {
                return Err(Error::new(Code::Interrupted, "interrupted"));
            }
            Err(RecvTimeoutError::Timeout) if ctx.clock.instant().saturating_duration_since(begun) > ANSWER => {
                return Err(unheard(format!("no answer within {} s", ANSWER.as_secs())));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    };
    let answer: Answer = serde_json::from_str(&line).map_err(|e| unheard(e.to_string()))?;
    match answer.module.as_str() {
        "thaw" => Err(unheard(answer.tail.join("; "))),
        _ if answer.event.is_empty() => Err(unheard("it answered nothing".to_owned())),
        _ => Ok(()),
    }
}
