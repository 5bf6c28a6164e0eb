#!/usr/bin/env bash
# Manual keys, Vigil against Vigil, without IKE: traffic flows from the first packet on and scapy,
# given the keys, reads it; keys change while both run; what is cleared or restarted comes back.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
# The second one stands in peer1's place: the kernel gives its addresses up.
in_ns peer1 ip addr flush dev wan0
in_ns peer1 ip addr del "$PEER_IN/24" dev lo
ip link add in0 netns "$LAB-peer1" type veth peer name in1 netns "$LAB-peer1"
in_ns peer1 ip link set in0 up
in_ns peer1 ip link set in1 up

cipher1=00112233445566778899aabbccddeeff auth1=0102030405060708090a0b0c0d0e0f1011121314
cipher2=f0e0d0c0b0a090807060504030201000 auth2=1111111111111111111111111111111111111111
gcm=ffeeddccbbaa99887766554433221100cafebabe

# manual_conf IN OUT KEY-IN KEY-OUT AUTH-IN AUTH-OUT: that of vigil_conf with the map's IKE replaced.
# A second entry, for UDP port 9 alone, has AES-GCM.
manual_conf() {
	POLICY="encryption aes|authentication pre-share" vigil_conf "$1" |
		sed '/^crypto isakmp/d; /^ encryption/d; /^ authentication/d; /^crypto map vpn/,/match address/d'
	cat <<-END
		crypto ipsec transform-set gcm esp-gcm
		crypto map vpn 5 ipsec-manual
		 set peer $PEERS
		 set session-key inbound esp $(($2 + 1)) cipher $gcm
		 set session-key outbound esp $(($3 + 1)) cipher $gcm
		 set transform-set gcm
		 match address 105
		crypto map vpn 10 ipsec-manual
		 set peer $PEERS
		 set session-key inbound esp $2 cipher $4 authenticator $5
		 set session-key outbound esp $3 cipher $6 authenticator $7
		 set transform-set lab
		 match address 101
		access-list 105 permit udp ${LOCAL_ACL:-10.1.0.0 0.0.0.255} ${REMOTE_ACL:-10.2.0.0 0.0.0.255} eq 9
	END
}
export TRANSFORM="esp-aes esp-sha-hmac"
(umask 077
 manual_conf gw 1000 2000 $cipher1 $auth1 $cipher2 $auth2 >"$LAB_RUN/gw.conf"
 WAN=wan0 LAN=in0 WAN_IP=$PEER1 LAN_IP=$PEER_IN PEERS=$GW_WAN NEXT_HOP=$GW_WAN \
 LOCAL_ACL="10.2.0.0 0.0.0.255" REMOTE_ACL="10.1.0.0 0.0.0.255" \
 manual_conf peer1 2000 1000 $cipher2 $auth2 $cipher1 $auth1 >"$LAB_RUN/peer1.conf")
vigil_start
vigil_start peer1
capture_start "$pcap" w-gw "udp or icmp or esp"

check "traffic flows without IKE"
ping_all host "$PEER_IN" 10
in_ns host bash -c "echo nothing >/dev/udp/$PEER_IN/9"
wait_until 10 "the datagram is sent" counted 11 encrypted
capture_stop
equal "$(times "isakmp || (icmp && !esp) || (udp && !esp)" | count_lines)" 0 "packets that are no ESP"
equal "$(times "esp.spi == 2000" | count_lines)" 10 "ESP out"
equal "$(times "esp.spi == 1000" | count_lines)" 10 "ESP in"

check "scapy reads it with the keys"
/usr/bin/python3 - "$pcap" <<-END
	import sys
	from scapy.all import ICMP, IP, UDP, rdpcap
	from scapy.layers.ipsec import ESP, SecurityAssociation
	x = bytes.fromhex
	sas = {2000: SecurityAssociation(ESP, 2000, crypt_algo='AES-CBC', crypt_key=x('$cipher2'),
	                                 auth_algo='HMAC-SHA1-96', auth_key=x('$auth2'),
	                                 tunnel_header=IP(src='$GW_WAN', dst='$PEER1')),
	       1000: SecurityAssociation(ESP, 1000, crypt_algo='AES-CBC', crypt_key=x('$cipher1'),
	                                 auth_algo='HMAC-SHA1-96', auth_key=x('$auth1'),
	                                 tunnel_header=IP(src='$PEER1', dst='$GW_WAN')),
	       2001: SecurityAssociation(ESP, 2001, crypt_algo='AES-GCM', crypt_key=x('$gcm'),
	                                 tunnel_header=IP(src='$GW_WAN', dst='$PEER1'))}
	seen = {spi: [] for spi in sas}
	for p in rdpcap(sys.argv[1]):
	    if ESP in p:
	        seen[p[ESP].spi].append(sas[p[ESP].spi].decrypt(p[IP]))
	assert [p[ICMP].type for p in seen[2000]] == [8] * 10, seen
	assert [p[ICMP].type for p in seen[1000]] == [0] * 10, seen
	assert len(seen[2001]) == 1 and seen[2001][0][UDP].dport == 9, seen
	print("   20 packets of AES-CBC and 1 of AES-GCM are what was sent")
