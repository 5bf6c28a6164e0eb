#!/usr/bin/env bash
# Neighbour discovery between Vigil and Linux: RFC 4861 (solicitations, verified neighbours), RFC 4862
# (no address is used that somebody has), with configuration typed while it runs.
# limit: 90
. "$(dirname "$0")/lib.sh"
neighbour_is() {
	vigil "show ipv6 neighbors" | grep -qE "^2001:db8::9 +0 [0-9a-f.]{14} +$1 FastEthernet0\$"
}

lab_up
in_ns peer1 sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.wan0.disable_ipv6=0
in_ns peer1 ip addr add 2001:db8::7/64 dev wan0 nodad
in_ns peer1 ip addr add 2001:db8::9/64 dev wan0 nodad
vigil_start
# shellcheck disable=SC2154 # pcap is set in lib.sh
capture_start "$pcap" w-gw icmp6

check "an address is used after a second in which nobody objects"
vigil_config "interface FastEthernet0" "ipv6 address 2001:db8::1/64" \
	"ipv6 address 2001:db8::7/64" >/dev/null
has "$(vigil "show ipv6 interface brief")" '^ +2001:db8::1$'
wait_until 10 "it is in use" addresses_used
in_ns peer1 ping -6 -I 2001:db8::9 -c 1 -W 10 2001:db8::1 >/dev/null || fail "no answer"
has "$(in_ns peer1 ip -6 neigh show 2001:db8::1)" 'lladdr [0-9a-f:]* +(REACHABLE|DELAY|STALE)'

check "who asked for us is a neighbour, first unverified, then verified at its own address"
neighbour_is STALE || fail "it is not STALE"
wait_until 10 "neighbour verified" neighbour_is REACH

check "one that Linux has is not used, and the log says so"
grep -q '%IPV6_ND-4-DUPLICATE: Duplicate address 2001:db8::7 on FastEthernet0' "$LAB_RUN/gw.log" ||
	fail "nothing in the log"
capture_stop
equal "$(times 'icmpv6.type == 136 && icmpv6.nd.na.target_address == 2001:db8::7 && ipv6.dst != ff02::1' |
	count_lines)" 0 "answers for the duplicate"
[ "$(times 'icmpv6.type == 135 && ipv6.src == :: && ipv6.hlim == 255' | count_lines)" -ge 3 ] ||
	fail "no duplicate address detection"

check "an address that is taken away is answered for no more"
vigil_config "interface FastEthernet0" "no ipv6 address" >/dev/null
in_ns peer1 ip -6 neigh flush dev wan0
in_ns peer1 ping -6 -I 2001:db8::9 -c 1 -W 1 2001:db8::1 >/dev/null || true
has "$(in_ns peer1 ip -6 neigh show 2001:db8::1)" '(FAILED|INCOMPLETE)'
