#!/usr/bin/env bash
# strongSwan ends children with their IKE SA, and says nothing of them: whatever ends the IKE SA, the
# tunnels carry traffic again soon after.
# limit: 150
. "$(dirname "$0")/lib.sh"
lab_up
EXTRA="access-list 101 permit ip 10.1.0.0 0.0.0.255 10.4.0.0 0.0.0.255
access-list 101 permit ip 10.1.0.0 0.0.0.255 10.5.0.0 0.0.0.255"
KEEPALIVE="10 periodic"
lab_charon peer1
vigil_start
tunnel_up host "$PEER_IN"

answers() {
	ping_once host "$PEER_IN"
}
# One IKE SA at the peer, with one child.
settled() {
	[ "$(lab_ctl peer1 --list-sas | grep -c ESTABLISHED)" = 1 ] &&
		[ "$(lab_ctl peer1 --list-sas | grep -c INSTALLED)" = 1 ]
}

check "clear crypto isakmp: a new IKE SA at once, and children on it"
old=$(vigil "show crypto isakmp sa" | awk '/QM_IDLE/ { print $4 }')
vigil "clear crypto isakmp $old" >/dev/null
wait_until 10 "the tunnel carries traffic" answers
new=$(vigil "show crypto isakmp sa" | awk '/QM_IDLE/ { print $4 }')
[[ -n $new && $new != "$old" ]] || fail "the IKE SA was $old and is ${new:-none}"
ping_all host "$PEER_IN" 10
wait_until 20 "old ones are gone" settled

check "refusals of other lines end nothing"
ike=$(vigil "show crypto isakmp sa" | awk '/QM_IDLE/ { print $4 }')
for _ in 1 2 3 4 5 6 7 8; do
	in_ns host ping -c 1 -W 0.2 10.4.0.1 >/dev/null || true
	in_ns host ping -c 1 -W 0.2 10.5.0.1 >/dev/null || true
	in_ns host ping -c 4 -i 0.5 -W 1 "$PEER_IN" >/dev/null || fail "no answer"
done
equal "$(vigil "show crypto isakmp sa" | awk '/QM_IDLE/ { print $4 }')" "$ike" "IKE SA"

check "the peer does not hear IKE for a while, but ESP: then all goes on"
in_ns peer1 nft add table ip vigiltest
in_ns peer1 nft add chain ip vigiltest in '{ type filter hook input priority 0 ; }'
in_ns peer1 nft add rule ip vigiltest in udp dport 4500 @th,64,32 0 drop
ping_start host "$PEER_IN" 0.5
given_up() {
	in_ns host ping -c 1 -W 0.2 10.4.0.1 >/dev/null || true # a quick mode, unless one has just failed
	grep -q "answers nothing on its IKE SA" "$LAB_RUN/gw.log"
}
wait_until 60 "a quick mode had no answer" given_up
in_ns peer1 nft delete table ip vigiltest
wait_until 30 "the tunnel carries traffic" answers
ping_stop
ping_all host "$PEER_IN" 5
wait_until 40 "one IKE SA and one child are left" settled
ping_all host "$PEER_IN" 5
