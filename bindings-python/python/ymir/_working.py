"""What is brought into a workspace, and what is made in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ymir._labeling import Labeling
from ymir._pending import Operation
from ymir._progress import OnProgress, counting
from ymir.dataset import Dataset
from ymir.events import Events, TaskEvent
from ymir.model import Model
from ymir.options import Format, UnknownClasses
from ymir.project import PROJECT_SPECS, Project
from ymir.reports import ImportReport
from ymir.task import Task, TaskStatus

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ymir import _ymir
    from ymir.options import InferOptions, MineOptions, ProjectOptions, TrainOptions

__all__ = ["Working"]


class Working(Labeling):
    """The part of :class:`ymir.Workspace` that imports, trains, mines, infers and loops."""

    __slots__ = ()

    def _import(self, options: dict[str, Any]) -> Operation[ImportReport]:
        return Operation(self._native.import_dataset(options), ImportReport._of)

    def import_dataset(
        self,
        source: str | os.PathLike[str],
        dataset: str,
        *,
        format: Format = "auto",
        split: str | os.PathLike[str] | None = None,
        unknown_classes: UnknownClasses = "stop",
        transfer: Literal["copy", "hard_link", "reference"] = "copy",
        append: bool = False,
        without_annotations: bool = False,
        progress: OnProgress = False,
    ) -> ImportReport:
        """Imports a folder as a new version of a dataset.

        Nothing is committed unless all goes well; files that cannot be used are left out and
        named in the report.

        Args:
            source: The folder.
            dataset: The dataset.
            format: The format of the folder or archive; recognised by default.
            split: Only the images that a list names: ``"train"`` for
                ``ImageSets/Main/train.txt``, or the path of a text file.
            unknown_classes: What happens to class names that the workspace does not have.
            transfer: How image files are taken over; ``"reference"`` leaves them where they are,
                where they must stay unchanged.
            append: Whether the records are added to those of the newest version.
            without_annotations: Whether images without annotation file are taken, as images
                without objects.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.

        Raises:
            NotFoundError: If the folder does not exist.
            InvalidInputError: If nothing in it can be used, or for unknown classes.
        """
        options = _import_options(
            source, dataset, format, split, unknown_classes, transfer, append, without_annotations
        )
        with counting(progress, f"import {dataset}") as on_event:
            return self._import(options).wait(on_event)

    async def import_dataset_async(
        self,
        source: str | os.PathLike[str],
        dataset: str,
        *,
        format: Format = "auto",
        split: str | os.PathLike[str] | None = None,
        unknown_classes: UnknownClasses = "stop",
        transfer: Literal["copy", "hard_link", "reference"] = "copy",
        append: bool = False,
        without_annotations: bool = False,
        progress: OnProgress = False,
    ) -> ImportReport:
        """As :meth:`import_dataset`."""
        options = _import_options(
            source, dataset, format, split, unknown_classes, transfer, append, without_annotations
        )
        with counting(progress, f"import {dataset}") as on_event:
            return await self._import(options).wait_async(on_event)

    def _task(self, pending: _ymir.Pending, *, started: bool = True) -> Operation[Task[Any]]:
        def task(native: _ymir.Task) -> Task[Any]:
            if started and native.id is not None:
                self._started.add((os.getpid(), native.id))
            made = Model if native.kind == "train" else Dataset
            workspace = self._workspace
            return Task(workspace, native, lambda result: made(workspace, result))

        return Operation(pending, task)

    def _train_data(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return self._task_data(options, "training", "validation", "pretrained")

    def _mine_data(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return self._task_data(options, "candidates", "model")

    def _infer_data(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return self._task_data(options, "dataset", "model")

    def train(self, **options: Unpack[TrainOptions]) -> Task[Model]:
        """Starts a training; the options are those of :class:`ymir.TrainOptions`.

        Raises:
            NotFoundError: If a class, version or the executor does not exist.
        """
        return self._task(self._native.train(self._train_data(options))).wait()

    async def train_async(self, **options: Unpack[TrainOptions]) -> Task[Model]:
        """As :meth:`train`."""
        return await self._task(self._native.train(self._train_data(options))).wait_async()

    def mine(self, **options: Unpack[MineOptions]) -> Task[Dataset]:
        """Starts a mining; the options are those of :class:`ymir.MineOptions`."""
        return self._task(self._native.mine(self._mine_data(options))).wait()

    async def mine_async(self, **options: Unpack[MineOptions]) -> Task[Dataset]:
        """As :meth:`mine`."""
        return await self._task(self._native.mine(self._mine_data(options))).wait_async()

    def infer(self, **options: Unpack[InferOptions]) -> Task[Dataset]:
        """Starts an inference; the options are those of :class:`ymir.InferOptions`."""
        return self._task(self._native.infer(self._infer_data(options))).wait()

    async def infer_async(self, **options: Unpack[InferOptions]) -> Task[Dataset]:
        """As :meth:`infer`."""
        return await self._task(self._native.infer(self._infer_data(options))).wait_async()

    def task(self, id: str) -> Task[Any]:
        """Returns a task by its id.

        Raises:
            NotFoundError: If there is none.
        """
        return self._task(self._native.task(id), started=False).wait()

    async def task_async(self, id: str) -> Task[Any]:
        """As :meth:`task`."""
        return await self._task(self._native.task(id), started=False).wait_async()

    def _tasks(self) -> Operation[list[TaskStatus]]:
        def statuses(data: list[dict[str, Any]]) -> list[TaskStatus]:
            return [TaskStatus._of(item) for item in data]

        return Operation(self._native.tasks(), statuses)

    def tasks(self) -> list[TaskStatus]:
        """Returns what is known of all tasks, newest first."""
        return self._tasks().wait()

    async def tasks_async(self) -> list[TaskStatus]:
        """As :meth:`tasks`."""
        return await self._tasks().wait_async()

    def events(self, after: int = 0) -> Events[TaskEvent]:
        """Returns the events of all tasks after a sequence number, then those to come.

        They have no end; read them with ``for`` or ``async for``.
        """
        return Events(self._native.events(after), TaskEvent._of)

    def _project(self, pending: _ymir.Pending) -> Operation[Project]:
        return Operation(pending, lambda native: Project(self._workspace, native))

    def create_project(self, name: str, **options: Unpack[ProjectOptions]) -> Project:
        """Makes a project; the options are those of :class:`ymir.ProjectOptions`.

        Raises:
            AlreadyExistsError: If there is one of the name.
            NotFoundError: If a class or version that it names does not exist.
        """
        data = {"name": name, **self._data(options, *PROJECT_SPECS)}
        return self._project(self._native.create_project(data)).wait()

    async def create_project_async(self, name: str, **options: Unpack[ProjectOptions]) -> Project:
        """As :meth:`create_project`."""
        data = {"name": name, **self._data(options, *PROJECT_SPECS)}
        return await self._project(self._native.create_project(data)).wait_async()

    def project(self, name: str) -> Project:
        """Returns a project by its name.

        A project whose executor or labeler is an object of Python needs that registered again in
        each process: :meth:`register_executor`, :meth:`register_labeler`.

        Raises:
            NotFoundError: If there is none.
        """
        return self._project(self._native.project(name)).wait()

    async def project_async(self, name: str) -> Project:
        """As :meth:`project`."""
        return await self._project(self._native.project(name)).wait_async()


def _import_options(
    source: str | os.PathLike[str],
    dataset: str,
    format: str,
    split: str | os.PathLike[str] | None,
    unknown_classes: str,
    transfer: str,
    append: bool,
    without_annotations: bool,
) -> dict[str, Any]:
    return {
        "source": os.fspath(source),
        "dataset": dataset,
        "format": format,
        "split": None if split is None else os.fspath(split),
        "unknown_classes": unknown_classes,
        "transfer": transfer,
        "append": append,
        "without_annotations": without_annotations,
    }
