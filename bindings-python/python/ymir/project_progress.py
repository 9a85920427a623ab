"""Bars of a project's loop: one for each step, and the metric of each iteration."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from ymir._pending import OnEvent
from ymir.events import LoopEvent
from ymir.task import TaskBar

__all__ = ["following"]


@contextmanager
def following(
    progress: bool, on_event: Callable[[LoopEvent], object] | None
) -> Generator[OnEvent | None, None, None]:
    """Gives what is to be called with the native events of a loop."""
    bars = _Bars() if progress else None
    if bars is None and on_event is None:
        yield None
        return

    def tell(data: dict[str, Any]) -> None:
        event = LoopEvent._of(data)
        if bars is not None:
            bars.update(event)
        if on_event is not None:
            on_event(event)

    try:
        yield tell
    finally:
        if bars is not None:
            bars.close()


class _Bars:
    def __init__(self) -> None:
        self._bar: TaskBar | None = None

    def update(self, event: LoopEvent) -> None:
        if event.kind == "started" and event.step is not None:
            self.close()
            self._bar = TaskBar(f"{event.iteration}: {event.step.replace('_', ' ')}")
        elif event.task is not None and self._bar is not None:
            self._bar.update(event.task)
        elif event.progress is not None and self._bar is not None:
            self._bar.count(event.progress.done, event.progress.total, "images")
        elif event.status is not None and self._bar is not None:
            self._bar.label(event.status, event.labeler or "the labeler")
        elif event.kind == "finished" and self._bar is not None:
            self._bar.finish()
            metric = event.result and event.result.metric
            if metric is not None:
                self._bar.say(f"AP50 {metric:.3f}")
            self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
