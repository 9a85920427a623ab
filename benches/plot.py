#!/usr/bin/env python3
"""Draws how cost grows with size and writes all figures as tables, of what the benchmarks append.

python benches/plot.py RESULTS FOLDER    needs matplotlib

Of a figure that is there more than once the last one counts.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

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


#: What was measured, by benchmark and name, and by size.
Figures = dict[tuple[str, str], dict[int, dict[str, Any]]]


def tables(figures: Figures) -> str:
    """Returns all figures as Markdown, a table per benchmark, a column per size."""
    text = ["# All figures\n"]
    for bench in dict.fromkeys(bench for bench, _ in figures):
        rows = {what: by_size for (of, what), by_size in figures.items() if of == bench}
        sizes = sorted({size for by_size in rows.values() for size in by_size})
        text.append(f"## {bench}\n")
        text.append("| what | " + " | ".join(f"{size:,}" for size in sizes) + " |")
        text.append("|---" * (len(sizes) + 1) + "|")
        for what, by_size in rows.items():
            cells = [cell(by_size[size]) if size in by_size else "" for size in sizes]
            text.append(f"| {what} | " + " | ".join(cells) + " |")
        text.append("")
    return "\n".join(text)


def cell(row: dict[str, Any]) -> str:
    """Returns what is known of a row: median and, of many runs, p99, then the rest."""
    parts = []
    if row["wall_s"] is not None:
        parts.append(f"{row['wall_s'] * 1000:.3g} ms")
    if row["runs"] > 1:
        parts.append(f"p99 {row['p99_s'] * 1000:.3g} ms")
    if row["cpu_s"]:
        parts.append(f"{row['cpu_s']:.2f} CPU s")
    if row["memory_bytes"]:
        parts.append(f"peak {row['memory_bytes'] / 2**20:.0f} MiB")
    if row["growth_bytes"]:
        parts.append(f"{row['growth_bytes'] / 1000:,.0f} kB")
    return ", ".join(parts)


def main() -> None:
    """Reads the figures and draws."""
    results, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    figures: Figures = defaultdict(dict)
    for line in results.read_text().splitlines():
        row = json.loads(line)
        if row["bench"] != "peers":
            figures[row["bench"], row["what"]][row["size"]] = row
    (folder / "figures.md").write_text(tables(figures))
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
        if axes.has_data():
            axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
