"""Tasks: trainings, minings and inferences on their way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ymir._checks import whole
from ymir._pending import OnEvent, Operation
from ymir._progress import bar
from ymir.errors import YmirError
from ymir.events import Events, LogLine, TaskEvent, TaskState, TaskStep
from ymir.reports import LabelStatus
from ymir.versions import Version, instant

if TYPE_CHECKING:
    from ymir import _ymir
    from ymir.workspace import Workspace

__all__ = ["CleanReport", "HostLease", "Leftover", "Task", "TaskStatus"]

T = TypeVar("T")

# How long Ctrl-C waits for the end of the task that it cancelled, in seconds.
_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """What is known of a task.

    Attributes:
        id: Its id.
        kind: What it does: ``"train"``, ``"mine"``, ``"infer"``.
        state: Where it stands.
        step: The step that it is in, or ended in.
        progress: How much of the run is done, 0 to 1.
        attempt: The attempt that it is in, from 1.
        owner: The id of the process that carries it on; None where that has died and no other has
            adopted the task yet, and of a task that has ended.
        stalled: Why it cannot be found out at present whether its run has ended;
            :meth:`ymir.Workspace.settle` ends this.
        spec: Its whole description, as it is recorded.
        error: Why it failed.
        output: The ids of the versions that it made.
        created: When it was queued.
        started: When it was given resources.
        finished: When it ended.
    """

    id: str
    kind: str
    state: TaskState
    step: TaskStep
    progress: float
    attempt: int
    owner: int | None
    stalled: YmirError | None
    spec: dict[str, Any]
    error: YmirError | None
    output: tuple[str, ...]
    created: datetime
    started: datetime | None
    finished: datetime | None

    @classmethod
    def _of(cls, data: dict[str, Any]) -> TaskStatus:
        spec, owner = data["spec"], data["owner"]
        times = (data[name] and instant(data[name]) for name in ("created", "started", "finished"))
        return cls(
            spec["id"],
            spec["kind"],
            data["state"],
            data["step"],
            data["progress"],
            data["attempt"],
            owner and owner["pid"],
            _error(data["stalled"]),
            spec,
            _error(data["error"]),
            tuple(data["output"]),
            *times,
        )


def _error(report: dict[str, Any] | None) -> YmirError | None:
    if report is None:
        return None
    context, message = dict(report["context"]), report["message"]
    pairs = ", ".join(f"{key}: {value}" for key, value in context.items())
    text = f"{message} ({pairs})" if pairs else message
    return YmirError._of(report["kind"], message, context, report["retryable"], text)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A container or run that nobody will collect.

    Attributes:
        runtime: The runtime that has it: ``"docker"``, ``"local"``.
        name: What the runtime calls it.
        running: Whether it still runs.
        task: The id of its task, if it is a run of one.
        reason: ``"directory_gone"``, ``"task_ended"`` or ``"inspection"``.
    """

    runtime: str
    name: str
    running: bool
    task: str | None
    reason: str

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Leftover:
        run = data["run"]
        task = run["handle"] and run["handle"]["task"]
        return cls(data["runtime"], run["name"], run["running"], task, data["reason"])


@dataclass(frozen=True, slots=True)
class CleanReport:
    """What cleaning the directories of ended tasks did.

    Attributes:
        removed: The ids of the tasks whose directories are gone.
        left: What could not be removed: the path, and why.
    """

    removed: tuple[str, ...]
    left: tuple[tuple[str, str], ...]

    @classmethod
    def _of(cls, data: dict[str, Any]) -> CleanReport:
        left = tuple((item["path"], item["reason"]) for item in data["left"])
        return cls(tuple(data["removed"]), left)


@dataclass(frozen=True, slots=True)
class HostLease:
    """What a run holds of the resources of its host.

    Attributes:
        task: The id of the task.
        root: The directory of its workspace.
        cpus: CPU slots.
        gpus: GPUs, by their UUID.
        memory: Bytes of memory; 0 for no bound.
        pid: The process that it was granted to.
        since: When it was granted.
        state: ``"held"``; ``"stale"`` if that process is gone and its run may go on; ``"unknown"``
            if nobody can find out.
    """

    task: str
    root: str
    cpus: int
    gpus: tuple[str, ...]
    memory: int
    pid: int
    since: datetime
    state: str

    @classmethod
    def _of(cls, data: dict[str, Any]) -> HostLease:
        grant, pid = data["grant"], data["owner"]["pid"]
        held = (grant["cpus"], tuple(grant["gpus"]), grant["memory"])
        return cls(data["task"], data["root"], *held, pid, instant(data["since"]), data["state"])


