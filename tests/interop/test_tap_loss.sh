#!/usr/bin/env bash
# A tap on the outside, bridged to the network, whose queue in the kernel overflows: what is lost
# there is told as missed, and while it is, silence is no proof of a peer's death.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
KEEPALIVE="10 periodic"
lab_charon peer1
(umask 077 && vigil_conf gw | sed 's/net_af_packet0,iface=gw-wan/net_tap0,iface=tap0/' >"$LAB_RUN/gw.conf")
vigil_start
# The port has the address that the tap was made with.
in_ns gw ip link set tap0 address 02:00:00:00:01:02
in_ns gw ip link add br0 type bridge
in_ns gw ip link set gw-wan master br0
in_ns gw ip link set tap0 master br0
in_ns gw ip link set br0 up
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3

missed() { sed -n 's/.* input errors, \([0-9]*\) missed.*/\1/p' <<<"$(vigil "show interfaces FastEthernet0")"; }
is_dead() { grep -q 'Crypto tunnel is DOWN' "$LAB_RUN/gw.log"; }

check "no answer comes, and the port loses frames in every window: the peer is not declared dead"
# One frame of room, so that a burst overflows it however quick the worker is.
in_ns gw ip link set tap0 txqueuelen 1
before=$(missed)
vanished=$SECONDS
lab_fault drop "ip saddr $PEER1 udp sport { 500, 4500 }"
while [ $((SECONDS - vanished)) -lt 26 ]; do # without that it is dead 20 s after its last sign of life
	in_ns peer2 ping -q -f -l 200 -c 200 -w 1 "$GW_WAN" >/dev/null || true
	sleep 0.2
	! is_dead || fail "declared dead after $((SECONDS - vanished)) s"
done
after=$(missed)
echo "   missed: $before before, $after afterwards"
[ "$after" -ge $((before + 50)) ] || fail "show interfaces"

check "nothing is lost any more, and no answer comes: it is dead"
wait_until 30 "death" is_dead
