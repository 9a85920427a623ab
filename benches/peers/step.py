"""What the drivers share: one step of the work per process, and the figures of it.

A driver is started as `python DRIVER STEP DATA WORK SIZE`. It prints one line of JSON: the time of
the step within the process, without starting it and importing libraries, and the peak of memory.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

#: The class that steps ask for.
CLASS = "class_3"

#: What is merged: the images with the one class and those with the other, some of which are both.
PARTS = [CLASS, "class_4"]


@dataclass
class Run:
    """One step: where its data lies, where the tool may write, how many images there are.

    Of an evaluation it is told the twelve numbers.
    """

    data: Path
    work: Path
    size: int
    times: list[float] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Takes the time of what is done within; of several the median counts."""
        begin = time.perf_counter()
        yield
        self.times.append(time.perf_counter() - begin)


Step = Callable[[Run], None]


def run(steps: dict[str, Step]) -> None:
    """Does the step that the command line names, or names the steps if it names none."""
    if len(sys.argv) == 1:
        print(json.dumps(list(steps)))
        return
    name, data, work, size = sys.argv[1:]
    step = Run(Path(data), Path(work), int(size))
    steps[name](step)
    peaks = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    figures = {
        "wall_s": statistics.median(step.times),
        "memory_bytes": max(peaks) * 1024,
        "numbers": step.numbers,
    }
    print(json.dumps(figures))
