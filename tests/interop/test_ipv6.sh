#!/usr/bin/env bash
# IPv6 through the gateway, between Linux hosts: neighbours, hop limit, packets that are too long,
# fragments, scope, TCP's segments, routes that come and go, access lists; IKE over IPv6 with
# strongSwan.
# limit: 180
. "$(dirname "$0")/lib.sh"
six=2001:db8
gw_lan=$six:a::1 host6=$six:a::10 gw_wan=$six:1::1 peer6=$six:1::11 far=$six:b::1
lab_up
for n in host peer1; do
	in_ns "$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.all.accept_dad=0
done
in_ns host sysctl -qw net.ipv6.conf.host0.disable_ipv6=0
in_ns peer1 sysctl -qw net.ipv6.conf.wan0.disable_ipv6=0
in_ns host ip addr add "$host6/64" dev host0 nodad
in_ns host ip -6 route add default via "$gw_lan"
in_ns peer1 ip addr add "$peer6/64" dev wan0 nodad
in_ns peer1 ip addr add "$far/128" dev lo nodad
in_ns peer1 ip addr add "$six:c::1/128" dev lo nodad
in_ns peer1 ip -6 route add "$six:a::/64" via "$gw_wan"
peer_ll=$(in_ns peer1 ip -6 -o addr show dev wan0 scope link | sed 's/.*inet6 \([^/]*\).*/\1/')
(
	umask 077
	cat >"$LAB_RUN/gw.conf" <<-END
		hostname gw
		platform
		 workers 1
		 memory 512
		 no hugepages
		 idle adaptive
		 socket $LAB_RUN/gw.sock
		 port FastEthernet0 net_af_packet0,iface=gw-wan
		 port FastEthernet1 net_af_packet1,iface=gw-lan
		logging file $LAB_RUN/gw.log
		ipv6 unicast-routing
		interface FastEthernet0
		 ipv6 address $gw_wan/64
		interface FastEthernet1
		 ipv6 address $gw_lan/64
		 ipv6 address fe80::1 link-local
		ipv6 route $six:b::/48 FastEthernet0 $peer_ll
		ipv6 route $six:c::/48 $peer6
	END
)
# From the host, one ping with these options; what it said is in $out.
one_ping() {
	out=$(in_ns host ping -n -c 1 -W 2 "$@" 2>&1) || true
}
count() { # of a counter
	vigil "show counters all" | sed -n "s/^ *\([0-9]*\)  $1\$/\1/p"
}

phase1_up() {
	grep -q 'state: QM_IDLE' <<<"$(vigil "show crypto isakmp sa")"
}
probe_answered() {
	[ "$(count "dpd acks received")" -ge 1 ]
}

vigil_start
check "the gateway answers on each of its addresses"
wait_until 10 "the addresses are in use" in_ns host ping -n -q -c 1 -W 1 "$gw_lan"
ping_all host "$gw_lan" 3
ping_all host fe80::1%host0 3
ping_all host "$gw_wan" 3
one_ping "$gw_lan"
has "$out" 'from 2001:db8:a::1: .*ttl=64'

check "hosts reach each other through it, both ways"
ping_all host "$peer6" 5
one_ping "$peer6"
has "$out" 'from 2001:db8:1::11: .*ttl=63'
ping_all peer1 "$host6" 5
has "$(vigil "show ipv6 neighbors")" "^$host6 .* (REACH|STALE|PROBE) FastEthernet1\$" "^$peer6 .* FastEthernet0\$"

check "the gateway pings: as it is, from an address of its own, in fragments; and says when it cannot"
pinged() { # COUNT ARGUMENT...
	local text count=$1
	shift
	text=$(vigil "ping $*") || true
	has "$text" "ICMP Echos to" "^!{$count}\$" "Success rate is 100 percent \($count/$count\)"
}
pinged 5 "$peer6"
pinged 3 "ipv6 $host6 repeat 3 source FastEthernet0"
pinged 3 "$host6 repeat 3 source $gw_wan size 1900"
has "$(vigil "ping $six:ffff::1 repeat 2" || true)" "^\.\.\$" "Success rate is 0 percent"
has "$(vigil "ping $host6 source $host6" || true)" "Invalid source"
has "$(vigil "ping $host6 size 47" || true)" "% Invalid input|\^"

check "routes by a global and by a link-local next hop"
ping_all host "$far" 3
ping_all host "$six:c::1" 3
routes=$(vigil "show ipv6 route")
has "$routes" "^C   $six:1::/64 \[0/0\]\$" "^L   $gw_wan/128 \[0/0\]\$" "^S   $six:b::/48 \[1/0\]\$" \
	"via $peer_ll, FastEthernet0" "via $peer6\$"

check "what it says about packets that end here"
one_ping -t 1 "$peer6"
has "$out" "^From $gw_lan:? icmp_seq=1 Time exceeded: Hop limit"
one_ping -t 2 "$peer6"
has "$out" "from $peer6: "
one_ping "$six:ffff::1"
has "$out" "^From $gw_lan:? icmp_seq=1 Destination unreachable: No route"
before=$(count "drop ipv6-scope")
one_ping -I "$(in_ns host ip -6 -o addr show dev host0 scope link | sed 's/.*inet6 \([^/]*\).*/\1/')%host0" "$peer6"
lacks "$out" "from $peer6"
[ "$(count "drop ipv6-scope")" -gt "${before:-0}" ] || fail "a link-local source went on"

check "fragments: to the gateway and back, and through it"
ping_all host "$gw_lan" 3 -s 3000
[ "$(count reassembled)" -ge 3 ] || fail "nothing was reassembled"
ping_all host "$peer6" 3 -s 3000

