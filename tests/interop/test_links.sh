#!/usr/bin/env bash
# Links that go down and come up: what goes over them is withdrawn, and comes back with the tunnel as
# it was. One port is a veth's end (af_packet), the other a tap whose host is the kernel.
# limit: 90
. "$(dirname "$0")/lib.sh"
lab_up
export LAN=none
(umask 077 && vigil_conf gw | sed 's/net_af_packet1,iface=none/net_tap0,iface=tap0/' >"$LAB_RUN/gw.conf")
vigil_start
# The port has the address that the tap was made with.
in_ns gw ip link set tap0 address 02:00:00:00:01:02 up
in_ns gw ip addr add "$HOST/24" dev tap0
in_ns gw ip route replace 10.2.0.0/24 via "$GW_LAN"
lab_charon peer1

log_has() { [ "$(grep -cE -- "$1" "$LAB_RUN/gw.log")" -ge "${2:-1}" ]; }
is_down() { grep -q "^$1 is .*line protocol is down" <<<"$(vigil "show interfaces")"; }
is_up() { grep -q "^$1 is up, line protocol is up" <<<"$(vigil "show interfaces")"; }
routes() { vigil "show ip route"; }
spis() { vigil "show crypto ipsec sa" | grep -oE 'spi: 0x[0-9A-F]+' | sort; }
cpu_used() { awk '{ print $14 + $15 }' "/proc/${vigil_pid[gw]}/stat"; }
# A ping that a router answers instead.
unreachable() { grep -q "From $GW_LAN.*Net.* Unreachable" <<<"$(in_ns gw ping -c 1 -W 1 "$PEER_IN" 2>&1)"; }

check "a tunnel between a tap and a veth"
tunnel_up gw "$PEER_IN"
ping_all gw "$PEER_IN" 5
before=$(spis)
[ -n "$before" ] || fail "no SAs"

check "the outside loses its carrier: logged, its routes withdrawn, senders hear of it"
in_ns wan ip link set w-gw down
wait_until 15 "a line in the log" log_has '%LINK-3-UPDOWN: Interface FastEthernet0, changed state to down'
log_says '%LINEPROTO-5-UPDOWN: .*FastEthernet0, changed state to down'
is_down FastEthernet0 || fail "show interfaces"
lacks "$(routes)" '0\.0\.0\.0/0|192\.0\.2\.0'
has "$(routes)" '10\.1\.0\.0'
wait_until 15 "the host hears that there is no way" unreachable

check "it comes back: routes, and the same SAs without a word of IKE"
capture_start "$pcap" w-peer1 "udp port 500 or udp port 4500"
in_ns wan ip link set w-gw up
wait_until 15 "a line in the log" log_has '%LINEPROTO-5-UPDOWN: .*FastEthernet0, changed state to up' 2
is_up FastEthernet0 || fail "show interfaces"
has "$(routes)" '0\.0\.0\.0/0' '192\.0\.2\.0'
ping_all gw "$PEER_IN" 5
capture_stop
equal "$(spis)" "$before" "SPIs"
equal "$(packets isakmp frame.number | count_lines)" 0 "IKE messages"

check "the inside goes down, and its network with it"
in_ns gw ip link set tap0 down
wait_until 15 "FastEthernet1 is down" log_has '%LINEPROTO-5-UPDOWN: .*FastEthernet1, changed state to down'
lacks "$(routes)" '10\.1\.0\.0'
has "$(routes)" '192\.0\.2\.0'

check "what the peer sends there meanwhile does not follow the default route into the clear"
capture_start "$pcap" w-gw ip
in_ns peer1 ping -I "$PEER_IN" -c 3 -i 0.3 -W 1 "$HOST" >/dev/null || true
capture_stop
[ "$(packets 'esp' frame.number | count_lines)" -ge 3 ] || fail "nothing came through the tunnel"
equal "$(packets 'icmp' frame.number | count_lines)" 0 "packets in clear"
has "$(vigil "show counters")" ' [3-9]  drop policy-back-in-clear$'
# The port has the address that the tap was made with.
in_ns gw ip link set tap0 address 02:00:00:00:01:02 up
in_ns gw ip route replace 10.2.0.0/24 via "$GW_LAN"
wait_until 15 "FastEthernet1 is up" log_has '%LINEPROTO-5-UPDOWN: .*FastEthernet1, changed state to up' 2
ping_all gw "$PEER_IN" 5
equal "$(spis)" "$before" "SPIs"

check "five flaps while traffic flows, and a clean end"
ping_start gw "$PEER_IN" 0.1
for _ in 1 2 3 4 5; do
	in_ns wan ip link set w-gw down
	sleep 0.3
	in_ns wan ip link set w-gw up
	sleep 0.3
done
wait_until 15 "FastEthernet0 is up" is_up FastEthernet0
ping_stop 1
ping_all gw "$PEER_IN" 5
equal "$(spis)" "$before" "SPIs"
log_has 'Interface FastEthernet0, changed state to up' 3 || fail "the flaps were not seen"

check "the inside's interface goes to another namespace, and is the port's there as well"
in_ns gw ip link set tap0 netns "$LAB-road"
wait_until 15 "FastEthernet1 is down" is_down FastEthernet1
in_ns road ip link set tap0 up
in_ns road ip addr add "$HOST/24" dev tap0
in_ns road ip route replace 10.2.0.0/24 via "$GW_LAN"
wait_until 15 "FastEthernet1 is up" is_up FastEthernet1
ping_all road "$PEER_IN" 5
equal "$(spis)" "$before" "SPIs"

check "it is deleted: said to be lost, not only down, and nobody runs in circles"
in_ns road ip link del tap0
log_says '%PLATFORM-2-RESET: Interface FastEthernet1: its device was reset or removed'
is_down FastEthernet1 || fail "show interfaces"
lacks "$(routes)" '10\.1\.0\.0'
has "$(routes)" '192\.0\.2\.0'
calm() { # of 200 hundredths of a second
	local from
	from=$(cpu_used)
	sleep 2
	echo "   CPU: $(($(cpu_used) - from)) of 200"
	[ $(($(cpu_used) - from)) -lt 50 ] || fail "vigild is busy"
}
calm

check "the outside's interface is deleted, and made again: the same"
in_ns gw ip link del gw-wan
log_says '%PLATFORM-2-RESET: Interface FastEthernet0: its device was reset or removed'
is_down FastEthernet0 || fail "show interfaces"
lab_link gw gw-wan wan w-gw
stays 2 "FastEthernet0 is down" is_down FastEthernet0
calm
! log_has '%PLATFORM-2-RESET' 3 || fail "it was said twice"
vigil_stop
