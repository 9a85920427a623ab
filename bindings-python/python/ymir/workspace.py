"""Workspaces: the start of everything else."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from ymir import _ymir
from ymir._checks import warn
from ymir._pending import Operation
from ymir._working import Working
from ymir.errors import YmirError
from ymir.options import BlobLocation
from ymir.reports import FsckReport, GarbageReport

__all__ = ["Workspace"]

# How long the end of the tasks of a workspace that is closed is waited for, in seconds.
_GRACE = 2.0


def _unfinished(ids: list[str]) -> str:
    what = f"task {ids[0]} goes" if len(ids) == 1 else f"tasks {', '.join(ids)} go"
    return f"{what} on without this program"


class Workspace(Working):
    """A workspace: the directory with the datasets, models, projects and tasks of one team.

    It may be used from any number of threads, and opened by any number of processes; in a forked
    child it opens itself again. Each call that works has an ``_async`` form.

    ::

        with ymir.open("cells", create=True) as workspace:
            workspace.import_dataset("bccd", "train", split="train", unknown_classes="add")
    """

    __slots__ = ()

    @classmethod
    def _open(
        cls,
        root: str | os.PathLike[str],
        create: bool,
        cpus: int | None,
        blobs: BlobLocation | None,
        host_dir: str | os.PathLike[str] | None,
        observe_tasks: bool,
    ) -> Operation[Workspace]:
        options = {
            "create": create,
            "cpus": cpus,
            "blobs": blobs and asdict(blobs),
            "host_dir": host_dir and os.fspath(host_dir),
            "observe_tasks": observe_tasks,
        }
        return Operation(_ymir.Workspace.open(os.fspath(root), options), cls)

    @classmethod
    def open(
        cls,
        root: str | os.PathLike[str],
        *,
        create: bool = False,
        cpus: int | None = None,
        blobs: BlobLocation | None = None,
        host_dir: str | os.PathLike[str] | None = None,
        observe_tasks: bool = False,
    ) -> Workspace:
        """Opens the workspace in a directory.

        Args:
            root: The directory.
            create: Whether to make the workspace if there is none.
            cpus: CPU slots for tasks; as many as the machine has by default.
            blobs: Where a workspace that is made keeps images and models, if not in the directory.
                One that is there knows; only the way to the same place may differ.
            host_dir: The directory with the ledger of what tasks of this host hold, which all
                workspaces share by default.
            observe_tasks: Whether tasks are observed only: listed and followed, and none is
                started, adopted or ended.

        Raises:
            NotFoundError: If there is none.
            CorruptedError: If its files are damaged.
        """
        return cls._open(root, create, cpus, blobs, host_dir, observe_tasks).wait()

    @classmethod
    async def open_async(
        cls,
        root: str | os.PathLike[str],
        *,
        create: bool = False,
        cpus: int | None = None,
        blobs: BlobLocation | None = None,
        host_dir: str | os.PathLike[str] | None = None,
        observe_tasks: bool = False,
    ) -> Workspace:
        """As :meth:`open`."""
        return await cls._open(root, create, cpus, blobs, host_dir, observe_tasks).wait_async()

    @classmethod
    def _init(
        cls, root: str | os.PathLike[str], blobs: BlobLocation | None
    ) -> Operation[Workspace]:
        options = {"blobs": blobs and asdict(blobs)}
        return Operation(_ymir.Workspace.init(os.fspath(root), options), cls)

    @classmethod
    def init(cls, root: str | os.PathLike[str], *, blobs: BlobLocation | None = None) -> Workspace:
        """Makes a workspace in a directory, which is made if it is not there.

        Args:
            root: The directory.
            blobs: Where images and models are kept, if not in the directory.

        Raises:
            AlreadyExistsError: If there is a workspace.
        """
        return cls._init(root, blobs).wait()

    @classmethod
    async def init_async(
        cls, root: str | os.PathLike[str], *, blobs: BlobLocation | None = None
    ) -> Workspace:
        """As :meth:`init`."""
        return await cls._init(root, blobs).wait_async()

    @staticmethod
    def find(start: str | os.PathLike[str] = ".") -> Path | None:
        """Returns the nearest directory that is a workspace: this one, or one that it is in."""
        return _ymir.Workspace.find(os.path.abspath(start))

    @property
    def root(self) -> Path:
        """The directory."""
        return self._native.root

    @property
    def id(self) -> str:
        """The id that it got when it was made."""
        return self._native.id

    @property
    def warnings(self) -> list[str]:
        """What was found and put right when it was opened, for people; usually nothing."""
        return self._native.warnings

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._native.closed

    def close(self) -> None:
        """Closes it.

        Tasks that it started and that run an executor of this program are cancelled; their end is
        waited for, up to two seconds. Others go on, which a warning says: the next program that
        opens the workspace adopts them.
        """
        try:
            self._stop_tasks()
        finally:
            self._native.close()
            self._registered.clear()

    def _stop_tasks(self) -> None:
        ids = [id for process, id in self._started if process == os.getpid()]
        self._started.clear()
        if not ids or self.closed:
            return
        # What cannot be stopped is no reason not to close.
        with suppress(YmirError):
            left: list[str] = Operation(self._native.stop_tasks(ids, _GRACE)).wait()
            if left:
                warn(f"{_unfinished(left)}; open {str(self.root)!r} again and wait for it")

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns how it is opened again: a pickled workspace is the path of one."""
        return _opened_again, (self.root, self._native.options)

    def __enter__(self) -> Workspace:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes it."""
        self.close()

    def __repr__(self) -> str:
        """Returns the directory."""
        return f"<Workspace {str(self.root)!r}{' (closed)' if self.closed else ''}>"

    def _repr_html_(self) -> str:
        from ymir.display.workspace import workspace_html

        return workspace_html(self)

    def _fsck(self, blobs: bool) -> Operation[FsckReport]:
        return Operation(self._native.fsck({"blobs": blobs}), FsckReport._of)

    def fsck(self, *, blobs: bool = False) -> FsckReport:
        """Checks everything that the versions are made of; damage is in the report.

        Args:
            blobs: Whether to read every image and model file and check its hash, too.
        """
        return self._fsck(blobs).wait()

    async def fsck_async(self, *, blobs: bool = False) -> FsckReport:
        """As :meth:`fsck`."""
        return await self._fsck(blobs).wait_async()

    def _collect_garbage(self, dry_run: bool, grace: float) -> Operation[GarbageReport]:
        pending = self._native.collect_garbage({"dry_run": dry_run, "grace": grace})
        return Operation(pending, lambda data: GarbageReport(**data))

    def collect_garbage(self, *, dry_run: bool = False, grace: float = 86400.0) -> GarbageReport:
        """Deletes the image and model files that no version reaches.

        Args:
            dry_run: Whether to delete nothing, and only tell what would be.
            grace: Files younger than this, in seconds, are kept.
        """
        return self._collect_garbage(dry_run, grace).wait()

    async def collect_garbage_async(
        self, *, dry_run: bool = False, grace: float = 86400.0
    ) -> GarbageReport:
        """As :meth:`collect_garbage`."""
        return await self._collect_garbage(dry_run, grace).wait_async()


def _opened_again(root: Path, options: dict[str, Any]) -> Workspace:
    opened: Operation[Workspace] = Operation(
        _ymir.Workspace.open(os.fspath(root), options), Workspace
    )
    return opened.wait()
