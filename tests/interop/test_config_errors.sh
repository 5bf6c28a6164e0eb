#!/usr/bin/env bash
# `vigild --check`: every error with file, line, column and a caret; warnings; the document's
# configurations. Checklist: 3-5, 28, 39-43.
# limit: 60
. "$(dirname "$0")/lib.sh"
mkdir -p "$LAB_RUN"
umask 077
conf=$LAB_RUN/x.conf

# refused LINE... ; leaves what was said in $out
refused() {
	vigil_conf >"$conf"
	printf '%s\n' "$@" >>"$conf"
	if out=$("$bin/vigild" --check -f "$conf" 2>&1); then fail "accepted: $*"; fi
}
accepted() {
	if ! out=$("$bin/vigild" --check -f "$conf" 2>&1); then fail "refused: $out"; fi
}

check "a good file"
vigil_conf >"$conf"
accepted
base=$(count_lines <"$conf")

check "each wrong value: line, column, caret, what was expected"
while IFS='|' read -r line column expected; do
	refused "$line"
	echo "   $line"
	has "$out" "x.conf:$((base + 1)):$column: " '^ *\^ *$' "$expected"
done <<'END'
crypto isakmp keepalive 9|25|10-3600
crypto isakmp keepalive 3601 periodic|25|10-3600
crypto isakmp keepalive 10 1|28|2-60
crypto isakmp keepalive 10 61 periodic|28|2-60
crypto isakmp keepalive|24|incomplete command: expected <10-3600>
crypto isakmp policy 10001|22|1-10000
no crypto isakmp nonsense|18|expected
ip route 10.0.0.0 255.0.255.0 192.0.2.11|19|not a contiguous mask
END

check "all errors are reported, not the first"
refused 'crypto isakmp keepalive 9' 'interface FastEthernet0' ' mtu 1' 'nonsense here'
for n in 1 3 4; do has "$out" "x.conf:$((base + n)):[0-9]+: error: "; done

check "secrets in a file that others can read: a warning"
vigil_conf >"$conf"
chmod 644 "$conf"
accepted
has "$out" '[Ww]arning'
! grep -q "$PSK" <<<"$out" || fail "the warning shows the secret"
chmod 600 "$conf"

check "39, 41, 43: the document's site-to-site configuration, its crypto map with three peers"
cat >"$conf" <<-END
	platform
	 no hugepages
	 port FastEthernet0 net_null0
	!
	crypto isakmp policy 1
	  encryption 3des
	  authentication pre-share
	  group 2
	!
	crypto isakmp key kd94j1ksldz address 10.2.80.209 255.255.255.0
	crypto isakmp keepalive 10 periodic
	crypto ipsec transform-set esp-3des-sha esp-3des esp-sha-hmac
	crypto map test 1 ipsec-isakmp
	  set peer 10.2.80.209
	  set transform-set esp-3des-sha
	  match address 101
	!
	!
	interface FastEthernet0
	  ip address 10.1.32.14 255.255.255.0
	  speed auto
	  crypto map test
	!
	crypto map green 1 ipsec-isakmp
	 set peer 10.0.0.1
	 set peer 10.0.0.2
	 set peer 10.0.0.3
	 set transform-set txfm
	 match address 101
END
accepted
has "$out" '101' 'txfm'

check "40, 42: the document's Easy VPN configurations load, and say that they are not active"
cat >"$conf" <<-END
	platform
	 no hugepages
	 port FastEthernet0 net_null0
	 port Ethernet0 net_null1
	!
	crypto isakmp keepalive 30 20 periodic
	crypto ipsec client ezvpn ezvpn-config
	  connect auto
	  group unity key preshared
	  mode client
	  peer 10.10.10.10
	  peer 10.2.2.2
	  peer 10.3.3.3
	!
	interface Ethernet0
	  ip address 10.2.3.4 255.255.255.0
	  half-duplex
	  crypto ipsec client ezvpn ezvpn-config inside
	!
	interface FastEthernet0
	  ip address 10.1.32.14 255.255.255.0
	  speed auto
	  crypto ipsec client ezvpn ezvpn-config outside
END
accepted
has "$out" 'not active in this version'
