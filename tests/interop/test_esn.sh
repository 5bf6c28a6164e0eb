#!/usr/bin/env bash
# Extended sequence numbers (RFC 4303, 2.2.1; RFC 4304): negotiated with strongSwan in both roles,
# done without where it does not want them; their packets against scapy under the keys that
# strongSwan derived, since its user space ESP knows none; between two Vigils.
# limit: 150
. "$(dirname "$0")/lib.sh"
lab_up
EXTRA='crypto ipsec security-association esn'

check "strongSwan without: the tunnel is made without, in both roles"
lab_charon peer1
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3
lacks "$(vigil "show crypto ipsec sa")" "extended sequence numbers"
has "$(cat "$(peer_log peer1)")" \
	"received proposals: ESP:AES_CBC_128/HMAC_SHA2_256_128/EXT_SEQ, ESP:.*/NO_EXT_SEQ" \
	"selected proposal: ESP:.*/NO_EXT_SEQ"
lab_stop peer1 KILL
vigil_again
lab_charon peer1
lab_ctl peer1 --initiate --child net >/dev/null || fail "charon could not initiate"
ping_all host "$PEER_IN" 3
lacks "$(vigil "show crypto ipsec sa")" "extended sequence numbers"
lab_stop peer1 KILL

check "strongSwan insists and we do not want them: refused"
export ESP=aes128-sha256-esn
EXTRA='' vigil_again
lab_charon peer1
! lab_ctl peer1 --initiate --child net --timeout 4 >/dev/null 2>&1 || fail "charon has a tunnel"
log_says "no transform set fits its proposal"
lab_stop peer1 KILL

check "strongSwan with them, as initiator: it is given what it asked for"
vigil_again
lab_charon peer1
! lab_ctl peer1 --initiate --child net --timeout 4 >/dev/null 2>&1 || fail "its ESP knows them now"
has "$(cat "$(peer_log peer1)")" "selected proposal: ESP:.*/EXT_SEQ" "ESN not supported"
lab_stop peer1 KILL

for ESP in aes128-sha256-esn aes128gcm16-esn; do
	check "$ESP: strongSwan as responder; what we send, scapy decrypts"
	if [ "$ESP" = aes128gcm16-esn ]; then TRANSFORM=esp-gcm; fi
	lab_charon peer1
	sed -i 's/cfg = 2/cfg = 2\n            chd = 4/' "$LAB_RUN/peer1/strongswan.conf"
	lab_ctl peer1 --reload-settings >/dev/null
	# It takes back what it cannot carry; here we do not hear of it.
	lab_fault drop "ip saddr $PEER1 udp sport 4500 @th,240,8 5"
	rm -f "$pcap" "$LAB_RUN/tcpdump.err"
	capture_start
	vigil_again
	ping_none host "$PEER_IN" 4
	wait_until 10 "strongSwan's choice" grep -q "selected proposal: ESP:" "$(peer_log peer1)"
	wait_until 10 "the pings are sent" sas_show "#pkts encaps: 4,"
	capture_stop
	has "$(cat "$(peer_log peer1)")" "selected proposal: ESP:.*/EXT_SEQ"
	sas=$(vigil "show crypto ipsec sa")
	equal "$(grep -c 'extended sequence numbers: Y' <<<"$sas")" 2 "SAs that say so"
	has "$(vigil "show crypto map")" 'Extended sequence numbers \(Y/N\): Y'
	"$here/esn_peer.py" "$(peer_log peer1)" read "$pcap" "$GW_WAN"

	check "$ESP: what scapy sends, across 2^32, we decrypt, once"
	mac=$(vigil "show interfaces" | sed -n 's/.*address is \([0-9a-f.]*\).*/\1/p' | head -n 1 |
		tr -d . | sed 's/../&:/g; s/:$//')
	in_ns wan "$here/esn_peer.py" "$(peer_log peer1)" write w-gw "$mac" "$PEER1" "$GW_WAN" \
		"$PEER_IN" "$HOST"
	wait_until 10 "four are decrypted" sas_show "#pkts decaps: 4,"
	wait_until 10 "one is altered" counted 1 "drop esp-auth"
	wait_until 10 "one is repeated" counted 1 "drop esp-replay"
	has "$(vigil "show crypto ipsec sa")" "#pkts decaps: 4,"
	has "$(vigil "show counters")" "1  drop esp-auth" "1  drop esp-replay"
	lab_fault clear
	lab_stop peer1 KILL
done

check "between two Vigils, natively"
vigil_stop
rm -f "$LAB_RUN"/gw.*
in_ns peer1 ip addr flush dev wan0
in_ns peer1 ip addr del "$PEER_IN/24" dev lo
ip link add in0 netns "$LAB-peer1" type veth peer name in1 netns "$LAB-peer1"
in_ns peer1 ip link set in0 up
in_ns peer1 ip link set in1 up
EXTRA='crypto map vpn 10 ipsec-isakmp
 set security-association esn'
vigil_start
WAN=wan0 LAN=in0 WAN_IP=$PEER1 LAN_IP=$PEER_IN PEERS=$GW_WAN NEXT_HOP=$GW_WAN \
	LOCAL_ACL="10.2.0.0 0.0.0.255" REMOTE_ACL="10.1.0.0 0.0.0.255" vigil_start peer1
ping_all host "$PEER_IN" 10
for name in gw peer1; do
	equal "$(vigil_on $name "show crypto ipsec sa" | grep -c 'extended sequence numbers: Y')" 2 \
		"SAs of $name that say so"
done

check "one of them drops the command: the next SAs are made without"
printf '%s\n' enable "configure terminal" "crypto map vpn 10" "no set security-association esn" \
	end "clear crypto session" | timeout 10 "$bin/vigil" -s "$LAB_RUN/peer1.sock" >/dev/null
session_down() { grep -q 'Session status: DOWN' <<<"$(vigil "show crypto session")"; }
wait_until 10 "the other one's session is down" session_down
ping_all host "$PEER_IN" 5
lacks "$(vigil "show crypto ipsec sa")" "extended sequence numbers"
vigil_stop peer1
vigil_stop
