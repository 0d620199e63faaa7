//! The calls `virt` 0.5 lacks, leaks in, or swallows errors of. The only unsafe code towards libvirt.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_uint},
    ptr,
};

use uuid::Uuid;
use virt::{connect::Connect, domain::Domain, error::Error};

use crate::hypervisor::{BlockJob, BlockJobKind, DomainSize};

/// Saves the memory of a domain to a file; paused is how it is let go on from there.
pub fn save(domain: &Domain, path: &str) -> Result<(), Error> {
    let path = c_string(path)?;
    // SAFETY: both pointers are valid for the call.
    done(unsafe {
        virt_sys::virDomainSaveFlags(domain.as_ptr(), path.as_ptr(), ptr::null(), virt_sys::VIR_DOMAIN_SAVE_PAUSED)
    })
}

/// State and reason as libvirt numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawState {
    /// `virDomainState`.
    pub state: u32,
    /// `virDomain<State>Reason`.
    pub reason: u32,
}

/// A record of the bulk call.
#[derive(Debug)]
pub struct Record {
    /// Uuid.
    pub uuid: Uuid,
    /// Name.
    pub name: String,
    /// None if libvirt left it out, or was not asked.
    pub state: Option<RawState>,
    /// None if libvirt left it out, or was not asked.
    pub size: Option<DomainSize>,
}

/// What the bulk call is asked for: groups of figures, and flags.
#[derive(Debug, Clone, Copy)]
pub struct Ask(u32, u32);

/// The states of all domains. A domain whose job is taken is not waited for.
pub const STATES: Ask = Ask(virt_sys::VIR_DOMAIN_STATS_STATE, virt_sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
/// The same, of drivers that do not know the flag.
pub const STATES_WAITING: Ask = Ask(virt_sys::VIR_DOMAIN_STATS_STATE, 0);
/// The sizes of all domains that are off: no QEMU is asked.
pub const SIZES_OF_OFF: Ask = Ask(
    virt_sys::VIR_DOMAIN_STATS_VCPU | virt_sys::VIR_DOMAIN_STATS_BALLOON,
    virt_sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE | virt_sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT,
);

/// Name, uuid and what is asked for of many domains in one round trip.
pub fn stats(connection: &Connect, Ask(groups, flags): Ask) -> Result<Vec<Record>, Error> {
    let mut records: *mut virt_sys::virDomainStatsRecordPtr = ptr::null_mut();
    // SAFETY: the connection is alive for the whole call; `records` is written only on success.
    let count = unsafe { virt_sys::virConnectGetAllDomainStats(connection.as_ptr(), groups, &raw mut records, flags) };
    let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
    if records.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: libvirt filled `count` pointers to records, valid until the list is freed below; nothing read here outlives it.
    let all = (0..count).map(|i| unsafe { read_record(&**records.add(i)) }).collect();
    // SAFETY: the list came from the call above and is freed once. This also frees the records' domain handles.
    unsafe { virt_sys::virDomainStatsRecordListFree(records) };
    all
}

/// # Safety
/// The record's parameters must be valid, as libvirt made them.
unsafe fn params_of(record: &virt_sys::virDomainStatsRecord) -> &[virt_sys::virTypedParameter] {
    let count = usize::try_from(record.nparams).unwrap_or(0);
    if count == 0 || record.params.is_null() {
        &[]
    } else {
        // SAFETY: libvirt says there are `count` parameters, and they live as long as the record.
        unsafe { std::slice::from_raw_parts(record.params, count) }
    }
}

/// # Safety
/// The record's domain and parameters must be valid, as libvirt made them.
unsafe fn read_record(record: &virt_sys::virDomainStatsRecord) -> Result<Record, Error> {
    let mut uuid = [0_u8; virt_sys::VIR_UUID_BUFLEN as usize];
    // SAFETY: the handle is valid and the buffer has the length libvirt asks for. Both are local look-ups, no round trip.
    let (got, name) =
        unsafe { (virt_sys::virDomainGetUUID(record.dom, uuid.as_mut_ptr()), virt_sys::virDomainGetName(record.dom)) };
    if got < 0 || name.is_null() {
        return Err(Error::last_error());
    }
    // SAFETY: a valid C string owned by the handle, copied at once.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    // SAFETY: the caller's promise.
    let params = unsafe { params_of(record) };
    let state =
        int(params, c"state.state").zip(int(params, c"state.reason")).map(|(state, reason)| RawState { state, reason });
    let size = long(params, c"balloon.maximum")
        .zip(unsigned(params, c"vcpu.current"))
        .map(|(memory_kib, vcpus)| DomainSize { memory_kib, vcpus });
    Ok(Record { uuid: Uuid::from_bytes(uuid), name, state, size })
}

fn param<'a>(
    params: &'a [virt_sys::virTypedParameter],
    name: &CStr,
    kind: u32,
) -> Option<&'a virt_sys::virTypedParameter> {
    params.iter().find(|p| field_is(&p.field, name) && p.type_ == kind as c_int)
}

