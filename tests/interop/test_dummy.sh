#!/usr/bin/env bash
# Dummy packets (RFC 4303, 2.6): an idle tunnel sends them, strongSwan and another Vigil discard them
# without a word, traffic goes on beside them, and their lengths differ.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
EXTRA='crypto ipsec security-association dummy pps 25'

count_of() { # NAME COUNTER
	vigil_on "$1" "show counters" | awk -v name="$2" '{ n = $1; $1 = ""; if (substr($0, 2) == name) print n }'
}
at_least() { # NAME COUNTER N
	[ "$(count_of "$1" "$2")" -ge "$3" ]
}

check "to strongSwan: nothing is answered, and traffic goes on"
lab_charon peer1
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3
capture_start
from=$(count_of gw "dummies sent")
wait_until 20 "40 dummies" at_least gw "dummies sent" $((${from:-0} + 40))
capture_stop
[ "$(times "ip.src == $GW_WAN && udp.dstport == 4500 && esp" | count_lines)" -ge 20 ] || fail "no ESP"
equal "$(times "ip.src == $PEER1 && esp" | count_lines)" 0 "ESP of the peer"
[ "$(packets "ip.src == $GW_WAN && esp" ip.len | sort -u | count_lines)" -ge 10 ] ||
	fail "their lengths are alike"
ping_all host "$PEER_IN" 5
lab_stop peer1 KILL
vigil_stop

check "to another Vigil, which sends none"
in_ns peer1 ip addr flush dev wan0
in_ns peer1 ip addr del "$PEER_IN/24" dev lo
ip link add in0 netns "$LAB-peer1" type veth peer name in1 netns "$LAB-peer1"
in_ns peer1 ip link set in0 up
in_ns peer1 ip link set in1 up
rm -f "$LAB_RUN"/gw.*
vigil_start
WAN=wan0 LAN=in0 WAN_IP=$PEER1 LAN_IP=$PEER_IN PEERS=$GW_WAN NEXT_HOP=$GW_WAN EXTRA='' \
	LOCAL_ACL="10.2.0.0 0.0.0.255" REMOTE_ACL="10.1.0.0 0.0.0.255" vigil_start peer1
ping_all host "$PEER_IN" 3
wait_until 20 "they arrive" at_least peer1 "drop esp-dummy" 40
ping_all host "$PEER_IN" 5
has "$(vigil_on peer1 "show crypto ipsec sa")" "#pkts decaps: 8," "#recv errors 0"
equal "$(count_of peer1 "dummies sent")" "" "dummies of the other one"
has "$(vigil "show crypto map")" "Dummy packets: 25 per second"

check "an entry may go without: its next SAs send none"
vigil_config "crypto map vpn 10" "set security-association dummy pps 0" >/dev/null
vigil "clear crypto session" >/dev/null
ping_all host "$PEER_IN" 5
sent=$(count_of gw "dummies sent")
no_more() { [ "$(count_of gw "dummies sent")" = "$sent" ]; }
stays 3 "no more dummies" no_more
vigil_stop peer1
vigil_stop
