#!/usr/bin/env bash
# A NIC of the kernel below a net_af_packet port that overruns: what it says it missed is told as
# missed, and while it is, silence is no proof of a peer's death. No device here overruns, so files
# are mounted over the counters that vigild reads.
# limit: 150
. "$(dirname "$0")/lib.sh"
lab_up
KEEPALIVE="10 periodic"
lab_charon peer1
counters=$LAB_RUN/counters
mkdir "$counters" "$LAB_RUN/bin"
for c in rx_missed_errors rx_fifo_errors rx_over_errors rx_dropped; do echo 1000 >"$counters/$c"; done
# It would mount a sysfs of its own if it might.
cat >"$LAB_RUN/over" <<EOF
set -e
mount -t sysfs sysfs /sys
for c in $counters/*; do mount --bind "\$c" "/sys/class/net/gw-wan/statistics/\${c##*/}"; done
exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$bin/vigild" "\$@"
EOF
printf '#!/bin/sh\nexec unshare -m bash "%s" "$@"\n' "$LAB_RUN/over" >"$LAB_RUN/bin/vigild"
chmod +x "$LAB_RUN/bin/vigild"
ln -s "$bin/vigil" "$LAB_RUN/bin/vigil"
bin=$LAB_RUN/bin
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3

missed() { sed -n 's/.* input errors, \([0-9]*\) missed.*/\1/p' <<<"$(vigil "show interfaces FastEthernet0")"; }
is_dead() { grep -q 'Crypto tunnel is DOWN' "$LAB_RUN/gw.log"; }
more() { echo $(($(<"$counters/$1") + 1)) >"$counters/$1"; }

check "what it missed before is no loss of the port"
equal "$(missed)" 0 "missed"

check "no answer comes, and the NIC overruns in every window: the peer is not declared dead"
vanished=$SECONDS
lab_fault drop "ip saddr $PEER1 udp sport { 500, 4500 }"
while [ $((SECONDS - vanished)) -lt 26 ]; do # without that it is dead 20 s after its last sign of life
	for c in rx_missed_errors rx_fifo_errors rx_over_errors; do
		more $c
		sleep 0.5
	done
	! is_dead || fail "declared dead after $((SECONDS - vanished)) s"
done
told=0
for c in rx_missed_errors rx_fifo_errors rx_over_errors; do told=$((told + $(<"$counters/$c") - 1000)); done
equal "$(missed)" "$told" "missed"

check "its driver begins anew, and what the kernel itself dropped rises: it is dead when none answers"
echo 0 >"$counters/rx_missed_errors"
dies() {
	more rx_dropped
	is_dead
}
began=$SECONDS
wait_until 30 "death" dies
echo "   dead after $((SECONDS - began)) s"
equal "$(missed)" "$told" "missed"
