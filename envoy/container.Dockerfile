# A container that protects itself: an application with Envoy and the filter in front of it.
#
#   make wasm
#   docker build --file envoy/container.Dockerfile --tag private-container .
#
# To try it here, with keys made by `issuer keygen --out keys`:
#
#   docker run --rm --publish 127.0.0.1:8080:8080 --env SCW_PUBLIC=false \
#     --env SCW_PUBLIC_KEY="$(cat keys/public.pem)" \
#     --env SCW_NAMESPACE_ID=6a1f6f4e-6a52-4b0e-8f0e-6d2a9c1b7e10 private-container
#   curl -i http://127.0.0.1:8080/

# The application's own image. It needs bash, for container.sh, and glibc, for Envoy.
FROM python:3.13-slim-bookworm

COPY --from=envoyproxy/envoy:v1.40.0 /usr/local/bin/envoy /usr/local/bin/envoy
COPY dist/namespace-jwt.wasm /opt/namespace-jwt/dist/
COPY envoy/container.yaml envoy/container.sh /opt/namespace-jwt/envoy/

# Your application here. It listens on 127.0.0.1:8081, which container.sh gives it as PORT. One
# that listens on 8080 instead would be reached without the filter: the container then ends.
WORKDIR /app
COPY envoy/function.py ./

USER 65534
EXPOSE 8080
ENTRYPOINT ["bash", "/opt/namespace-jwt/envoy/container.sh"]
CMD ["python3", "function.py", "--port", "8081"]