fn unsigned(params: &[virt_sys::virTypedParameter], name: &CStr) -> Option<u32> {
    // SAFETY: the type says that the union holds an unsigned int.
    param(params, name, virt_sys::VIR_TYPED_PARAM_UINT).map(|p| unsafe { p.value.ui })
}

fn long(params: &[virt_sys::virTypedParameter], name: &CStr) -> Option<u64> {
    // SAFETY: the type says that the union holds an unsigned long long.
    param(params, name, virt_sys::VIR_TYPED_PARAM_ULLONG).map(|p| unsafe { p.value.ul })
}

/// Figures of one domain.
#[derive(Debug, Default)]
pub struct Figures {
    /// `cpu.time`.
    pub cpu_ns: Option<u64>,
    /// `balloon.available`, `balloon.usable`, `balloon.last-update`.
    pub balloon: [Option<u64>; 3],
    /// `net.N.rx.bytes` and `tx.bytes`, summed up.
    pub network: [Option<u64>; 2],
    /// `block.N.rd.bytes`, `wr.bytes`, `rd.reqs`, `wr.reqs`, summed up.
    pub disks: [Option<u64>; 4],
}

/// Name, uuid, state and figures of all domains, or of some, in one round trip that waits for no domain.
pub fn figures(connection: &Connect, only: Option<&[Domain]>, nowait: bool) -> Result<Vec<(Record, Figures)>, Error> {
    let groups = virt_sys::VIR_DOMAIN_STATS_STATE
        | virt_sys::VIR_DOMAIN_STATS_CPU_TOTAL
        | virt_sys::VIR_DOMAIN_STATS_BALLOON
        | virt_sys::VIR_DOMAIN_STATS_INTERFACE
        | virt_sys::VIR_DOMAIN_STATS_BLOCK;
    let flags = if nowait { virt_sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT } else { 0 };
    let mut records: *mut virt_sys::virDomainStatsRecordPtr = ptr::null_mut();
    let count = match only {
        None => {
            // SAFETY: the connection is alive for the whole call; `records` is written only on success.
            unsafe { virt_sys::virConnectGetAllDomainStats(connection.as_ptr(), groups, &raw mut records, flags) }
        }
        Some([]) => return Ok(Vec::new()),
        Some(domains) => {
            // SAFETY: the handles live as long as `domains`, which outlives the call below.
            let mut list: Vec<virt_sys::virDomainPtr> = domains.iter().map(|d| unsafe { d.as_ptr() }).collect();
            list.push(ptr::null_mut());
            // SAFETY: the list ends with NULL as libvirt wants it, its handles are alive, and so is what they belong to.
            unsafe { virt_sys::virDomainListGetStats(list.as_mut_ptr(), groups, &raw mut records, flags) }
        }
    };
    let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
    if records.is_null() {
        return Ok(Vec::new());
    }
    let read = |i: usize| -> Result<(Record, Figures), Error> {
        // SAFETY: libvirt filled `count` pointers to records, valid until the list is freed below; nothing read here
        // outlives it.
        unsafe {
            let record = &**records.add(i);
            Ok((read_record(record)?, read_figures(params_of(record))))
        }
    };
    let all = (0..count).map(read).collect();
    // SAFETY: the list came from one of the calls above and is freed once.
    unsafe { virt_sys::virDomainStatsRecordListFree(records) };
    all
}

