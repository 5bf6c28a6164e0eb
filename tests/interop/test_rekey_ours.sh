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

check "a ping for 160 s over both rekeyings"
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 2
ping_start host "$PEER_IN" 0.1
sleep 160
ping_stop
capture_stop
equal "$lost" 0 "lost packets"

check "phase 2 was renewed, at least once, with new SPIs both ways"
out=$(packets "esp && ip.src == $GW_WAN" esp.spi | sort -u | count_lines)
in=$(packets "esp && ip.src == $PEER1" esp.spi | sort -u | count_lines)
echo "   SPIs: $out out, $in in"
[ "$out" -ge 2 ] || fail "phase 2 was not renewed, out"
[ "$in" -ge 2 ] || fail "phase 2 was not renewed, in"

check "phase 1 was renewed, at least twice, by the gateway"
ike=$(packets "isakmp && ip.src == $GW_WAN" isakmp.ispi | sort -u | count_lines)
echo "   initiator cookies: $ike"
[ "$ike" -ge 3 ] || fail "phase 1 was not renewed twice"

check "what is old is gone"
equal "$(vigil "show crypto isakmp sa" | grep -c "QM_IDLE .*ACTIVE *\$")" 1 "IKE SAs that live"
[ "$(lab_ctl peer1 --list-sas | grep -c INSTALLED)" -le 2 ] || fail "charon has more than two children"
! grep -q 'not responding' "$LAB_RUN/gw.log" || fail "a live peer was declared dead"
