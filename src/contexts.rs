//! The proxy's contexts: one for each plugin of the VM (a root context, with a configuration of
//! its own), and one for each request, created under its plugin's.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel};

use crate::feed;
use crate::host::{self, HostError};
use crate::log;
use crate::plugin::{self, Plugin};

thread_local! {
    /// Every plugin that is configured, to make room for another. A VM has one thread.
    static PLUGINS: RefCell<Vec<Weak<Plugin>>> = const { RefCell::new(Vec::new()) };
}

/// The module's start, before anything else.
pub fn start() {
    // What a panic would print could hold a client's bytes; where it happened is enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let _ = hostcalls::log(LogLevel::Error, &format!("namespace-jwt: panic at {place}"));
    }));
    proxy_wasm::set_root_context(|_| Box::new(Root { plugin: None }));
}

/// The plugin configuration, of `size` bytes. One that the proxy has and doesn't hand over isn't
/// none: the environment alone would decide then.
fn configuration(size: usize) -> Result<Vec<u8>, String> {
    if size == 0 {
        return Ok(Vec::new());
    }
    let given = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size);
    given.ok().flatten().ok_or_else(|| "the proxy doesn't hand it over".to_owned())
}

/// A plugin's context.
struct Root {
    /// None until it has a good configuration.
    plugin: Option<Rc<Plugin>>,
}

impl Context for Root {
    fn on_http_call_response(&mut self, number: u32, headers: usize, body_size: usize, _: usize) {
        if let Some(plugin) = &self.plugin {
            plugin.answered(number, &feed::host::answer(headers, body_size));
        }
    }
}

impl RootContext for Root {
    /// Whether the plugin's configuration, of `size` bytes, is accepted. Requests that it has
    /// already go on with theirs.
    fn on_configure(&mut self, size: usize) -> bool {
        match configuration(size).and_then(Plugin::configure) {
            Ok(plugin) => {
                let plugin = Rc::new(plugin);
                PLUGINS.with_borrow_mut(|plugins| {
                    plugins.retain(|plugin| plugin.strong_count() > 0);
                    plugins.push(Rc::downgrade(&plugin));
                    plugins.iter().filter_map(Weak::upgrade).for_each(|it| it.make_room());
                });
                if plugin.ticks() {
                    self.set_tick_period(feed::TICK);
                }
                self.plugin = Some(plugin);
                true
            }
            Err(why) => {
                let line = format!("namespace-jwt: configuration refused: {why}");
                let _ = hostcalls::log(LogLevel::Error, &line);
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.tick();
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { plugin: self.plugin.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// A request's context.
struct Request {
    plugin: Option<Rc<Plugin>>,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let plugin = self.plugin.as_ref().ok_or(HostError::NotConfigured);
        plugin.and_then(|plugin| plugin.on_request_headers()).unwrap_or_else(|error| {
            log::about_request(LogLevel::Error, plugin::now().ok(), || {
                format!("namespace-jwt: a request can't be judged: {error}")
            });
            if host::send_failure().is_err() {
                // To pause isn't enough: under `allow_on_headers_stop_iteration` the proxy goes
                // on with the request when its body comes. A trap ends it.
                std::process::abort();
            }
            Action::Pause
        })
    }
}
