#!/usr/bin/env bash
# Three interfaces and two crypto maps: each outside interface has a map and a peer of its own.
# limit: 60
. "$(dirname "$0")/lib.sh"
lab_up
far_up
# The second outside, with a gateway in peer2's place and a host behind it.
b_gw=198.51.100.1 b_peer=198.51.100.2 b_in=10.3.0.1 b_far=10.3.0.10
lab_link gw gw-b peer2 b0
lab_link peer2 in0 nat in1
in_ns nat ip addr add "$b_far/24" dev in1
in_ns nat ip route replace default via "$b_in"
key3=0102030405060708090a0b0c0d0e0f1011121314 key4=1112131415161718191a1b1c1d1e1f2021222324
export TRANSFORM=esp-gcm
(umask 077
 {
	manual_conf gw 1000 2000 $manual_key1 $manual_key2 |
		sed 's/^ port FastEthernet1 .*/&\n port FastEthernet2 net_af_packet2,iface=gw-b/'
	cat <<-END
		access-list 102 permit ip 10.1.0.0 0.0.0.255 10.3.0.0 0.0.0.255
		crypto map vpnb 10 ipsec-manual
		 set peer $b_peer
		 set session-key inbound esp 1002 cipher $key3
		 set session-key outbound esp 2002 cipher $key4
		 set transform-set lab
		 match address 102
		interface FastEthernet2
		 ip address $b_gw 255.255.255.0
		 crypto map vpnb
		ip route 10.3.0.0 255.255.255.0 $b_peer
	END
 } >"$LAB_RUN/gw.conf"
 far_conf >"$LAB_RUN/peer1.conf"
 WAN=b0 LAN=in0 WAN_IP=$b_peer LAN_IP=$b_in PEERS=$b_gw NEXT_HOP=$b_gw \
	LOCAL_ACL="10.3.0.0 0.0.0.255" REMOTE_ACL="10.1.0.0 0.0.0.255" \
	manual_conf peer2 2002 1002 $key4 $key3 >"$LAB_RUN/peer2.conf")
vigil_start
vigil_start peer1
vigil_start peer2
capture_start "$pcap" w-gw "ip"
# What a packet socket sends, a capture on the same end does not see: one at each end of the link.
b_captures=()
b_capture() {
	ns_exec "$1" tcpdump --immediate-mode -U -Z root -Q in -i "$2" -w "$LAB_RUN/$2.pcap" ip >/dev/null 2>"$LAB_RUN/$2.err" &
	b_captures+=($!)
	wait_until 10 "tcpdump listens" grep -q 'listening on' "$LAB_RUN/$2.err"
}
b_capture peer2 b0
b_capture gw gw-b

check "each network through its own map, by its own interface"
ping_all host "$far" 5
ping_all host "$b_far" 5
in_ns road ping -q -c 2 -i 0.2 -W 2 "$HOST" >/dev/null || fail "from behind the first peer"
in_ns nat ping -q -c 2 -i 0.2 -W 2 "$HOST" >/dev/null || fail "from behind the second peer"
capture_stop
for p in "${b_captures[@]}"; do wait_until 10 "tcpdump has written" capture_caught_up "$p"; done
kill -INT "${b_captures[@]}"
wait "${b_captures[@]}" 2>/dev/null || true
equal "$(times "esp.spi == 2000" | count_lines)" 7 "ESP to the first peer"
equal "$(times "esp.spi == 1000" | count_lines)" 7 "ESP from the first peer"
equal "$(times "ip && !esp" | count_lines)" 0 "packets on the first outside that are no ESP"
equal "$(times "esp.spi == 2002 || esp.spi == 1002" | count_lines)" 0 "the second tunnel on the first outside"
pcap=$LAB_RUN/b0.pcap
equal "$(times "esp.spi == 2002" | count_lines)" 7 "ESP to the second peer"
equal "$(times "ip && !(esp.spi == 2002)" | count_lines)" 0 "other packets to the second peer"
pcap=$LAB_RUN/gw-b.pcap
equal "$(times "esp.spi == 1002" | count_lines)" 7 "ESP from the second peer"

check "what belongs into one tunnel is refused in clear, on whichever outside it comes"
drops() { vigil "show counters" | sed -n 's/^ *\([0-9]*\) *drop policy-clear-in$/\1/p'; }
mac_of() { vigil "show interfaces" | sed -n "/^$1 /,/address is/s/.*address is \([0-9a-f.]*\).*/\1/p"; }
# clear NAMESPACE DEVICE MAC SOURCE
clear() {
	in_ns "$1" /usr/bin/python3 - "$2" "$3" "$4" "$HOST" <<-'END2'
		import sys
		from scapy.all import Ether, ICMP, IP, sendp
		dev, mac, src, dst = sys.argv[1:]
		mac = mac.replace('.', '')
		link = Ether(dst=':'.join(mac[i:i + 2] for i in range(0, 12, 2)), src='02:00:00:00:00:99')
		sendp([link / IP(src=src, dst=dst) / ICMP()] * 3, iface=dev, verbose=False)
	END2
}
before=$(drops)
clear wan w-gw "$(mac_of FastEthernet0)" "$far"
clear peer2 b0 "$(mac_of FastEthernet2)" "$b_far"
dropped() { [ $(($(drops) - ${before:-0})) -ge "$1" ]; }
wait_until 10 "they are counted" dropped 6
equal $(($(drops) - ${before:-0})) 6 "packets refused in clear"

check "a map that is taken away leaves the other one alone"
vigil_config "interface FastEthernet2" "no crypto map vpnb" >/dev/null
ping_all host "$far" 3
lacks "$(vigil "show crypto map")" "FastEthernet2"
vigil_stop
vigil_stop peer1
vigil_stop peer2
