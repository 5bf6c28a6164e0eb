#!/usr/bin/python3
"""tap_results.py TESTLOG.json DIRECTORY

Reads what `meson test` wrote down of TAP programs and prints a line for every test case:
`ok SECONDS program: case`, `FAIL ...`, and below a failed one `note TEXT` lines. A program that
ended badly without a failed case (a crash, a sanitizer's report, no time left) is one FAIL.
Everything that failed programs said is kept in DIRECTORY-<program>.log.
"""

import json
import re
import sys

CASE = re.compile(r"^(not ok|ok) \d+(?: -)? ?(.*)$")


def report(record, prefix):
    name = record["name"].split(":")[-1].split("/")[-1].strip()
    seconds = "%.1f" % record.get("duration", 0)
    said = record.get("stdout", "") + record.get("stderr", "")
    cases = [m for m in map(CASE.match, record.get("stdout", "").splitlines()) if m]
    bad = [m for m in cases if m.group(1) != "ok"]
    for m in cases:
        verdict = "ok" if m.group(1) == "ok" else "FAIL"
        if " # SKIP" in m.group(2):
            verdict = "skip"
        print(verdict, seconds, name + ": " + m.group(2))
    ended_badly = record["result"] not in ("OK", "EXPECTEDFAIL")
    if (ended_badly and not bad) or not cases:
        print("FAIL", seconds, "%s: program (%s)" % (name, record["result"]))
        bad = bad or [None]
    if bad:
        log = "%s-%s.log" % (prefix, name)
        with open(log, "w") as out:
            out.write(said)
        lines = [l for l in said.splitlines() if l.strip() and not l.startswith("ok ")]
        for line in lines[-20:]:
            print("note", line)
        print("note", "(whole log: %s)" % log)


def main():
    try:
        with open(sys.argv[1]) as log:
            records = [json.loads(line) for line in log if line.strip()]
    except OSError as e:
        records = []
        print("note", e)
    if not records:
        print("FAIL 0 no unit test ran")
    for record in records:
        report(record, sys.argv[2])


main()
