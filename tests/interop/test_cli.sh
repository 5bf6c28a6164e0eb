#!/usr/bin/env bash
# The command line as a person and as a script use it. Checklist: 2, 4.
# limit: 60
. "$(dirname "$0")/lib.sh"
lab_up
vigil_start

check "at a terminal"
python3 "$here/cli_pty.py" "$bin/vigil" "$LAB_RUN/gw.sock" || fail "the terminal"

check "-c: several commands, status 1 at the first that fails, filters"
out=$("$bin/vigil" -s "$LAB_RUN/gw.sock" -c "show clock; show history" -c "show users")
has "$out" '^ +show clock$' '^\* +[0-9]+ vty'
if out=$("$bin/vigil" -s "$LAB_RUN/gw.sock" -c "show nothing" -c "show version"); then
	fail "a wrong command ended with 0"
fi
has "$out" '^gw#show nothing$' '^ +\^$'
lacks "$out" 'Vigil IPsec'
equal "$(vigil "show running-config | count ^interface")" "Number of lines which match regexp = 2" "count"
lacks "$(vigil "show running-config | exclude interface")" '^interface'

check "standard input: a failed line makes the status 1, the others run"
if printf '%s\n' "show nothing" "show clock" | "$bin/vigil" -s "$LAB_RUN/gw.sock" >"$LAB_RUN/in.out"; then
	fail "a wrong line ended with 0"
fi
grep -q UTC "$LAB_RUN/in.out" || fail "the line behind the wrong one did not run"

check "a terminal that is killed in the middle leaves nothing behind"
for _ in 1 2 3 4 5; do
	(timeout -s KILL 0.05 "$bin/vigil" -s "$LAB_RUN/gw.sock" -c "show counters all" || true) \
		>/dev/null 2>&1
done
one_session() { [ "$(vigil "show users" | grep -c vty)" = 1 ]; }
wait_until 10 "only our own session is left" one_session

check "the socket is for its group alone, and goes with the daemon"
equal "$(stat -c %a "$LAB_RUN/gw.sock")" 660 "mode of the socket"
vigil_stop
[ ! -e "$LAB_RUN/gw.sock" ] || fail "the socket is still there"