fn read_figures(params: &[virt_sys::virTypedParameter]) -> Figures {
    let mut out = Figures::default();
    for param in params {
        if param.type_ != virt_sys::VIR_TYPED_PARAM_ULLONG as c_int {
            continue;
        }
        let bytes: Vec<u8> = param.field.iter().map(|c| c.cast_unsigned()).take_while(|b| *b != 0).collect();
        let Ok(name) = str::from_utf8(&bytes) else { continue };
        let place = match name {
            "cpu.time" => Some(&mut out.cpu_ns),
            "balloon.available" => Some(&mut out.balloon[0]),
            "balloon.usable" => Some(&mut out.balloon[1]),
            "balloon.last-update" => Some(&mut out.balloon[2]),
            _ => match (name.split('.').next(), name.splitn(3, '.').nth(2)) {
                (Some("net"), Some("rx.bytes")) => Some(&mut out.network[0]),
                (Some("net"), Some("tx.bytes")) => Some(&mut out.network[1]),
                (Some("block"), Some("rd.bytes")) => Some(&mut out.disks[0]),
                (Some("block"), Some("wr.bytes")) => Some(&mut out.disks[1]),
                (Some("block"), Some("rd.reqs")) => Some(&mut out.disks[2]),
                (Some("block"), Some("wr.reqs")) => Some(&mut out.disks[3]),
                _ => None,
            },
        };
        if let Some(place) = place {
            // SAFETY: the type says that the union holds an unsigned long long.
            let value = unsafe { param.value.ul };
            *place = Some(place.unwrap_or(0).saturating_add(value));
        }
    }
    out
}

fn int(params: &[virt_sys::virTypedParameter], name: &CStr) -> Option<u32> {
    let wanted = param(params, name, virt_sys::VIR_TYPED_PARAM_INT)?;
    // SAFETY: the type says that the union holds an int.
    u32::try_from(unsafe { wanted.value.i }).ok()
}

fn field_is(field: &[c_char], name: &CStr) -> bool {
    let name = name.to_bytes_with_nul();
    field.len() >= name.len() && field.iter().zip(name).all(|(a, b)| a.cast_unsigned() == *b)
}

/// State of one domain. (`virt`'s own call drops the error.)
pub fn state(domain: &Domain) -> Result<RawState, Error> {
    let (mut state, mut reason): (c_int, c_int) = (0, 0);
    // SAFETY: the handle is alive; both out-pointers are valid.
    if unsafe { virt_sys::virDomainGetState(domain.as_ptr(), &raw mut state, &raw mut reason, 0) } < 0 {
        return Err(Error::last_error());
    }
    Ok(RawState { state: state.cast_unsigned(), reason: reason.cast_unsigned() })
}

/// Since how many milliseconds the domain's monitor has not answered another call, if one waits for it.
pub fn monitor_waits(domain: &Domain) -> Result<Option<u64>, Error> {
    let mut info = virt_sys::virDomainControlInfo { state: 0, details: 0, stateTime: 0 };
    // SAFETY: the handle is alive; the out-pointer is valid.
    if unsafe { virt_sys::virDomainGetControlInfo(domain.as_ptr(), &raw mut info, 0) } < 0 {
        return Err(Error::last_error());
    }
    Ok((info.state == virt_sys::VIR_DOMAIN_CONTROL_OCCUPIED).then_some(info.stateTime))
}