END

check "Vigil reads what scapy writes: repeated, since there is no replay protection, but not altered"
mac=$(vigil "show interfaces" | sed -n 's/.*address is \([0-9a-f.]*\).*/\1/p' | head -n 1)
in_ns wan /usr/bin/python3 - "$mac" <<-END
	import sys
	from scapy.all import Ether, ICMP, IP, Raw, sendp
	from scapy.layers.ipsec import ESP, SecurityAssociation
	x, mac = bytes.fromhex, sys.argv[1].replace('.', '')
	link = Ether(dst=':'.join(mac[i:i + 2] for i in range(0, 12, 2)), src='02:00:00:00:00:99')
	inner = IP(src='$PEER_IN', dst='$HOST') / ICMP(id=7) / Raw(b'hello')
	outer = IP(src='$PEER1', dst='$GW_WAN')
	cbc = SecurityAssociation(ESP, 1000, crypt_algo='AES-CBC', crypt_key=x('$cipher1'),
	                          auth_algo='HMAC-SHA1-96', auth_key=x('$auth1'), tunnel_header=outer)
	gcm = SecurityAssociation(ESP, 1001, crypt_algo='AES-GCM', crypt_key=x('$gcm'), tunnel_header=outer)
	packet = cbc.encrypt(inner, seq_num=3)
	bad = bytes(packet)
	bad = IP(bad[:-20] + bytes([bad[-20] ^ 1]) + bad[-19:])
	# Port 9 is where the second entry's packets go to, not where they come from.
	other = gcm.encrypt(IP(src='$PEER_IN', dst='$HOST') / ICMP(), seq_num=1)
	sendp([link / p for p in (packet, packet, bad, other)], iface='w-gw', verbose=False)
END
wait_until 10 "the last one is counted" counted 1 "drop esp-selector"
counters=$(vigil "show counters")
has "$counters" "12  decrypted" "1  drop esp-auth" "1  drop esp-selector"

check "what is shown"
has "$(vigil "show crypto session")" "Session status: UP-NO-IKE" "Active SAs: 2, origin: crypto map"
has "$(vigil "show crypto session brief")" "$PEER1 +Fa0 .* UK"
sas=$(vigil "show crypto ipsec sa")
has "$sas" "spi: 0x3E8\(1000\)" "spi: 0x7D0\(2000\)" "no sa timing" "replay detection support: N" \
	"#pkts encaps: 12," "#pkts decaps: 12,"
map=$(vigil "show crypto map")
has "$map" 'Crypto Map IPv4 "vpn" 10 ipsec-manual' "Inbound  esp spi: 1000"
lacks "$map" "$cipher1"
has "$(vigil "show counters")" "13  encrypted"

check "keys change while both run: not one side alone"

out=$(vigil_config "crypto map vpn 10" \
	"set session-key outbound esp 2005 cipher $cipher1 authenticator $auth1")
lacks "$out" "^%"
ping_none host "$PEER_IN" 3
has "$(vigil_on peer1 "show counters")" "drop esp-no-sa"
printf '%s\n' enable "configure terminal" "crypto map vpn 10" \
	"set session-key inbound esp 2005 cipher $cipher1 authenticator $auth1" end |
	timeout 10 "$bin/vigil" -s "$LAB_RUN/peer1.sock" >/dev/null
ping_all host "$PEER_IN" 5

check "a cleared SA comes back, a restarted peer is heard at once"
vigil "clear crypto sa" >/dev/null
ping_all host "$PEER_IN" 3
vigil "clear crypto session" >/dev/null
ping_all host "$PEER_IN" 3
vigil_stop peer1
sed -i "s/inbound esp 2000 .*/inbound esp 2005 cipher $cipher1 authenticator $auth1/" "$LAB_RUN/peer1.conf"
WAN=wan0 vigil_start peer1
ping_all host "$PEER_IN" 3

check "secrets: the running configuration has the keys, log and session do not"
has "$(printf '%s\n' enable "show running-config" | timeout 10 "$bin/vigil" -s "$LAB_RUN/gw.sock")" \
	"set session-key inbound esp 1000 cipher $cipher1 authenticator $auth1"
lacks "$(cat "$LAB_RUN/gw.log" "$LAB_RUN/gw.out")" "$cipher1|$auth1|$gcm"

check "nothing leaves in clear while it stops under traffic"
encrypted() {
	vigil "show counters" | sed -n 's/^ *\([0-9]*\)  encrypted$/\1/p'
}
more_than() {
	[ "$(encrypted)" -gt "$1" ]
}
pcap=$LAB_RUN/stop.pcap
capture_start "$pcap" w-gw "host $HOST"
in_ns host /usr/bin/python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + 60
while time.monotonic() < end:
    for _ in range(1000):
        try:
            s.sendto(b'x' * 64, ('$PEER_IN', 4242))
        except OSError:
            pass
" &
helpers+=($!)
wait_until 20 "it encrypts a lot" more_than $(($(encrypted) + 20000))
vigil_stop
capture_stop
equal "$(times "ip.src == $HOST" | count_lines)" 0 "packets in clear"
