#!/usr/bin/python3
"""Draws what runs of `./run scale N --json FILE` have measured, each figure over the number of peers,
as PNG. Usage: plot.py OUT.png FILE..."""

import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter

COLOURS = ["#0072b2", "#d55e00", "#009e73"]

# A panel each: title, unit, and the lines: name and where it is found.
PANELS = [
    ("Set-up", "a second", [("tunnels set up", lambda r: r["setups_a_second"])]),
    ("CPU of a set-up", "µs", [("whole gateway, with Diffie-Hellman", lambda r: r["gateway"]["cpu_us_a_setup"]),
                               ("control core", lambda r: r["gateway"]["control_us_a_setup"])]),
    ("CPU of an exchange of DPD", "µs", [("control core", lambda r: r["gateway"]["control_us_an_exchange"])]),
    ("Control core, steady", "% busy", [("keepalive periodic", lambda r: 100 * r["gateway"]["control_busy"])]),
    ("Memory", "KiB a peer", [("resident, beyond none", lambda r: r["gateway"]["kib_a_peer"])]),
    ("Probes later than scheduled", "ms", [("p50, all live", lambda r: r["late_steady_ms"]["p50"]),
                                           ("p99, all live", lambda r: r["late_steady_ms"]["p99"]),
                                           ("p99, with the deaths", lambda r: r["late_ms"]["p99"])]),
    ("Deaths told later than scheduled", "ms",
     [("p50", lambda r: r["found_ms"]["p50"] - schedule(r)), ("p99", lambda r: r["found_ms"]["p99"] - schedule(r)),
      ("at most", lambda r: r["found_ms"]["max"] - schedule(r))]),
    ("Deaths", "of peers", [("not told", lambda r: r["killed"] - r["found"]),
                            ("false", lambda r: r["false_deaths"])]),
]


def schedule(r):
    """Milliseconds from the last answer to the death: an interval and five retries of two seconds."""
    return r["interval_s"] * 1000 + 10000


def panel(ax, runs, title, unit, lines):
    xs = [r["peers"] for r in runs]
    ax.set_title(title, fontsize=11)
    ax.set_ylabel(unit)
    ax.set_xscale("log")
    ax.set_xticks(xs)
    ax.set_xticklabels([f"{x:,}" for x in xs], fontsize=7, rotation=30, ha="right")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    for colour, (name, value) in zip(COLOURS, lines):
        ax.plot(xs, [value(r) for r in runs], color=colour, marker="o", markersize=4, linewidth=1.8, label=name)
    ax.set_ylim(bottom=0)
    ax.grid(True, color="#e4e4e4", linewidth=0.8)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize=8, frameon=False)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    runs = []
    for name in sys.argv[2:]:
        with open(name, encoding="utf-8") as file:
            runs.append(json.load(file))
    runs.sort(key=lambda r: r["peers"])
    figure, panels = plt.subplots(2, 4, figsize=(19, 8.4))
    for ax, about in zip(panels.flat, PANELS):
        panel(ax, runs, *about)
    figure.suptitle("One control core, keepalive 10 periodic, group 19, AES-GCM; the peers on the same two cores",
                    fontsize=12)
    figure.tight_layout()
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
