"""Projects: the loop over its steps, kept in the workspace so that any process can go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ymir._pending import Operation
from ymir.definition import PROJECT_SPECS
from ymir.events import LoopEvent
from ymir.iteration import (
    Advance,
    EndReason,
    Iteration,
    LabelsMissing,
    ProjectState,
    StepName,
    StepResult,
)
from ymir.project_progress import following

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ymir import _ymir
    from ymir.definition import ProjectChanges
    from ymir.workspace import Workspace

__all__ = ["Iterations", "Project", "StepName", "StepResult"]

OnLoopEvent = Callable[[LoopEvent], object]


class Project:
    """A project: its definition, what was done, and the loop.

    ::

        for iteration in project.iterate():
            print(iteration.number, iteration.metric)

    The loop can be left at any moment, also by ``kill -9``, and taken up again, by another
    process too: finished steps are not done again.
    """

    __slots__ = ("_native", "_workspace")

    def __init__(self, workspace: Workspace, native: _ymir.Project) -> None:
        """Used by :meth:`ymir.Workspace.project`."""
        self._workspace = workspace
        self._native = native

    @property
    def name(self) -> str:
        """The name."""
        return self._native.name

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self._workspace

    def __repr__(self) -> str:
        """Returns the name."""
        return f"<Project {self.name}>"

    def _repr_html_(self) -> str:
        from ymir.display.project import project_html

        return project_html(self)

    def _state(self, pending: _ymir.Pending) -> Operation[ProjectState]:
        return Operation(pending, lambda data: ProjectState._of(self._workspace, data))

    def state(self) -> ProjectState:
        """Returns the definition and all that was done."""
        return self._state(self._native.state()).wait()

    async def state_async(self) -> ProjectState:
        """As :meth:`state`."""
        return await self._state(self._native.state()).wait_async()

    def update(self, **changes: Unpack[ProjectChanges]) -> ProjectState:
        """Changes the definition: a new target, budget or parameter. What is done stays.

        Raises:
            InvalidInputError: For a field that is malformed or not known.
            ConflictError: If another process carries the project on.
        """
        return self._state(
            self._native.update(self._workspace._data(changes, *PROJECT_SPECS))
        ).wait()

    async def update_async(self, **changes: Unpack[ProjectChanges]) -> ProjectState:
        """As :meth:`update`."""
        pending = self._native.update(self._workspace._data(changes, *PROJECT_SPECS))
        return await self._state(pending).wait_async()

    def stop(self) -> None:
        """Ends the loop for good, until the definition is changed by :meth:`update`."""
        stopped: Operation[None] = Operation(self._native.stop())
        stopped.wait()

    async def stop_async(self) -> None:
        """As :meth:`stop`."""
        stopped: Operation[None] = Operation(self._native.stop())
        await stopped.wait_async()

    def _advance(self, options: dict[str, Any]) -> Operation[Advance]:
        return Operation(self._native.advance(options), Advance._of)

    def advance(
        self,
        *,
        labels: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        wait: bool = True,
        progress: bool = False,
        on_event: OnLoopEvent | None = None,
    ) -> Advance:
        """Does the step that comes next.

        Args:
            labels: How many assets to choose, in the step that mines.
            parameters: Parameters of the executor, in a step that runs one.
            wait: Whether to wait in the step that labels until the labeler is done.
            progress: Whether to show bars.
            on_event: Is called with what happens, on this thread.

        Raises:
            ConflictError: If another process carries the project on.
            YmirError: The error of the step, after which it can be tried again.
        """
        with following(progress, on_event) as tell:
            return self._advance(_step(labels, parameters, wait)).wait(tell)

    async def advance_async(
        self,
        *,
        labels: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        wait: bool = True,
        progress: bool = False,
        on_event: OnLoopEvent | None = None,
    ) -> Advance:
        """As :meth:`advance`; cancelling stops the step."""
        with following(progress, on_event) as tell:
            return await self._advance(_step(labels, parameters, wait)).wait_async(tell)

    def iterate(
        self,
        *,
        labels: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        wait: bool = True,
        progress: bool = False,
        on_event: OnLoopEvent | None = None,
    ) -> Iterations:
        """Returns the iterations to come, each when it is finished: ``for`` or ``async for``.

        It ends when the loop does. Ctrl-C, or cancelling, stops the step that runs; the next loop
        goes on with it. Arguments as :meth:`advance`; with ``wait=False`` it also ends where
        labels are missing, which :attr:`Iterations.waiting` then tells.
        """
        return Iterations(self, _step(labels, parameters, wait), progress, on_event)

    def _run(self, options: dict[str, Any]) -> Operation[EndReason | LabelsMissing]:
        def outcome(data: dict[str, Any]) -> EndReason | LabelsMissing:
            advance = Advance._of(data)
            end = advance.ended or advance.waiting
            assert end is not None
            return end

        return Operation(self._native.run(options), outcome)

    def run(
        self,
        *,
        labels: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        wait: bool = True,
        progress: bool = False,
        on_event: OnLoopEvent | None = None,
    ) -> EndReason | LabelsMissing:
        """Carries the project on until it ends; returns why it did.

        Arguments as :meth:`advance`; with ``wait=False`` it also returns, with
        :class:`ymir.LabelsMissing`, where labels are missing.
        """
        with following(progress, on_event) as tell:
            return self._run(_step(labels, parameters, wait)).wait(tell)

    async def run_async(
        self,
        *,
        labels: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        wait: bool = True,
        progress: bool = False,
        on_event: OnLoopEvent | None = None,
    ) -> EndReason | LabelsMissing:
        """As :meth:`run`; cancelling stops the step that runs."""
        with following(progress, on_event) as tell:
            return await self._run(_step(labels, parameters, wait)).wait_async(tell)


def _step(labels: int | None, parameters: Mapping[str, Any] | None, wait: bool) -> dict[str, Any]:
    return {"labels": labels, "parameters": dict(parameters or {}), "wait": wait}


class Iterations:
    """The iterations of a project, carried on as they are asked for."""

    __slots__ = ("_on_event", "_options", "_progress", "_project", "reason", "waiting")

    reason: EndReason | None
    """Why the loop ended; None as long as it has not."""
    waiting: LabelsMissing | None
    """The labels that are missing, where the loop was left for them."""

    def __init__(
        self,
        project: Project,
        options: dict[str, Any],
        progress: bool,
        on_event: OnLoopEvent | None,
    ) -> None:
        """Used by :meth:`Project.iterate`."""
        self._project = project
        self._options = options
        self._progress = progress
        self._on_event = on_event
        self.reason = None
        self.waiting = None

    def _next(self) -> Operation[Iteration | None]:
        return Operation(self._project._native.next_iteration(self._options), self._turn)

    def _turn(self, data: dict[str, Any]) -> Iteration | None:
        if "finished" in data:
            return Iteration._of(self._project.workspace, self._project.name, data["finished"])
        if "waiting" in data:
            self.waiting = LabelsMissing._of(data["waiting"])
        else:
            self.reason = data["ended"]
        return None

    def __iter__(self) -> Iterator[Iteration]:
        """Returns itself."""
        return self

    def __next__(self) -> Iteration:
        """Carries the project on until one more iteration is finished."""
        with following(self._progress, self._on_event) as tell:
            iteration = self._next().wait(tell)
        if iteration is None:
            raise StopIteration
        return iteration

    def __aiter__(self) -> AsyncIterator[Iteration]:
        """Returns itself."""
        return self

    async def __anext__(self) -> Iteration:
        """Carries the project on until one more iteration is finished."""
        with following(self._progress, self._on_event) as tell:
            iteration = await self._next().wait_async(tell)
        if iteration is None:
            raise StopAsyncIteration
        return iteration
