#!/usr/bin/env bash
# Several queues and workers from end to end: a tap with two queues, two workers, two tunnels with an
# owner each. Many flows, both ways: nothing is lost, each flow keeps its order, both workers work.
# limit: 60
. "$(dirname "$0")/lib.sh"
lab_up
far_up
far2=10.2.0.200
in_ns road ip addr add "$far2/24" dev in1
# second IN OUT KEY-IN KEY-OUT "NET WILDCARD" "NET WILDCARD": another entry of the map.
second() {
	cat <<-END
		access-list 102 permit ip $5 $6
		crypto map vpn 20 ipsec-manual
		 set peer $PEERS
		 set session-key inbound esp $1 cipher $3
		 set session-key outbound esp $2 cipher $4
		 set transform-set lab
		 match address 102
	END
}
half() { sed "s/10\.2\.0\.0 0\.0\.0\.255/10.2.0.0 0.0.0.127/"; }
key3=0102030405060708090a0b0c0d0e0f1011121314 key4=1112131415161718191a1b1c1d1e1f2021222324
export TRANSFORM=esp-gcm
(umask 077
 {
	LAN=none WORKERS=2 manual_conf gw 1000 2000 $manual_key1 $manual_key2 | half |
		sed 's/net_af_packet1,iface=none/net_tap0,iface=tap0/'
	second 1001 2001 $key3 $key4 "10.1.0.0 0.0.0.255" "10.2.0.128 0.0.0.127"
 } >"$LAB_RUN/gw.conf"
 {
	far_conf | half
	PEERS=$GW_WAN second 2001 1001 $key4 $key3 "10.2.0.128 0.0.0.127" "10.1.0.0 0.0.0.255"
 } >"$LAB_RUN/peer1.conf")
vigil_start
vigil_start peer1
# The port has the address that the tap was made with.
in_ns gw ip link set tap0 address 02:00:00:00:01:02 up
in_ns gw ip addr add "$HOST/24" dev tap0
in_ns gw ip route replace 10.2.0.0/24 via "$GW_LAN"

check "the ports' queues"
has "$(vigil "show platform ports")" "2 receive queues of 2 workers"
ping_all gw "$far" 3
ping_all gw "$far2" 3

check "40 flows of 100 datagrams through two tunnels, and back"
ns_exec road /usr/bin/python3 "$here/udp_flows.py" echo "$far" "$far2" >"$LAB_RUN/echo.out" 2>&1 &
helpers+=($!)
wait_until 15 "the echo is ready" grep -q ready "$LAB_RUN/echo.out"
vigil "clear counters" >/dev/null
in_ns gw /usr/bin/python3 "$here/udp_flows.py" send 40 100 "$far" "$far2" || fail "the flows"

check "no packet was lost inside; both queues brought some, and half of the work changed workers"
counters=$(vigil "show counters")
has "$counters" "^ +4000  encrypted" "^ +4000  decrypted"
lacks "$counters" " drop "
for w in 0 1; do
	n=$(sed -n 's/^  \([0-9]*\) packets in .* receive bursts.*/\1/p' <<<"$(vigil "show platform workers $w detail")")
	[ "${n:-0}" -gt 0 ] || fail "worker $w received nothing"
done
n=$(sed -n 's/^ *\([0-9]*\)  handed off$/\1/p' <<<"$counters")
[ "${n:-0}" -ge 1000 ] || fail "handed off: ${n:-0}"
vigil_stop
vigil_stop peer1
