#!/usr/bin/env bash
# Are the peers of tests/scale peers? strongSwan stands in the gateway's place: it takes them up,
# asks them and is asked, its ESP is answered, and its Delete is understood.
# limit: 120
. "$(dirname "$0")/lib.sh"
peers=20
lab_up kernel
in_ns peer1 ip addr flush dev wan0 # its device is the farm's
in_ns gw ip route add 100.64.0.0/10 via 192.0.2.2
in_ns gw ip addr add 172.20.0.2/16 dev lo # the host in the LAN that pings
REMOTE=%any LOCAL_NET=172.20.0.0/16 REMOTE_NET=10.0.0.0/8 PSK=farm-key IKE=aes128-sha256-ecp256 \
	ESP=aes128gcm16 DPD_DELAY=2s DPD_TIMEOUT=8s lab_charon gw
result=$LAB_RUN/farm.json

figure() {
	sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$result" | head -n 1
}
established() {
	lab_ctl gw --list-sas | grep -c 'ESTABLISHED, IKEv1' || true
}
installed() {
	[ "$(lab_ctl gw --list-sas | grep -c 'INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-128')" = "$1" ]
}
none_left() {
	[ "$(established)" = 0 ]
}

check "$peers peers of the farm set up with strongSwan"
ns_exec peer1 "$bin/../tests/scale/farm" --device net_af_packet0,iface=wan0 --peers $peers --nat \
	--traffic 100 --run 25 --kill 0 --hellos --interval 5 --json "$result" \
	>"$LAB_RUN/farm.out" 2>&1 </dev/null &
farm=$!
helpers+=("$farm")
wait_until 25 "$peers children" installed $peers

check "ESP that strongSwan makes is answered, and strongSwan takes the answer"
for i in 1 7 $peers; do
	ping_all gw "10.0.0.$i" 5 -I 172.20.0.2 -s $((i * 60))
done

check "strongSwan's Delete is understood"
one=$(lab_ctl gw --list-sas | sed -n 's/^site: #\([0-9]*\), ESTABLISHED.*/\1/p' | head -n 1)
lab_ctl gw --terminate --ike-id "$one" >/dev/null

check "strongSwan asks, and is asked"
status=0
wait $farm || status=$?
cat "$result"
equal "$status" 1 "status of the farm, which takes the Delete for a death"
equal "$(figure false_deaths)" 1 "Deletes that the farm got"
equal "$(figure up)" $peers "peers that came up"
equal "$(figure bad)" 0 "messages that the farm could not take"
equal "$(figure answered_by_peers)" 15 "pings that the farm answered"
[ "$(figure probes)" -ge $((peers * 5)) ] || fail "strongSwan asked $(figure probes) times"
# The one whose IKE SA is gone asks no more.
[ "$(figure asked)" -ge $((peers * 4)) ] || fail "the farm asked $(figure asked) times"
equal "$(figure told)" "$(figure asked)" "strongSwan's answers to the farm"
lacks "$(cat "$(peer_log gw)")" "invalid HASH|integrity check failed|could not decrypt|DPD .* out of order"

check "the farm has ended, and strongSwan finds its peers dead: their answers had kept them alive"
wait_until 30 "strongSwan has no SA left" none_left