class Task(Generic[T]):
    """A training, mining or inference; ``wait()`` returns what it makes.

    A task goes on whether it is waited for or not, until it is cancelled. One that runs a container
    or a local program also goes on when the program that started it ends: the next one that opens
    the workspace adopts it. One that runs an executor of this program ends with it.
    """

    __slots__ = ("_convert", "_native", "_workspace")

    def __init__(
        self, workspace: Workspace, native: _ymir.Task, convert: Callable[[Any], T]
    ) -> None:
        """Used by :meth:`ymir.Workspace.start_train` and its like."""
        self._workspace = workspace
        self._native = native
        self._convert = convert

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self._workspace

    @property
    def id(self) -> str | None:
        """The id; None if the result was there already, so that nothing was started."""
        return self._native.id

    @property
    def kind(self) -> str:
        """What it does: ``"train"``, ``"mine"``, ``"infer"``."""
        return self._native.kind

    def __repr__(self) -> str:
        """Returns kind and id."""
        return f"<Task {self.id or '(its result was there already)'} [{self.kind}]>"

    def _status(self) -> Operation[TaskStatus | None]:
        return Operation(self._native.status(), lambda data: data and TaskStatus._of(data))

    def status(self) -> TaskStatus | None:
        """Returns what is known of it; None if nothing was started."""
        return self._status().wait()

    async def status_async(self) -> TaskStatus | None:
        """As :meth:`status`."""
        return await self._status().wait_async()

    def _log(self) -> Operation[list[LogLine]]:
        def lines(data: list[dict[str, Any]]) -> list[LogLine]:
            return [LogLine(**line) for line in data]

        return Operation(self._native.log(), lines)

    def log(self) -> list[LogLine]:
        """Returns the log so far."""
        return self._log().wait()

    async def log_async(self) -> list[LogLine]:
        """As :meth:`log`."""
        return await self._log().wait_async()

    def events(self, after: int = 0) -> Events[TaskEvent]:
        """Returns its events after a sequence number, until its end: ``for`` or ``async for``."""
        return Events(self._native.events(whole("after", after)), TaskEvent._of)

    def cancel(self) -> None:
        """Asks it to stop; nothing happens if it has ended."""
        stopped: Operation[None] = Operation(self._native.cancel())
        stopped.wait()

    async def cancel_async(self) -> None:
        """As :meth:`cancel`."""
        stopped: Operation[None] = Operation(self._native.cancel())
        await stopped.wait_async()

    def wait(
        self,
        *,
        progress: bool = False,
        on_event: Callable[[TaskEvent], object] | None = None,
    ) -> T:
        """Waits for the end and returns the result.

        Ctrl-C cancels the task, gives it up to two seconds to end, and raises KeyboardInterrupt.

        Args:
            progress: Whether to show a bar.
            on_event: Is called with each event, on this thread.

        Raises:
            ExecutorFailedError: If the executor failed; the log has its words.
            CancelledError: If the task was cancelled.
        """
        with self._cancelling(), _following(self.kind, progress, on_event) as tell:
            pending = self._native.wait(tell is not None)
            return Operation(pending, self._convert).wait(tell)

    async def wait_async(
        self,
        *,
        progress: bool = False,
        on_event: Callable[[TaskEvent], object] | None = None,
    ) -> T:
        """As :meth:`wait`; cancelling stops the waiting alone, the task goes on."""
        with _following(self.kind, progress, on_event) as tell:
            pending = self._native.wait(tell is not None)
            return await Operation(pending, self._convert).wait_async(tell)

    def _versions(self) -> Operation[list[Version]]:
        def versions(data: list[dict[str, Any]]) -> list[Version]:
            return [Version._of(item) for item in data]

        return Operation(self._native.versions(), versions)

    def versions(self) -> list[Version]:
        """Waits for the end and returns all versions that it made, the main one first."""
        with self._cancelling():
            return self._versions().wait()

    async def versions_async(self) -> list[Version]:
        """As :meth:`versions`; cancelling stops the waiting alone."""
        return await self._versions().wait_async()

    @contextmanager
    def _cancelling(self) -> Generator[None, None, None]:
        """Cancels the task on Ctrl-C."""
        try:
            yield
        except KeyboardInterrupt:
            self.cancel()
            Operation(self._native.ended()).wait_for(_GRACE)
            raise


@contextmanager
def _following(
    kind: str, progress: bool, on_event: Callable[[TaskEvent], object] | None
) -> Generator[OnEvent | None, None, None]:
    """Gives what is to be called with the native events."""
    if not progress and on_event is None:
        yield None
        return
    if not progress:
        yield lambda data: on_event(TaskEvent._of(data)) if on_event else None
        return
    with TaskBar(kind) as shown:

        def tell(data: dict[str, Any]) -> None:
            event = TaskEvent._of(data)
            shown.update(event)
            if on_event is not None:
                on_event(event)

        yield tell


class TaskBar:
    """A bar that follows one task."""

    def __init__(self, title: str) -> None:
        """Shows an empty bar."""
        form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
        self._bar: Any = bar(total=1.0, desc=title, bar_format=form)
        self._waiting = False

    def __enter__(self) -> TaskBar:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the bar as it stands."""
        self.close()

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self._bar.close()

    def say(self, text: str) -> None:
        """Shows a text behind the bar."""
        self._bar.set_postfix_str(text[:60])

    def label(self, status: LabelStatus, labeler: str) -> None:
        """Shows how far a labeler is; says once who is waited for, and where."""
        missing = status.total - status.labeled
        if missing > 0 and not self._waiting:
            self._waiting = True
            text = f"waiting for {labeler}: {missing} images to label"
            self._bar.write(text, file=sys.stderr)
        self.count(status.labeled, status.total, "labeled")

    def count(self, done: int, total: int, what: str) -> None:
        """Shows how many are done."""
        self._bar.update(done / max(total, 1) - self._bar.n)
        self.say(f"{done} of {total} {what}")

    def update(self, event: TaskEvent) -> None:
        """Shows an event."""
        if event.fraction is not None:
            self._bar.update(event.fraction - self._bar.n)
            if event.message:
                self.say(event.message)
        elif event.state == "done":
            self.finish()

    def finish(self) -> None:
        """Shows that all is done."""
        self._bar.update(1.0 - self._bar.n)
