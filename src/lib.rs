//! Private functions and containers behind Envoy and Istio.
