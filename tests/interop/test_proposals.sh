#!/usr/bin/env bash
# What is chosen among several proposals, and how a negotiation fails: no proposal in common, a
# wrong key, selectors that do not fit.
# limit: 150
. "$(dirname "$0")/lib.sh"
lab_up
EXTRA='crypto isakmp policy 20
 encryption 3des
 hash sha
 authentication pre-share
 group 2
crypto ipsec transform-set second esp-3des esp-sha-hmac
crypto map vpn 10 ipsec-isakmp
 set transform-set lab second'

check "the second policy and the second transform set, as initiator"
export IKE=3des-sha1-modp1024 ESP=3des-sha1
lab_charon peer1
vigil_start
tunnel_up host "$PEER_IN"
ping_all host "$PEER_IN" 3
has "$(vigil "show crypto isakmp sa detail")" '3des'
has "$(vigil "show crypto ipsec sa")" 'esp-3des'

check "the second policy and the second transform set, as responder"
lab_stop peer1 KILL
vigil_again
lab_charon peer1
lab_ctl peer1 --initiate --child net >/dev/null || fail "charon could not initiate"
ping_all host "$PEER_IN" 3
lab_stop peer1 KILL

check "no proposal in common: refused, as responder and as initiator"
IKE=aes256-sha512-modp4096 ESP=aes256-sha512 lab_charon peer1
vigil_again
! lab_ctl peer1 --initiate --child net --timeout 8 >/dev/null 2>&1 || fail "charon has a tunnel"
wait_until 10 "charon is told NO-PROPOSAL-CHOSEN" grep -q 'received NO_PROPOSAL_CHOSEN' "$(peer_log peer1)"
log_says "Main mode failed with peer at $PEER1: no isakmp policy fits its proposal"
ping_none host "$PEER_IN" 2
log_says "$PEER1 answers phase 1 with NO_PROPOSAL_CHOSEN"
! session_up || fail "there is a session"
lab_stop peer1 KILL

check "a wrong key: no tunnel, and nothing breaks"
PSK=another-key lab_charon peer1
vigil_again
ping_none host "$PEER_IN" 3
wait_until 10 "charon cannot read message 5" grep -q 'could not decrypt payloads' "$(peer_log peer1)"
! session_up || fail "there is a session"
! lab_ctl peer1 --initiate --child net --timeout 6 >/dev/null 2>&1 || fail "charon has a tunnel"
log_says "from $PEER1 .*message 5 \(is the pre-shared key the same\?\)"
! session_up || fail "there is a session"
lab_stop peer1 KILL

check "selectors outside the access list are refused"
unset IKE ESP
LOCAL_NET=10.77.0.0/24 lab_charon peer1
vigil_again
! lab_ctl peer1 --initiate --child net --timeout 8 >/dev/null 2>&1 || fail "charon has a tunnel"
log_says "Quick mode failed with peer at $PEER1: no crypto map entry permits its networks"
wait_until 10 "charon is told" grep -q 'received INVALID_ID_INFORMATION' "$(peer_log peer1)"
lab_stop peer1 KILL

check "a narrower proposal within the mirrored permit is accepted"
LOCAL_NET=$PEER_IN/32 lab_charon peer1
vigil_again
lab_ctl peer1 --initiate --child net >/dev/null || fail "charon could not initiate"
in_ns peer1 ping -q -c 3 -i 0.2 -W 2 -I "$PEER_IN" "$HOST" >/dev/null || fail "ping through it"
vigil_stop
