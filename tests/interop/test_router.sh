#!/usr/bin/env bash
# Vigil as the router of Linux hosts that are told nothing but that there is a link (RFC 4861, 6.2;
# RFC 4862): they ask, make an address and use the gateway; and look elsewhere when it says so.
# limit: 90
. "$(dirname "$0")/lib.sh"
six=2001:db8
lab_up
in_ns peer1 sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.wan0.disable_ipv6=0 net.ipv6.conf.wan0.accept_dad=0
in_ns peer1 ip addr add "$six:1::11/64" dev wan0 nodad
in_ns peer1 ip -6 route add "$six:a::/64" via "$six:1::1"
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
		 ipv6 address $six:1::1/64
		 ipv6 nd ra suppress all
		interface FastEthernet1
		 ipv6 address $six:a::1/64
		 ipv6 mtu 1400
		 ipv6 nd ra interval 600
	END
)
default_route() {
	in_ns host ip -6 route show default | grep -q 'via fe80:.* proto ra'
}
no_default_route() {
	! default_route
}

vigil_start
# shellcheck disable=SC2154 # pcap is set in lib.sh
capture_start "$pcap" host0 ip6 host
wait_until 10 "the addresses are in use" addresses_used

check "a host that asks makes an address of the prefix, and uses the gateway"
sleep 1 # the first advertisement, which was sent without being asked, is over
in_ns host sysctl -qw net.ipv6.conf.host0.accept_ra=1 net.ipv6.conf.host0.accept_dad=0 \
	net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.host0.disable_ipv6=0
wait_until 15 "a default route" default_route
has "$(in_ns host ip -6 addr show dev host0 scope global)" "inet6 $six:a::?[0-9a-f:]*/64 scope global dynamic"
has "$(in_ns host sysctl net.ipv6.conf.host0.mtu)" '= 1400$'
ping_all host "$six:1::11" 3

check "on the other interface nobody is told anything"
has "$(vigil "show ipv6 interface FastEthernet0")" 'ND router advertisements are not sent'
has "$(vigil "show ipv6 interface FastEthernet1")" 'sent every 600 seconds' 'ff02::2$' \
	'live for 1800 seconds'

check "all nodes of the link are echoed, and the gateway is one"
has "$(in_ns host ping -n -c 2 -w 3 ff02::1%host0)" "from $(in_ns host ip -6 route show default |
	sed -n 's/.*via \(fe80:[^ ]*\) .*/\1/p')%host0"

check "what changes is told at once; what is taken back as well"
vigil_config "interface FastEthernet1" "ipv6 nd prefix $six:77::/64" >/dev/null
wait_until 10 "a second address" in_ns host sh -c "ip -6 addr show dev host0 | grep -q '$six:77:'"
vigil_config "interface FastEthernet1" "ipv6 nd ra suppress all" >/dev/null
wait_until 5 "no default route" no_default_route
vigil_config "interface FastEthernet1" "no ipv6 nd ra suppress" >/dev/null
wait_until 10 "a default route again" default_route

check "a gateway that stops is left"
vigil_stop
wait_until 5 "no default route" no_default_route
capture_stop
equal "$(packets 'icmpv6.type == 134' ipv6.hlim icmpv6.nd.ra.cur_hop_limit | sort -u | tr -s '\t ' ,)" 255,64 \
	"hop limits of advertisements"
[ "$(times 'icmpv6.type == 143 && icmpv6.mldr.mar.multicast_address == ff02::2' | count_lines)" -ge 1 ] ||
	fail "switches are not told that it listens to all routers"
