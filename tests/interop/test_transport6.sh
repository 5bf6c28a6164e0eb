#!/usr/bin/env bash
# Transport mode with IPv6 (RFC 4303, 3.1.1). With strongSwan the negotiation in both roles and the
# keys that it derived, under which scapy's packets are answered, in UDP; between two Vigils, which
# ping each other; and under manual keys with scapy at the other end.
# limit: 150
. "$(dirname "$0")/lib.sh"
gw6=2001:db8:1::1 peer6=2001:db8:1::11
lab_up
# conf NAME WAN LAN OURS THEIRS ENTRY: a startup file whose map protects what goes between the two.
conf() {
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
		crypto isakmp policy 10
		 encryption aes
		 hash sha256
		 authentication pre-share
		 group 14
		crypto isakmp key $PSK address ipv6 $5/128
		crypto ipsec transform-set lab $TRANSFORM
		 mode transport
		crypto map ipv6 vpn 10 $6
		 set peer $5
		 set transform-set lab
		 match address IN
		ipv6 access-list IN
		 permit ipv6 host $4 host $5
		interface FastEthernet0
		 ipv6 address $4/64
		 ipv6 crypto map vpn
		interface FastEthernet1
	END
}
ping_from() { # NAME COUNT ARGUMENT...: all are answered
	local name=$1 count=$2 out
	shift 2
	out=$(vigil_on "$name" "ping $*") || true
	echo "   $(grep 'Success rate' <<<"$out")"
	has "$out" "^!{$count}\$" "Success rate is 100 percent \($count/$count\)"
}
mode_of() { vigil_on "$1" "show crypto ipsec sa" | sed -n 's/.*in use settings ={\(.*\), }.*/\1/p' | sort -u; }

conf_strongswan() { (umask 077 && conf gw gw-wan gw-lan $gw6 $peer6 ipsec-isakmp >"$LAB_RUN/gw.conf"); }
in_ns peer1 sysctl -qw net.ipv6.conf.{all,default,wan0}.disable_ipv6=0 net.ipv6.conf.{all,default}.accept_dad=0
in_ns peer1 ip addr add "$peer6/64" dev wan0 nodad
export PEER1=$peer6 REMOTE=$gw6 MODE=transport LOCAL_NET=$peer6/128 REMOTE_NET=$gw6/128

check "strongSwan starts: it gets transport mode, and the addresses of both (it sees a NAT always)"
conf_strongswan
vigil_start
wait_until 10 "the addresses are in use" addresses_used
lab_charon peer1
! lab_ctl peer1 --initiate --child net --timeout 3 >/dev/null 2>&1 || fail "its ESP knows it now"
has "$(cat "$(peer_log peer1)")" "parsed QUICK_MODE response .* NAT-OA NAT-OA" \
	"selected proposal: ESP:" "IPsec SA: unsupported mode"
lab_stop peer1 KILL
vigil_stop

check "strongSwan answers: a ping of ours starts it"
rm -f "$LAB_RUN"/gw.{conf,log,out}
conf_strongswan
vigil_start
wait_until 10 "the addresses are in use" addresses_used
lab_charon peer1
sed -i 's/cfg = 2/cfg = 2\n            chd = 4/' "$LAB_RUN/peer1/strongswan.conf"
lab_ctl peer1 --reload-settings >/dev/null
# It takes back what it cannot carry; here we do not hear of it.
lab_fault drop "ip6 saddr $peer6 udp sport 4500 @th,240,8 5"
vigil "ping $peer6 repeat 2 timeout 1" >/dev/null || true
wait_until 20 "an SA" sas_show "in use settings"
equal "$(mode_of gw)" "Transport UDP-Encaps" "mode"
has "$(cat "$(peer_log peer1)")" "parsed QUICK_MODE request .* NAT-OA NAT-OA"

