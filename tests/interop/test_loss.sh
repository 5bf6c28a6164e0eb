#!/usr/bin/env bash
# A path that loses a tenth of all packets for 60 s: the peer is never taken for dead. What the port
# itself has no room for is counted.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
KEEPALIVE="10 periodic"
lab_charon peer1
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 2

check "10 % loss for 60 s, some traffic"
lab_fault loss 10
ping_start host "$PEER_IN" 1
sleep 60
ping_stop 1
gone=$(in_ns wan nft list table bridge fault | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')
lab_fault clear
echo "   $gone packets were dropped on the path"
[ "$gone" -ge 1 ] || fail "nothing was dropped on the path"
! grep -q 'not responding' "$LAB_RUN/gw.log" || fail "a live peer was declared dead"
[ "$lost" -lt 30 ] || fail "too much was lost"
session_up || fail "the session is not up"
ping_all host "$PEER_IN" 5
equal "$(grep -c 'IKE_SA site\[[0-9]*\] established' "$(peer_log peer1)")" 1 "IKE SAs that charon ever made"

check "frames for which the port's ring has no room, while nobody reads it, are told as missed"
missed() { sed -n 's/.* input errors, \([0-9]*\) missed.*/\1/p' <<<"$(vigil "show interfaces FastEthernet0")"; }
before=$(missed)
kill -STOP "${vigil_pid[gw]}"
in_ns peer1 ping -q -f -l 3000 -c 3000 -w 1 "$GW_WAN" >/dev/null || true
kill -CONT "${vigil_pid[gw]}"
after=$(missed)
echo "   missed: $before before, $after afterwards"
[ "$after" -ge $((before + 2000)) ] || fail "show interfaces"
ping_all host "$PEER_IN" 5
session_up || fail "the session is not up"
