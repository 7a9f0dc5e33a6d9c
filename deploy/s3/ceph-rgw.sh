#!/usr/bin/env bash
# A real S3 server on the loopback interface, for tests and for trying things out: Ceph's gateway over one monitor and one
# store in memory, from Debian packages:
#     apt-get install -y --no-install-recommends radosgw ceph-mon ceph-osd ceph-common
# Usage: ceph-rgw.sh FOLDER PORT ACCESS_KEY SECRET_KEY
# Everything lies below FOLDER, which is made anew, and ends with this script (Ctrl-C). The gateway listens at
# 127.0.0.1:PORT, the other two at PORT+1 to PORT+9. A day of lifecycle rules lasts ten seconds. It holds 4 GB; what is
# deleted frees its room after some seconds. It needs no root.
set -euo pipefail
folder=$1 port=$2 access_key=$3 secret_key=$4
export CEPH_CONF=$folder/ceph.conf
monitor="v1:127.0.0.1:$((port + 1))"
pids=() names=()

# server NAME COMMAND...: start one
server() {
    "${@:2}" > "$folder/$1.out" 2>&1 &
    pids+=($!)
    names+=("$1")
}

# all_run: end with what a server said last where one has ended, as where its port is taken
all_run() {
    local at
    for at in "${!pids[@]}"; do
        kill -0 "${pids[at]}" 2>/dev/null && continue
        echo "${names[at]} has ended:" >&2
        tail -5 "$folder/${names[at]}.out" >&2
        exit 1
    done
}

# set_up COMMAND...: ask the servers for something; Ceph's own programs would wait for minutes for one that has ended
set_up() {
    local asked
    "$@" >> "$folder/setup.log" 2>&1 &
    asked=$!
    while kill -0 "$asked" 2>/dev/null; do
        (all_run) || { kill "$asked" 2>/dev/null || true; exit 1; }
        sleep 0.1
    done
    wait "$asked"
}

stop() {
    trap - EXIT INT TERM
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill "${pids[i]}" 2>/dev/null || true
        for _ in $(seq 50); do  # one whose store is full waits for it for ever
            kill -0 "${pids[i]}" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "${pids[i]}" 2>/dev/null || true
        wait "${pids[i]}" 2>/dev/null || true
    done
}
trap stop EXIT
trap 'stop; exit 0' INT TERM

listens() { (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if listens; then
    echo "another server listens at 127.0.0.1:$port: Address already in use" >&2
    exit 1
fi

rm -rf "$folder"
mkdir -p "$folder"/{mon,osd,rgw}
cluster=$(cat /proc/sys/kernel/random/uuid)
cat > "$CEPH_CONF" <<CONF
[global]
fsid = $cluster
mon_host = [$monitor]
mon_initial_members = a
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_bind_msgr2 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_port_min = $((port + 2))
ms_bind_port_max = $((port + 9))
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = 4294967296
mon_data_avail_warn = 1
run_dir = $folder
log_file = $folder/\$name.log
admin_socket = $folder/\$name.asok
pid_file = $folder/\$name.pid
mgr_initial_modules =
[mon.a]
mon_data = $folder/mon
[osd.0]
osd_data = $folder/osd
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_data = $folder/rgw
rgw_lc_debug_interval = 10
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 5
rgw_gc_processor_max_time = 5
rgw_dns_name = localhost
CONF

# The store is only ever "up" where it was made with the id that the monitor gave it.
monmaptool --create --fsid "$cluster" --addv a "[$monitor]" "$folder/monmap" > "$folder/setup.log"
ceph-mon -i a --mkfs --monmap "$folder/monmap" >> "$folder/setup.log"
server mon ceph-mon -i a -f
store=$(cat /proc/sys/kernel/random/uuid)
set_up ceph osd new "$store"
set_up ceph-osd -i 0 --mkfs --osd-uuid "$store"
server osd ceph-osd -i 0 -f
set_up ceph osd crush add osd.0 1.0 root=default host=here
server rgw radosgw -f -n client.rgw.a

until listens; do
    all_run
    sleep 0.2
done
set_up radosgw-admin -n client.rgw.a user create --uid=nightbus --display-name=nightbus \
    --access-key="$access_key" --secret-key="$secret_key"
all_run
echo "ready: http://127.0.0.1:$port"
wait "${pids[2]}"
