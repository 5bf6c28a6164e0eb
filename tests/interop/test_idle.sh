#!/usr/bin/env bash
# A gateway that has nothing to do, `idle adaptive`: its worker waits for the sockets of its ports and
# needs next to no CPU, and so does the control core; frames and commands still wake them. The
# benchmark for it in small. It says nothing about speed.
# limit: 90
. "$(dirname "$0")/lib.sh"
lab_up
vigil_start

# CPU time in ns of the gateway's thread with this name; the control core is the main thread.
cpu_of() {
	local task
	for task in /proc/"${vigil_pid[gw]}"/task/*; do
		if [ "$(<"$task/comm")" = "$1" ]; then
			cut -d' ' -f1 "$task/schedstat"
			return
		fi
	done
	fail "no thread $1"
}
detail() {
	vigil_on "${1:-gw}" "show platform workers 0 detail"
}
port_wakes() {
	detail "${1:-gw}" | sed -n 's/.*ended by a port \([0-9]*\),.*/\1/p'
}

came_in() {
	grep -q "^  $2 packets in" <<<"$(detail "$1")"
}

check "idle, the worker and the control core need less than 10 % of a CPU each"
has "$(detail)" '^  Waits for interrupts when idle: [1-9][0-9]* sleeps, '
sleep 1
worker=$(cpu_of rte-worker-1) control=$(cpu_of vigild) began=$(date +%s%N)
sleep 3
worker=$(($(cpu_of rte-worker-1) - worker)) control=$(($(cpu_of vigild) - control))
passed=$(($(date +%s%N) - began))
echo "of $((passed / 1000000)) ms the worker ran $((worker / 1000)) us, the control core $((control / 1000)) us"
[ $((worker * 10)) -lt "$passed" ] || fail "the worker is busy"
[ $((control * 10)) -lt "$passed" ] || fail "the control core is busy"

check "a frame wakes the worker"
before=$(port_wakes)
in_ns host ping -c 3 -i 0.3 -W 2 "$GW_LAN" >/dev/null
[ "$(port_wakes)" -gt "$before" ] || fail "no sleep was ended by a port"

check "so does a burst at a port whose interrupts are armed before each sleep"
vigil_conf vh | sed -E "s|net_af_packet([01]),iface=.*|net_vhost\\1,iface=$LAB_RUN/vhost\\1|" >"$LAB_RUN/vh.conf"
vigil_start vh gw
has "$(detail vh)" '^  Waits for interrupts when idle: '
leftovers+=("/var/run/dpdk/vh$$") # of testpmd
for i in 1 2 3; do
	before=$(port_wakes vh)
	# What it has sent is lost if it goes before the worker has had the CPU.
	(printf '%s\n' "set fwd rxonly" "start tx_first" && sleep 0.5 && printf '%s\n' "stop" "quit") |
		timeout 30 dpdk-testpmd --no-huge -m 64 --no-pci --no-shconf --no-telemetry --file-prefix="vh$$" \
			--lcores=0@0,1@0 --vdev "net_virtio_user0,path=$LAB_RUN/vhost0,queues=1" \
			-- -i --total-num-mbufs=2048 >"$LAB_RUN/testpmd.out" 2>&1 || fail "$(tail -n 3 "$LAB_RUN/testpmd.out")"
	wait_until 15 "$((i * 32)) packets came in" came_in vh $((i * 32))
	[ "$(port_wakes vh)" -gt "$before" ] || fail "no sleep was ended by a port"
done
vigil_stop vh

check "the benchmark: three ways, frames that all came through"
"${bin%/controlplane}/tests/perf/idle_bench" --rounds 1 --json "$LAB_RUN/idle.json" >"$LAB_RUN/idle.out" 2>&1 ||
	fail "$(tail -n 3 "$LAB_RUN/idle.out")"
/usr/bin/python3 - "$LAB_RUN/idle.json" <<'END' || fail "the JSON is not as it should be"
import json
import sys

results = json.load(open(sys.argv[1], encoding="utf-8"))["results"]
assert [r["way"] for r in results] == ["poll", "nap", "interrupt"], results
for r in results:
    assert r["asleep"]["frames"] + r["asleep"]["lost"] == 200, r
    assert r["light"]["frames"] + r["light"]["lost"] == 1000, r
    # Lost is what takes more than 0.2 s, for which the machine may stand still.
    assert r["asleep"]["lost"] + r["light"]["lost"] <= 2, r
    assert 0 < r["asleep"]["p50"] <= r["asleep"]["p99"] <= r["asleep"]["max"], r
assert results[2]["idle_worker"] < results[1]["idle_worker"], results
END
vigil_stop
