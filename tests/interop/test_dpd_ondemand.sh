#!/usr/bin/env bash
# On-demand DPD: silent while idle, asks when traffic goes out and nothing comes back, finds a dead
# peer by traffic. Checklist: 6, 9, 12, 16, 17, 19.
# limit: 420
# measures: times of DPD
. "$(dirname "$0")/lib.sh"
lab_up
KEEPALIVE="10" PEERS="$PEER1 $PEER2"
lab_charon peer1
lab_charon peer2
vigil_start
capture_start

# since TIME [LAST]: the times after it, and not after LAST: the capture goes on while it is read.
since() { awk -v t="$1" -v last="${2:-}" '$1 > t && (last == "" || $1 <= last)'; }
session_with() {
	vigil "show crypto session" | grep -A 3 "UP-ACTIVE" | grep -q "Peer: $1 "
}

check "17: an idle tunnel sends nothing for 61 s"
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 2
sleep 1
quiet_from=$EPOCHREALTIME
sleep 61
capture_settle
equal "$(times "ip.src == $GW_WAN && frame.time_epoch > $quiet_from" | count_lines)" 0 \
	"packets from the gateway"

check "6, 9, 16: traffic out and none back, but the peer answers: a probe every 10 s, and no death"
unanswered() {
	began=$EPOCHREALTIME
	in_ns peer1 nft 'table ip mute { chain in { type filter hook input priority 0;
		icmp type echo-request drop; }; }'
	ping_start host "$PEER_IN" 0.2
	sleep 34
	ping_stop 1
	capture_settle
	ended=$EPOCHREALTIME
}
silent_again() {
	in_ns peer1 nft delete table ip mute
	tunnel_up host "$PEER_IN"
	sleep 12 # longer than an answer counts
	quiet_from=$EPOCHREALTIME
}
measure unanswered silent_again 0.3
probes=$(informational "$GW_WAN" "$PEER1" | since "$quiet_from" "$ended")
equal "$(informational "$PEER1" "$GW_WAN" | since "$quiet_from" "$ended" | count_lines)" \
	"$(count_lines <<<"$probes")" "answers"
within "$(calc "$(head -n 1 <<<"$probes") - $(times "esp && ip.src == $GW_WAN && frame.time_epoch > $quiet_from" | head -n 1)")" \
	0 0.5 "first packet after the silence -> probe"
for gap in $(gaps <<<"$probes"); do within "$gap" 10 0.5 "between two probes"; done
[ "$(count_lines <<<"$probes")" -ge 3 ] || fail "three probes were due"
session_up || fail "a live peer was given up"

check "9, 12, 19: traffic both ways, then the peer vanishes: a probe 10 s after the last packet from it"
in_ns peer1 nft delete table ip mute
death() {
	ping_start host "$PEER_IN" 0.2
	sleep 12
	vanished=$EPOCHREALTIME
	lab_fault down peer1
	wait_until 30 "traffic through peer2" session_with "$PEER2"
	wait_until 15 "ping" ping_once host "$PEER_IN"
	ping_stop 1
	capture_settle
	heard=$(times "ip.src == $PEER1 && (esp || isakmp)" | tail -n 1)
	run=$(informational "$GW_WAN" "$PEER1" | since "$vanished")
	began=$heard ended=$(tail -n 1 <<<"$run")
}
with_peer1_again() {
	lab_fault up peer1
	lab_stop peer1 KILL
	vigil_again
	lab_charon peer1
	tunnel_up host "$PEER_IN"
}
measure death with_peer1_again 0.03
capture_stop
equal "$(count_lines <<<"$run")" 6 "five probes and one delete message"
within "$(calc "$(head -n 1 <<<"$run") - $heard")" 10 0.5 "last packet from the peer -> first probe"
for gap in $(gaps <<<"$run"); do within "$gap" 2 0.05 "between two messages"; done
within "$(calc "$(tail -n 1 <<<"$run") - $(head -n 1 <<<"$run")")" 10 0.1 "first unanswered -> death"
