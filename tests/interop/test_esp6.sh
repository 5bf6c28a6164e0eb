#!/usr/bin/env bash
# ESP with IPv6 inside, outside and both, against strongSwan: tunnels that traffic brings up, pings
# both ways, packets that are too long, and nothing in clear.
# limit: 180
. "$(dirname "$0")/lib.sh"
six=2001:db8
gw_lan=$six:a::1 host6=$six:a::10 gw_wan=$six:1::1 peer6=$six:1::11 far6=$six:b::1
lab_up
for n in host peer1; do
	in_ns "$n" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
done
in_ns host sysctl -qw net.ipv6.conf.host0.disable_ipv6=0
in_ns peer1 sysctl -qw net.ipv6.conf.wan0.disable_ipv6=0 net.ipv6.conf.all.forwarding=1
in_ns host ip addr add "$host6/64" dev host0 nodad
in_ns host ip -6 route add default via "$gw_lan"
in_ns peer1 ip addr add "$peer6/64" dev wan0 nodad
in_ns peer1 ip addr add "$far6/64" dev lo nodad

# conf PEER ACL-LINE ACL-LINE: the gateway's configuration for one combination.
conf() {
	local peer=$1
	shift
	(umask 077 && cat >"$LAB_RUN/gw.conf") <<-END
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
		crypto isakmp policy 10
		 encryption aes
		 hash sha256
		 authentication pre-share
		 group 14
		crypto isakmp key $PSK address ipv6 $peer6/128
		crypto isakmp key $PSK address $PEER1
		crypto ipsec transform-set lab esp-aes esp-sha256-hmac
		crypto map ipv6 vpn 10 ipsec-isakmp
		 set peer $peer
		 set transform-set lab
		 match address IN
		$1
		 $2
		interface FastEthernet0
		 ip address $GW_WAN 255.255.255.0
		 ipv6 address $gw_wan/64
		 ipv6 crypto map vpn
		interface FastEthernet1
		 ip address $GW_LAN 255.255.255.0
		 ipv6 address $gw_lan/64
		ip route 0.0.0.0 0.0.0.0 $PEER1
		ipv6 route ::/0 $peer6
	END
}
acl6=("ipv6 access-list IN" "permit ipv6 $six:a::/64 $six:b::/64")
acl4=("ip access-list extended IN" "permit ip 10.1.0.0 0.0.0.255 10.2.0.0 0.0.0.255")

six_in_six() {
	conf "$peer6" "${acl6[@]}"
	PEER1=$peer6 REMOTE=$gw_wan LOCAL_NET=$six:b::/64 REMOTE_NET=$six:a::/64 lab_charon peer1
}
four_in_six() {
	conf "$peer6" "${acl4[@]}"
	PEER1=$peer6 REMOTE=$gw_wan lab_charon peer1
}
six_in_four() {
	conf "$PEER1" "${acl6[@]}"
	LOCAL_NET=$six:b::/64 REMOTE_NET=$six:a::/64 lab_charon peer1
}
again() {
	[ ! -e "$LAB_RUN/peer1/pid" ] || lab_stop peer1 KILL
	[ -z "${vigil_pid[gw]:-}" ] || vigil_stop
	rm -f "$LAB_RUN"/gw.{conf,log,out}
	in_ns host ip route flush cache
	in_ns host ip -6 route flush cache
	"$1"
	vigil_start
	wait_until 10 "the addresses are in use" addresses_used
}

# through NAME FROM-HOST TARGET ESP: a ping brings the tunnel up, others go both ways, and outside there
# is nothing but UDP-encapsulated ESP between the two ends.
through() {
	local out in
	check "${1//_/ }"
	again "$1"
	# shellcheck disable=SC2154 # pcap is set in lib.sh
	capture_start "$pcap" w-gw "ip or ip6"
	tunnel_up host "$3"
	out=$(($(sa_count encaps) + 13)) in=$(($(sa_count decaps) + 13))
	ping_all host "$3" 5
	session_up || fail "the session is not up"
	in_ns peer1 ping -n -q -c 5 -i 0.2 -W 3 -I "$3" "$2" >"$LAB_RUN/back.out" 2>&1 || fail "$(cat "$LAB_RUN/back.out")"
	ping_all host "$3" 3 -s 1300
	capture_stop
	equal "$(times "(icmp.type == 8 || icmpv6.type == 128) && !udpencap" | count_lines)" 0 "pings in clear"
	[ "$(times "$4 && udpencap" | count_lines)" -ge 26 ] || fail "ESP is missing"
	has "$(vigil "show crypto ipsec sa")" "#pkts encaps: $out," "#pkts decaps: $in,"
}
# too_long TARGET HEADERS LONG: the host is told what fits, and that much does; what it cuts arrives.
too_long() {
	local out fits
	out=$(in_ns host ping -n -c 1 -W 2 -M "do" -s 1450 "$1" 2>&1) || true
	has "$out" "Packet too big: mtu=|Frag needed and DF set \(mtu = "
	fits=$(sed -n 's/.*mtu *= *\([0-9]*\).*/\1/p' <<<"$out" | head -n 1)
	echo "   $fits bytes fit"
	ping_all host "$1" 2 -M "do" -s $((fits - $2))
	ping_all host "$1" 3 -M dont -s "$3"
}

# own_packets: what the gateway makes itself goes through the tunnel as well: echoes of its own and
# its answers, also such that must be cut, and errors.
own_packets() {
	local out
	for size in 100 1900; do
		has "$(vigil "ping $far6 source $gw_lan size $size repeat 3")" "Success rate is 100 percent"
		in_ns peer1 ping -n -q -c 3 -i 0.2 -W 3 -s "$size" -I "$far6" "$gw_lan" >"$LAB_RUN/back.out" 2>&1 ||
			fail "$(cat "$LAB_RUN/back.out")"
	done
	out=$(in_ns peer1 ping -n -c 1 -W 3 -t 1 -I "$far6" "$host6" 2>&1) || true
	has "$out" "From $gw_lan.*Time exceeded"
	out=$(in_ns peer1 python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(3)
s.bind((sys.argv[1], 0))
s.connect((sys.argv[2], 9))
s.send(b"hello")
s.recv(9)' "$far6" "$gw_lan" 2>&1) || true
	has "$out" "ConnectionRefusedError"
}

through six_in_six "$host6" "$far6" "ipv6.addr == $peer6"
too_long "$far6" 48 2000
own_packets
check "the peer deletes its IKE SA, and starts again"
session_gone() {
	! session_up
}
lab_ctl peer1 --terminate --ike site >/dev/null
wait_until 15 "the session is gone" session_gone
lab_ctl peer1 --initiate --child net >/dev/null
ping_all host "$far6" 3
through four_in_six "$HOST" "$PEER_IN" "ipv6.addr == $peer6"
too_long "$PEER_IN" 28 1460 # net_af_packet puts IPv4 fragments together, in frames of 2048 bytes
through six_in_four "$host6" "$far6" "ip.addr == $PEER1"
too_long "$far6" 48 2000
own_packets
vigil_stop
