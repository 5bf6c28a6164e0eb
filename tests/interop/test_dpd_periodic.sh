#!/usr/bin/env bash
# Periodic DPD against the clock, read from the capture's time stamps.
# Checklist: 8, 11, 12, 14, 21, 22, 44-48, 50.
# limit: 360
# measures: times of DPD
. "$(dirname "$0")/lib.sh"
lab_up
KEEPALIVE="10 periodic" PEERS="$PEER1 $PEER2"
lab_charon peer1
lab_charon peer2
vigil_start
vigil_debug
capture_start

session_with() {
	vigil "show crypto session" | grep -A 3 "UP-ACTIVE" | grep -q "Peer: $1 "
}

# since TIME [LAST]: the times after it, and not after LAST: the capture goes on while it is read.
since() { awk -v t="$1" -v last="${2:-}" '$1 > t && (last == "" || $1 <= last)'; }
afresh() {
	lab_fault up peer1
	lab_stop peer1 KILL
	vigil_again
	lab_charon peer1
	vigil_debug
}

check "8, 14: an idle tunnel is asked every 10 s"
idle() {
	began=$EPOCHREALTIME
	tunnel_up host "$PEER_IN"
	ping_all host "$PEER_IN" 2
	sleep 43
	capture_settle
	ended=$EPOCHREALTIME
}
measure idle afresh 0.08
ike_done=$(times "isakmp.exchangetype == 32 && ip.src == $GW_WAN" | tail -n 1)
probes=$(informational "$GW_WAN" "$PEER1" | since "$ike_done" "$ended")
answers=$(informational "$PEER1" "$GW_WAN" | since "$ike_done" "$ended")
equal "$(count_lines <<<"$probes")" 4 "probes in 43 s"
equal "$(count_lines <<<"$answers")" 4 "answers in 43 s"
for gap in $(gaps <<<"$probes"); do within "$gap" 10 0.1 "between two probes"; done
within "$(calc "$(head -n 1 <<<"$probes") - $ike_done")" 10 0.6 "tunnel -> first probe"

check "11, 12, 50: the peer vanishes; five probes 2 s apart, death 10 s after the first"
death() {
	sleep 1
	vanished=$EPOCHREALTIME
	lab_fault down peer1
	wait_until 25 "death" grep -q 'Crypto tunnel is DOWN' "$LAB_RUN/gw.log"
	sleep 4
	capture_settle
	run=$(informational "$GW_WAN" "$PEER1" | since "$vanished")
	began=$(head -n 1 <<<"$run") ended=$(tail -n 1 <<<"$run")
}
with_peer1_again() {
	afresh
	tunnel_up host "$PEER_IN"
}
measure death with_peer1_again 0.03
equal "$(count_lines <<<"$run")" 6 "five probes and one delete message"
for gap in $(gaps <<<"$run"); do within "$gap" 2 0.05 "between two messages"; done
within "$(calc "$(tail -n 1 <<<"$run") - $(head -n 1 <<<"$run")")" 10 0.1 "first unanswered -> death"
holds "$(tail -n 1 <<<"$run") - $vanished <= 20.1" || fail "more than seconds + 5 x retry"

check "44, 45, 47, 48: the debug lines of the document, in its order"
"$here/expect.py" "$here/expect/death.txt" "$LAB_RUN/gw.log" PEER="$PEER1" PORT=4500
check "the same lines on the terminal that asked for them"
"$here/expect.py" "$here/expect/death.txt" "$LAB_RUN/gw.debug" PEER="$PEER1" PORT=4500

check "21: the SAs to the dead peer are gone; without traffic the next one is not tried"
! session_up || fail "a session is up"
lacks "$(vigil "show crypto isakmp sa")" "$PEER1 .*QM_IDLE.*ACTIVE *\$"
equal "$(times "isakmp && ip.dst == $PEER2" | count_lines)" 0 "messages to peer2"

check "22: the next packet goes through the next peer"
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 5
has "$(vigil "show crypto session")" "Peer: $PEER2 "

check "22: the list cycles: peer2 dies, peer1 is back"
lab_stop peer1 KILL
lab_fault up peer1
lab_charon peer1
ping_start host "$PEER_IN" 1
lab_fault down peer2
wait_until 40 "a tunnel with peer1" session_with "$PEER1"
wait_until 15 "ping" ping_once host "$PEER_IN"
ping_stop 1

check "the next hop gets another MAC and tells nobody: its peer is not dead"
sleep 3
downs=$(grep -c 'Crypto tunnel is DOWN' "$LAB_RUN/gw.log")
in_ns peer1 ip link set wan0 address 02:aa:bb:cc:dd:01
sleep 24
equal "$(grep -c 'Crypto tunnel is DOWN' "$LAB_RUN/gw.log")" "$downs" "deaths"
session_with "$PEER1" || fail "there is no session with peer1"
ping_all host "$PEER_IN" 3
