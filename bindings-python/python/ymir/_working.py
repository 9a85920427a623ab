"""What is brought into a workspace, and what is made in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ymir._checks import several, whole
from ymir._editing import Editing
from ymir._operating import copy_options
from ymir._pending import Operation
from ymir._progress import OnProgress, counting
from ymir.dataset import Dataset
from ymir.definition import PROJECT_SPECS
from ymir.events import Events, TaskEvent
from ymir.mir import MirReport
from ymir.model import Model
from ymir.options import Format, UnknownClasses
from ymir.project import Project
from ymir.reports import ImportReport
from ymir.task import CleanReport, HostLease, Leftover, Task, TaskStatus

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ymir import _ymir
    from ymir.definition import ProjectOptions
    from ymir.options import InferOptions, MineOptions, TrainOptions
    from ymir.versions import Spec

__all__ = ["Working"]


class Working(Editing):
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
        skip_near_duplicates: int | None = None,
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
            skip_near_duplicates: Skips images that look like one before them, or where they are
                appended like one of the newest version: those that differ in so many of 64 bits,
                see :meth:`ymir.Dataset.near_duplicates`.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.

        Raises:
            NotFoundError: If the folder does not exist.
            InvalidInputError: If nothing in it can be used, or for unknown classes.
        """
        options = _import_options(
            source, dataset, format, split, unknown_classes, transfer, append, without_annotations
        )
        options["skip_near_duplicates"] = skip_near_duplicates
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
        skip_near_duplicates: int | None = None,
        progress: OnProgress = False,
    ) -> ImportReport:
        """As :meth:`import_dataset`."""
        options = _import_options(
            source, dataset, format, split, unknown_classes, transfer, append, without_annotations
        )
        options["skip_near_duplicates"] = skip_near_duplicates
        with counting(progress, f"import {dataset}") as on_event:
            return await self._import(options).wait_async(on_event)

    def _import_mir(
        self, repository: str | os.PathLike[str], options: dict[str, Any]
    ) -> Operation[MirReport]:
        return Operation(self._native.import_mir(os.fspath(repository), options), MirReport._of)

    def import_mir(
        self,
        repository: str | os.PathLike[str],
        *,
        media: str | os.PathLike[str] | None = None,
        models: str | os.PathLike[str] | None = None,
        labels: str | os.PathLike[str] | None = None,
        prefix: str = "",
        transfer: Literal["copy", "hard_link"] = "copy",
        unknown_classes: UnknownClasses = "add",
        progress: OnProgress = False,
    ) -> MirReport:
        """Imports a repository of the original YMIR: datasets, predictions, classes and models.

        What cannot be brought over is named in the report. The repository is not changed. The same
        import again finds what it made.

        Args:
            repository: The repository, made by the command ``mir`` 2.x.
            media: The folder of the images, where it is not ``ymir-assets`` near the repository.
            models: The folder of the model packages, where it is not ``ymir-models``.
            labels: The class table, where it is not in or beside the repository.
            prefix: Put before the name of each dataset, prediction set and model.
            transfer: How image files are taken over.
            unknown_classes: What happens to classes that the workspace does not have.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.

        Raises:
            InvalidInputError: If it is no such repository, or its images are not found.
            AlreadyExistsError: If the workspace has other datasets of the same names.
        """
        options = _mir_options(media, models, labels, prefix, transfer, unknown_classes)
        with counting(progress, "import of mir") as on_event:
            return self._import_mir(repository, options).wait(on_event)

    async def import_mir_async(
        self,
        repository: str | os.PathLike[str],
        *,
        media: str | os.PathLike[str] | None = None,
        models: str | os.PathLike[str] | None = None,
        labels: str | os.PathLike[str] | None = None,
        prefix: str = "",
        transfer: Literal["copy", "hard_link"] = "copy",
        unknown_classes: UnknownClasses = "add",
        progress: OnProgress = False,
    ) -> MirReport:
        """As :meth:`import_mir`."""
        options = _mir_options(media, models, labels, prefix, transfer, unknown_classes)
        with counting(progress, "import of mir") as on_event:
            return await self._import_mir(repository, options).wait_async(on_event)

    def _specs(self, field: str, specs: Iterable[Spec]) -> list[str]:
        return [self._spec(field, spec) for spec in several(field, specs)]

    def _fuse(self, options: dict[str, Any]) -> Operation[Dataset]:
        pending = self._native.fuse(options)
        return Operation(pending, lambda native: Dataset(self._workspace, native))

    def fuse(
        self,
        sources: Iterable[Spec],
        into: str,
        *,
        strategy: Literal["stop", "ours", "theirs"] = "stop",
        excluded: Iterable[Spec] = (),
        query: str = "all",
        count: int | None = None,
        rate: float | None = None,
        seed: int = 0,
        progress: OnProgress = False,
    ) -> Dataset:
        """Joins datasets, leaves out the assets of others, filters and samples, in one go.

        Equal work is found again, as that of the methods of :class:`ymir.Dataset`.

        Args:
            sources: The datasets that are joined.
            into: The dataset that the result is committed to.
            strategy: What happens where several have an asset with different annotations: fail
                (``"stop"``), keep those of the first (``"ours"``) or of the last (``"theirs"``).
            excluded: The datasets whose assets are left out.
            query: Which of the joined records are kept, see :meth:`ymir.Dataset.query`.
            count: How many of these are taken by chance.
            rate: Which share of these is taken by chance, 0 to 1, in place of a count.
            seed: What the random choice starts from.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.
        """
        joined, without = self._specs("sources", sources), self._specs("excluded", excluded)
        options = _fuse_options(joined, into, strategy, without, query, count, rate, seed)
        with counting(progress, f"fuse into {into}") as on_event:
            return self._fuse(options).wait(on_event)

    async def fuse_async(
        self,
        sources: Iterable[Spec],
        into: str,
        *,
        strategy: Literal["stop", "ours", "theirs"] = "stop",
        excluded: Iterable[Spec] = (),
        query: str = "all",
        count: int | None = None,
        rate: float | None = None,
        seed: int = 0,
        progress: OnProgress = False,
    ) -> Dataset:
        """As :meth:`fuse`."""
        joined, without = self._specs("sources", sources), self._specs("excluded", excluded)
        options = _fuse_options(joined, into, strategy, without, query, count, rate, seed)
        with counting(progress, f"fuse into {into}") as on_event:
            return await self._fuse(options).wait_async(on_event)

    def _copy_fetched(
        self, remote: str, version: str, into: str | None, kind: str, options: dict[str, Any]
    ) -> Operation[Dataset]:
        fetched = {"remote": remote, "kind": kind, "version": version, "into": into}
        pending = self._native.copy_fetched(fetched, options)
        return Operation(pending, lambda native: Dataset(self._workspace, native))

    def copy_fetched(
        self,
        remote: str,
        version: str,
        into: str | None = None,
        *,
        kind: Literal["dataset", "prediction"] = "dataset",
        transfer: Literal["copy", "hard_link"] = "hard_link",
        unknown_classes: UnknownClasses = "add",
        without_files: bool = False,
        progress: OnProgress = False,
    ) -> Dataset:
        """Copies a version into this workspace that git fetched from another one.

        Its classes are mapped by name. Git brings the records and no images.

        Args:
            remote: The name that it was fetched under, with
                ``git fetch REPOSITORY '+refs/heads/*:refs/remotes/NAME/*'`` in ``repo.git``.
            version: The version there: ``name``, ``name@v3`` or ``name@<commit>``.
            into: The dataset here that the copy is committed to; of the same name by default.
            kind: What it is a version of.
            transfer: How image files are taken over.
            unknown_classes: What happens to annotations of classes that this workspace does not
                know.
            without_files: Whether images that this workspace lacks are no error.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.

        Raises:
            NotFoundError: If nothing was fetched under the name, or there is no such version.
        """
        options = copy_options(transfer, unknown_classes, without_files)
        with counting(progress, "copy") as on_event:
            return self._copy_fetched(remote, version, into, kind, options).wait(on_event)

    async def copy_fetched_async(
        self,
        remote: str,
        version: str,
        into: str | None = None,
        *,
        kind: Literal["dataset", "prediction"] = "dataset",
        transfer: Literal["copy", "hard_link"] = "hard_link",
        unknown_classes: UnknownClasses = "add",
        without_files: bool = False,
        progress: OnProgress = False,
    ) -> Dataset:
        """As :meth:`copy_fetched`."""
        options = copy_options(transfer, unknown_classes, without_files)
        with counting(progress, "copy") as on_event:
            copying = self._copy_fetched(remote, version, into, kind, options)
            return await copying.wait_async(on_event)

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

    def start_train(self, **options: Unpack[TrainOptions]) -> Task[Model]:
        """Starts a training; the options are those of :class:`ymir.TrainOptions`.

        Raises:
            NotFoundError: If a class, version or the executor does not exist.
        """
        return self._task(self._native.start_train(self._train_data(options))).wait()

    async def start_train_async(self, **options: Unpack[TrainOptions]) -> Task[Model]:
        """As :meth:`start_train`."""
        pending = self._native.start_train(self._train_data(options))
        return await self._task(pending).wait_async()

    def train(self, *, progress: bool = False, **options: Unpack[TrainOptions]) -> Model:
        """Trains a model and returns it; :meth:`start_train` does not wait.

        Ctrl-C cancels the task.

        Args:
            progress: Whether to show a bar.
            options: Those of :class:`ymir.TrainOptions`.

        Raises:
            NotFoundError: If a class, version or the executor does not exist.
            ExecutorFailedError: If the executor failed.
        """
        return self.start_train(**options).wait(progress=progress)

    async def train_async(
        self, *, progress: bool = False, **options: Unpack[TrainOptions]
    ) -> Model:
        """As :meth:`train`; cancelling stops the waiting alone, the task goes on."""
        task = await self.start_train_async(**options)
        return await task.wait_async(progress=progress)

    def start_mine(self, **options: Unpack[MineOptions]) -> Task[Dataset]:
        """Starts a mining; the options are those of :class:`ymir.MineOptions`.

        Raises:
            NotFoundError: If a class, version or the executor does not exist.
        """
        return self._task(self._native.start_mine(self._mine_data(options))).wait()

    async def start_mine_async(self, **options: Unpack[MineOptions]) -> Task[Dataset]:
        """As :meth:`start_mine`."""
        pending = self._native.start_mine(self._mine_data(options))
        return await self._task(pending).wait_async()

    def mine(self, *, progress: bool = False, **options: Unpack[MineOptions]) -> Dataset:
        """Chooses assets and returns them as a dataset; :meth:`start_mine` does not wait.

        Ctrl-C cancels the task.

        Args:
            progress: Whether to show a bar.
            options: Those of :class:`ymir.MineOptions`.

        Raises:
            NotFoundError: If a class, version or the executor does not exist.
            ExecutorFailedError: If the executor failed.
        """
        return self.start_mine(**options).wait(progress=progress)

    async def mine_async(
        self, *, progress: bool = False, **options: Unpack[MineOptions]
    ) -> Dataset:
        """As :meth:`mine`; cancelling stops the waiting alone, the task goes on."""
        task = await self.start_mine_async(**options)
        return await task.wait_async(progress=progress)

    def start_infer(self, **options: Unpack[InferOptions]) -> Task[Dataset]:
        """Starts an inference; the options are those of :class:`ymir.InferOptions`.

        Raises:
            NotFoundError: If a class, version or the executor does not exist.
        """
        return self._task(self._native.start_infer(self._infer_data(options))).wait()

    async def start_infer_async(self, **options: Unpack[InferOptions]) -> Task[Dataset]:
        """As :meth:`start_infer`."""
        pending = self._native.start_infer(self._infer_data(options))
        return await self._task(pending).wait_async()

    def infer(self, *, progress: bool = False, **options: Unpack[InferOptions]) -> Dataset:
        """Predicts and returns the prediction set; :meth:`start_infer` does not wait.

        Ctrl-C cancels the task.

        Args:
            progress: Whether to show a bar.
            options: Those of :class:`ymir.InferOptions`.

        Raises:
            NotFoundError: If a class, version or the executor does not exist.
            ExecutorFailedError: If the executor failed.
        """
        return self.start_infer(**options).wait(progress=progress)

    async def infer_async(
        self, *, progress: bool = False, **options: Unpack[InferOptions]
    ) -> Dataset:
        """As :meth:`infer`; cancelling stops the waiting alone, the task goes on."""
        task = await self.start_infer_async(**options)
        return await task.wait_async(progress=progress)

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

    def _ended(self) -> Operation[list[TaskStatus]]:
        def statuses(data: list[dict[str, Any]]) -> list[TaskStatus]:
            return [TaskStatus._of(item) for item in data]

        return Operation(self._native.wait_all(), statuses)

    def wait_all(self) -> list[TaskStatus]:
        """Waits until no task is unfinished, and returns the last status of each that was.

        A task whose program died is adopted.
        """
        return self._ended().wait()

    async def wait_all_async(self) -> list[TaskStatus]:
        """As :meth:`wait_all`."""
        return await self._ended().wait_async()

    def settle(self, id: str) -> None:
        """Ends a task that is stalled: its run counts as ended, and the task fails.

        Raises:
            ConflictError: If it is not stalled.
        """
        settled: Operation[None] = Operation(self._native.settle(id))
        settled.wait()

    async def settle_async(self, id: str) -> None:
        """As :meth:`settle`."""
        settled: Operation[None] = Operation(self._native.settle(id))
        await settled.wait_async()

    def _leftovers(self, end: bool) -> Operation[list[Leftover]]:
        def leftovers(data: list[dict[str, Any]]) -> list[Leftover]:
            return [Leftover._of(item) for item in data]

        return Operation(self._native.leftovers(end), leftovers)

    def leftovers(self, *, end: bool = False) -> list[Leftover]:
        """Returns containers and runs that nobody will collect.

        They are of any workspace of this user: of one that is gone, for example.

        Args:
            end: Whether to end and remove them.
        """
        return self._leftovers(end).wait()

    async def leftovers_async(self, *, end: bool = False) -> list[Leftover]:
        """As :meth:`leftovers`."""
        return await self._leftovers(end).wait_async()

    def _past_events(self, id: str | None, after: int) -> Operation[list[TaskEvent]]:
        def events(data: list[dict[str, Any]]) -> list[TaskEvent]:
            return [TaskEvent._of(item) for item in data]

        return Operation(self._native.past_events(id, whole("after", after)), events)

    def past_events(self, id: str | None = None, after: int = 0) -> list[TaskEvent]:
        """Returns the events of one task, or of all, that are kept, after a sequence number."""
        return self._past_events(id, after).wait()

    async def past_events_async(self, id: str | None = None, after: int = 0) -> list[TaskEvent]:
        """As :meth:`past_events`."""
        return await self._past_events(id, after).wait_async()

    def clean_tasks(self, older_than: float | None = None) -> CleanReport:
        """Removes the directories of ended tasks; their results, records and events stay.

        Args:
            older_than: Only of those that ended longer ago than so many seconds.
        """
        return Operation(self._native.clean_tasks(older_than), CleanReport._of).wait()

    async def clean_tasks_async(self, older_than: float | None = None) -> CleanReport:
        """As :meth:`clean_tasks`."""
        return await Operation(self._native.clean_tasks(older_than), CleanReport._of).wait_async()

    def _host_leases(self) -> Operation[list[HostLease]]:
        def leases(data: list[dict[str, Any]]) -> list[HostLease]:
            return [HostLease._of(item) for item in data]

        return Operation(self._native.host_leases(), leases)

    def host_leases(self) -> list[HostLease]:
        """Returns what tasks of this user hold on this host, of whichever workspace."""
        return self._host_leases().wait()

    async def host_leases_async(self) -> list[HostLease]:
        """As :meth:`host_leases`."""
        return await self._host_leases().wait_async()

    def release_leases(self, task: str) -> None:
        """Gives back what a task holds whose process is gone; see that its run has ended before.

        Raises:
            ConflictError: If the process that holds it is alive.
        """
        released: Operation[None] = Operation(self._native.release_leases(task))
        released.wait()

    async def release_leases_async(self, task: str) -> None:
        """As :meth:`release_leases`."""
        released: Operation[None] = Operation(self._native.release_leases(task))
        await released.wait_async()

    def events(self, after: int = 0) -> Events[TaskEvent]:
        """Returns the events of all tasks after a sequence number, then those to come.

        They have no end; read them with ``for`` or ``async for``.
        """
        return Events(self._native.events(whole("after", after)), TaskEvent._of)

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

    def get_or_create_project(self, name: str, **options: Unpack[ProjectOptions]) -> Project:
        """Returns the project of this name and definition, which is created unless it is there.

        Versions are the same if their records are: data that is imported again makes no other
        definition. The options are those of :class:`ymir.ProjectOptions`.

        Raises:
            ConflictError: If the project is there with another definition; ``context["fields"]``
                names what differs. :meth:`ymir.Project.update` changes it.
            NotFoundError: If a class or version that it names does not exist.
        """
        data = {"name": name, **self._data(options, *PROJECT_SPECS)}
        return self._project(self._native.get_or_create_project(data)).wait()

    async def get_or_create_project_async(
        self, name: str, **options: Unpack[ProjectOptions]
    ) -> Project:
        """As :meth:`get_or_create_project`."""
        data = {"name": name, **self._data(options, *PROJECT_SPECS)}
        return await self._project(self._native.get_or_create_project(data)).wait_async()

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


def _mir_options(
    media: str | os.PathLike[str] | None,
    models: str | os.PathLike[str] | None,
    labels: str | os.PathLike[str] | None,
    prefix: str,
    transfer: str,
    unknown_classes: str,
) -> dict[str, Any]:
    paths = {"media": media, "models": models, "labels": labels}
    return {
        **{name: os.fspath(path) for name, path in paths.items() if path is not None},
        "prefix": prefix,
        "transfer": transfer,
        "unknown_classes": unknown_classes,
    }


def _fuse_options(
    sources: list[str],
    into: str,
    strategy: str,
    excluded: list[str],
    query: str,
    count: int | None,
    rate: float | None,
    seed: int,
) -> dict[str, Any]:
    return {
        "sources": sources,
        "into": into,
        "strategy": strategy,
        "excluded": excluded,
        "query": query,
        "count": count,
        "rate": rate,
        "seed": seed,
    }
