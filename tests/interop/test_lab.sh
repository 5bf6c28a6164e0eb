#!/usr/bin/env bash
# The lab itself: charon as the gateway against charon as the peer, so that a failure of another
# scenario is the gateway's.
# limit: 60
. "$(dirname "$0")/lib.sh"
lab_up kernel
installed() { grep -q INSTALLED <<<"$(lab_ctl peer1 --list-sas)"; }
for proposals in "3des-sha1-modp1024 3des-sha1" "aes256-sha384-ecp384 aes256gcm16"; do
	read -r IKE ESP <<<"$proposals"
	export IKE ESP
	check "charon to charon with $IKE, $ESP"
	lab_charon peer1
	lab_charon gw
	lab_ctl gw --initiate --child net >/dev/null
	wait_until 10 "the peer's child" installed
	ping_all host "$PEER_IN" 5
	lab_stop gw
	lab_stop peer1
done
check "a link that is down carries nothing, and comes back"
ping_all gw "$PEER1" 2
lab_fault down peer1
ping_none gw "$PEER1" 2
lab_fault up peer1
wait_until 10 "ping again" ping_once gw "$PEER1"
