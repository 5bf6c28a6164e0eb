#!/usr/bin/env bash
# What a scenario of tests/interop needs: the lab, a vigild in it, a capture, and assertions that
# print what was seen. Source it first; a scenario ends with 0 only if it reaches its end.
#
#   vigil_conf >FILE           a startup file from the variables KEEPALIVE POLICY TRANSFORM MAP ...
#   vigil_start [NAME [NS]]    start vigild with $LAB_RUN/NAME.conf, wait until it answers
#   vigil "show ..."           a command, as text
#   vigil_config LINE...       lines of configuration, typed after `configure terminal`
#   vigil_stop [NAME]          end it, and look at how it ended; at the end of a scenario so does finish
#   capture_start, capture_settle, capture_stop, packets FILTER FIELD...
#   check TEXT                 says what is looked at now
# shellcheck disable=SC2119,SC2120 # a name is optional in several places
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
LAB=${LAB:-vlab$$}
# shellcheck source=lab/lab
. "$here/lab/lab"

bin=${VIGIL_BUILD:-$top/build}/controlplane
pcap=$LAB_RUN/wan.pcap
declare -A vigil_pid=()
capture_pid=
helpers=()   # processes outside the namespaces
leftovers=() # directories outside of $LAB_RUN
now_checking="the start"
exec 3>&1 # for what must be seen even from a command whose output is thrown away

# What the vigild of a scenario is made of; see vigil_conf.
KEEPALIVE=${KEEPALIVE:-}
POLICY=${POLICY:-encryption aes|hash sha256|authentication pre-share|group 14}
TRANSFORM=${TRANSFORM:-esp-aes esp-sha256-hmac}
PEERS=${PEERS:-$PEER1}
PFS=${PFS:-}
EXTRA=${EXTRA:-}

check() {
	now_checking=$*
	echo "== $*"
}

fail() {
	echo "FAIL: $* (while checking: $now_checking)" >&3
	exit 1
}

# Helpers get five seconds.
helpers_end() {
	local p i
	kill "${helpers[@]}" 2>/dev/null
	for p in "${helpers[@]}"; do
		for ((i = 0; i < 50; i++)); do
			kill -0 "$p" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$p" 2>/dev/null
	done
}

