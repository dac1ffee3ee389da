//! The calls to the proxy that `proxy-wasm` can't make for us (Proxy-Wasm ABI 0.2.1).
//!
//! Its wrappers of these would panic on a client's bytes (a header's name that isn't UTF-8), on a
//! status that can come (of a foreign function that isn't there; of a property that somebody else
//! has made read-only), or can't say what is needed (a response's details; a log that is off). A
//! panic costs the whole VM. Here every status but OK is a [`HostError`], and what comes from the
//! proxy is bytes.

#![allow(unsafe_code, reason = "functions of the proxy, and the module's start: nothing else here")]

use std::fmt;

use namespace_jwt_core::answer::Answer;
use proxy_wasm::types::{MapType, Status};

use crate::{contexts, header_map};

proxy_wasm::main! {{ contexts::start() }}

/// The proxy didn't do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// The status that it returned.
    Status(u32),
    /// It returned headers that can't be read.
    Unreadable,
    /// It sends a request of a plugin that has no configuration.
    NotConfigured,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the proxy returned status {status}"),
            Self::Unreadable => f.write_str("the proxy returned headers that can't be read"),
            Self::NotConfigured => f.write_str("there is no configuration"),
        }
    }
}

impl From<Status> for HostError {
    fn from(status: Status) -> Self {
        Self::Status(status as u32)
    }
}

/// Let the proxy derive the gRPC status from the HTTP status.
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_log_level(level: *mut u32) -> u32;
    fn proxy_get_header_map_pairs(map: u32, pairs: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        answer: *mut *mut u8,
        answer_size: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
}

fn ok(status: u32) -> Result<(), HostError> {
    if status == 0 { Ok(()) } else { Err(HostError::Status(status)) }
}

/// Takes over what the proxy wrote through the module's own allocator.
///
/// # Safety
///
/// `bytes` and `size` are what one call to the proxy returned, and nobody else took them.
unsafe fn taken(bytes: *mut u8, size: usize) -> Vec<u8> {
    if bytes.is_null() || size == 0 {
        return Vec::new();
    }
    // SAFETY: the proxy got the memory from `proxy_on_memory_allocate`, which `proxy-wasm` has
    // give it a boxed slice of exactly the size that it asked for, and has written all of it.
    unsafe { Vec::from_raw_parts(bytes, size, size) }
}

/// The least level, as a number of [`LogLevel`](proxy_wasm::types::LogLevel) or one more than all
/// of them, of which lines are seen. A proxy that can't tell gets all.
pub fn least_level_logged() -> u32 {
    let mut least = 0;
    // SAFETY: the proxy writes one number during the call.
    let told = unsafe { proxy_get_log_level(&raw mut least) };
    if ok(told).is_ok() { least } else { 0 }
}

/// Headers, serialized: see [`header_map`].
pub fn headers(map: MapType) -> Result<Vec<u8>, HostError> {
    let (mut bytes, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: the proxy writes a pointer and a length during the call.
    ok(unsafe { proxy_get_header_map_pairs(map as u32, &raw mut bytes, &raw mut length) })?;
    // SAFETY: they came from that call and are used once.
    Ok(unsafe { taken(bytes, length) })
}

/// Answers the request. `details` is what the access log shows as the response's cause.
pub fn send_answer(answer: &Answer, details: &str) -> Result<(), HostError> {
    let headers = header_map::serialize(&answer.headers);
    send_local_response(answer.status as u32, details, &answer.body, &headers)
}

/// Answers the request with a bare 500: it couldn't be judged.
pub fn send_failure() -> Result<(), HostError> {
    send_local_response(500, "namespace_jwt_failure", "", &header_map::serialize(&[]))
}

fn send_local_response(
    status: u32,
    details: &str,
    body: &str,
    headers: &[u8],
) -> Result<(), HostError> {
    // SAFETY: the proxy reads the texts during the call.
    ok(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Calls a function of the proxy's that the ABI doesn't know, by its name.
pub fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>, HostError> {
    let (mut bytes, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: the proxy reads `name` and `arguments`, and writes a pointer and a length,
    // during the call.
    ok(unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            &raw mut bytes,
            &raw mut length,
        )
    })?;
    // SAFETY: they came from that call and are used once.
    Ok(unsafe { taken(bytes, length) })
}

/// Sets a property of the request, which access logs can read as filter state
/// `wasm.<name>`. A proxy that keeps none is no reason to stop.
pub fn set_property(name: &str, value: &str) {
    // SAFETY: the proxy reads both during the call.
    let _ = unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}
