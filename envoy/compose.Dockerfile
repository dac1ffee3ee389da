# Envoy with the filter, for docker-compose.yaml. Nothing but Docker is needed: the Rust toolchain
# is in the first stage.

# The images that this one is made of. A tag can come to mean another image; to pin what you
# have checked, give the digest too: --build-arg RUST_IMAGE=rust:1.95.0-slim-bookworm@sha256:…, which
#   docker buildx imagetools inspect rust:1.95.0-slim-bookworm
# prints.
ARG RUST_IMAGE=rust:1.95.0-slim-bookworm
ARG ENVOY_IMAGE=envoyproxy/envoy:v1.40.0

FROM ${RUST_IMAGE} AS build
RUN rustup target add wasm32-wasip1
WORKDIR /source
COPY . .
# The caches make a second build quick. What they hold isn't in the image, hence the copy. Compose
# builds the issuer's image beside this one: one at a time fetches sources.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=filter,target=/source/target \
    CARGO_TARGET_WASM32_WASIP1_LINKER=tools/wasm-linker \
    cargo build --locked --release --lib --target wasm32-wasip1 -p namespace-jwt \
    && mkdir /built \
    && cp target/wasm32-wasip1/release/namespace_jwt.wasm /built/namespace-jwt.wasm

# Not the distroless image: docker-compose.yaml uses its shell to hand what the issuer said from a
# file to the environment.
FROM ${ENVOY_IMAGE}
WORKDIR /srv
COPY --from=build /built/namespace-jwt.wasm dist/namespace-jwt.wasm
COPY envoy/compose.yaml envoy/compose.yaml
