#!/usr/bin/env bash
# Manual keys, Vigil against Vigil, native ESP: IPv6 over IPv6, IPv4 over IPv6 and IPv6 over IPv4 side
# by side; a narrow path outside; scapy, given the keys, reads what is on the wire.
# limit: 120
. "$(dirname "$0")/lib.sh"
six=2001:db8
lab_up
# The second one stands in peer1's place: the kernel gives its addresses up.
in_ns peer1 ip addr flush dev wan0
in_ns peer1 ip addr del "$PEER_IN/24" dev lo
ip link add in0 netns "$LAB-peer1" type veth peer name in1 netns "$LAB-peer1"
in_ns peer1 ip link set in0 up
in_ns peer1 ip link set in1 up
in_ns host sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.host0.disable_ipv6=0
in_ns host ip addr add "$six:a::10/64" dev host0 nodad
in_ns host ip -6 route add default via "$six:a::1"

key_a=00112233445566778899aabbccddeeff key_b=f0e0d0c0b0a090807060504030201000
auth=0102030405060708090a0b0c0d0e0f1011121314

entry() { # SEQUENCE PEER SPI-IN SPI-OUT KEY-IN KEY-OUT
	cat <<-END
		crypto map ipv6 vpn $1 ipsec-manual
		 set peer $2
		 set session-key inbound esp $3 cipher $5 authenticator $auth
		 set session-key outbound esp $4 cipher $6 authenticator $auth
		 set transform-set lab
		 match address IN$1
	END
}
# side NAME WAN LAN ME SIX-NET FOUR-NET THEM SIX-NET FOUR-NET IN OUT KEY-IN KEY-OUT: addresses end in ME
# outside, SIX-NET:..1 and FOUR-NET.1 inside.
side() {
	cat <<-END
		hostname $1
		platform
		 workers 1
		 memory 512
		 no hugepages
		 idle adaptive
		 socket $LAB_RUN/$1.sock
		 port FastEthernet0 net_af_packet0,iface=$2
		 port FastEthernet1 net_af_packet1,iface=$3
		logging file $LAB_RUN/$1.log
		ipv6 unicast-routing
		crypto ipsec transform-set lab esp-aes esp-sha-hmac
	END
	entry 10 "$six:1::$7" "${10}1" "${11}1" "${12}" "${13}"
	entry 20 "$six:1::$7" "${10}2" "${11}2" "${12}" "${13}"
	entry 30 "192.0.2.$7" "${10}3" "${11}3" "${12}" "${13}"
	cat <<-END
		ipv6 access-list IN10
		 permit ipv6 $six:$5::/64 $six:$8::/64
		ip access-list extended IN20
		 permit ip $6.0 0.0.0.255 $9.0 0.0.0.255
		ipv6 access-list IN30
		 permit ipv6 $six:$5::/64 $six:${8}4::/64
		 permit ipv6 $six:${5}4::/64 $six:$8::/64
		interface FastEthernet0
		 ip address 192.0.2.$4 255.255.255.0
		 ipv6 address $six:1::$4/64
		 ipv6 crypto map vpn
		interface FastEthernet1
		 ip address $6.1 255.255.255.0
		 ipv6 address $six:$5::1/64
		 ipv6 address $six:${5}4::1/64
		ip route 0.0.0.0 0.0.0.0 192.0.2.$7
		ipv6 route ::/0 $six:1::$7
	END
}
(
	umask 077
	side gw gw-wan gw-lan 1 a 10.1.0 11 b 10.2.0 100 200 $key_a $key_b | sed "/permit ipv6 $six:a4::/d" >"$LAB_RUN/gw.conf"
	side peer1 wan0 in0 11 b 10.2.0 1 a 10.1.0 200 100 $key_b $key_a | sed "/permit ipv6 $six:b::.* $six:a4::/d" >"$LAB_RUN/peer1.conf"
)
vigil_start
vigil_start peer1
wait_until 10 "the addresses are in use" addresses_used
wait_until 10 "the other one's are" addresses_used peer1
# shellcheck disable=SC2154 # pcap is set in lib.sh
capture_start "$pcap" w-gw "ip or ip6"

check "three kinds of tunnels between the same two"
ping_all host "$six:b::1" 5
ping_all host "$PEER_IN" 5
ping_all host "$six:b4::1" 5
capture_stop
for n in 1 2 3; do
	equal "$(times "esp.spi == 200$n && !udp" | count_lines)" 5 "ESP out by SPI 200$n"
	equal "$(times "esp.spi == 100$n && !udp" | count_lines)" 5 "ESP in by SPI 100$n"
done
equal "$(times "(icmp || (icmpv6.type in {128,129})) && !esp" | count_lines)" 0 "pings in clear"

check "scapy reads them with the keys"
/usr/bin/python3 - "$pcap" <<-END
	import sys
	from scapy.all import ICMP, IP, IPv6, rdpcap
	from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6EchoReply
	from scapy.layers.ipsec import ESP, SecurityAssociation
	keys = {1: bytes.fromhex('$key_a'), 2: bytes.fromhex('$key_b')}
	def sa(spi):
	    four = spi % 10 == 3
	    ends = ('192.0.2.11', '192.0.2.1') if four else ('$six:1::11', '$six:1::1')
	    src, dst = ends if spi // 1000 == 1 else ends[::-1]
	    return SecurityAssociation(ESP, spi, crypt_algo='AES-CBC', crypt_key=keys[spi // 1000],
	                               auth_algo='HMAC-SHA1-96', auth_key=bytes.fromhex('$auth'),
	                               tunnel_header=(IP if four else IPv6)(src=src, dst=dst))
	seen = {}
	for p in rdpcap(sys.argv[1]):
	    if ESP not in p:
	        continue
	    spi = p[ESP].spi
	    inner = sa(spi).decrypt(p[IP] if IP in p else p[IPv6])
	    kind = 'echo' if ICMPv6EchoRequest in inner else 'reply' if ICMPv6EchoReply in inner else inner[ICMP].type
	    seen.setdefault(spi, []).append(kind)
	assert seen == {2001: ['echo'] * 5, 1001: ['reply'] * 5, 2002: [8] * 5, 1002: [0] * 5,
	                2003: ['echo'] * 5, 1003: ['reply'] * 5}, seen
	print("   30 packets are what was sent")
END

check "a narrow path outside: who sends is told, and 1280 bytes go in two pieces"
vigil_config "interface FastEthernet0" "ipv6 mtu 1280" >/dev/null
out=$(in_ns host ping -n -c 1 -W 2 -M "do" -s 1300 "$six:b::1" 2>&1) || true
has "$out" "Packet too big: mtu=1280"
capture_start "$pcap" w-gw ip6
ping_all host "$six:b::1" 3 -M "do" -s 1232
capture_stop
equal "$(times "ipv6.fraghdr.more == 1 && ipv6.src == $six:1::1" | count_lines)" 3 "outer packets in pieces"
vigil_stop
vigil_stop peer1
