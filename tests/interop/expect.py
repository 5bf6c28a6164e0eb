#!/usr/bin/python3
"""expect.py EXPECTATION LOG [NAME=VALUE...]

Whether a debug log holds the lines of an expectation in their order. Both are compared with white
space folded, since terminals and typesetters wrap. An expectation has a regular expression a line,
`#` comments, and @NAME@ replaced from the command line; a line `= ` in front is taken literally.
Lines of the log between the expected ones are passed over. Prints the first that is missing.
"""

import re
import sys


def fold(text):
    return re.sub(r"\s+", " ", text)


def pattern(line, values):
    for name, value in values.items():
        line = line.replace("@%s@" % name, value)
    literal = line.startswith("= ")
    line = line[2:] if literal else line
    words = line.split()
    return r"\s+".join(re.escape(w) if literal else w for w in words)


def main():
    values = dict(v.split("=", 1) for v in sys.argv[3:])
    with open(sys.argv[1]) as f:
        wanted = [l.strip() for l in f if l.strip() and not l.startswith("#")]
    with open(sys.argv[2], errors="replace") as f:
        log = fold(f.read())
    at = 0
    for number, line in enumerate(wanted, 1):
        found = re.compile(pattern(line, values)).search(log, at)
        if not found:
            print("missing, item %d: %s" % (number, line))
            print("the log goes on after the item before it with:\n  " + log[at : at + 600])
            return 1
        at = found.end()
    print("   %d lines in their order" % len(wanted))
    return 0


sys.exit(main())