# Runs at every end of a scenario. One that was good is so if its daemons live and end in order.
finish() {
	local status=$? name
	trap - EXIT INT TERM
	set +e
	exec >&3 2>&3
	if [ "$status" = 0 ]; then
		now_checking="the end"
		for name in "${!vigil_pid[@]}"; do vigil_end "$name" || status=1; done
	fi
	if [ "$status" != 0 ] && [ "$status" != 130 ]; then # 130: somebody pressed Ctrl-C
		echo "---- ended with status $status while checking: $now_checking"
		local f
		for f in "$LAB_RUN"/*.log "$LAB_RUN"/*.out "$LAB_RUN"/*/charon.log; do
			[ -s "$f" ] || continue
			echo "---- end of ${f#"$LAB_RUN"/}"
			tail -n 25 "$f"
		done
		if [ -n "${KEEP_LOGS:-}" ]; then
			mkdir -p "$KEEP_LOGS"
			cp -r "$LAB_RUN" "$KEEP_LOGS/" # in a folder of its own: nothing there is lost
		fi
	fi
	[ ${#helpers[@]} = 0 ] || helpers_end
	lab_down >/dev/null 2>&1
	[ ${#leftovers[@]} = 0 ] || rm -rf "${leftovers[@]}"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# wait_until SECONDS TEXT COMMAND...: polls ten times a second.
wait_until() {
	local deadline=$((SECONDS + $1)) text=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || fail "waited in vain for: $text"
		sleep 0.1
	done
}

# stays SECONDS TEXT COMMAND...: the command holds the whole time.
stays() {
	local deadline=$((SECONDS + $1)) text=$2
	shift 2
	while [ "$SECONDS" -lt "$deadline" ]; do
		"$@" >/dev/null 2>&1 || fail "did not stay so: $text"
		sleep 0.5
	done
}

# calc EXPRESSION: a number with three digits; holds EXPRESSION: whether it is true.
calc() {
	awk "BEGIN { printf \"%.3f\\n\", $1 }"
}
holds() {
	awk "BEGIN { exit !($1) }"
}

# within SEEN WANTED TOLERANCE TEXT
within() {
	echo "   $4: $1 s, wanted $2 +- $3 s"
	holds "($1) >= ($2) - ($3) && ($1) <= ($2) + ($3)" || fail "$4: $1 s, wanted $2 +- $3 s"
}

# equal SEEN WANTED TEXT
equal() {
	[ "$1" = "$2" ] || fail "$3: '$1', wanted '$2'"
}

# has TEXT REGEX...: each (extended) regex matches a line of the text.
has() {
	local text=$1 r
	shift
	for r in "$@"; do
		grep -qE -- "$r" <<<"$text" || {
			echo "$text"
			fail "no line matches: $r"
		}
	done
}

lacks() {
	! grep -E -- "$2" <<<"$1" || fail "a line matches: $2"
}

# A startup file. POLICY: lines of policy 10, separated by |. PEERS: addresses in order. EXTRA:
# whole lines. WAN, LAN: device strings; WAN_IP, LAN_IP; LOCAL_ACL, REMOTE_ACL: "net wildcard".
vigil_conf() {
	local name=${1:-gw} p
	cat <<-END
		hostname $name
		platform
		 workers ${WORKERS:-1}
		 memory ${MEMORY:-512}
		 no hugepages
		 idle adaptive
		 socket $LAB_RUN/$name.sock
		 port FastEthernet0 net_af_packet0,iface=${WAN:-gw-wan}
		 port FastEthernet1 net_af_packet1,iface=${LAN:-gw-lan}
		!
		logging file $LAB_RUN/$name.log
		crypto isakmp policy 10
	END
	tr '|' '\n' <<<"$POLICY" | sed 's/^/ /'
	for p in $PEERS; do echo "crypto isakmp key $PSK address $p"; done
	[ -z "$KEEPALIVE" ] || echo "crypto isakmp keepalive $KEEPALIVE"
	echo "crypto ipsec transform-set lab $TRANSFORM"
	echo " mode tunnel"
	echo "crypto map vpn 10 ipsec-isakmp"
	for p in $PEERS; do echo " set peer $p"; done
	echo " set transform-set lab"
	[ -z "$PFS" ] || echo " set pfs group$PFS"
	echo " match address 101"
	cat <<-END
		access-list 101 permit ip ${LOCAL_ACL:-10.1.0.0 0.0.0.255} ${REMOTE_ACL:-10.2.0.0 0.0.0.255}
		interface FastEthernet0
		 ip address ${WAN_IP:-$GW_WAN} 255.255.255.0
		 crypto map vpn
		interface FastEthernet1
		 ip address ${LAN_IP:-$GW_LAN} 255.255.255.0
		ip route 0.0.0.0 0.0.0.0 ${NEXT_HOP:-$PEER1}
	END
	[ -z "$EXTRA" ] || echo "$EXTRA"
}

# A startup file with manual keys in place of IKE: manual_conf NAME IN OUT KEY-IN KEY-OUT, SPIs and
# keys of an AEAD. For filters between, see vigil_conf.
manual_conf() {
	vigil_conf "$1" | sed \
		-e '/^crypto isakmp/d; /^ encryption/d; /^ authentication/d; /^ hash/d; /^ group/d' \
		-e '/^crypto map vpn/,/match address/d'
	cat <<-END
		crypto map vpn 10 ipsec-manual
		 set peer $PEERS
		 set session-key inbound esp $2 cipher $4
		 set session-key outbound esp $3 cipher $5
		 set transform-set lab
		 match address 101
	END
}
manual_key1=00112233445566778899aabbccddeeffcafebabe
manual_key2=f0e0d0c0b0a090807060504030201000deadbeef

# Vigil against Vigil: the second one stands in peer1's place, where the kernel gives its addresses
# up, and $far in namespace road is the host behind it. far_conf: its startup file.
far=10.2.0.10
far_up() {
	in_ns peer1 ip addr flush dev wan0
	in_ns peer1 ip addr del "$PEER_IN/24" dev lo
	lab_link peer1 in0 road in1
	in_ns road ip addr add "$far/24" dev in1
	in_ns road ip route replace default via "$PEER_IN"
}
far_conf() {
	WAN=wan0 LAN=in0 WAN_IP=$PEER1 LAN_IP=$PEER_IN PEERS=$GW_WAN NEXT_HOP=$GW_WAN \
		LOCAL_ACL="10.2.0.0 0.0.0.255" REMOTE_ACL="10.1.0.0 0.0.0.255" \
		manual_conf peer1 2000 1000 "$manual_key2" "$manual_key1"
}

# vigil_start [NAME [NAMESPACE]]; writes NAME.conf from vigil_conf unless it is there already.
vigil_start() {
	local name=${1:-gw} ns=${2:-${1:-gw}}
	local conf=$LAB_RUN/$name.conf
	[ -s "$conf" ] || (umask 077 && vigil_conf "$name" >"$conf")
	ns_exec "$ns" "$bin/vigild" -f "$conf" >"$LAB_RUN/$name.out" 2>&1 </dev/null &
	vigil_pid[$name]=$!
	leftovers+=("/var/run/dpdk/vigil-$!") # of one that is killed
	wait_until 30 "vigild $name answers" vigil_answers "$name"
}

vigil_answers() {
	kill -0 "${vigil_pid[$1]}" 2>/dev/null || {
		cat "$LAB_RUN/$1.out"
		fail "vigild $1 ended"
	}
	[ -n "$(vigil_on "$1" "show version")" ]
}

# vigil_on NAME COMMAND; vigil COMMAND is the one called gw.
vigil_on() {
	timeout 10 "$bin/vigil" -s "$LAB_RUN/$1.sock" -c "$2"
}
vigil() {
	vigil_on gw "$1"
}

# Lines of configuration, as typed at a terminal.
vigil_config() {
	printf '%s\n' enable "configure terminal" "$@" end |
		timeout 10 "$bin/vigil" -s "$LAB_RUN/gw.sock"
}

# counted N COUNTER: `show counters` of gw says so.
counted() {
	grep -qE "^ *$1  $2\$" <<<"$(vigil "show counters")"
}

# sas_show REGEX: a line of `show crypto ipsec sa` of gw matches.
sas_show() {
	grep -qE -- "$1" <<<"$(vigil "show crypto ipsec sa")"
}

# sa_count encaps|decaps: of gw's first SAs.
sa_count() {
	sed -n "s/.*#pkts $1: \([0-9]*\),.*/\1/p" <<<"$(vigil "show crypto ipsec sa")" | sed 1q
}

# addresses_used [NAME]: none is tentative, as they are until nobody has objected for a second.
addresses_used() {
	local text
	text=$(vigil_on "${1:-gw}" "show ipv6 interface") &&
		[[ $text == *"subnet is"* && $text != *TEN]* ]]
}

# log_says REGEX: gw.log, which a thread of its own writes, has such a line, now or soon.
log_says() {
	wait_until 10 "a line in the log: $1" grep -qE -- "$1" "$LAB_RUN/gw.log"
}

# `debug crypto isakmp` of a session that stays until the end; its stream goes to NAME.debug, and
# with the time stamps of the daemon.
vigil_debug() {
	local name=${1:-gw} typed
	mkfifo "$LAB_RUN/$name.in"
	exec {typed}<>"$LAB_RUN/$name.in"
	printf '%s\n' enable "debug crypto isakmp" >&"$typed"
	"$bin/vigil" -s "$LAB_RUN/$name.sock" <&"$typed" >"$LAB_RUN/$name.debug" 2>&1 &
	helpers+=($!)
	wait_until 15 "debugging is on" grep -qi 'debugging is on' "$LAB_RUN/$name.debug"
}

# vigil_end NAME: it lives, and ends within 10 s with status 0. Otherwise says what it did.
vigil_end() {
	local name=$1 pid=${vigil_pid[$1]} status=0 i how="ended with"
	unset "vigil_pid[$name]"
	if kill -TERM "$pid" 2>/dev/null; then
		for ((i = 0; i < 100; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		if kill -0 "$pid" 2>/dev/null; then
			echo "FAIL: vigild $name did not end within 10 s"
			return 1
		fi
	else
		how="had ended before, with"
	fi
	wait "$pid" || status=$?
	[ "$how $status" = "ended with 0" ] && return
	echo "FAIL: vigild $name $how status $status"
	return 1
}

vigil_stop() {
	vigil_end "${1:-gw}" || fail "vigild ${1:-gw} did not end in order"
}

# Restarts with another configuration: the old one's files make room.
vigil_again() {
	[ -z "${vigil_pid[gw]:-}" ] || vigil_stop
	rm -f "$LAB_RUN"/gw.{conf,log,debug,out,in}
	vigil_start
}

# What the gateway sends and receives on the outside, with the kernel's time stamps.
capture_start() {
	local file=${1:-$pcap}
	: >"$LAB_RUN/tcpdump.err" # here, lest the line of the capture before is taken for this one's
	ns_exec "${4:-wan}" tcpdump --immediate-mode -U -Z root -i "${2:-w-gw}" -w "$file" "${3:-udp or esp}" \
		>/dev/null 2>"$LAB_RUN/tcpdump.err" &
	capture_pid=$!
	wait_until 10 "tcpdump listens" grep -q 'listening on' "$LAB_RUN/tcpdump.err"
}

# Frames on their way arrive, and tcpdump writes what its ring holds: a SIGINT would drop that. It
# sleeps when there is no more. capture_caught_up [PID]
capture_caught_up() {
	[[ $(<"/proc/${1:-$capture_pid}/stat") == *") S "* ]]
}
capture_settle() {
	sleep 0.3
	wait_until 10 "tcpdump has written" capture_caught_up
}

capture_stop() {
	capture_settle
	kill -INT "$capture_pid"
	wait "$capture_pid" 2>/dev/null || true
}

# packets FILTER FIELD...: a line for every captured packet that tshark's display filter takes. What
# it cannot read or understand ends the scenario, from whatever subshell, lest it counts as no packets;
# tcpdump may be writing the last one.
packets() {
	local filter=$1 f fields=() errors=$LAB_RUN/tshark.err
	shift
	for f in "$@"; do fields+=(-e "$f"); done
	tshark -r "$pcap" -Y "$filter" -T fields "${fields[@]}" 2>"$errors" ||
		grep -q 'cut short in the middle of a packet' "$errors" || {
		echo "FAIL: tshark: $filter: $(grep -v 'Running as user' "$errors")" >&3
		kill -TERM $$
	}
}

# times FILTER: the time stamps; from the gateway, to a peer: informational exchanges are probes
# and deletes.
times() {
	packets "$1" frame.time_epoch
}
informational() { # from to
	times "isakmp.exchangetype == 5 && ip.src == $1 && ip.dst == $2"
}

# What says whether vigild could keep its times: a witness beside it, from stalls_start to
# stalls_stop; turns_late, its control core's turns that began late, after which it asks again.
stalls_start() {
	: >"$LAB_RUN/stalls"
	"$here/stalls.py" "${vigil_pid[gw]}" >"$LAB_RUN/stalls" 2>&1 &
	witness=$!
	helpers+=("$witness")
	wait_until 10 "the witness" grep -q ready "$LAB_RUN/stalls"
}
stalls_stop() {
	sleep 0.1
	kill "$witness" 2>/dev/null || true
	wait "$witness" 2>/dev/null || true
}
turns_late() {
	sed -n 's/.* with work, \([0-9]*\) late;.*/\1/p' <<<"$(vigil "show platform control")"
}

# measure FUNCTION AGAIN SECONDS: a measurement, which sets began and ended. If the machine stood
# still meanwhile, for longer than SECONDS at once, it says nothing about vigild: AGAIN prepares
# another one, of three at most. What was measured last is asserted, whatever it is; nothing is
# repeated because of what was measured.
measure() {
	local n late stood
	for n in 1 2 3; do
		[ "$n" = 1 ] || "$2"
		began='' ended=''
		stalls_start
		late=$(turns_late)
		"$1"
		late=$(($(turns_late) - late))
		stalls_stop
		stood=$(awk -v from="$began" -v to="$ended" -v least="$3" \
			'$2 > least && $1 >= from && $1 - $2 <= to { n++; if ($2 > max) max = $2 }
			END { if (n) printf "%d times, for up to %.3f s", n, max }' "$LAB_RUN/stalls")
		[ -n "$stood" ] || [ "$late" != 0 ] || return 0
		echo "   measurement $n: its CPU stood still ${stood:-not once}, $late turns were late"
		[ "$n" = 3 ] || echo "   so it is measured again"
	done
}

count_lines() {
	grep -c . || true
}

# gaps: the differences between the numbers of successive lines.
gaps() {
	awk 'NR > 1 { printf "%.3f\n", $1 - last } { last = $1 }'
}

ping_once() {
	in_ns "$1" ping -q -c 1 -W 1 "$2" >/dev/null 2>&1
}

# tunnel_up NS ADDRESS: a ping brings it up, and is answered. charon drops what it gets before it
# has read the last message of the negotiation, though it was held until then.
tunnel_up() {
	wait_until 20 "an answer of $2" ping_once "$1" "$2"
}

# ping_all NS ADDRESS COUNT [OPTION...]: all are answered. Each is a process of its own, since ping,
# once it has had an answer, waits for its last one no longer than its interval or two round trips.
ping_all() {
	local ns=$1 address=$2 count=$3 gap=0.2 n=0 i p options=() pids=()
	shift 3
	while [ $# -gt 0 ]; do
		if [ "$1" = -i ]; then
			gap=$2
			shift
		else
			options+=("$1")
		fi
		shift
	done
	: >"$LAB_RUN/pings.out"
	for ((i = 0; i < count; i++)); do
		[ "$i" = 0 ] || sleep "$gap"
		ns_exec "$ns" ping -q -c 1 -W 10 "${options[@]}" "$address" >>"$LAB_RUN/pings.out" 2>&1 &
		pids+=($!)
	done
	for p in "${pids[@]}"; do ! wait "$p" || n=$((n + 1)); done
	echo "   $count packets transmitted, $n received"
	[ "$n" = "$count" ] || fail "ping $ns -> $address: $n of $count answered: $(<"$LAB_RUN/pings.out")"
}

ping_none() {
	! in_ns "$1" ping -q -c "$3" -i 0.2 -W 1 "$2" >/dev/null 2>&1 || fail "ping $1 -> $2 was answered"
}

# A ping that goes on: ping_start NS ADDRESS INTERVAL; ping_stop [SECONDS] sets sent and lost: of
# what was sent until then, what was not answered SECONDS (10) later; it ends at once if all was.
ping_start() {
	ns_exec "$1" ping -i "$3" -W 2 -O "$2" >"$LAB_RUN/ping.out" 2>&1 &
	ping_pid=$!
}
ping_count() { # SIGQUIT makes ping say "RECEIVED/SENT packets, ..."
	grep -aoE '[0-9]+/[0-9]+ packets, ' "$LAB_RUN/ping.out"
}
ping_lost() {
	lost=$((sent - $(awk -F'icmp_seq=' -v sent="$sent" \
		'/bytes from/ && $2 + 0 <= sent && !seen[$2 + 0]++ { n++ } END { print n + 0 }' \
		"$LAB_RUN/ping.out")))
}
ping_stop() {
	local tenths=$((${1:-10} * 10))
	kill -QUIT "$ping_pid"
	wait_until 10 "ping says what it sent" ping_count
	sent=$(ping_count) && sent=${sent#*/} && sent=${sent%% *}
	ping_lost
	while [ "$lost" != 0 ] && [ "$tenths" -gt 0 ]; do
		sleep 0.1
		tenths=$((tenths - 1))
		ping_lost
	done
	kill -INT "$ping_pid"
	wait "$ping_pid" 2>/dev/null || true
	echo "   ping: $sent sent, $lost lost"
}

peer_log() {
	echo "$LAB_RUN/$1/charon.log"
}

session_up() {
	grep -q 'Session status: UP-ACTIVE' <<<"$(vigil "show crypto session")"
}
