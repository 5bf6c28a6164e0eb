#!/usr/bin/env bash
# The benchmark in small: every suite and both directions, ordinary and jumbo frames, nothing dropped;
# its JSON; what it refuses. It says nothing about speed.
# limit: 90
. "$(dirname "$0")/lib.sh"
mkdir -p "$LAB_RUN"
bench=${bin%/controlplane}/tests/perf/bench
json=$LAB_RUN/bench.json

check "a few cells of each suite"
"$bench" --sizes 64,1420,9000 --sas 1,300 --ms 2 --json "$json" >"$LAB_RUN/bench.out" 2>&1 ||
	fail "$(tail -n 3 "$LAB_RUN/bench.out")"
has "$(<"$LAB_RUN/bench.out")" 'AES-128-GCM, 300 SAs' 'Nothing was dropped'

check "the JSON: all cells are there, and the gateway costs more than ports or cryptography alone"
/usr/bin/python3 - "$json" <<'END' || fail "the JSON is not as it should be"
import json
import statistics
import sys

results = json.load(open(sys.argv[1], encoding="utf-8"))["results"]
cells = {(r["suite"], r["sas"], r["frame"], r["direction"]) for r in results}
assert len(cells) == len(results) == 5 * 2 * 3 * 2, len(results)
for r in results:
    assert r["rounds"] > 0, r
    for what in "raw", "rig", "vigil":
        assert 0 < r[what]["p25"] <= r[what]["median"] <= r[what]["p75"], r
# A cell has a few rounds here, and one of them may have met a stall of the machine: of most cells.
for what in "raw", "rig":
    ratio = statistics.median(r["vigil"]["p25"] / r[what]["p25"] for r in results)
    assert ratio > 1, (what, ratio)
END

check "what it cannot do is refused"
for wrong in "--sizes 63" "--sizes 9001" "--sas 0" "--suite gcm" "--dir up" "--ms x" "more"; do
	status=0
	# shellcheck disable=SC2086 # words
	out=$("$bench" $wrong 2>&1) || status=$?
	[ "$status" = 2 ] || fail "'$wrong' ended with $status"
	has "$out" 'usage: bench'
done