/// The host's memory figures in KiB by libvirt's names (`total`, `free`, `buffers`, `cached`).
pub fn memory_stats(connection: &Connect) -> Result<Vec<(String, u64)>, Error> {
    let all = virt_sys::VIR_NODE_MEMORY_STATS_ALL_CELLS;
    let mut count: c_int = 0;
    // SAFETY: with no array and a count of zero libvirt only tells the count.
    if unsafe {
        virt_sys::virNodeGetMemoryStats(connection.as_ptr(), all, ptr::null_mut(), &raw mut count, 0 as c_uint)
    } < 0
    {
        return Err(Error::last_error());
    }
    let empty =
        virt_sys::virNodeMemoryStats { field: [0; virt_sys::VIR_NODE_MEMORY_STATS_FIELD_LENGTH as usize], value: 0 };
    let mut stats = vec![empty; usize::try_from(count).unwrap_or(0)];
    // SAFETY: the array has `count` elements, as libvirt asked for.
    if unsafe { virt_sys::virNodeGetMemoryStats(connection.as_ptr(), all, stats.as_mut_ptr(), &raw mut count, 0) } < 0 {
        return Err(Error::last_error());
    }
    stats.truncate(usize::try_from(count).unwrap_or(0));
    let name = |field: &[c_char]| {
        let bytes: Vec<u8> = field.iter().map(|c| c.cast_unsigned()).take_while(|b| *b != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(stats.iter().map(|s| (name(&s.field), s.value)).collect())
}

/// Begins to copy a disk into an overlay that is there. TRANSIENT_JOB: the job does not outlive the run of the domain, which
/// libvirt wants said of a domain that has a definition.
pub fn block_copy(domain: &Domain, device: &str, xml: &str) -> Result<(), Error> {
    let (device, xml) = (c_string(device)?, c_string(xml)?);
    let flags = virt_sys::VIR_DOMAIN_BLOCK_COPY_SHALLOW
        | virt_sys::VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
        | virt_sys::VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB;
    // SAFETY: the handle is alive, both texts end with NUL and outlive the call; there are no parameters.
    done(unsafe {
        virt_sys::virDomainBlockCopy(domain.as_ptr(), device.as_ptr(), xml.as_ptr(), ptr::null_mut(), 0, flags)
    })
}

/// Begins to fill a disk with what its backing files above `base` hold.
pub fn block_pull(domain: &Domain, device: &str, base: &str) -> Result<(), Error> {
    let (device, base) = (c_string(device)?, c_string(base)?);
    // SAFETY: the handle is alive, both texts end with NUL and outlive the call.
    done(unsafe { virt_sys::virDomainBlockRebase(domain.as_ptr(), device.as_ptr(), base.as_ptr(), 0, 0) })
}

/// Ends the job of a disk, which stays what it is.
pub fn block_job_abort(domain: &Domain, device: &str) -> Result<(), Error> {
    let device = c_string(device)?;
    // SAFETY: the handle is alive, the text ends with NUL and outlives the call.
    done(unsafe { virt_sys::virDomainBlockJobAbort(domain.as_ptr(), device.as_ptr(), 0) })
}

/// The job of a disk, if it has one.
pub fn block_job(domain: &Domain, device: &str) -> Result<Option<BlockJob>, Error> {
    let device = c_string(device)?;
    let mut info = virt_sys::virDomainBlockJobInfo { type_: 0, bandwidth: 0, cur: 0, end: 0 };
    // SAFETY: the handle is alive, the text ends with NUL and outlives the call; the out-pointer is valid.
    let found = unsafe { virt_sys::virDomainGetBlockJobInfo(domain.as_ptr(), device.as_ptr(), &raw mut info, 0) };
    done(found)?;
    let kind = match info.type_.cast_unsigned() {
        virt_sys::VIR_DOMAIN_BLOCK_JOB_TYPE_COPY => BlockJobKind::Copy,
        virt_sys::VIR_DOMAIN_BLOCK_JOB_TYPE_PULL => BlockJobKind::Pull,
        _ => BlockJobKind::Other,
    };
    Ok((found > 0).then_some(BlockJob { kind, done: info.cur, total: info.end }))
}

/// A text as C has it. One that holds a NUL was refused before it came here.
fn c_string(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(Error::from)
}

fn done(answer: c_int) -> Result<(), Error> {
    if answer < 0 { Err(Error::last_error()) } else { Ok(()) }
}
