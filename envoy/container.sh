#!/bin/bash
# Runs the application, given as arguments, and Envoy in front of it, as container.yaml says.
# The container ends when either of the two does, so that the platform starts a new one.
set -u
cd "$(dirname "$0")/.." || exit 1
# The last address there: the application's.
application_port=$(sed -n 's/.*address: 127\.0\.0\.1, port_value: \([0-9]*\).*/\1/p' envoy/container.yaml | tail -n 1)

# shellcheck disable=SC2046 # one argument for each process
stop() { kill -TERM $(jobs -p) 2>/dev/null; }
trap stop TERM INT

# The platform's PORT is Envoy's now.
(cd "$OLDPWD" && PORT=$application_port exec "$@") &
application=$!

# Envoy opens the container's port, which tells the platform that the container is ready:
# not before the application is.
until (: </dev/tcp/127.0.0.1/"$application_port") 2>/dev/null; do
    if ! kill -0 "$application" 2>/dev/null; then
        wait "$application"
        status=$?
        echo "container.sh: the application ended with status $status before it listened on 127.0.0.1:$application_port" >&2
        exit $((status == 0 ? 1 : status))
    fi
    sleep 0.1
done

envoy --config-path envoy/container.yaml --disable-hot-restart &

wait -n
status=$?
stop
wait
# Neither should end by itself, so even its success is a failure of the container.
exit $((status == 0 ? 1 : status))
