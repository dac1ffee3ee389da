# The issuer as a service, in an image with nothing else in it: one static program, no shell and no
# library. It runs as a user without rights, and writes to /data alone.
#
# With BuildKit, which Docker builds with since 23.0 (before: DOCKER_BUILDKIT=1):
#
#   docker build --file envoy/issuer.Dockerfile --tag issuer .
#   docker run --detach --name issuer --volume issuer:/data --publish 127.0.0.1:8080:8080 \
#     --read-only --cap-drop ALL --security-opt no-new-privileges --stop-timeout 15 issuer
#   curl http://127.0.0.1:8080/ready
#
# The first start writes the owner's API key into the volume. The other commands run beside the
# service, and find its database:
#
#   docker cp issuer:/data/issuer.env .
#   docker exec issuer issuer trust key
#   docker exec issuer issuer backup copy.db && docker cp issuer:/data/copy.db .
#
# There is no HEALTHCHECK: nothing in here could ask but the issuer itself. What runs the container
# asks over HTTP, as Kubernetes does: /ready before it sends requests, /health whether to start anew.

# The image that the program is built in. A tag can come to mean another image; to pin what you
# have checked, give the digest too: --build-arg RUST_IMAGE=rust:1.95.0-slim-bookworm@sha256:…, which
#   docker buildx imagetools inspect rust:1.95.0-slim-bookworm
# prints.
ARG RUST_IMAGE=rust:1.95.0-slim-bookworm

FROM ${RUST_IMAGE} AS build
# As `make release` does it: with musl, and a C compiler for it.
RUN apt-get update && apt-get install --yes --no-install-recommends musl-tools \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /source
COPY . .
# The caches make a second build quick. What they hold isn't in the image, hence the copy. Compose
# builds Envoy's image beside this one: one at a time fetches sources.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=issuer,target=/source/target \
    target="$(uname -m)-unknown-linux-musl" \
    && env "CC_$(uname -m)_unknown_linux_musl=musl-gcc" \
    cargo build --locked --release --target "$target" -p namespace-jwt-issuer \
    && mkdir /built \
    && cp "target/$target/release/issuer" /built/issuer
RUN mkdir /volumes && mkdir -m 700 /volumes/data /volumes/owner

FROM scratch
COPY --from=build /built/issuer /usr/local/bin/issuer
# /data, and /owner for the file with the owner's API key, where that is to be apart from the
# database, as in docker-compose.yaml. A new volume takes over the owner and the mode of what it is
# put over. A folder that is copied itself would lose its mode; one inside it doesn't.
COPY --from=build --chown=65532:65532 /volumes/ /
# `docker exec issuer issuer …` finds the program by the one, and its database by the other.
ENV PATH=/usr/local/bin ISSUER_DATABASE=sqlite:/data/issuer.db
# The container's own address: what is published decides who reaches it.
ENV ISSUER_LISTEN=0.0.0.0:8080
# A number, so that Kubernetes' runAsNonRoot can tell that it isn't root.
USER 65532:65532
# Where SQLite puts temporary files, since there is no /tmp.
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/issuer"]
CMD ["serve"]
