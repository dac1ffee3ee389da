//! A filter as the SDK's users start one: it reads one header and lets everything through.
//! `benches/gateway` measures it, as the least that a filter on the SDK costs.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(DoNothing));
}}

struct DoNothing;

impl Context for DoNothing {}

impl RootContext for DoNothing {
    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(DoNothing))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl HttpContext for DoNothing {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        std::hint::black_box(self.get_http_request_header("x-auth-token"));
        Action::Continue
    }
}
