#!/usr/bin/env bash
# Packets sent while the tunnel is negotiated are held and delivered in their order; when no tunnel
# comes they are dropped and counted, and no packet leaves in clear.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
vigil_start
lab_charon peer1
capture_start "$pcap" w-gw ip

check "eight packets in 0.1 s, as many as a flow holds (TUNNEL_HOLD_FLOW): none is lost"
ping_all host "$PEER_IN" 8 -i 0.01
capture_settle
equal "$(times icmp | count_lines)" 0 "pings on the wire in clear"
equal "$(packets "esp && ip.src == $GW_WAN" esp.sequence | paste -sd' ')" "1 2 3 4 5 6 7 8" \
	"ESP sequence numbers from the gateway"

check "the first message is lost: the retransmission brings the tunnel, the packets still arrive"
vigil "clear crypto session" >/dev/null
sleep 1
lab_fault drop 'udp dport 500'
in_ns host ping -q -c 4 -i 0.2 -W 20 "$PEER_IN" >"$LAB_RUN/held.out" 2>&1 &
held=$!
sleep 1.5
lab_fault clear
wait "$held" || true
grep -q ' 4 received' "$LAB_RUN/held.out" || fail "$(cat "$LAB_RUN/held.out")"

check "no peer at all: dropped and counted, nothing in clear"
vigil "clear crypto session" >/dev/null
sleep 1
dropped() { vigil "show counters" | awk -v why="drop tunnel-$1\$" '$0 ~ why { n += $1 } END { print n + 0 }'; }
dropped_are() { [ "$(dropped ".*")" = "$1" ]; }
equal "$(dropped ".*")" 0 "packets dropped until now"
lab_fault down peer1
ping_none host "$PEER_IN" 20
equal "$(dropped hold-full)" 12 "packets for which there was no room beside eight"
wait_until 25 "those that were held are given up, after 15 s (TUNNEL_HOLD_TICKS)" dropped_are 20
capture_stop
equal "$(times icmp | count_lines)" 0 "pings on the wire in clear"
vigil "show counters" | sed 's/^/   /' | head -40
