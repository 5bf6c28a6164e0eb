#!/usr/bin/env bash
# A peer behind a masquerading router starts: NAT is detected, IKE and ESP go through its port, and
# DPD works through it.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
KEEPALIVE="10 periodic" PEERS=$NAT REMOTE_ACL="$ROAD 0.0.0.0" NEXT_HOP=$NAT
vigil_start
capture_start

check "the peer behind the NAT starts; pings both ways"
START=start lab_charon road
wait_until 10 "charon's child" grep -q 'CHILD_SA net{1} established' "$(peer_log road)"
ping_all road "$HOST" 5
ping_all host "$ROAD" 5
has "$(vigil "show crypto session")" "^Peer: $NAT port "
lacks "$(vigil "show crypto session")" "^Peer: $NAT port 500 "

check "probes through the NAT are answered"
sleep 22
capture_stop
[ "$(informational "$NAT" "$GW_WAN" | count_lines)" -ge 2 ] || fail "no answer came"
equal "$(times "esp && !udp" | count_lines)" 0 "native ESP packets"

check "the peer vanishes behind its NAT: found as everywhere"
lab_stop road KILL
wait_until 25 "death" grep -q 'Crypto tunnel is DOWN' "$LAB_RUN/gw.log"
! session_up || fail "a session is up"
