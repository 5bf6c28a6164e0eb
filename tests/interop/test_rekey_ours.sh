#!/usr/bin/env bash
# The gateway renews both phases before they expire, under a ping of ten a second: none is lost.
# The shortest lifetimes of the configuration: 60 s for phase 1, 120 s for phase 2.
# limit: 240
. "$(dirname "$0")/lib.sh"
lab_up
POLICY="$POLICY|lifetime 60"
EXTRA="crypto ipsec security-association lifetime seconds 120"
KEEPALIVE="10 periodic"
lab_charon peer1
vigil_start
capture_start

# Looks every other second. Traffic goes on through what is new.
renewed() {
	sleep 2
	out=$(packets "esp && ip.src == $GW_WAN" esp.spi | sort -u | count_lines)
	in=$(packets "esp && ip.src == $PEER1" esp.spi | sort -u | count_lines)
	ike=$(packets "isakmp && ip.src == $GW_WAN" isakmp.ispi | sort -u | count_lines)
	[ "$out" -ge 2 ] && [ "$in" -ge 2 ] && [ "$ike" -ge 3 ]
}

check "a ping while phase 2 is renewed, with new SPIs both ways, and phase 1 twice, by the gateway"
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 2
ping_start host "$PEER_IN" 0.1
sleep 70 # half a life of phase 2, before which there is nothing to see
wait_until 100 "the renewals" renewed
sleep 10
ping_stop
capture_stop
echo "   after $SECONDS s: SPIs $out out, $in in; initiator cookies: $ike"
equal "$lost" 0 "lost packets"

check "what is old is gone"
equal "$(vigil "show crypto isakmp sa" | grep -c "QM_IDLE .*ACTIVE *\$")" 1 "IKE SAs that live"
[ "$(lab_ctl peer1 --list-sas | grep -c INSTALLED)" -le 2 ] || fail "charon has more than two children"
! grep -q 'not responding' "$LAB_RUN/gw.log" || fail "a live peer was declared dead"
