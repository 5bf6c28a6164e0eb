#!/usr/bin/python3
"""stalls.py PID

A witness on the CPUs of PID's main thread and as nice as it is: sleeps 10 ms at a time, and says
when it woke more than 30 ms too late, "TIME-OF-WAKING SECONDS-LATE". Ends when PID does.
"""

import os
import sys
import time

NAP = 0.01
LATE = 0.03


def main():
    pid = int(sys.argv[1])
    os.sched_setaffinity(0, os.sched_getaffinity(pid))
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, pid))
    print("ready", flush=True)
    while os.path.exists("/proc/%d" % pid):
        before = time.monotonic()
        time.sleep(NAP)
        late = time.monotonic() - before - NAP
        if late > LATE:
            print("%.6f %.3f" % (time.time(), late), flush=True)


main()
