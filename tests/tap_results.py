#!/usr/bin/python3
"""tap_results.py BUILD PREFIX

Reads what `meson test` of a build directory wrote down of TAP programs and prints a line for every
test case: `ok SECONDS program: case`, `skip ...`, `FAIL ...`, and below a failed one `note TEXT`
lines. A program that ended badly without a failed case (a crash, a sanitizer's report, no time
left) is one FAIL, and so is one that the build knows and the log does not. Everything that failed
programs said is kept in PREFIX-<program>.log. The last line is `end`: without it this here failed.
"""

import json
import os
import re
import sys

CASE = re.compile(r"^(not ok|ok) \d+\b(?: -)? ?(.*)$")


def verdict_of(match):
    # Of a case that was skipped cmocka says `not ok 1 # SKIP name`.
    if re.search(r"(^|\s)# SKIP\b", match.group(2)):
        return "skip"
    return "ok" if match.group(1) == "ok" else "FAIL"


def report(record, prefix):
    name = record["name"].split(":")[-1].split("/")[-1].strip()
    seconds = "%.1f" % record.get("duration", 0)
    said = record.get("stdout", "") + record.get("stderr", "")
    cases = [m for m in map(CASE.match, record.get("stdout", "").splitlines()) if m]
    verdicts = [verdict_of(m) for m in cases]
    for verdict, m in zip(verdicts, cases):
        print(verdict, seconds, name + ": " + m.group(2).replace("# SKIP ", ""))
    bad = "FAIL" in verdicts
    if (record["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and not bad) or not cases:
        print("FAIL", seconds, "%s: program (%s)" % (name, record["result"]))
        bad = True
    if bad:
        log = "%s-%s.log" % (prefix, name)
        with open(log, "w") as out:
            out.write(said)
        lines = [l for l in said.splitlines() if l.strip() and not l.startswith("ok ")]
        for line in lines[-20:]:
            print("note", line)
        print("note", "(whole log: %s)" % log)


def results(build, prefix):
    with open(os.path.join(build, "meson-info/intro-tests.json")) as tests:
        missing = [test["name"] for test in json.load(tests)]
    if not missing:
        print("FAIL 0 the build knows no unit test")
    try:
        with open(os.path.join(build, "meson-logs/testlog.json")) as log:
            for line in filter(str.strip, log):
                record = json.loads(line)
                report(record, prefix)
                missing.remove(record["name"])
    finally:
        for name in missing:
            print("FAIL 0 %s: program (no record of it)" % name)


def main():
    try:
        results(sys.argv[1], sys.argv[2])
    except Exception as e:
        print("FAIL 0 the results of the unit tests: %s: %s" % (type(e).__name__, e))
    print("end")


main()
