#!/usr/bin/env bash
# Probes from the peer: answered though no keepalive is configured (checklist 10), and taken for
# life, so that ours need not go out (15).
# limit: 150
. "$(dirname "$0")/lib.sh"
# answers SINCE WHAT: as many informational messages from the gateway as from the peer, which were
# $asked. Those of the last second, whose answer may be on its way, do not count.
answers() {
	local counted end=$EPOCHREALTIME # the two readings see different ends of a live capture
	counted=$({
		informational "$PEER1" "$GW_WAN" | awk '{ print $1, "asked" }'
		informational "$GW_WAN" "$PEER1" | awk '{ print $1, "answered" }'
	} | sort -n | awk -v since="$1" -v end="$end" '
		$1 <= since { next }
		$1 > end || ($2 == "asked" && $1 > end - 1) { exit }
		{ n[$2]++ }
		END { print n["asked"] + 0, n["answered"] + 0 }')
	asked=${counted% *}
	equal "${counted#* }" "$asked" "$2"
}
lab_up
export DPD_DELAY=4s DPD_TIMEOUT=20s
lab_charon peer1
capture_start

check "10: without a keepalive line every probe is answered and none is sent"
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 2
sleep 30
capture_settle
answers 0 "its probes, and answers before the next one"
[ "$asked" -ge 5 ] || fail "charon asked only $asked times"
session_up || fail "the session is not up"

check "15: hellos from the peer every 4 s suppress our own, due every 10 s"
lab_stop peer1 KILL
KEEPALIVE="10 periodic"
vigil_again
lab_charon peer1
from=$EPOCHREALTIME
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 2
sleep 34
capture_stop
answers "$from" "its probes, and the gateway's messages before the next one"
[ "$asked" -ge 6 ] || fail "charon asked only $asked times"
session_up || fail "the session is not up"
