#!/usr/bin/python3
"""Draws what `./run bench --json FILE` has measured: cycles a packet over frame size and over the
number of SAs, a picture of each for every suite, as PNG. Usage: plot.py FILE DIR"""

import json
import os
import re
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

# Distinguishable with every kind of colour vision, dark enough for lines.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#555555", "#b8860b"]
DIRECTIONS = {"out": "outbound", "in": "inbound"}


def limit(r):
    """The cryptography, in the way that is quicker here, and the ports."""
    raw = min(r[way]["median"] for way in ("raw", "raw_prefetched", "raw_calls"))
    return raw + r["rig"]["median"]


def unprefetched(r):
    return r["raw"]["median"] + r["rig"]["median"]


def vigil(r):
    return r["vigil"]["median"]


def count(n):
    return f"{n:,}" if n >= 10000 else str(n)


def axes(ax, name, label, values):
    ax.set_title(name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(label)
    ax.set_xticks(values)
    ax.set_xticklabels([count(v) for v in values], fontsize=8)
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.set_yticks([50, 100, 200, 500, 1000, 2000, 5000, 10000])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    ax.grid(True, color="#e4e4e4", linewidth=0.8)
    ax.spines[["top", "right"]].set_visible(False)


def picture(results, suite, over, lines, label, unit, path, about):
    """A panel for each direction; one colour for each value of `lines`, over `over`."""
    some = [r for r in results if r["suite"] == suite]
    values = sorted({r[over] for r in some})
    chosen = sorted({r[lines] for r in some})
    if lines == "frame" and len(chosen) > 4:
        chosen = [f for f in chosen if f in (64, 512, 1420, 9000)] or chosen[:4]
    directions = [d for d in DIRECTIONS if any(r["direction"] == d for r in some)]
    figure, panels = plt.subplots(1, len(directions), figsize=(5.6 * len(directions), 4.9),
                                  sharey=True, squeeze=False)
    styles = [(vigil, "-", "Vigil, whole worker loop"),
              (limit, "--", "limit: ipsec-mb alone + ports alone")]
    if over == "sas":
        styles.append((unprefetched, ":", "the same, no key prefetched"))
    for ax, direction in zip(panels[0], directions):
        axes(ax, DIRECTIONS[direction], label, values)
        for colour, value in zip(COLOURS, chosen):
            rows = sorted((r for r in some if r[lines] == value and r["direction"] == direction),
                          key=lambda r: r[over])
            xs = [r[over] for r in rows]
            for f, style, _ in styles:
                ax.plot(xs, [f(r) for r in rows], style, color=colour, linewidth=1.8,
                        marker="o" if f is vigil else None, markersize=4)
            ax.fill_between(xs, [r["vigil"]["p25"] for r in rows],
                            [r["vigil"]["p75"] for r in rows], color=colour, alpha=0.15,
                            linewidth=0)
    panels[0][0].set_ylabel("TSC cycles a packet (median; 25 % to 75 %)")
    keys = [Line2D([], [], color=c, linewidth=3, label=f"{count(v)} {unit if v > 1 else unit.rstrip('s')}")
            for c, v in zip(COLOURS, chosen)]
    keys += [Line2D([], [], color="black", linestyle=s, linewidth=1.8, label=t)
             for _, s, t in styles]
    figure.legend(handles=keys, loc="lower center", ncol=4, frameon=False, fontsize=9)
    figure.suptitle(f"{suite}: cycles a packet over {label.split(',')[0]}", fontsize=13, y=0.985)
    figure.text(0.5, 0.918, about, ha="center", fontsize=8, color="#555555")
    figure.tight_layout(rect=(0, 0.11, 1, 0.95))
    figure.savefig(path, dpi=130)
    plt.close(figure)
    print(path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        data = json.load(file)
    os.makedirs(sys.argv[2], exist_ok=True)
    results = data["results"]
    about = (f"{data['cpu']}, TSC {data['tsc_mhz']:.0f} MHz, {data['dpdk']}, intel-ipsec-mb "
             f"{data['ipsec_mb']}, {data['memory'].split(' (')[0]}")
    for suite in dict.fromkeys(r["suite"] for r in results):
        stem = os.path.join(sys.argv[2], re.sub(r"[^a-z0-9]+", "-", suite.lower()))
        some = [r for r in results if r["suite"] == suite]
        if len({r["frame"] for r in some}) > 1:
            picture(results, suite, "frame", "sas", "frame size, bytes", "SAs",
                    stem + "-frames.png", about)
        if len({r["sas"] for r in some}) > 1:
            picture(results, suite, "sas", "frame", "number of SAs", "B", stem + "-sas.png", about)


if __name__ == "__main__":
    main()
