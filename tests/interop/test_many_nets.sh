#!/usr/bin/env bash
# One strongSwan peer, twenty networks behind it, and traffic for all of them at the same moment: it
# remembers few exchanges of an IKE SA, and repeats only what it has sent last.
# limit: 90
. "$(dirname "$0")/lib.sh"
lab_up
nets=20
conf=$LAB_RUN/peer1/swanctl.conf
for ((i = 1; i < nets; i++)); do
	in_ns peer1 ip addr add "10.2.$i.1/24" dev lo
	EXTRA+="access-list 101 permit ip 10.1.0.0 0.0.0.255 10.2.$i.0 0.0.0.255"$'\n'
done
KEEPALIVE="10 2 periodic" POLICY="$POLICY|lifetime 3600"
lab_charon peer1
# The child `net` becomes net0, net1 and so on.
awk -v nets="$nets" '
	/^            net \{/ { child = 1 }
	child { text = text $0 "\n" }
	!child { print }
	child && /^            \}/ {
		for (i = 0; i < nets; i++) {
			one = text
			sub(/net \{/, "net" i " {", one)
			sub(/10\.2\.0\.0/, "10.2." i ".0", one)
			printf "%s", one
		}
		child = 0
	}' "$conf" >"$conf.new"
mv "$conf.new" "$conf"
lab_ctl peer1 --load-conns --file "$conf" >/dev/null
vigil_start
installed() { lab_ctl peer1 --list-sas | grep -c INSTALLED || true; }
all_are() { [ "$(installed)" -ge "$1" ]; }
# One ping to each network at the same time; how many are answered.
all_answer() {
	local i p pids=() n=0
	for ((i = 0; i < nets; i++)); do
		in_ns host ping -c 1 -W 2 "10.2.$i.1" >/dev/null &
		pids+=($!)
	done
	for p in "${pids[@]}"; do ! wait "$p" || n=$((n + 1)); done
	[ "$n" = "$nets" ]
}

check "traffic for all networks at once brings all tunnels up, on both sides"
all_answer || true # the first packets wait, or are lost
wait_until 15 "all networks" all_answer
equal "$(installed)" "$nets" "tunnels of the peer"

check "and so does their renewal"
vigil "clear crypto isakmp" >/dev/null || true
wait_until 15 "all networks once more" all_answer
stays 5 "all networks" all_answer

check "last messages that are lost are sent again"
vigil "clear crypto sa" >/dev/null
lab_fault drop "iifname w-gw ether type ip ip protocol udp udp dport 4500 udp length 88"
all_answer || true
lab_fault clear
wait_until 15 "all networks in spite of the loss" all_answer
wait_until 10 "all tunnels of the peer" all_are "$nets"
vigil_stop
