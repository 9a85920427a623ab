"""Progress: callbacks of the caller, or bars of tqdm."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from ymir._pending import OnEvent

__all__ = ["OnProgress", "Progress", "bar", "counting"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long operation has come, in images."""

    done: int
    total: int


OnProgress: TypeAlias = "bool | Callable[[Progress], object]"
"""``True`` for a bar, or what is called with the state."""


def bar(**options: Any) -> Any:
    """Returns a bar for where the program runs: terminal or notebook."""
    from tqdm.auto import tqdm

    return tqdm(**options)


@contextmanager
def counting(progress: OnProgress, title: str) -> Generator[OnEvent | None, None, None]:
    """Gives what is to be called with each native event of an operation that counts images."""
    if progress is False:
        yield None
        return
    if progress is not True:
        call = progress
        yield lambda event: call(Progress(event["done"], event["total"]))
        return
    with bar(desc=title, unit=" images") as shown:

        def update(event: dict[str, int]) -> None:
            shown.total = event["total"]
            shown.update(event["done"] - shown.n)

        yield update
