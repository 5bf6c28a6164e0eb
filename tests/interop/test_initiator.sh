#!/usr/bin/env bash
# Traffic brings a tunnel up, for each cipher, hash and group that the gateway offers, with and
# without PFS: main mode, quick mode, ping both ways through it.
# limit: 240
. "$(dirname "$0")/lib.sh"
lab_up

# charon's IKE | our policy | charon's ESP | our transform set | PFS group
matrix='
3des-sha1-modp1024|encryption 3des,hash sha,group 2|3des-sha1|esp-3des esp-sha-hmac|
aes128-sha1-modp1536|encryption aes,hash sha,group 5|aes128-sha1|esp-aes esp-sha-hmac|
aes128-sha256-modp2048|encryption aes,hash sha256,group 14|aes128-sha256-modp2048|esp-aes esp-sha256-hmac|14
aes192-sha512-ecp256|encryption aes 192,hash sha512,group 19|aes192-sha384-ecp256|esp-aes 192 esp-sha384-hmac|19
aes256-sha384-ecp384|encryption aes 256,hash sha384,group 20|aes256-sha512-ecp384|esp-aes 256 esp-sha512-hmac|20
aes128-sha256-modp2048|encryption aes,hash sha256,group 14|aes128gcm16|esp-gcm|
aes256-sha256-ecp256|encryption aes 256,hash sha256,group 19|aes256gcm16-modp1536|esp-gcm 256|5
aes128-sha1-modp1024|encryption aes,hash sha,group 2|aes128gcm16-modp1024|esp-gcm 128|2
'
while IFS='|' read -r IKE policy ESP TRANSFORM PFS; do
	[ -n "$IKE" ] || continue
	export IKE ESP
	POLICY="authentication pre-share|${policy//,/|}"
	check "IKE $IKE, ESP $ESP (${PFS:+PFS group $PFS}${PFS:-no PFS})"
	lab_charon peer1
	vigil_again
	tunnel_up host "$PEER_IN"
	ping_all host "$PEER_IN" 3
	ping_all host "$PEER_IN" 3 -s 1300
	in_ns peer1 ping -q -c 2 -i 0.2 -W 3 -I "$PEER_IN" "$HOST" >/dev/null || fail "ping from the peer's side"
	session_up || fail "the session is not up"
	[ "$(grep -c 'CHILD_SA net{1} established' "$(peer_log peer1)")" -ge 1 ] || fail "charon has no child"
	if [[ $IKE == 3des* ]]; then
		check "weak algorithms are named in the log"
		grep -qi weak "$LAB_RUN/gw.log" || fail "nothing said weak"
	fi
	lab_stop peer1 KILL
done <<<"$matrix"
