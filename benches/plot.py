#!/usr/bin/env python3
"""Draws how cost grows with size, from the figures that the benchmarks append to a file.

python benches/plot.py RESULTS FOLDER    needs matplotlib

Of a figure that is there more than once the last one counts.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

#: A plot: what one point of it is in, which figure, and the lines.
PLOTS = {
    "read": (
        "seconds, median",
        "wall_s",
        [
            ("store", "open, page of 100 at the middle, cold process"),
            ("store", "open, page of 100 of one class, cold process"),
            ("store", "page of 100, warm"),
            ("store", "page of 100 of one class, warm"),
            ("store", "lookup of one asset, warm"),
            ("store", "statistics, warm"),
            ("store", "ids of one class, warm"),
        ],
    ),
    "write": (
        "seconds, median",
        "wall_s",
        [
            ("store", "commit of all, generating included"),
            ("store", "commit of one"),
            ("store", "commit of 1,000 changes"),
            ("store", "merge of two that differ in 1,000, cold"),
            ("store", "filter by class and small boxes"),
        ],
    ),
    "growth": (
        "bytes",
        "growth_bytes",
        [
            ("store", "commit of all, generating included"),
            ("store", "commit of one"),
        ],
    ),
    "import": (
        "CPU seconds",
        "cpu_s",
        [
            ("import", "import of voc"),
            ("import", "import of coco"),
            ("import", "import of yolo"),
            ("import", "sha256sum of the images"),
            ("import", "cp -rl of the images"),
            ("evaluate", "evaluation, reading included"),
        ],
    ),
    "task": (
        "seconds beside the executor",
        "wall_s",
        [
            ("task", "train: all but the executor"),
            ("task", "infer: all but the executor"),
            ("task", "mine: all but the executor"),
        ],
    ),
}


def main() -> None:
    """Reads the figures and draws."""
    results, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    figures: dict[tuple[str, str], dict[int, dict[str, float]]] = defaultdict(dict)
    for line in results.read_text().splitlines():
        row = json.loads(line)
        figures[row["bench"], row["what"]][row["size"]] = row
    plt.rcParams["svg.hashsalt"] = "ymir"
    for name, (unit, key, lines) in PLOTS.items():
        figure, axes = plt.subplots(figsize=(7, 4.2))
        for line in lines:
            points = sorted(figures[line].items())
            known = [(size, row[key]) for size, row in points if row.get(key)]
            if known:
                axes.plot(*zip(*known, strict=True), marker="o", label=line[1])
        axes.set(xscale="log", yscale="log", xlabel="assets", ylabel=unit)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
