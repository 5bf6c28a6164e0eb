#!/usr/bin/env bash
# Jumbo frames end to end, Vigil against Vigil with manual keys: ESP packets of 9100 bytes in both
# directions, the exact size that fits, and what is longer.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
mtu=9100
for link in host:host0 gw:gw-lan gw:gw-wan wan:w-gw wan:w-peer1 wan:br0 peer1:wan0; do
	in_ns "${link%%:*}" ip link set "${link#*:}" mtu $mtu
done
# The second one stands in peer1's place: the kernel gives its addresses up, and is the host behind.
in_ns peer1 ip addr flush dev wan0
in_ns peer1 ip addr del "$PEER_IN/24" dev lo
ip link add in0 netns "$LAB-peer1" type veth peer name in1 netns "$LAB-road"
for link in peer1:in0 road:in1; do
	in_ns "${link%%:*}" ip link set "${link#*:}" mtu $mtu up
	in_ns "${link%%:*}" ethtool -K "${link#*:}" tx off rx off gso off tso off gro off >/dev/null 2>&1 || true
done
far=10.2.0.10
in_ns road ip addr add "$far/24" dev in1
in_ns road ip route replace default via "$PEER_IN"

key1=00112233445566778899aabbccddeeffcafebabe key2=f0e0d0c0b0a090807060504030201000deadbeef
# manual_conf NAME IN OUT KEY-IN KEY-OUT
manual_conf() {
	MEMORY=1024 vigil_conf "$1" | sed \
		-e '/^crypto isakmp/d; /^ encryption/d; /^ authentication/d; /^ hash/d; /^ group/d' \
		-e '/^crypto map vpn/,/match address/d' -e 's/^ port .*/&,framesz=9216,blocksz=36864/' \
		-e 's/^interface .*/&\n mtu 9100/'
	cat <<-END2
		crypto map vpn 10 ipsec-manual
		 set peer $PEERS
		 set session-key inbound esp $2 cipher $4
		 set session-key outbound esp $3 cipher $5
		 set transform-set lab
		 match address 101
	END2
}
export TRANSFORM=esp-gcm
(umask 077
 manual_conf gw 1000 2000 $key1 $key2 >"$LAB_RUN/gw.conf"
 WAN=wan0 LAN=in0 WAN_IP=$PEER1 LAN_IP=$PEER_IN PEERS=$GW_WAN NEXT_HOP=$GW_WAN \
 LOCAL_ACL="10.2.0.0 0.0.0.255" REMOTE_ACL="10.1.0.0 0.0.0.255" \
 manual_conf peer1 2000 1000 $key2 $key1 >"$LAB_RUN/peer1.conf")
vigil_start
vigil_start peer1
ping_all host "$far" 3

check "ESP packets of 9100 bytes, to the byte, both ways"
capture_start "$pcap" w-gw "esp"
# 20 outer header, 8 ESP, 8 IV, 2 trailer, 16 ICV: 9046 bytes inside, 28 of which are IP's and ICMP's.
ping_all host "$far" 5 -M "do" -s 9018
capture_stop
equal "$(packets esp ip.len | sort -u)" 9100 "length of all ESP packets"
equal "$(packets esp ip.len | count_lines)" 10 "ESP packets"

check "one byte more: the sender hears what fits"
in_ns host ping -c 1 -W 3 -M "do" -s 9019 "$far" >"$LAB_RUN/ping.out" 2>&1 || true
has "$(cat "$LAB_RUN/ping.out")" "mtu *= *9046"
in_ns host ip route flush cache

check "without DF it goes in two ESP packets"
capture_start "$pcap" w-gw "esp and src $GW_WAN"
ping_all host "$far" 1 -M dont -s 9019
capture_stop
equal "$(packets esp ip.len | count_lines)" 2 "ESP packets"
vigil_stop
vigil_stop peer1
