#!/usr/bin/env bash
# A strongSwan peer among the farm's hundreds: it is not disturbed when half of them die in the same
# second and come back at the rate that is admitted, and its own death is told on schedule meanwhile.
# limit: 150
. "$(dirname "$0")/lib.sh"
farm_peers=300
lab_up
in_ns peer2 ip addr flush dev wan0 # its device is the farm's
KEEPALIVE="10 2 periodic" PEERS=$PEER1 EXTRA="crypto isakmp policy 20
 encryption aes
 hash sha256
 authentication pre-share
 group 19
crypto isakmp key farm-key address 0.0.0.0 0.0.0.0
crypto call admission limit ike rate 50
crypto ipsec transform-set farm esp-gcm
 mode tunnel
crypto dynamic-map farm 10
 set transform-set farm
crypto map vpn 65535 ipsec-isakmp dynamic farm
ip route 100.64.0.0 255.192.0.0 192.0.2.2" vigil_start
DPD_DELAY=2s DPD_TIMEOUT=6s lab_charon peer1
result=$LAB_RUN/farm.json

sessions() { grep -c 'Session status: UP-ACTIVE' <<<"$(vigil "show crypto session")" || true; }
more_than() { [ "$(sessions)" -gt "$1" ]; }
downs() { grep -c "Crypto tunnel is DOWN" "$LAB_RUN/gw.log" || true; }
more_downs_than() { [ "$(downs)" -gt "$1" ]; }
told() { grep -q "Crypto tunnel is DOWN.*$PEER1" "$LAB_RUN/gw.log"; }

check "strongSwan's tunnel is up, and $farm_peers peers of the farm set up beside it"
capture_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3
ns_exec peer2 "$bin/../tests/scale/farm" --device net_af_packet0,iface=wan0 --peers $farm_peers \
	--run 11 --kill 50 --return --hellos --admit 50 --json "$result" \
	>"$LAB_RUN/farm.out" 2>&1 </dev/null &
farm=$!
helpers+=("$farm")
ping_start host "$PEER_IN" 0.2
wait_until 30 "all sessions" more_than $farm_peers
before=$(downs)

check "half of the farm dies; strongSwan's tunnel loses no packet"
wait_until 60 "the deaths" more_downs_than $((before + 140))
ping_stop
equal "$lost" 0 "pings lost by the peer that lives"
! told || fail "a false death"
lacks "$(cat "$(peer_log peer1)")" "DPD check timed out|peer not responding"

check "the dead come back, while strongSwan dies in silence"
stalls_start
late=$(turns_late)
vanished=$EPOCHREALTIME
lab_fault down peer1
status=0
wait $farm || status=$?
cat "$result"
equal "$status" 0 "status of the farm: all told, none false, none faster than admitted"
wait_until 25 "strongSwan's death" told
late=$(($(turns_late) - late))
stalls_stop
sleep 1
capture_settle
# Its Delete payload ends the run; the capture is before the cut, on the gateway's side.
run=$(informational "$GW_WAN" "$PEER1" | awk -v t="$vanished" '$1 > t')
[ "$(count_lines <<<"$run")" -ge 6 ] || fail "not five probes and one delete message"
# The farm cannot do it again. The time for which the machine stood still is allowed for; after turns
# that were late vigild asks again.
stood=$(awk -v from="$vanished" '$1 >= from { stood += $2 } END { printf "%.3f", stood }' "$LAB_RUN/stalls")
echo "   its CPU stood still for $stood s, $late turns were late"
if [ "$late" = 0 ]; then
	equal "$(count_lines <<<"$run")" 6 "five probes and one delete message"
	within "$(calc "$(tail -n 1 <<<"$run") - $(head -n 1 <<<"$run")")" 10 "$(calc "0.2 + $stood")" \
		"first unanswered -> death"
	holds "$(tail -n 1 <<<"$run") - $vanished <= 20.2 + $stood" || fail "more than seconds + 5 x retry"
fi
