#!/usr/bin/env bash
# Probes from the peer: answered though no keepalive is configured (checklist 10), and taken for
# life, so that ours need not go out (15).
# limit: 150
. "$(dirname "$0")/lib.sh"
lab_up
export DPD_DELAY=4s DPD_TIMEOUT=20s
lab_charon peer1
capture_start

check "10: without a keepalive line every probe is answered and none is sent"
vigil_start
ping_all host "$PEER_IN" 2
sleep 30 # between two of its probes, so that both sides are counted at the same moment
asked=$(grep -c 'sending DPD request' "$(peer_log peer1)")
equal "$(informational "$GW_WAN" "$PEER1" | count_lines)" "$asked" "answers to $asked probes"
[ "$asked" -ge 5 ] || fail "charon asked only $asked times"
session_up || fail "the session is not up"

check "15: hellos from the peer every 4 s suppress our own, due every 10 s"
lab_stop peer1 KILL
KEEPALIVE="10 periodic"
vigil_again
lab_charon peer1
from=$EPOCHREALTIME
ping_all host "$PEER_IN" 2
sleep 34
capture_stop
asked=$(grep -c 'sending DPD request' "$(peer_log peer1)")
equal "$(informational "$GW_WAN" "$PEER1" | awk -v t="$from" '$1 > t' | count_lines)" "$asked" \
	"informational messages from the gateway, for $asked probes of the peer"
[ "$asked" -ge 6 ] || fail "charon asked only $asked times"
session_up || fail "the session is not up"