check "what scapy sends under its keys is answered"
mac=$(vigil "show interfaces" | sed -n 's/.*address is \([0-9a-f.]*\).*/\1/p' | head -n 1 |
	tr -d . | sed 's/../&:/g; s/:$//')
capture_start "$pcap" w-gw "ip6"
in_ns wan "$here/transport_peer.py" "$(peer_log peer1)" write w-gw "$mac" "$peer6" "$gw6"
wait_until 10 "five are decrypted" sas_show "#pkts decaps: 5,"
capture_stop
"$here/transport_peer.py" "$(peer_log peer1)" read "$pcap" "$gw6"
has "$(vigil "show crypto ipsec sa")" "#pkts decaps: 5,"
lab_fault clear
lab_stop peer1 KILL
vigil_stop

check "a set that requires it has nothing for networks"
rm -f "$LAB_RUN"/gw.{conf,log,out}
(umask 077 && conf gw gw-wan gw-lan $gw6 $peer6 ipsec-isakmp | sed -e 's/^ mode transport/& require/' \
	-e "s/ permit ipv6 host.*/ permit ipv6 host $gw6 2001:db8:2::\/64/" >"$LAB_RUN/gw.conf"
 echo "ipv6 route 2001:db8:2::/64 $peer6" >>"$LAB_RUN/gw.conf")
vigil_start
wait_until 10 "the addresses are in use" addresses_used
lab_charon peer1
has "$(vigil "ping 2001:db8:2::1 source $gw6 repeat 1 timeout 2" || true)" "Success rate is 0 percent"
log_says "IPSEC-4-TRANSPORT: Crypto map vpn 10: its transform sets require"
lab_stop peer1 KILL
vigil_stop

check "two Vigils agree on it"
unset PEER1 REMOTE MODE LOCAL_NET REMOTE_NET
# The second one stands in peer1's place: the kernel gives its addresses up.
in_ns peer1 ip addr flush dev wan0
in_ns peer1 ip addr del "$PEER_IN/24" dev lo
lab_link peer1 in0 road in1

rm -f "$LAB_RUN"/gw.{conf,log,out} "$pcap" "$LAB_RUN/tcpdump.err"
(umask 077
 conf gw gw-wan gw-lan $gw6 $peer6 ipsec-isakmp >"$LAB_RUN/gw.conf"
 conf peer1 wan0 in0 $peer6 $gw6 ipsec-isakmp >"$LAB_RUN/peer1.conf")
vigil_start
vigil_start peer1
wait_until 10 "the addresses are in use" addresses_used
wait_until 10 "the other one's are" addresses_used peer1
capture_start "$pcap" w-gw "ip6"
vigil "ping $peer6 repeat 3 timeout 2" >/dev/null || true # while it is made
ping_from gw 5 "$peer6"
ping_from peer1 5 "$gw6 source FastEthernet0"
equal "$(mode_of gw) $(mode_of peer1)" "Transport Transport" "modes"

check "what is too long for one piece is cut when it is encrypted"
ping_from gw 3 "$peer6 repeat 3 size 1900"
capture_stop
equal "$(times "icmpv6.type == 128 || icmpv6.type == 129" | count_lines)" 0 "echoes in clear"
[ "$(times "esp && ipv6.src == $gw6" | count_lines)" -ge 13 ] || fail "no ESP"
[ "$(times "ipv6.fraghdr.more == 1 && ipv6.src == $gw6" | count_lines)" -ge 3 ] || fail "no fragments"
vigil_stop peer1
vigil_stop

check "under manual keys: scapy pings, and reads our own pings"
rm -f "$LAB_RUN"/gw.{conf,log,out} "$pcap" "$LAB_RUN/tcpdump.err"
key1=$manual_key1 key2=$manual_key2
(umask 077
 TRANSFORM=esp-gcm conf gw gw-wan gw-lan $gw6 $peer6 ipsec-manual | sed \
	-e '/^crypto isakmp/d; /^ encryption/d; /^ authentication/d; /^ hash/d; /^ group/d' \
	-e "s/^ set peer .*/&\n set session-key inbound esp 1000 cipher $key1\n set session-key outbound esp 2000 cipher $key2/" \
	>"$LAB_RUN/gw.conf")
