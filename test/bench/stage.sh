# The stage of run, soak and mutate: a scratch directory, a broker, gateways and references, all on
# loopback, all ended when the script ends. To be sourced; needs $root and a build in $build.

scratch=$(mktemp -d)
restart_pid=
started=() # process ids, in the order of their start; the last one is ended first

end_all() {
    trap '' INT TERM HUP
    local i
    end_restarted
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        end_process "${started[i]}" || true
    done
    rm -rf "$scratch"
}
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# lives PID: whether it is there and no zombie with all its threads; a large process lets go of its files last
lives() { [ -e "/proc/$1" ] && { ! grep -q ") [ZX]" "/proc/$1/stat" || [ -n "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 ! -name "$1")" ]; } 2>/dev/null; }

# end_process PID: asks it to leave, insists after a while; its exit status (137: it had to be killed)
end_process() {
    local pid=$1 i status=0
    kill -TERM "$pid" 2>/dev/null || true
    for ((i = 0; i < 1500; i++)); do
        lives "$pid" || break
        sleep 0.02
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || status=$?
    return "$status"
}

say() { printf '%s: %3d s: %s\n' "${0##*/}" "$SECONDS" "$*"; }
die() {
    say "$*" >&2
    exit 1
}

build_release() {
    [ -z "${BENCH_BUILD-}" ] || return 0 # somebody built already, perhaps with sanitizers
    say "building (build/release)"
    (cd "$root" && cmake --preset release -DLWM2MQTT_TESTS=ON &&
        cmake --build --preset release --target lwm2mqtt lwm2m-bench bench-echo bench-server \
            bench-coap bench-dtls bench-publisher) >"$scratch/build.log" 2>&1 || {
        tail -n 40 "$scratch/build.log" >&2
        die "the build failed"
    }
}
build=${BENCH_BUILD:-$root/build/release}
bench=$build/test/bench

# wait_until SECONDS COMMAND…
wait_until() {
    local i tenths=$(($1 * 10))
    shift
    for ((i = 0; i < tenths; i++)); do
        "$@" 2>/dev/null && return
        sleep 0.1
    done
    return 1
}

# No limit on unconfirmed messages: mosquitto's default of 20 would be what is measured.
# The broker tells every second how much it received; that is how publishes are counted.
start_broker() {
    broker_port=$("$root/test/ports.py" tcp)
    printf '%s\n' "listener $broker_port 127.0.0.1" "allow_anonymous true" "persistence false" \
        "sys_interval 1" "max_inflight_messages 0" "max_queued_messages 0" "log_type error" \
        "user $(id -un)" >"$scratch/mosquitto.conf"
    PATH=$PATH:/usr/sbin mosquitto -c "$scratch/mosquitto.conf" >"$scratch/mosquitto.log" 2>&1 &
    broker_pid=$!
    started+=("$broker_pid")
    wait_until 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$broker_port" ||
        die "mosquitto does not start: $(cat "$scratch/mosquitto.log")"
}

# start_gateway NAME UPDATE_PUBLISH AUTO_OBSERVE NOTIFY_QOS [STORE [PSK_FILE]]: sets server_pid,
# server_port; with keys the listener is one of DTLS.
start_gateway() {
    local transport=udp
    [ -z "${6-}" ] || transport=dtls
    server_port=$("$root/test/ports.py" udp)
    cat >"$scratch/$1.yaml" <<YAML
mqtt:
  broker: mqtt://127.0.0.1:$broker_port
  client_id: bench
  clean_start: true
  topics:
    notify: {topic: up/notify, qos: $4}
lwm2m:
  listeners:
    - {transport: $transport, bind: "127.0.0.1:$server_port"}
  xml_dir: $root/objects-xml/oma
  update_publish: $2
  auto_observe: $3
  max_devices: 1000000
store: {path: "${5-}"}
YAML
    [ -z "${6-}" ] || printf 'security: {psk_file: "%s"}\n' "$6" >>"$scratch/$1.yaml"
    "$build/gateway/lwm2mqtt" -c "$scratch/$1.yaml" >"$scratch/$1.log" 2>&1 &
    server_pid=$!
    started+=("$server_pid")
    wait_until 20 grep -q broker-connected "$scratch/$1.log" ||
        die "the gateway does not start: $(cat "$scratch/$1.log")"
}

# prepare_restart NAME: sets restart_script, for bash and the fleet's --restart: it kills the gateway and starts
# it anew with the same files. end_restarted ends what it started, which is no child of ours.
prepare_restart() {
    restart_script=$scratch/$1.restart
    restart_pid=$scratch/$1.pid
    echo "$server_pid" >"$restart_pid"
    cat >"$restart_script" <<SCRIPT
old=\$(cat "$restart_pid")
kill -KILL "\$old"
$(declare -f lives)
while lives "\$old"; do sleep 0.005; done
"$build/gateway/lwm2mqtt" -c "$scratch/$1.yaml" >>"$scratch/$1.log" 2>&1 </dev/null &
echo \$! | tee "$restart_pid"
SCRIPT
}

end_restarted() {
    [ -n "$restart_pid" ] && [ -s "$restart_pid" ] || return 0
    end_process "$(cat "$restart_pid")" || true # 127: not a child
    rm -f "$restart_pid"
}

# start_server NAME COMMAND…: a reference that prints its port; sets server_pid, server_port
start_server() {
    local name=$1
    shift
    "$@" >"$scratch/$name.log" 2>&1 &
    server_pid=$!
    started+=("$server_pid")
    wait_until 10 grep -q '^port ' "$scratch/$name.log" || die "$name does not start"
    server_port=$(awk '/^port / { print $2 }' "$scratch/$name.log")
}

# stop_server: what start_gateway or start_server started last; its exit status
stop_server() {
    local left=() one
    for one in "${started[@]}"; do
        [ "$one" = "$server_pid" ] || left+=("$one")
    done
    started=("${left[@]}")
    end_process "$server_pid"
}

# fleet SUBJECT ARGUMENTS…: lwm2m-bench against what runs, rows into $rows
fleet() {
    local subject=$1
    shift
    "$bench/lwm2m-bench" --server "$server_port" --pid "$server_pid" --subject "$subject" \
        --out "$rows" "$@"
}

# with_broker: the options that make lwm2m-bench look at the broker, too
with_broker() { printf '%s\n' --broker "$broker_port" --broker-pid "$broker_pid"; }

# note MEMBERS: a row of our own
note() { printf '{%s}\n' "$1" >>"$rows"; }

conditions() {
    note "$(printf '"subject":"conditions","cores":%d,"load":"%s","model":"%s","kernel":"%s","commit":"%s","date":"%s"' \
        "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)" \
        "$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)" \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)")"
}
