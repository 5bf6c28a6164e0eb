#!/usr/bin/env bash
# A dynamic crypto map: three strongSwan peers that the configuration does not name, one of them behind
# a NAT, each with networks of its own; they come and go, and one dies.
# limit: 160
. "$(dirname "$0")/lib.sh"
lab_up
b_in=10.3.0.1
in_ns peer2 ip addr add "$b_in/24" dev lo
(umask 077
 KEEPALIVE="10 2 periodic" vigil_conf gw | sed -e '/^crypto map vpn/,/match address/d' -e '/^access-list/d' \
	-e 's/^crypto isakmp key .*/crypto isakmp key '"$PSK"' address 0.0.0.0 0.0.0.0/' \
	-e 's/^interface FastEthernet0/crypto dynamic-map everyone 10\n set transform-set lab\ncrypto map vpn 65535 ipsec-isakmp dynamic everyone\n&/' |
	awk '!/^crypto isakmp key/ || !seen++' >"$LAB_RUN/gw.conf")
vigil_start
sessions() { grep -c 'Session status: UP-ACTIVE' <<<"$(vigil "show crypto session")" || true; }
are() { [ "$(sessions)" = "$1" ]; }

check "what no peer has asked for is not protected, and nothing is started"
ping_none host "$PEER_IN" 1
equal "$(sessions)" 0 "sessions"
has "$(vigil "show crypto map")" "Crypto Map IPv4 \"vpn\" 65535 ipsec-isakmp" "Dynamic map template tag: everyone" "FastEthernet0"
has "$(vigil "show crypto dynamic-map")" "Crypto Map Template\"everyone\" 10" "No matching address list set" "lab:"

check "three peers come, and get what they propose"
capture_start "$pcap" w-gw ip # what leaves in clear as well
START=start lab_charon peer1
START=start LOCAL_NET=10.3.0.0/24 lab_charon peer2
START=start lab_charon road
for n in peer1 peer2 road; do
	wait_until 15 "child of $n" grep -q 'CHILD_SA net{1} established' "$(peer_log "$n")"
done
wait_until 10 "three sessions" are 3 # here they are up when message 3 is read
ping_all host "$PEER_IN" 5
ping_all host "$b_in" 5
ping_all host "$ROAD" 5
ping_all road "$HOST" 3
capture_settle
equal "$(times "icmp && !esp && !udpencap" | count_lines)" 0 "pings in clear"
show=$(vigil "show crypto ipsec sa")
has "$show" "remote ident .*\(10.2.0.0/255.255.255.0/0/0\)" "remote ident .*\(10.3.0.0/255.255.255.0/0/0\)" \
	"remote ident .*\($ROAD/255.255.255.255/0/0\)"

check "the NAT dials in anew: whoever is behind it is found at its next address"
next=192.0.2.21
in_ns nat sysctl -qw net.ipv4.conf.wan0.promote_secondaries=1
in_ns nat ip addr add "$next/24" dev wan0
in_ns nat ip addr del "$NAT/24" dev wan0
in_ns road ping -c 1 -W 2 "$HOST" >/dev/null || true # the gateway learns it from this one
ping_all host "$ROAD" 5
ping_all road "$HOST" 3
has "$(vigil "show crypto session")" "^Peer: $next port "
equal "$(grep -c 'IKE_SA site.* established' "$(peer_log road)")" 1 "phases 1 of road"
equal "$(sessions)" 3 "sessions"

check "one dies, and the others do not notice"
lab_stop peer2 KILL
wait_until 30 "its death" are 2
log_says "Crypto tunnel is DOWN.*$PEER2"
ping_all host "$PEER_IN" 5
ping_all host "$ROAD" 5

check "and it comes back; another takes its leave"
START=start LOCAL_NET=10.3.0.0/24 lab_charon peer2
wait_until 15 "its return" are 3
ping_all host "$b_in" 3
lab_ctl road --terminate --ike site >/dev/null
wait_until 15 "the leave" are 2

check "a live access list ends what it does not permit"
vigil_config "access-list 110 permit ip 10.1.0.0 0.0.0.255 10.2.0.0 0.0.255.255" \
	"crypto dynamic-map everyone 10" "match address 110" >/dev/null
wait_until 15 "the end of the others" are 0
lab_ctl peer1 --initiate --child net >/dev/null
wait_until 10 "what it permits comes up" are 1
! lab_ctl peer2 --initiate --child net --timeout 5 >/dev/null 2>&1 || fail "what it does not permit comes up"
log_says "no crypto map entry permits its networks"
ping_all host "$PEER_IN" 3
capture_stop
vigil_stop