check "packet too big, and what Linux makes of it"
vigil_config "interface FastEthernet0" "ipv6 mtu 1280" >/dev/null
one_ping -M "do" -s 1300 "$peer6"
has "$out" "^From $gw_lan:? icmp_seq=1 Packet too big: mtu=1280"
ping_all host "$peer6" 3 -s 1400
has "$(in_ns host ip -6 route get "$peer6")" "mtu 1280"
vigil_config "interface FastEthernet0" "no ipv6 mtu" >/dev/null
in_ns host ip -6 route flush cache

check "ipv6 tcp adjust-mss: both ends of a connection"
connection() {
	: >"$LAB_RUN/server.out" # here, lest the line of the server before is taken for this one's
	ns_exec peer1 timeout 20 /usr/bin/python3 -c "
import socket
s = socket.create_server(('$peer6', 5000), family=socket.AF_INET6)
print('ready', flush=True)
c, _ = s.accept()
c.recv(1)
print(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG), flush=True)" >"$LAB_RUN/server.out" &
	server=$!
	wait_until 10 "the server listens" grep -q ready "$LAB_RUN/server.out"
	client=$(in_ns host timeout 20 /usr/bin/python3 -c "
import socket
c = socket.create_connection(('$peer6', 5000), 10)
c.send(b'x')
print(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))")
	wait "$server"
	echo "   MSS of the client $client, of the server $(tail -n 1 "$LAB_RUN/server.out")"
}
connection
equal "$client/$(tail -n 1 "$LAB_RUN/server.out")" 1428/1428 "MSS less the time stamps"
vigil_config "interface FastEthernet1" "ipv6 tcp adjust-mss 1200" >/dev/null
connection
equal "$client/$(tail -n 1 "$LAB_RUN/server.out")" 1188/1188 "MSS less the time stamps"

check "without unicast-routing it is a host; addresses and routes come and go"
vigil_config "no ipv6 unicast-routing" >/dev/null
ping_none host "$peer6" 2
ping_all host "$gw_wan" 2
vigil_config "ipv6 unicast-routing" "no ipv6 route $six:c::/48" >/dev/null
one_ping "$six:c::1"
has "$out" "Destination unreachable: No route"
# Shown in the same session: it is tentative for a second.
has "$(printf '%s\n' enable "configure terminal" "interface FastEthernet0" \
	"no ipv6 address $gw_wan/64" "ipv6 address $six:1::2/64" end "show ipv6 interface fa0" |
	timeout 10 "$bin/vigil" -s "$LAB_RUN/gw.sock")" "$six:1::2, subnet is $six:1::/64 \[TEN\]"
in_ns peer1 ip -6 route replace "$six:a::/64" via "$six:1::2"
wait_until 10 "it is in use" addresses_used
ping_all host "$peer6" 3
ping_none peer1 "$gw_wan" 1
has "$(vigil "show ipv6 interface fa0")" "$six:1::2, subnet is $six:1::/64\$"
vigil_config "interface FastEthernet0" "no ipv6 address $six:1::2/64" "ipv6 address $gw_wan/64" >/dev/null
in_ns peer1 ip -6 route replace "$six:a::/64" via "$gw_wan"

check "IKE over IPv6: strongSwan's phase 1, and dead peer detection"
wait_until 10 "the address is in use" addresses_used
vigil_config "crypto isakmp policy 10" "encryption aes" "hash sha256" "authentication pre-share" "group 14" \
	"crypto isakmp key $PSK address ipv6 $peer6/128" "crypto isakmp keepalive 10 2 periodic" \
	"crypto ipsec transform-set lab esp-aes esp-sha256-hmac" \
	"ipv6 access-list SIX" "permit ipv6 $six:a::/64 $six:b::/64" \
	"crypto map ipv6 vpn 10 ipsec-isakmp" "set peer $peer6" "set transform-set lab" "match address SIX" \
	"interface FastEthernet0" "ipv6 crypto map vpn" >/dev/null
# shellcheck disable=SC2154 # pcap is set in lib.sh
capture_start "$pcap" w-gw ip6
PEER1=$peer6 REMOTE=$gw_wan LOCAL_NET=$six:b::/64 REMOTE_NET=$six:a::/64 lab_charon peer1
lab_ctl peer1 --initiate --ike site --timeout 10 >"$LAB_RUN/initiate.out" 2>&1 || fail "$(cat "$LAB_RUN/initiate.out")"
wait_until 10 "phase 1 on our side" phase1_up
has "$(vigil "show crypto isakmp sa")" "^ dst: $gw_wan\$" "^ src: $peer6\$"
grep -qE "IKE_SA site\[1\] established between $peer6" "$(peer_log peer1)" || fail "charon has no IKE SA"
wait_until 20 "an answered probe" probe_answered

check "what the access list protects never leaves in clear, nor comes in; all else passes"
ping_all host "$peer6" 3
in_ns host ping -q -n -c 3 -i 0.2 -W 1 "$far" >/dev/null 2>&1 || true
in_ns peer1 ping -q -n -c 2 -i 0.2 -W 1 -I "$far" "$host6" >/dev/null 2>&1 || true
capture_stop
equal "$(times "icmpv6.type == 128 && ipv6.src == $host6 && ipv6.dst == $far" | count_lines)" 0 "packets in clear"
[ "$(times "icmpv6.type == 128 && ipv6.dst == $peer6" | count_lines)" -ge 3 ] || fail "the capture has no pings"
vigil_stop
