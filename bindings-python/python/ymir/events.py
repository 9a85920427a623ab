"""What tasks and loops tell while they run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from ymir._pending import Operation
from ymir._progress import Progress
from ymir.reports import LabelStatus
from ymir.versions import instant

if TYPE_CHECKING:
    from ymir import _ymir
    from ymir.project import StepName, StepResult

__all__ = ["Events", "LogLine", "LoopEvent", "TaskEvent", "TaskState", "TaskStep"]

E = TypeVar("E")

TaskState: TypeAlias = Literal["pending", "running", "done", "failed", "terminated"]
"""Where a task stands."""

TaskStep: TypeAlias = Literal["prepare", "allocate", "run", "collect", "commit"]
"""The steps of a task, in their order."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a task's log, and where it came from."""

    source: Literal["stdout", "stderr", "ymir"]
    text: str


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One event of a task.

    Attributes:
        seq: Its place in the workspace's one order of events, counted from 1.
        time: When it happened.
        task: The id of the task.
        kind: What happened; the field that tells more is set.
        state: The new state.
        step: The step that was entered.
        fraction: How much of the run is done, 0 to 1.
        message: What the executor said about it.
        line: What was written to the log.
    """

    seq: int
    time: datetime
    task: str
    kind: Literal["state", "step", "progress", "log"]
    state: TaskState | None = None
    step: TaskStep | None = None
    fraction: float | None = None
    message: str | None = None
    line: LogLine | None = None

    @classmethod
    def _of(cls, data: dict[str, Any]) -> TaskEvent:
        ((kind, value),) = data["kind"].items()
        more: dict[str, Any] = {kind: value}
        if kind == "progress":
            more = value
        elif kind == "log":
            more = {"line": LogLine(**value)}
        return cls(data["seq"], instant(data["time"]), data["task"], kind, **more)


@dataclass(frozen=True, slots=True)
class LoopEvent:
    """What happens while a project is carried on.

    Attributes:
        kind: ``"started"`` or ``"finished"`` for a step, ``"preparing"`` while images are looked at
            to leave out near-duplicates, ``"task"`` for an event of the task that a step runs,
            ``"labeling"`` while a labeler is waited for.
        iteration: The iteration, counted from 1, of a step.
        step: The step.
        result: What a finished step made.
        elapsed: How long it took, in seconds.
        progress: How many of the images were looked at.
        task: The event of the task.
        status: How far the labeler is.
        labeler: Who is waited for, and where: ``"people, in /home/me/to-label"``, for example.
    """

    kind: Literal["started", "preparing", "task", "labeling", "finished"]
    iteration: int | None = None
    step: StepName | None = None
    result: StepResult | None = None
    elapsed: float | None = None
    progress: Progress | None = None
    task: TaskEvent | None = None
    status: LabelStatus | None = None
    labeler: str | None = None

    @classmethod
    def _of(cls, data: dict[str, Any]) -> LoopEvent:
        from ymir.project import StepResult

        ((kind, value),) = data.items()
        if kind == "preparing":
            return cls("preparing", progress=Progress(**value))
        if kind == "task":
            return cls("task", task=TaskEvent._of(value))
        if kind == "labeling":
            status = LabelStatus(**value["status"])
            return cls("labeling", status=status, labeler=value["labeler"])
        if kind == "finished":
            result = StepResult._of(value["result"])
            return cls("finished", value["iteration"], result.step, result, value["elapsed"])
        return cls("started", value["iteration"], value["step"])


class Events(Generic[E]):
    """Events, with ``for`` or with ``async for``."""

    __slots__ = ("_convert", "_stream")

    def __init__(self, stream: _ymir.Stream, convert: Callable[[Any], E]) -> None:
        """Used by ``events()``."""
        self._stream = stream
        self._convert = convert

    def __iter__(self) -> Iterator[E]:
        """Returns itself."""
        return self

    def __next__(self) -> E:
        """Waits for the next event; Ctrl-C stops that."""
        event: Any = Operation(self._stream.next()).wait()
        if event is None:
            raise StopIteration
        return self._convert(event)

    def __aiter__(self) -> AsyncIterator[E]:
        """Returns itself."""
        return self

    async def __anext__(self) -> E:
        """Awaits the next event."""
        event: Any = await Operation(self._stream.next()).wait_async()
        if event is None:
            raise StopAsyncIteration
        return self._convert(event)
