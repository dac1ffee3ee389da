//! The proxy's functions (Proxy-Wasm ABI 0.2.1).
//!
//! The Rust SDK's wrappers of them panic on a status that they don't know, and some on a
//! header that isn't UTF-8; a panic costs the whole VM. Here every status but OK is a
//! [`Refusal`], and everything that comes from the proxy is bytes.

use std::fmt;
use std::time::Duration;

use crate::header_map;
use namespace_jwt_core::answer::Answer;
use namespace_jwt_core::time::UnixTime;

/// The proxy didn't do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The status that it returned.
    Status(u32),
    /// It returned something that can't be read.
    Unreadable,
    /// It sends a request of a plugin that it didn't create or configure.
    NotConfigured,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the proxy returned status {status}"),
            Self::Unreadable => f.write_str("the proxy returned headers that can't be read"),
            Self::NotConfigured => f.write_str("there is no configuration"),
        }
    }
}

/// How much a line in the proxy's log matters.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// Shown when somebody looks closely.
    Debug = 1,
    /// Shown by default.
    Info = 2,
    /// Probably not what was meant.
    Warn = 3,
    /// The filter can't work as it was asked to.
    Error = 4,
}

const PLUGIN_CONFIGURATION: u32 = 7;
const REQUEST_HEADERS: u32 = 0;
const COUNTER: u32 = 0;
const NOT_FOUND: u32 = 1;
const UNIMPLEMENTED: u32 = 12;
/// Let the proxy derive the gRPC status from the HTTP status.
const NO_GRPC_STATUS: i32 = -1;

#[allow(unsafe_code)]
mod abi {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
        pub fn proxy_get_log_level(level: *mut u32) -> u32;
        pub fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            size: usize,
            bytes: *mut *mut u8,
            bytes_size: *mut usize,
        ) -> u32;
        pub fn proxy_get_header_map_pairs(map: u32, pairs: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_remove_header_map_value(map: u32, name: *const u8, size: usize) -> u32;
        pub fn proxy_replace_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub fn proxy_add_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub fn proxy_define_metric(
            kind: u32,
            name: *const u8,
            name_size: usize,
            metric: *mut u32,
        ) -> u32;
        pub fn proxy_increment_metric(metric: u32, by: i64) -> u32;
        pub fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            arguments: *const u8,
            arguments_size: usize,
            answer: *mut *mut u8,
            answer_size: *mut usize,
        ) -> u32;
        pub fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            value: *mut *mut u8,
            value_size: *mut usize,
            version: *mut u32,
        ) -> u32;
        pub fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            version: u32,
        ) -> u32;
        pub fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            value: *mut *mut u8,
            value_size: *mut usize,
        ) -> u32;
        pub fn proxy_set_property(
            path: *const u8,
            path_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
    }
}

fn ok(status: u32) -> Result<(), Refusal> {
    if status == 0 { Ok(()) } else { Err(Refusal::Status(status)) }
}

/// Takes over what the proxy wrote through the module's own allocator.
///
/// # Safety
///
/// `bytes` and `size` are what one call to the proxy returned, and nobody else took them.
#[allow(unsafe_code)]
unsafe fn taken(bytes: *mut u8, size: usize) -> Vec<u8> {
    if bytes.is_null() || size == 0 {
        return Vec::new();
    }
    // SAFETY: the proxy got the memory from `proxy_on_memory_allocate`, which gives it a
    // boxed slice of exactly the size that it asked for, and has written all of it.
    unsafe { Vec::from_raw_parts(bytes, size, size) }
}

/// Writes a line to the proxy's log. A proxy that can't log is no reason to stop.
#[allow(unsafe_code)]
pub fn log(level: Level, line: &str) {
    // SAFETY: the proxy reads `line` during the call.
    let _ = unsafe { abi::proxy_log(level as u32, line.as_ptr(), line.len()) };
}

/// The least [`Level`], as a number, of which lines are seen. A proxy that can't tell gets all.
#[allow(unsafe_code)]
pub fn least_level_logged() -> u32 {
    let mut least = 0;
    // SAFETY: the proxy writes one number during the call.
    let told = unsafe { abi::proxy_get_log_level(&raw mut least) };
    if ok(told).is_ok() { least } else { 0 }
}

/// What time it is.
#[allow(unsafe_code)]
pub fn now() -> Result<UnixTime, Refusal> {
    let mut nanoseconds = 0;
    // SAFETY: the proxy writes one number during the call.
    ok(unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut nanoseconds) })?;
    Ok(UnixTime::new(Duration::from_nanos(nanoseconds)))
}

/// The plugin configuration, of `size` bytes.
#[allow(unsafe_code)]
pub fn plugin_configuration(size: usize) -> Result<Vec<u8>, Refusal> {
    if size == 0 {
        return Ok(Vec::new());
    }
    let (mut bytes, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: the proxy writes a pointer and a length during the call.
    ok(unsafe {
        abi::proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &raw mut bytes, &raw mut length)
    })?;
    // SAFETY: they came from that call and are used once.
    Ok(unsafe { taken(bytes, length) })
}

