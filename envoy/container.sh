#!/bin/bash
# Runs the application, given as arguments, and Envoy in front of it, as container.yaml says.
# The container ends when either of the two does, so that the platform starts a new one, and when
# the application could be reached without the filter: when it listens anywhere but on loopback,
# or on Envoy's own port. What listens is read from /proc/net, before Envoy is started and each
# second from then on; whose it is, from the open files of each process's threads, which may differ
# (/proc/PID/task/TID/fd). What that can and can't tell:
#
# - A listener that no process here holds, while the files of each could be read, belongs to
#   another container that shares this one's network (a sidecar), and is left alone.
# - When some process's files can't be read (it runs as another user, or its program has
#   capabilities), such a listener may be that process's, and ends the container. So does any of a
#   sidecar that shares this container's processes as well.
# - Where /proc is mounted with hidepid, processes of other users are invisible, and their
#   listeners taken for a sidecar's: run the application as the user that runs this script.
# - Between two looks, up to a second passes. UDP (HTTP/3) isn't looked at.
#
# A look costs about 10 ms of processor time, most of it the kernel's, 20 ms beside a sidecar.
set -u
cd "$(dirname "$0")/.." || exit 1

say() { echo "container.sh: $*" >&2; }
# shellcheck disable=SC2046 # one argument for each process
stop() { kill -TERM $(jobs -p) 2>/dev/null; }
refuse() {
    say "$*"
    # Without waiting for them: the container's end is also that of an application that stays.
    stop
    exit 1
}

# The first address there is the container's, the last the application's.
ports=$(sed -n 's/^ *socket_address: .*port_value: \([0-9]*\).*/\1/p' envoy/container.yaml)
container_port=${ports%%[!0-9]*}
application_port=${ports##*[!0-9]}
if [ "${PORT:-$container_port}" != "$container_port" ]; then
    refuse "expected requests on port $container_port, as container.yaml says, found PORT=$PORT: change one of the two"
fi
if [ ! -r /proc/net/tcp ]; then
    refuse "expected /proc/net/tcp, which tells whether the application can be reached without the filter, found none: run this on Linux with /proc mounted"
fi

# --- What listens ------------------------------------------------------------------------

# /proc/net has addresses in hexadecimal, each 32 bits of them backwards (on the machines that
# Envoy is published for): 0100007F:1F91 is 127.0.0.1:8081.
readable() {
    local address=${1%:*} text='' i
    if [ ${#address} = 8 ]; then
        text=$((16#${address:6:2})).$((16#${address:4:2})).$((16#${address:2:2})).$((16#${address:0:2}))
    elif [[ $address =~ ^0+$ ]]; then
        text='[::]'
    else
        for ((i = 0; i < 32; i += 8)); do
            text+=:${address:i+6:2}${address:i+4:2}:${address:i+2:2}${address:i:2}
        done
        text="[${text#:}]"
    fi
    echo "$text:$((16#${1#*:}))"
}

# Sets `holder` to the process that has the socket open: "" is none here, "?" can't be told. Of
# several, it isn't Envoy.
find_holder() {
    local line process='' hidden='' envoys=''
    holder=
    while read -r line; do
        case $line in
            /proc/*/fd:) process=${line#/proc/} process=${process%%/*} ;;
            *"-> socket:[$1]") if [ "$process" = "$envoy" ]; then envoys=$envoy; else holder=$process; fi ;;
            *": Permission denied") hidden='?' ;;
        esac
    done < <(LC_ALL=C ls -l /proc/[0-9]*/task/[0-9]*/fd 2>&1)
    holder=${holder:-${envoys:-$hidden}}
}

loopback='^([0-9A-F]{6}7F|0{16}F{4}0{4}[0-9A-F]{6}7F|0{24}01000000):'
envoy=none
declare -A envoys_own=()
printf -v application_hex %04X "$application_port"

# Refuses a listener that may not be there. Sets `ready` when the application listens where Envoy
# sends requests to.
look() {
    local lines=() more=() line address inode holder
    mapfile -t lines </proc/net/tcp
    [ ${#lines[@]} -gt 0 ] || refuse "/proc/net/tcp can't be read any more"
    # Without IPv6 there is none.
    [ ! -e /proc/net/tcp6 ] || mapfile -t more </proc/net/tcp6
    ready=
    for line in "${lines[@]}" "${more[@]}"; do
        # The state in which a socket listens.
        [[ $line == *" 0A "* ]] || continue
        # shellcheck disable=SC2086 # an argument for each column
        set -- $line
        address=$2 inode=${10}
        [ -z "${envoys_own[$inode]:-}" ] || continue
        if [[ $address =~ $loopback ]] && [ $((16#${address#*:})) != "$container_port" ]; then
            [[ $address != *0100007F:$application_hex ]] || ready=yes
            continue
        fi
        find_holder "$inode"
        case $holder in
            "") ;;
            "$envoy") envoys_own[$inode]=yes ;;
            *) refuse "expected the application on 127.0.0.1:$application_port (its PORT) alone, found $(readable "$address") in use by $(name_of "$holder"), where requests pass the filter by: have it listen on 127.0.0.1:$application_port" ;;
        esac
    done
}

name_of() {
    if [ "$1" = '?' ]; then
        echo "a process whose files can't be read here"
    else
        echo "process $1 ($(cat "/proc/$1/comm" 2>/dev/null))"
    fi
}

# --- The application, then Envoy ---------------------------------------------------------

stopping=
trap 'stopping=yes; stop' TERM INT

# The platform's PORT is Envoy's now.
(cd "$OLDPWD" && PORT=$application_port exec "$@") &
application=$!

# Says how a process ended, and hands its status on. Neither should end by itself, so even success
# is a failure of the container.
ended() {
    local signal=''
    [ "$2" -le 128 ] || signal=$(kill -l $(($2 - 128)) 2>/dev/null)
    [ -n "$stopping" ] || say "$1 ended with status $2${signal:+ (SIG$signal)}${3:-}"
    stop
    wait
    exit $(($2 == 0 ? 1 : $2))
}

# Envoy opens the container's port, which tells the platform that the container is ready: not
# before the application is.
told=
until look && [ -n "$ready" ]; do
    if ! kill -0 "$application" 2>/dev/null; then
        wait "$application"
        ended "the application" $? " before it listened on 127.0.0.1:$application_port"
    fi
    if [ -z "$told" ] && [ "$SECONDS" -ge 5 ]; then
        told=yes
        say "the application has not listened on 127.0.0.1:$application_port (its PORT) for $SECONDS seconds: waiting for it"
    fi
    sleep 0.1
done

# Each worker thread has a VM of its own. A container has few cores, whatever its machine has.
envoy --config-path envoy/container.yaml --disable-hot-restart --concurrency 2 \
    --log-level warning --component-log-level wasm:info &
envoy=$!
(while sleep 1; do look; done) &
guard=$!

wait -n
status=$?
if [ -n "$stopping" ]; then
    wait
    exit "$status"
elif ! kill -0 "$guard" 2>/dev/null; then
    # It has said why.
    stop
    exit 1
elif ! kill -0 "$application" 2>/dev/null; then
    ended "the application" "$status"
else
    ended Envoy "$status"
fi