vigil_start
wait_until 10 "the addresses are in use" addresses_used
mac=$(vigil "show interfaces FastEthernet0" | sed -n 's/.*address is \([0-9a-f.]*\).*/\1/p' | head -n 1)
in_ns peer1 ip link set wan0 up
timeout 60 nsenter --net="/run/netns/$LAB-peer1" /usr/bin/python3 - "$mac" $gw6 $peer6 $key1 $key2 <<'END2' &
import sys
from scapy.all import *
from scapy.layers.ipsec import ESP, SecurityAssociation

mac, ours, theirs, key_in, key_out = sys.argv[1:]
mac = mac.replace('.', '')
mac = ':'.join(mac[i:i + 2] for i in range(0, 12, 2))
mine = get_if_hwaddr('wan0')
key = lambda k: bytes.fromhex(k)
to_gw = SecurityAssociation(ESP, spi=1000, crypt_algo='AES-GCM', crypt_key=key(key_in))
from_gw = SecurityAssociation(ESP, spi=2000, crypt_algo='AES-GCM', crypt_key=key(key_out))
link = Ether(src=mine, dst=mac)
answers, echoes = [], []

def on(p):
    if ICMPv6ND_NS in p and p[ICMPv6ND_NS].tgt == theirs:
        sendp(Ether(src=mine, dst=p[Ether].src) / IPv6(src=theirs, dst=p[IPv6].src) /
              ICMPv6ND_NA(tgt=theirs, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=mine),
              iface='wan0', verbose=False)
    elif ESP in p and p[IPv6].src == ours:
        clear = from_gw.decrypt(p[IPv6])
        data = bytes(clear)
        # scapy reads what is behind options as options once more: its bytes are right.
        if data[6] == 0 and data[40] == 58 and data[48] == 129:
            answers.append(data[56:])
        elif ICMPv6EchoReply in clear:
            answers.append(bytes(clear[ICMPv6EchoReply].data))
        elif ICMPv6EchoRequest in clear:
            e = clear[ICMPv6EchoRequest]
            echoes.append(e.seq)
            sendp(link / to_gw.encrypt(IPv6(src=theirs, dst=ours) /
                  ICMPv6EchoReply(id=e.id, seq=e.seq, data=e.data)), iface='wan0', verbose=False)

s = AsyncSniffer(iface='wan0', prn=on, store=False, lfilter=lambda p: p.haslayer(IPv6) and p[Ether].src != mine)
s.start()
time.sleep(1)
# Its address is made known, so that the gateway can answer.
for n in range(3):
    whole = IPv6(src=theirs, dst=ours) / ICMPv6EchoRequest(id=7, seq=n, data=b'number %d' % n)
    sendp(link / to_gw.encrypt(IPv6(bytes(whole))), iface='wan0', verbose=False)
    time.sleep(0.3)
hop = IPv6(src=theirs, dst=ours) / IPv6ExtHdrHopByHop() / ICMPv6EchoRequest(id=7, seq=9, data=b'behind options')
sendp(link / to_gw.encrypt(IPv6(bytes(hop))), iface='wan0', verbose=False)
deadline = time.time() + 20
while time.time() < deadline and (len(answers) < 4 or len(echoes) < 3):
    time.sleep(0.2)
s.stop()
print('answers', answers, 'echoes', echoes)
sys.exit(0 if answers == [b'number 0', b'number 1', b'number 2', b'behind options'] and len(echoes) >= 3 else 1)
END2
scapy=$!
helpers+=("$scapy")
sleep 4
ping_from gw 3 "$peer6 repeat 3 timeout 3"
wait "$scapy" || fail "what scapy saw"
has "$(vigil "show crypto ipsec sa")" "in use settings =.Transport"
vigil_stop