/// The request's headers, serialized: see [`header_map`].
#[allow(unsafe_code)]
pub fn request_headers() -> Result<Vec<u8>, Refusal> {
    let (mut bytes, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: the proxy writes a pointer and a length during the call.
    ok(unsafe {
        abi::proxy_get_header_map_pairs(REQUEST_HEADERS, &raw mut bytes, &raw mut length)
    })?;
    // SAFETY: they came from that call and are used once.
    Ok(unsafe { taken(bytes, length) })
}

/// Takes every header of that name from the request.
#[allow(unsafe_code)]
pub fn remove_request_header(name: &str) -> Result<(), Refusal> {
    // SAFETY: the proxy reads `name` during the call.
    ok(unsafe { abi::proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) })
}

/// Puts one header of that name in the place of every one that the request has.
#[allow(unsafe_code)]
pub fn replace_request_header(name: &str, value: &[u8]) -> Result<(), Refusal> {
    // SAFETY: the proxy reads both during the call.
    ok(unsafe {
        abi::proxy_replace_header_map_value(
            REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Gives the request one more header of that name.
#[allow(unsafe_code)]
pub fn add_request_header(name: &str, value: &[u8]) -> Result<(), Refusal> {
    // SAFETY: the proxy reads both during the call.
    ok(unsafe {
        abi::proxy_add_header_map_value(
            REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Answers the request. `details` is what the access log shows as the response's cause.
pub fn send_answer(answer: &Answer, details: &str) -> Result<(), Refusal> {
    let headers = header_map::serialize(&answer.headers);
    send_response(answer.status as u32, details, &answer.body, &headers)
}

/// Answers the request with a bare 500: it couldn't be judged.
pub fn send_failure() -> Result<(), Refusal> {
    send_response(500, "namespace_jwt_failure", "", &header_map::serialize(&[]))
}

#[allow(unsafe_code)]
fn send_response(status: u32, details: &str, body: &str, headers: &[u8]) -> Result<(), Refusal> {
    // SAFETY: the proxy reads the texts during the call.
    ok(unsafe {
        abi::proxy_send_local_response(
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
#[allow(unsafe_code)]
pub fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (mut bytes, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: the proxy reads `name` and `arguments`, and writes a pointer and a length,
    // during the call.
    ok(unsafe {
        abi::proxy_call_foreign_function(
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

/// A value that the VMs of one id share, and its version.
#[allow(unsafe_code)]
pub fn shared_data(key: &str) -> Result<(Vec<u8>, u32), Refusal> {
    let (mut bytes, mut length, mut version) = (std::ptr::null_mut(), 0, 0);
    // SAFETY: the proxy reads `key`, and writes a pointer and two numbers, during the call.
    ok(unsafe {
        abi::proxy_get_shared_data(
            key.as_ptr(),
            key.len(),
            &raw mut bytes,
            &raw mut length,
            &raw mut version,
        )
    })?;
    // SAFETY: they came from that call and are used once.
    Ok((unsafe { taken(bytes, length) }, version))
}

/// Replaces a value that the VMs of one id share, if its version is still this one; 0 stands
/// for any.
#[allow(unsafe_code)]
pub fn set_shared_data(key: &str, value: &[u8], version: u32) -> Result<(), Refusal> {
    // SAFETY: the proxy reads `key` and `value` during the call.
    ok(unsafe {
        abi::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version)
    })
}

/// A counter among the proxy's own.
#[derive(Clone, Copy, Debug)]
pub struct Counter(u32);

impl Counter {
    /// The counter of that name, the same one for everybody who asks.
    #[allow(unsafe_code)]
    pub fn define(name: &str) -> Result<Self, Refusal> {
        let mut metric = 0;
        // SAFETY: the proxy reads `name` and writes one number during the call.
        ok(unsafe {
            abi::proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut metric)
        })?;
        Ok(Self(metric))
    }

    /// Counts one more. A proxy that can't count is no reason to stop.
    #[allow(unsafe_code)]
    pub fn increment(self) {
        // SAFETY: nothing is shared with the proxy but two numbers.
        let _ = unsafe { abi::proxy_increment_metric(self.0, 1) };
    }
}

/// A property, by the names on the way to it. None where the proxy has no such thing.
#[allow(unsafe_code)]
pub fn property(path: &[&str]) -> Result<Option<Vec<u8>>, Refusal> {
    let path = path.join("\0");
    let (mut bytes, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: the proxy reads `path`, and writes a pointer and a length, during the call.
    match unsafe {
        abi::proxy_get_property(path.as_ptr(), path.len(), &raw mut bytes, &raw mut length)
    } {
        NOT_FOUND | UNIMPLEMENTED => Ok(None),
        status => {
            ok(status)?;
            // SAFETY: they came from that call and are used once.
            Ok(Some(unsafe { taken(bytes, length) }))
        }
    }
}

/// Sets a property of the request, which access logs can read as filter state
/// `wasm.<name>`. A proxy that keeps none is no reason to stop.
#[allow(unsafe_code)]
pub fn set_property(name: &str, value: &str) {
    // SAFETY: the proxy reads both during the call.
    let _ =
        unsafe { abi::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}
