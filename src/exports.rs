//! The module's exports: what the proxy calls (Proxy-Wasm ABI 0.2.1).
//!
//! The proxy enters the module for each event that is exported, so only those are that the
//! filter has something to do at. Nothing here can panic on what a proxy says out of turn:
//! an unknown context is refused.

use std::cell::RefCell;

use crate::contexts::Contexts;
use crate::host::{self, Level, Refusal};
use crate::log;
use crate::plugin::{Next, Plugin};

thread_local! {
    // A VM has one thread. No proxy function that is called while this is borrowed calls back.
    static CONTEXTS: RefCell<Contexts<Plugin>> = const { RefCell::new(Contexts::new()) };
}

#[allow(unsafe_code, reason = "what the proxy finds by its name has to keep it")]
mod abi {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }

    #[unsafe(no_mangle)]
    extern "C" fn _initialize() {
        // SAFETY: the proxy calls this once, before anything else.
        unsafe { __wasm_call_ctors() };
        super::initialize();
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_abi_version_0_2_1() {}

    /// Memory for what the proxy is about to hand over, which `host::taken` takes.
    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
        Box::into_raw(vec![0; size].into_boxed_slice()).cast()
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
        super::CONTEXTS.with_borrow_mut(|contexts| contexts.create(context, parent));
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_configure(context: u32, size: usize) -> u32 {
        u32::from(super::configure(context, size))
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_request_headers(context: u32, _count: usize, _end: u32) -> u32 {
        super::request(context) as u32
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_on_delete(context: u32) {
        super::CONTEXTS.with_borrow_mut(|contexts| contexts.delete(context));
    }
}

fn initialize() {
    // What a panic would print could hold a client's bytes; where it happened is enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        host::log(Level::Error, &format!("namespace-jwt: panic at {place}"));
    }));
}

/// Whether the plugin's configuration is accepted.
fn configure(context: u32, size: usize) -> bool {
    match Plugin::configure(size) {
        Ok(plugin) => {
            CONTEXTS.with_borrow_mut(|contexts| {
                contexts.configure(context, plugin);
                contexts.configured().for_each(Plugin::make_room);
            });
            true
        }
        Err(why) => {
            let line = format!("namespace-jwt: configuration refused: {why}");
            host::log(Level::Error, &line);
            false
        }
    }
}

fn request(context: u32) -> Next {
    let plugin = CONTEXTS.with_borrow_mut(|contexts| contexts.take(context));
    let plugin = plugin.ok_or(Refusal::NotConfigured);
    plugin.and_then(|plugin| plugin.request()).unwrap_or_else(|refusal| {
        log::about_request(Level::Error, host::now().ok(), || {
            format!("namespace-jwt: a request can't be judged: {refusal}")
        });
        // Where even this is refused, the request stays where it is until a time-out.
        let _ = host::send_failure();
        Next::Pause
    })
}
