"""Prints how long the package takes: import, open, lookup, page, Arrow table.

python benches/latency.py                      on a dataset made here, of 2,000 images
python benches/latency.py --workspace PATH --dataset NAME
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))


def median(call: Callable[[], object], times: int) -> float:
    """Returns the median of so many calls, in microseconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter_ns()
        call()
        taken.append(time.perf_counter_ns() - begin)
    return statistics.median(taken) / 1000


def fresh(program: str, *arguments: str) -> float:
    """Returns the median of ten runs of a program that prints milliseconds, each a new process."""
    runs = [
        float(
            subprocess.run(
                [sys.executable, "-c", program, *arguments],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(10)
    ]
    return statistics.median(runs)


IMPORT = """
import time; a = time.perf_counter()
import ymir
print((time.perf_counter() - a) * 1000)
"""
OPEN = """
import sys, time; a = time.perf_counter()
import ymir
ymir.open(sys.argv[1])
print((time.perf_counter() - a) * 1000)
"""


def made(folder: Path) -> Path:
    """Returns a workspace with 2,000 rendered images."""
    import ymir
    from data import write_voc

    source = write_voc(folder / "voc", images=2000)
    with ymir.init(folder / "workspace") as workspace:
        workspace.import_dataset(source, "bench", unknown_classes="add", transfer="hard_link")
    return folder / "workspace"


def show(what: str, value: float, unit: str) -> None:
    """Prints one figure."""
    print(f"{what:32}{value:10.2f} {unit}")


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--dataset", default="bench")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root: Path = options.workspace or made(Path(folder))
        show("import ymir", fresh(IMPORT), "ms")
        show("import ymir, open a workspace", fresh(OPEN, str(root)), "ms")

        import ymir

        dataset = ymir.open(root).dataset(options.dataset)
        count = len(dataset)
        step = max(count // 20_000, 1)
        ids = [record.id for i, record in enumerate(dataset) if i % step == 0]
        random.Random(0).shuffle(ids)
        print(f"dataset of {count:,} assets")
        order = itertools.cycle(ids)
        show("get(id), warm", median(lambda: dataset.get(next(order)), 20_000), "µs")
        show("the same of nothing", median(lambda: next(order), 20_000), "µs")
        offsets = itertools.cycle(random.Random(0).sample(range(count), min(count, 1000)))
        show("page of 100, warm", median(lambda: dataset.page(next(offsets)), 2000), "µs")
        begin = time.perf_counter()
        table = dataset.to_arrow()
        show(f"to_arrow of {len(table):,} rows", (time.perf_counter() - begin) * 1000, "ms")
        try:
            import pyarrow
        except ImportError:
            return
        begin = time.perf_counter()
        pyarrow.table(table)
        show("pyarrow.table of it", (time.perf_counter() - begin) * 1000, "ms")


if __name__ == "__main__":
    main()
