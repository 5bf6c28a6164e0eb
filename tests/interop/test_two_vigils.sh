#!/usr/bin/env bash
# Vigil against Vigil: no NAT, so ESP is native (protocol 50) and the debug lines show port 500.
# Checklist: 44-49.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
# The second one stands in peer1's place: the kernel gives its addresses up.
in_ns peer1 ip addr flush dev wan0
in_ns peer1 ip addr del "$PEER_IN/24" dev lo
ip link add in0 netns "$LAB-peer1" type veth peer name in1 netns "$LAB-peer1"
in_ns peer1 ip link set in0 up
in_ns peer1 ip link set in1 up

KEEPALIVE="10 periodic" vigil_start
WAN=wan0 LAN=in0 WAN_IP=$PEER1 LAN_IP=$PEER_IN PEERS=$GW_WAN NEXT_HOP=$GW_WAN \
	LOCAL_ACL="10.2.0.0 0.0.0.255" REMOTE_ACL="10.1.0.0 0.0.0.255" vigil_start peer1
vigil_debug
capture_start

check "ping of the other gateway's inside address, through native ESP"
ping_all host "$PEER_IN" 10
capture_settle
[ "$(times "esp && !udp && ip.src == $GW_WAN" | count_lines)" -ge 10 ] || fail "no native ESP"
equal "$(times "udp.port == 4500" | count_lines)" 0 "packets on port 4500"
session_up || fail "the session is not up"

check "45, 46: a probe and its answer, in the document's words, with its ports"
sleep 22
"$here/expect.py" "$here/expect/answer.txt" "$LAB_RUN/gw.log" PEER="$PEER1" PORT=500
check "44, 47, 48: the death, in the document's words, with its ports"
kill -KILL "${vigil_pid[peer1]}"
unset "vigil_pid[peer1]"
wait_until 25 "death" grep -q 'deleting SA reason "" state (I) MM_NO_STATE' "$LAB_RUN/gw.log"
sleep 1
capture_stop
"$here/expect.py" "$here/expect/death.txt" "$LAB_RUN/gw.log" PEER="$PEER1" PORT=500

check "49: node ids are signed"
grep -qE 'set new node -[0-9]+ to QM_IDLE' "$LAB_RUN/gw.log" || fail "no node id is negative"
