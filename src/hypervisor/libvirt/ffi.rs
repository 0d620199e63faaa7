//! The calls `virt` 0.5 lacks, leaks in, or swallows errors of. The only unsafe code towards libvirt.

use std::{
    ffi::{CStr, c_char, c_int, c_uint},
    ptr,
};

use uuid::Uuid;
use virt::{connect::Connect, domain::Domain, error::Error};

use crate::hypervisor::DomainSize;

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
pub struct Seen {
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
pub fn stats(connection: &Connect, Ask(groups, flags): Ask) -> Result<Vec<Seen>, Error> {
    let mut records: *mut virt_sys::virDomainStatsRecordPtr = ptr::null_mut();
    // SAFETY: the connection is alive for the whole call; `records` is written only on success.
    let count = unsafe { virt_sys::virConnectGetAllDomainStats(connection.as_ptr(), groups, &raw mut records, flags) };
    let Ok(count) = usize::try_from(count) else { return Err(Error::last_error()) };
    if records.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: libvirt filled `count` pointers to records, valid until the list is freed below; nothing read here outlives it.
    let seen = (0..count).map(|i| unsafe { read_record(&**records.add(i)) }).collect();
    // SAFETY: the list came from the call above and is freed once. This also frees the records' domain handles.
    unsafe { virt_sys::virDomainStatsRecordListFree(records) };
    seen
}

/// # Safety
/// The record's domain and parameters must be valid, as libvirt made them.
unsafe fn read_record(record: &virt_sys::virDomainStatsRecord) -> Result<Seen, Error> {
    let mut uuid = [0_u8; virt_sys::VIR_UUID_BUFLEN as usize];
    // SAFETY: the handle is valid and the buffer has the length libvirt asks for. Both are local look-ups, no round trip.
    let (got, name) =
        unsafe { (virt_sys::virDomainGetUUID(record.dom, uuid.as_mut_ptr()), virt_sys::virDomainGetName(record.dom)) };
    if got < 0 || name.is_null() {
        return Err(Error::last_error());
    }
    // SAFETY: a valid C string owned by the handle, copied at once.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    let count = usize::try_from(record.nparams).unwrap_or(0);
    let params = if count == 0 || record.params.is_null() {
        &[]
    } else {
        // SAFETY: libvirt says there are `count` parameters, and they live as long as the record.
        unsafe { std::slice::from_raw_parts(record.params, count) }
    };
    let state =
        int(params, c"state.state").zip(int(params, c"state.reason")).map(|(state, reason)| RawState { state, reason });
    let size = long(params, c"balloon.maximum")
        .zip(unsigned(params, c"vcpu.current"))
        .map(|(memory_kib, vcpus)| DomainSize { memory_kib, vcpus });
    Ok(Seen { uuid: Uuid::from_bytes(uuid), name, state, size })
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
