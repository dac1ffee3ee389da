# A container that protects itself: an application with Envoy and the filter in front of it.
#
# The platform protects its own private functions and containers already, and needs no such
# image. It is for running the same application elsewhere, or where nothing in front of it checks
# tokens. Envoy with the filter starts with about 110 MB of memory, 46 MB of it its own and the
# rest the pages of its program, beside what the application takes.
#
#   make wasm
#   docker build --file envoy/container.Dockerfile --tag private-container .
#
# To try it here, with the keys of a namespace and a token for one application:
#
#   issuer keygen --out keys
#   (umask 077; issuer issue --key keys/private.pem --expires-in 1h \
#     --function-id 11111111-1111-4111-8111-111111111111 > token)
#   docker run --rm --publish 127.0.0.1:8080:8080 --env SCW_PUBLIC=false \
#     --env SCW_PUBLIC_KEY="$(cat keys/public.pem)" \
#     --env SCW_NAMESPACE_ID=6a1f6f4e-6a52-4b0e-8f0e-6d2a9c1b7e10 \
#     --env SCW_APPLICATION_ID=11111111-1111-4111-8111-111111111111 private-container
#
# and in another terminal: 403, 200, and the probe's 200
#
#   curl -i http://127.0.0.1:8080/
#   curl -i -H "X-Auth-Token: $(cat token)" http://127.0.0.1:8080/
#   curl -i http://127.0.0.1:8080/healthz

# The images that this one is made of. A tag can come to mean another image; to pin what you
# have checked, give the digest too: --build-arg PYTHON_IMAGE=python:3.13-slim-bookworm@sha256:…, which
#   docker buildx imagetools inspect python:3.13-slim-bookworm
# prints.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm
ARG ENVOY_IMAGE=envoyproxy/envoy:v1.40.0

FROM ${ENVOY_IMAGE} AS envoy

# The application's own image. It needs bash 4.4 or newer, sed and ls, for container.sh, and glibc,
# for Envoy.
FROM ${PYTHON_IMAGE}

COPY --from=envoy /usr/local/bin/envoy /usr/local/bin/envoy
COPY dist/namespace-jwt.wasm /opt/namespace-jwt/dist/
COPY envoy/container.yaml envoy/container.sh /opt/namespace-jwt/envoy/

# Your application here. It listens on 127.0.0.1:8081, which container.sh gives it as PORT. One
# that also listens where the filter could be passed by, such as 0.0.0.0, ends the container.
WORKDIR /app
COPY envoy/function.py ./

USER 65534
EXPOSE 8080
ENTRYPOINT ["bash", "/opt/namespace-jwt/envoy/container.sh"]
CMD ["python3", "function.py", "--port", "8081"]
