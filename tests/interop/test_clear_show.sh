#!/usr/bin/env bash
# `show` prints what monitoring tools look for; `clear crypto session` clears what matches.
# Checklist: 37.
# limit: 120
. "$(dirname "$0")/lib.sh"
lab_up
KEEPALIVE="10 periodic"
EXTRA="crypto isakmp key $PSK address $PEER2
crypto map vpn 20 ipsec-isakmp
 set peer $PEER2
 set transform-set lab
 match address second
ip access-list extended second
 permit ip 10.1.0.0 0.0.0.255 10.3.0.0 0.0.0.255"
in_ns peer2 ip addr add 10.3.0.1/24 dev lo
lab_charon peer1
LOCAL_NET=10.3.0.0/24 lab_charon peer2
vigil_start

session_of() {
	vigil "show crypto session" | grep -B 1 "^Peer: $1 " | grep -q 'Session status: UP-ACTIVE'
}
no_session_of() {
	! session_of "$1"
}

check "two sessions"
tunnel_up host "$PEER_IN"
tunnel_up host 10.3.0.1
out=$(($(sa_count encaps) + 5)) in=$(($(sa_count decaps) + 5))
ping_all host "$PEER_IN" 5
ping_all host 10.3.0.1 5
session_of "$PEER1" || fail "peer1 has no session"
session_of "$PEER2" || fail "peer2 has no session"

check "show crypto session"
has "$(vigil "show crypto session")" '^Crypto session current status' '^Interface: FastEthernet0' \
	'^Session status: UP-ACTIVE' "^Peer: $PEER1 port 4500" \
	"^ +IKEv1 SA: local $GW_WAN/4500 remote $PEER1/4500 Active" \
	'^ +IPSEC FLOW: permit ip 10.1.0.0/255.255.255.0 10.2.0.0/255.255.255.0' \
	'^ +Active SAs: 2, origin: crypto map'
check "show crypto session detail, brief"
has "$(vigil "show crypto session detail")" 'D - Dead Peer Detection' '^Uptime: ' 'fvrf: \(none\)' \
	"Phase1_id: $PEER1" 'Capabilities:DN connid:[0-9]+ lifetime:[0-9:]+' \
	"Inbound: +#pkts dec'ed [0-9]+ drop 0 life \(KB/Sec\) [0-9]+/[0-9]+" \
	"Outbound: +#pkts enc'ed [0-9]+ drop 0 life \(KB/Sec\) [0-9]+/[0-9]+"
has "$(vigil "show crypto session brief")" 'Status: A- Active' 'K - No IKE' "$PEER1 .*UA" "$PEER2 .*UA"
check "show crypto isakmp sa, detail"
has "$(vigil "show crypto isakmp sa")" '^IPv4 Crypto ISAKMP SA' '^dst +src +state +conn-id +status' \
	"^$PEER1 +$GW_WAN +QM_IDLE +[0-9]+ ACTIVE" '^IPv6 Crypto ISAKMP SA'
has "$(vigil "show crypto isakmp sa detail")" 'C-id +Local +Remote +I-VRF +Status +Encr +Hash +Auth' \
	"$GW_WAN +$PEER1 .*ACTIVE +aes +sha256 +psk +14 .*D"
check "show crypto ipsec sa"
has "$(vigil "show crypto ipsec sa")" '^interface: FastEthernet0' 'Crypto map tag: vpn, local addr 192.0.2.1' \
	'local  ident \(addr/mask/prot/port\): \(10.1.0.0/255.255.255.0/0/0\)' \
	'remote ident \(addr/mask/prot/port\): \(10.2.0.0/255.255.255.0/0/0\)' \
	"current_peer $PEER1 port 4500" "#pkts encaps: $out, #pkts encrypt: $out, #pkts digest: $out" \
	"#pkts decaps: $in, #pkts decrypt: $in, #pkts verify: $in" \
	"local crypto endpt.: $GW_WAN, remote crypto endpt.: $PEER1" \
	'current outbound spi: 0x[0-9A-F]+\([0-9]+\)' 'sa timing: remaining key lifetime' 'Status: ACTIVE'
check "show crypto map, interfaces, counters, version, running-config"
has "$(vigil "show crypto map")" 'Crypto Map IPv4 "vpn" 10 ipsec-isakmp' "Peer = $PEER1" 'Transform sets=' \
	'Interfaces using crypto map vpn:'
has "$(vigil "show interfaces")" '^FastEthernet0 is up' '^FastEthernet1 is up'
[ -n "$(vigil "show counters")" ] || fail "show counters says nothing"
[ -n "$(vigil "show version")" ] || fail "show version says nothing"

check "what the cores do; clearing counters starts them afresh"
has "$(vigil "show platform workers")" '^Worker +CPU +5Sec' '^0 +[0-9]+ '
has "$(vigil "show platform workers 0 detail")" '^Worker 0 on CPU' 'when idle: [1-9][0-9]* sleeps, ' \
	'[1-9][0-9]* packets in [1-9][0-9]* receive bursts'
has "$(vigil "show platform ports")" '^FastEthernet0, driver net_af_packet$' '^  1 receive queue of 1 worker$' \
	'^  ESP steering: none'
has "$(vigil "show platform control")" '^  [1-9][0-9]* turns, [1-9][0-9]* with work, [0-9]+ late'
vigil "clear counters"
has "$(vigil "show interfaces FastEthernet0")" 'counters 00:00:0[0-9]$' '^     [0-9] packets input'
log_says "%CLEAR-5-COUNTERS: Clear counter on all interfaces by "
has "$(vigil "show running-config")" '^crypto isakmp keepalive 10 periodic$' '^crypto map vpn 20 ipsec-isakmp$'

check "37: clear crypto session with a filter that matches nothing clears nothing"
vigil "clear crypto session remote 198.51.100.1" >/dev/null
vigil "clear crypto session remote $PEER1 port 999" >/dev/null
sleep 1
session_of "$PEER1" || fail "peer1 has no session"
session_of "$PEER2" || fail "peer2 has no session"
check "37: remote, with and without a port"
vigil "clear crypto session remote $PEER1" >/dev/null
wait_until 15 "peer1's session is cleared" no_session_of "$PEER1"
session_of "$PEER2" || fail "peer2's session was cleared too"
wait_until 15 "peer1 is told" grep -q 'received DELETE for IKE_SA' "$(peer_log peer1)"
vigil "clear crypto session remote $PEER2 port 4500" >/dev/null
wait_until 15 "peer2's session is cleared" no_session_of "$PEER2"
check "37: local, and all"
tunnel_up host "$PEER_IN"
tunnel_up host 10.3.0.1
ping_all host "$PEER_IN" 5
ping_all host 10.3.0.1 5
vigil "clear crypto session local $GW_WAN" >/dev/null
wait_until 15 "both are cleared" no_session_of "$PEER1"
wait_until 15 "peer2's too" no_session_of "$PEER2"
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 5
vigil "clear crypto session" >/dev/null
wait_until 15 "all are cleared" no_session_of "$PEER1"
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 5
