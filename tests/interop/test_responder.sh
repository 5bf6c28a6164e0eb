#!/usr/bin/env bash
# The peer starts; the peer deletes; the gateway's clean stop tells the peers.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
vigil_start

lacks_session() {
	! session_up
}

lacks_spi() {
	local sas
	sas=$(vigil "show crypto ipsec sa") && [[ $sas != *"$1("* ]]
}

check "the peer starts"
START=start lab_charon peer1
wait_until 10 "charon's child" grep -q 'CHILD_SA net{1} established' "$(peer_log peer1)"
in_ns peer1 ping -q -c 5 -i 0.2 -W 2 -I "$PEER_IN" "$HOST" >/dev/null || fail "ping from the peer"
ping_all host "$PEER_IN" 5
session_up || fail "the session is not up"

check "the peer deletes the child, and traffic makes a new one"
old=$(vigil "show crypto ipsec sa" | sed -n 's/.*current outbound spi: \(0x[0-9A-F]*\).*/\1/p')
[ -n "$old" ] || fail "no SPI is shown"
lab_ctl peer1 --terminate --child net >/dev/null
wait_until 10 "the old SA is gone" lacks_spi "$old"
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 5

check "the peer deletes the IKE SA"
lab_ctl peer1 --terminate --ike site >/dev/null
wait_until 15 "the session is gone" lacks_session
check "and starts again"
lab_ctl peer1 --initiate --child net >/dev/null
ping_all host "$PEER_IN" 5

check "the peer restarts without a word: its INITIAL-CONTACT replaces the old SAs"
lab_stop peer1 KILL
START=start lab_charon peer1
wait_until 15 "charon's new child" grep -q 'CHILD_SA net{1} established' "$(peer_log peer1)"
ping_all host "$PEER_IN" 5
equal "$(vigil "show crypto isakmp sa" | grep -c "QM_IDLE .*ACTIVE *\$")" 1 "IKE SAs that live"

check "SIGTERM: Delete payloads go out, exit status 0, nothing left behind"
# Two messages, the child's and the IKE SA's. charon's threads may take the second one first, and then
# have no IKE SA left to read the first one with: so that both went out is read from the capture.
capture_start
vigil_stop
wait_until 15 "delete of the IKE SA" grep -q 'received DELETE for IKE_SA' "$(peer_log peer1)"
capture_stop
equal "$(informational "$GW_WAN" "$PEER1" | count_lines)" 2 "Delete messages"
equal "$(lab_ctl peer1 --list-sas | count_lines)" 0 "SAs that charon still has"
[ ! -e "$LAB_RUN/gw.sock" ] || fail "the socket file is still there"
