#!/usr/bin/env bash
# The peer renews both phases, under a ping of ten a second: none is lost.
# limit: 150
. "$(dirname "$0")/lib.sh"
lab_up
export CHILD_REKEY=15s IKE_REKEY=25s
lab_charon peer1
vigil_start
capture_start

check "a ping for 75 s while charon renews the child every 15 s, the IKE SA every 25 s"
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 2
ping_start host "$PEER_IN" 0.1
sleep 75
ping_stop
capture_stop
equal "$lost" 0 "lost packets"
children=$(grep -c 'CHILD_SA net{[0-9]*} established' "$(peer_log peer1)")
ike=$(grep -c 'IKE_SA site\[[0-9]*\] established' "$(peer_log peer1)")
echo "   charon made $ike IKE SAs and $children children"
[ "$children" -ge 4 ] || fail "the children were not renewed every 15 s"
[ "$ike" -ge 3 ] || fail "the IKE SA was not renewed every 25 s"
check "what is old is gone"
equal "$(vigil "show crypto isakmp sa" | grep -c "QM_IDLE .*ACTIVE *\$")" 1 "IKE SAs that live"
