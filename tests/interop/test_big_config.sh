#!/usr/bin/env bash
# A gateway with 10,000 peers, each with its key, its crypto map entry and its access list: it starts,
# shows itself, is edited, written and started again; and so one with a list of 10,000 lines.
# limit: 90
. "$(dirname "$0")/lib.sh"
lab_up
n=10000
bench=${VIGIL_BUILD:-$top/build}/tests/perf/config_bench

# big_start SHAPE: starts a gateway with a startup file of that shape.
big_start() {
	(umask 077 && "$bench" --write "$1" "$n" |
		sed "s|^platform|logging file $LAB_RUN/gw.log\nplatform\n socket $LAB_RUN/gw.sock|" \
			>"$LAB_RUN/gw.conf")
	vigil_start
}

# count REGEX COMMAND: lines of its output that match.
count() {
	vigil "$2 | count $1" | sed 's/.*= //'
}

# without_times: a configuration without the lines that say when.
without_times() {
	grep -v '^!' <<<"$1"
}

check "$n entries are there"
big_start peers
equal "$(count '^crypto map' 'show running-config')" "$n" "entries of the configuration"
equal "$(count '^crypto isakmp key' 'show running-config')" "$n" "keys"
equal "$(count '^Crypto Map' 'show crypto map')" "$n" "entries shown"
equal "$(count 'Peer = ' 'show crypto map')" "$n" "peers shown"
equal "$(count 'incomplete' 'show crypto map')" 0 "incomplete entries"

check "one goes and comes again while the others stay"
vigil_config "no crypto map big0 777" >/dev/null
equal "$(count '^Crypto Map' 'show crypto map')" "$((n - 1))" "entries after one was removed"
vigil_config "crypto map big0 777 ipsec-isakmp" "set peer 100.64.3.9" "set transform-set big" \
	"match address net776" "description again" >/dev/null
equal "$(count '^Crypto Map' 'show crypto map')" "$n" "entries after it came again"
equal "$(count 'Description: again' 'show crypto map')" 1 "the new entry"
equal "$(count 'incomplete' 'show crypto map')" 0 "incomplete entries"

check "a list that goes leaves its entry incomplete, and only that"
has "$(vigil_config "no ip access-list extended net5")" 'access list net5 is not defined'
equal "$(count 'incomplete' 'show crypto map')" 1 "incomplete entries"
vigil_config "ip access-list extended net5" \
	"permit ip 192.168.0.0 0.0.255.255 10.0.0.80 0.0.0.15" >/dev/null
equal "$(count 'incomplete' 'show crypto map')" 0 "incomplete entries"

check "what is written is what runs after a restart"
before=$(vigil "show running-config")
has "$(vigil "copy running-config startup-config")" '\[OK\]'
vigil_stop
vigil_start
equal "$(without_times "$(vigil "show running-config")" | md5sum)" \
	"$(without_times "$before" | md5sum)" "the configuration after a restart"
vigil_stop

check "one list of $n lines, of which one goes and comes again"
big_start lines
equal "$(count 'permit ip' 'show access-lists')" "$n" "lines"
vigil_config "ip access-list extended net0" "no 50000" >/dev/null
equal "$(count 'permit ip' 'show access-lists')" "$((n - 1))" "lines after one was removed"
vigil_config "ip access-list extended net0" "50000 deny tcp any any eq 80" >/dev/null
equal "$(count 'deny tcp' 'show access-lists')" 1 "the new line"
equal "$(count 'permit ip' 'show crypto map')" "$((n - 1))" "lines of the crypto map"
vigil_stop
lacks "$(cat "$LAB_RUN/gw.log")" '%CRYPTO-3-|%SYS-3-'
