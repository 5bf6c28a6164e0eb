#!/usr/bin/env bash
# Transport mode (RFC 4303, 3.1.1) between two Vigils, which ping each other: negotiated, natively,
# whole and in fragments. With strongSwan the negotiation in both
# roles and the keys that it derived, under which scapy's packets are answered: its user space ESP
# knows tunnels only.
# limit: 150
. "$(dirname "$0")/lib.sh"
lab_up

mode_of() { # NAME: the modes of its SAs
	vigil_on "$1" "show crypto ipsec sa" | sed -n 's/.*in use settings ={\(.*\), }.*/\1/p' | sort -u
}
ping_from() { # NAME COUNT ARGUMENT...: all are answered
	local name=$1 count=$2 out
	shift 2
	out=$(vigil_on "$name" "ping $*") || true
	echo "   $(grep 'Success rate' <<<"$out")"
	has "$out" "^!{$count}\$" "Success rate is 100 percent \($count/$count\), round-trip min/avg/max = [0-9/]+ ms"
}
transport="crypto ipsec transform-set lab $TRANSFORM
 mode transport"
export LOCAL_ACL="host $GW_WAN" REMOTE_ACL="host $PEER1"

check "strongSwan starts: it gets transport mode, and the addresses of both (it sees a NAT always)"
EXTRA=$transport vigil_start
export MODE=transport LOCAL_NET=$PEER1/32 REMOTE_NET=$GW_WAN/32
lab_charon peer1
! lab_ctl peer1 --initiate --child net --timeout 3 >/dev/null 2>&1 || fail "its ESP knows it now"
has "$(cat "$(peer_log peer1)")" "parsed QUICK_MODE response .* NAT-OA NAT-OA" \
	"selected proposal: ESP:" "IPsec SA: unsupported mode"
lab_stop peer1 KILL

check "strongSwan answers: a ping of ours starts it"
EXTRA=$transport vigil_again
lab_charon peer1
sed -i 's/cfg = 2/cfg = 2\n            chd = 4/' "$LAB_RUN/peer1/strongswan.conf"
lab_ctl peer1 --reload-settings >/dev/null
# It takes back what it cannot carry; here we do not hear of it.
lab_fault drop "ip saddr $PEER1 udp sport 4500 @th,240,8 5"
vigil "ping $PEER1 repeat 2 timeout 1" >/dev/null || true
wait_until 20 "an SA" sas_show "in use settings"
equal "$(mode_of gw)" "Transport UDP-Encaps" "mode"
has "$(cat "$(peer_log peer1)")" "parsed QUICK_MODE request .* NAT-OA NAT-OA"

check "what scapy sends under its keys is answered"
mac=$(vigil "show interfaces" | sed -n 's/.*address is \([0-9a-f.]*\).*/\1/p' | head -n 1 |
	tr -d . | sed 's/../&:/g; s/:$//')
capture_start
in_ns wan "$here/transport_peer.py" "$(peer_log peer1)" write w-gw "$mac" "$PEER1" "$GW_WAN"
wait_until 10 "five are decrypted" sas_show "#pkts decaps: 5,"
wait_until 10 "and answered" sas_show "#pkts encaps: 7,"
capture_stop
"$here/transport_peer.py" "$(peer_log peer1)" read "$pcap" "$GW_WAN"
has "$(vigil "show crypto ipsec sa")" "#pkts encaps: 7," "#pkts decaps: 5,"
lab_fault clear
lab_stop peer1 KILL

check "strongSwan wants a tunnel, and so do we for other traffic"
unset LOCAL_NET REMOTE_NET MODE LOCAL_ACL REMOTE_ACL
EXTRA=$transport vigil_again
lab_charon peer1
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3
equal "$(mode_of gw)" "Tunnel UDP-Encaps" "mode"
lab_stop peer1 KILL
vigil_stop

check "two Vigils: natively, the header outside"
in_ns peer1 ip addr flush dev wan0
in_ns peer1 ip addr del "$PEER_IN/24" dev lo
ip link add in0 netns "$LAB-peer1" type veth peer name in1 netns "$LAB-peer1"
in_ns peer1 ip link set in0 up
in_ns peer1 ip link set in1 up
rm -f "$LAB_RUN"/gw.* "$pcap" "$LAB_RUN/tcpdump.err"
export LOCAL_ACL="host $GW_WAN" REMOTE_ACL="host $PEER1"
EXTRA=$transport vigil_start
WAN=wan0 LAN=in0 WAN_IP=$PEER1 LAN_IP=$PEER_IN PEERS=$GW_WAN NEXT_HOP=$GW_WAN \
	LOCAL_ACL="host $PEER1" REMOTE_ACL="host $GW_WAN" EXTRA=$transport vigil_start peer1
capture_start "$pcap" w-gw "icmp or esp"
vigil "ping $PEER1 repeat 3 timeout 2" >/dev/null || true # while it is made
ping_from gw 5 "$PEER1"
ping_from peer1 5 "$GW_WAN" source FastEthernet0
equal "$(mode_of gw) $(mode_of peer1)" "Transport Transport" "modes"
check "the longest that goes in one piece, with DF, and none longer; without DF in fragments"
ping_from gw 3 "$PEER1 repeat 3 size 1458 df-bit"
has "$(vigil "ping $PEER1 repeat 1 timeout 1 size 1459 df-bit" || true)" "Success rate is 0 percent \(0/1\)"
# The kernel puts fragments together for a packet socket, whose frames take 2000 bytes.
ping_from gw 3 "$PEER1 repeat 3 size 1900"
capture_stop
equal "$(times "icmp && !esp" | count_lines)" 0 "packets in clear"
[ "$(times "esp && ip.src == $GW_WAN" | count_lines)" -ge 15 ] || fail "no ESP"
equal "$(packets "esp && ip.src == $GW_WAN && ip.flags.mf == 0 && ip.frag_offset == 0" ip.ttl | sort -u | tr '\n' ' ')" \
	"255 64 " "TTL of echo replies and of echoes"

check "what is not the gateways' own is not let through"
mac=$(vigil "show interfaces FastEthernet1" | sed -n 's/.*address is \([0-9a-f.]*\).*/\1/p' |
	head -n 1 | tr -d . | sed 's/../&:/g; s/:$//')
in_ns host /usr/bin/python3 -c "from scapy.all import *
sendp(Ether(dst='$mac') / IP(src='$GW_WAN', dst='$PEER1') / ICMP(), iface='host0', verbose=False)"
dropped_one() { grep -q " 1  drop esp-forwarded" <<<"$(vigil "show counters")"; }
wait_until 15 "it is dropped" dropped_one

check "a set that requires it has nothing for networks"
vigil_config "crypto ipsec transform-set lab $TRANSFORM" "mode transport require" exit \
	"no access-list 101" "access-list 101 permit ip 10.1.0.0 0.0.0.255 10.2.0.0 0.0.0.255" >/dev/null
ping_none host "$PEER_IN" 2
log_says "IPSEC-4-TRANSPORT: Crypto map vpn 10: its transform sets require"
vigil_stop peer1
vigil_stop
