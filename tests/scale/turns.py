#!/usr/bin/python3
"""turns.py RUNS PROGRAM PEERS HOURS SEED: how long the turns of the control core's loop really take.

Runs the control plane's life in virtual time RUNS times from one seed, which makes the same turns
and steps each time. A turn that takes long in one run is the program's or the machine's: another
thread's time, the host's, an interrupt. The shortest time of each turn over all runs is nearly
without the machine's part. Prints both.

The fake dataplane's clock stands still within a turn, so that these turns are only bounded by
counts; real ones also end parts after 100 us. Cryptography is not in them (null_crypto.c).
"""
import os
import subprocess
import sys
import tempfile


def read(path):
    """{("turn" or "step", number): us} of the long ones, and how many turns and steps there were."""
    took, count = {}, None
    with open(path, encoding="ascii") as lines:
        for line in lines:
            what, number, value = line.split()
            if what == "all":
                count = (int(number), int(value))
            else:
                took[what, int(number)] = int(value) / 1000
    if not count:
        sys.exit(f"turns: {path} has no end")
    return took, count


def longest(took, what):
    """The longest turn or step."""
    us, number = max(((us, key[1]) for key, us in took.items() if key[0] == what), default=(0, 0))
    return f"longest {what} {us:8.0f} us (number {number})"


def tell(name, took):
    over = sum(us > 1000 for (what, _), us in took.items() if what == "turn")
    print(f"{name:12} turns over 1 ms {over:5}, {longest(took, 'turn')}, {longest(took, 'step')}",
          flush=True)


def main():
    runs, program, peers, hours, seed = sys.argv[1:]
    least, counts = None, set()
    with tempfile.TemporaryDirectory() as folder:
        for run in range(int(runs)):
            path = os.path.join(folder, "times")
            subprocess.run([program, peers, hours, seed, path], check=True, stdout=subprocess.DEVNULL)
            took, count = read(path)
            counts.add(count)
            if len(counts) > 1:
                sys.exit(f"turns: the runs differ: {sorted(counts)} turns and steps")
            if run == 0:
                print(f"{peers} peers for {hours} hours of virtual time, seed {seed}:"
                      f" {count[0]} turns, {count[1]} steps", flush=True)
            tell(f"run {run + 1}", took)
            least = took if least is None else {
                key: min(us, took[key]) for key, us in least.items() if key in took}
    tell("in every run", least)


if __name__ == "__main__":
    if len(sys.argv) != 6 or not sys.argv[1].isdigit() or sys.argv[1] == "0":
        sys.exit("usage: turns.py RUNS PROGRAM PEERS HOURS SEED")
    main()
