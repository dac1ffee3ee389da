#!/bin/bash
# Runs the application, given as arguments, and Envoy in front of it, as container.yaml says.
# The container ends when either of the two does, so that the platform starts a new one.
set -u
cd "$(dirname "$0")/.." || exit 1
# The first address there is the container's, the last the application's.
ports=$(sed -n 's/^ *socket_address: .*port_value: \([0-9]*\).*/\1/p' envoy/container.yaml)
container_port=${ports%%[!0-9]*}
application_port=${ports##*[!0-9]}
if [ "${PORT:-$container_port}" != "$container_port" ]; then
    echo "container.sh: expected requests on port $container_port, as container.yaml says, found PORT=$PORT: change one of the two" >&2
    exit 1
fi

# shellcheck disable=SC2046 # one argument for each process
stop() { kill -TERM $(jobs -p) 2>/dev/null; }
trap stop TERM INT

# The platform's PORT is Envoy's now.
(cd "$OLDPWD" && PORT=$application_port exec "$@") &
application=$!

listens() { (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null; }

# An application on the container's own port would be taken for ready, and get every request
# without the filter.
refuse_unfiltered() {
    listens "$container_port" || return 0
    echo "container.sh: expected the application on 127.0.0.1:$application_port (PORT), found port $container_port taken, which is Envoy's: have it listen where PORT says" >&2
    # Without waiting for it: the container's end is also that of an application that stays.
    stop
    exit 1
}

# Envoy opens the container's port, which tells the platform that the container is ready:
# not before the application is.
until listens "$application_port"; do
    refuse_unfiltered
    if ! kill -0 "$application" 2>/dev/null; then
        wait "$application"
        status=$?
        echo "container.sh: the application ended with status $status before it listened on 127.0.0.1:$application_port" >&2
        exit $((status == 0 ? 1 : status))
    fi
    sleep 0.1
done
refuse_unfiltered

envoy --config-path envoy/container.yaml --disable-hot-restart &

wait -n
status=$?
stop
wait
# Neither should end by itself, so even its success is a failure of the container.
exit $((status == 0 ? 1 : status))
