#!/usr/bin/env bash
# `configure terminal` changes what runs, without a restart; the running configuration is kept.
# Checklist: 1, 2, 7, 27-30.
# limit: 150
. "$(dirname "$0")/lib.sh"
lab_up
in_ns peer2 ip addr add 10.3.0.1/24 dev lo
lab_charon peer1
LOCAL_NET=10.3.0.0/24 lab_charon peer2
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3
running() {
	vigil "show running-config"
}

check "1, 7: keepalive on-demand is in force and not shown as such, periodic is"
vigil_config "crypto isakmp keepalive 10 3 on-demand" >/dev/null
has "$(running)" '^crypto isakmp keepalive 10 3$'
vigil_config "crypto isakmp keepalive 20 5 periodic" >/dev/null
has "$(running)" '^crypto isakmp keepalive 20 5 periodic$'

check "4: a wrong line is refused with a caret and changes nothing"
out=$(vigil_config "crypto isakmp keepalive 9" || true)
has "$out" '\^'
has "$(running)" '^crypto isakmp keepalive 20 5 periodic$'

check "a new keepalive is used by the SAs that are made afterwards"
vigil_config "crypto isakmp keepalive 10 periodic" >/dev/null
vigil "clear crypto session" >/dev/null
capture_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3
sleep 22
capture_stop
ike_done=$(times "isakmp.exchangetype == 32 && ip.src == $GW_WAN" | tail -n 1)
equal "$(informational "$PEER1" "$GW_WAN" | awk -v t="$ike_done" '$1 > t && $1 <= t + 22' | count_lines)" 2 \
	"answered probes in 22 s"

check "27-30: a second crypto map entry, typed while the first one carries traffic"
ping_start host "$PEER_IN" 0.1
vigil_config "crypto isakmp key $PSK address $PEER2" \
	"ip access-list extended second" "permit ip 10.1.0.0 0.0.0.255 10.3.0.0 0.0.0.255" exit \
	"crypto map vpn 20 ipsec-isakmp" "set peer $PEER2" "set transform-set lab" \
	"match address second" exit >"$LAB_RUN/typed.out"
tunnel_up host 10.3.0.1
ping_all host 10.3.0.1 5
ping_stop
equal "$lost" 0 "packets lost by the first tunnel"
has "$(vigil "show crypto session")" "Peer: $PEER2 "

check "taking it away ends its tunnel; what no access list names leaves in clear, and nothing else does"
capture_start "$pcap" w-gw "icmp[icmptype] == icmp-echo"
vigil_config "no crypto map vpn 20" >/dev/null
wait_until 15 "peer2 is told" grep -q 'received DELETE' "$(peer_log peer2)"
lacks "$(vigil "show crypto session")" "Peer: $PEER2 "
ping_all host "$PEER_IN" 3
ping_none host 10.3.0.1 1
capture_stop
equal "$(packets icmp ip.dst)" 10.3.0.1 "pings in clear, by their destination"

check "interface shutdown and back"
vigil_config "interface FastEthernet1" shutdown >/dev/null
log_says '%LINK-5-CHANGED: Interface FastEthernet1, changed state to administratively down'
log_says '%LINEPROTO-5-UPDOWN: .*FastEthernet1, changed state to down'
ping_none host "$PEER_IN" 3
vigil_config "interface FastEthernet1" "no shutdown" >/dev/null
wait_until 15 "ping" ping_once host "$PEER_IN"

check "copy running-config startup-config; a restart takes it"
vigil_config "hostname Changed" >/dev/null
vigil "copy running-config startup-config" >/dev/null
has "$(cat "$LAB_RUN/gw.conf")" '^hostname Changed$' '^crypto isakmp keepalive 10 periodic$'
equal "$(stat -c %a "$LAB_RUN/gw.conf")" 600 "mode of the startup file"
vigil_stop
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3
