//! Which plugin a request belongs to.
//!
//! The proxy numbers contexts: one for each plugin of the VM (a root context, with a
//! configuration of its own), and one for each request, created under its plugin's.

use std::rc::Rc;

/// The contexts of a VM that something may still happen to.
pub struct Contexts<P> {
    /// None until the plugin has a good configuration.
    plugins: Vec<(u32, Option<Rc<P>>)>,
    /// Requests whose headers haven't come, each with its plugin's number. The proxy creates
    /// a request's context when its headers are there, so these are few.
    requests: Vec<(u32, u32)>,
}

impl<P> Contexts<P> {
    /// A VM without any.
    pub const fn new() -> Self {
        Self { plugins: Vec::new(), requests: Vec::new() }
    }

    /// A context begins: a plugin's if it has no parent (0), else a request's.
    pub fn create(&mut self, context: u32, parent: u32) {
        if parent == 0 {
            self.plugins.push((context, None));
        } else {
            self.requests.push((context, parent));
        }
    }

    /// A plugin has a good configuration. Requests that it has already go on with theirs.
    pub fn configure(&mut self, plugin: u32, configured: P) {
        if let Some((_, place)) = self.plugins.iter_mut().find(|(id, _)| *id == plugin) {
            *place = Some(Rc::new(configured));
        }
    }

    /// Every plugin that is configured.
    pub fn configured(&self) -> impl Iterator<Item = &P> {
        self.plugins.iter().filter_map(|(_, configured)| configured.as_deref())
    }

    /// The plugin of a request whose headers are there, once. None if it isn't known, or
    /// not configured.
    pub fn take(&mut self, request: u32) -> Option<Rc<P>> {
        let place = self.requests.iter().rposition(|(id, _)| *id == request)?;
        let (_, plugin) = self.requests.swap_remove(place);
        let (_, configured) = self.plugins.iter().find(|(id, _)| *id == plugin)?;
        configured.clone()
    }

    /// A context ends, and with a plugin's all that it holds.
    pub fn delete(&mut self, context: u32) {
        self.requests.retain(|(id, _)| *id != context);
        self.plugins.retain(|(id, _)| *id != context);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn take(contexts: &mut Contexts<&'static str>, request: u32) -> Option<&'static str> {
        contexts.take(request).map(|plugin| *plugin)
    }

    #[test]
    fn a_request_belongs_to_the_plugin_that_it_was_created_under() {
        let mut contexts = Contexts::new();
        contexts.create(1, 0);
        contexts.create(2, 0);
        contexts.configure(1, "one");
        contexts.configure(2, "two");
        contexts.create(3, 1);
        contexts.create(4, 2);
        contexts.create(5, 1);
        contexts.create(6, 0);
        assert_eq!(contexts.configured().copied().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(take(&mut contexts, 4), Some("two"));
        assert_eq!(take(&mut contexts, 3), Some("one"));
        assert_eq!(take(&mut contexts, 5), Some("one"));
        // Once.
        assert_eq!(take(&mut contexts, 3), None);
        for unknown in [0, 1, 2, 6, 7] {
            assert_eq!(take(&mut contexts, unknown), None);
        }
    }

    #[test]
    fn without_a_configuration_there_is_no_plugin() {
        let mut contexts = Contexts::new();
        contexts.create(1, 0);
        contexts.create(2, 1);
        assert_eq!(take(&mut contexts, 2), None);
        contexts.create(3, 1);
        contexts.configure(1, "first");
        contexts.configure(1, "second");
        assert_eq!(take(&mut contexts, 3), Some("second"));
        // Nobody created it.
        contexts.configure(9, "stray");
        contexts.create(10, 9);
        assert_eq!(take(&mut contexts, 10), None);
    }

    #[test]
    fn what_has_ended_leaves_nothing_behind() {
        let mut contexts = Contexts::new();
        contexts.create(1, 0);
        contexts.configure(1, "one");
        for request in 2..100 {
            contexts.create(request, 1);
            if request % 2 == 0 {
                assert_eq!(take(&mut contexts, request), Some("one"));
            }
            contexts.delete(request);
        }
        assert!(contexts.requests.is_empty());
        contexts.create(100, 1);
        contexts.delete(1);
        assert!(contexts.plugins.is_empty());
        assert_eq!(take(&mut contexts, 100), None);
    }
}
