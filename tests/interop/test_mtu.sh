#!/usr/bin/env bash
# Packets that ESP makes too long, against strongSwan: cut before encryption or after it, the DF bit,
# the MSS of TCP in both directions, and the path MTU that a router outside reports.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
lab_charon peer1
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3

# From the gateway: how many ESP packets, and how many pieces of outer packets, there were for one
# ping of SIZE bytes of data.
one_ping() {
	capture_start "$pcap" w-gw "src $GW_WAN and not arp"
	in_ns host ping -q -c 1 -W 3 -M "$2" -s "$1" "$PEER_IN" >"$LAB_RUN/ping.out" 2>&1 || true
	capture_stop
	whole=$(times "esp && ip.flags.mf == 0 && ip.frag_offset == 0" | count_lines)
	pieces=$(times "ip.flags.mf == 1 || ip.frag_offset > 0" | count_lines)
	echo "   $1 bytes, $2: $whole whole, $pieces pieces; $(grep -o '[0-9]* received' "$LAB_RUN/ping.out")"
}
answered() {
	grep -q ' 1 received' "$LAB_RUN/ping.out" || fail "no answer: $(cat "$LAB_RUN/ping.out")"
}

check "without DF: two ESP packets, none of them in pieces"
one_ping 1460 dont
answered
equal "$whole/$pieces" 2/0 "ESP packets"

check "fragmentation after-encryption: one ESP packet, in pieces"
vigil_config "interface FastEthernet0" "crypto ipsec fragmentation after-encryption" >/dev/null
one_ping 1460 dont
answered
equal "$whole/$pieces" 0/2 "ESP packets"
vigil_config "interface FastEthernet0" "no crypto ipsec fragmentation" >/dev/null

# told MTU: the host was; then it forgets.
told() {
	has "$(in_ns host ip route get "$PEER_IN")" " mtu $1( |\$)"
	in_ns host ip route flush cache
	lacks "$(in_ns host ip route get "$PEER_IN")" " mtu "
}

check "with DF: the sender is told"
one_ping 1460 "do"
equal "$whole/$pieces" 0/0 "ESP packets"
told 1422 # less 8 of SPI and number, 16 of IV, 16 of ICV, 28 of IP and UDP; 2 of what AES pads

check "the DF bit is copied, set and cleared"
df_bits() {
	[ -z "$1" ] || vigil_config "crypto ipsec df-bit $1" >/dev/null
	capture_start "$pcap" w-gw "src $GW_WAN and not arp"
	in_ns host ping -q -c 1 -W 3 -M "do" -s 100 "$PEER_IN" >/dev/null
	in_ns host ping -q -c 1 -W 3 -M dont -s 100 "$PEER_IN" >/dev/null
	capture_stop
	packets esp ip.flags.df | sed 's/True/1/; s/False/0/' | paste -sd' '
}
equal "$(df_bits "")" "1 0" "copied"
equal "$(df_bits set)" "1 1" "set"
equal "$(df_bits clear)" "0 0" "cleared"
vigil_config "no crypto ipsec df-bit" >/dev/null

check "ip tcp adjust-mss: both ends of a connection"
connection() {
	: >"$LAB_RUN/server.out" # here, lest the line of the server before is taken for this one's
	ns_exec peer1 timeout 20 /usr/bin/python3 -c "
import socket
s = socket.create_server(('$PEER_IN', 5000))
print('ready', flush=True)
c, _ = s.accept()
c.recv(1)
print(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG), flush=True)" >"$LAB_RUN/server.out" &
	server=$!
	wait_until 10 "the server listens" grep -q ready "$LAB_RUN/server.out"
	client=$(in_ns host timeout 20 /usr/bin/python3 -c "
import socket
c = socket.create_connection(('$PEER_IN', 5000), 10)
c.send(b'x')
print(c.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))")
	wait "$server"
	echo "   MSS of the client $client, of the server $(tail -n 1 "$LAB_RUN/server.out")"
}
connection
[ "$client" -gt 1300 ] || fail "$client without adjust-mss"
vigil_config "interface FastEthernet1" "ip tcp adjust-mss 1200" >/dev/null
connection
equal "$client/$(tail -n 1 "$LAB_RUN/server.out")" 1188/1188 "MSS less the time stamps"

check "a router outside reports a path MTU of 1300"
mac=$(vigil "show interfaces" | sed -n 's/.*address is \([0-9a-f.]*\).*/\1/p' | head -n 1)
heard() { vigil "show counters" | sed -n 's/^ *\([0-9]*\)  icmp too big heard$/\1/p'; }
heard_one_more() { [ "$(heard)" = "$1" ]; }
report() { # MTU SPI
	local before
	before=$(heard)
	in_ns wan /usr/bin/python3 - "$mac" "$1" "$2" "$encap" <<-END
		import sys
		from scapy.all import Ether, ICMP, IP, UDP, Raw, sendp
		mac, mtu, spi, udp = sys.argv[1].replace('.', ''), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
		mac = ':'.join(mac[i:i + 2] for i in range(0, 12, 2))
		esp = Raw(spi.to_bytes(4, 'big') + b'\0\0\0\1')
		about = IP(src='$GW_WAN', dst='$PEER1', len=1480, proto=17 if udp else 50)
		about = about / (UDP(sport=4500, dport=4500, len=1460, chksum=0) / esp if udp else esp)
		sendp(Ether(dst=mac, src='02:00:00:00:00:99') / IP(src='192.0.2.99', dst='$GW_WAN')
		      / ICMP(type=3, code=4, nexthopmtu=mtu) / about, iface='w-gw', verbose=False)
	END
	wait_until 10 "it is heard" heard_one_more $((${before:-0} + 1))
}
sas=$(vigil "show crypto ipsec sa")
has "$sas" "path mtu 1500"
spi=$(sed -n 's/.*current outbound spi: 0x[0-9A-F]*(\([0-9]*\)).*/\1/p' <<<"$sas")
encap=$(grep -o "UDP-Encaps" <<<"$sas" | head -n 1 || true)
report 1300 $((spi ^ 1))
report 500 "$spi"
has "$(vigil "show crypto ipsec sa")" "path mtu 1500"
report 1300 "$spi"
has "$(vigil "show crypto ipsec sa")" "path mtu 1300"
report 1400 "$spi"
has "$(vigil "show crypto ipsec sa")" "path mtu 1300"
has "$(vigil "show counters")" "4  icmp too big heard"
one_ping 1300 dont
answered
equal "$whole/$pieces" 2/0 "ESP packets"
[ "$(packets esp ip.len | sort -n | tail -n 1)" -le 1300 ] || fail "an ESP packet is longer than the path takes"
one_ping 1300 "do"
equal "$whole/$pieces" 0/0 "ESP packets"
told 1230
vigil_stop
