"""Labeling jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ymir._pending import Operation
from ymir.dataset import Dataset
from ymir.reports import LabelStatus
from ymir.versions import instant

if TYPE_CHECKING:
    from ymir.workspace import Workspace

__all__ = ["LabelJob"]


class LabelJob:
    """A labeling job that was started.

    It outlives the program that started it: :meth:`ymir.Workspace.label_jobs` finds it again.
    """

    __slots__ = ("_data", "_workspace")

    def __init__(self, workspace: Workspace, data: dict[str, Any]) -> None:
        """Used by :class:`ymir.Workspace`."""
        self._workspace = workspace
        self._data = data

    @property
    def id(self) -> str:
        """The id: the same for the same options."""
        value: str = self._data["id"]
        return value

    @property
    def place(self) -> str | None:
        """Where people label, where that is known: a URL or a folder."""
        value: str | None = self._data["place"]
        return value

    @property
    def labeled(self) -> str:
        """The name of the dataset that the labels are committed to."""
        value: str = self._data["labeled"]
        return value

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes that the labeler may use."""
        return tuple(self._data["classes"])

    @property
    def ready(self) -> bool:
        """Whether the labeler has all of the job."""
        value: bool = self._data["ready"]
        return value

    @property
    def created(self) -> datetime:
        """When it was started."""
        return instant(self._data["created"])

    @property
    def collected(self) -> str | None:
        """The id of the version with the labels, once the job was finished and collected."""
        value: str | None = self._data["collected"]
        return value

    def _dataset(self, pending: Any) -> Operation[Dataset]:
        return Operation(pending, lambda native: Dataset(self._workspace, native))

    def _status(self) -> Operation[LabelStatus]:
        pending = self._workspace._native.label_job_status(self.id)
        return Operation(pending, lambda data: LabelStatus(**data))

    def status(self) -> LabelStatus:
        """Returns how far the labeler is.

        Raises:
            NotFoundError: If the job was cancelled, or removed at the labeler.
        """
        return self._status().wait()

    async def status_async(self) -> LabelStatus:
        """As :meth:`status`."""
        return await self._status().wait_async()

    def collect(self) -> Dataset:
        """Commits what has been labeled so far; once, however often it is collected."""
        return self._dataset(self._workspace._native.label_job_collect(self.id)).wait()

    async def collect_async(self) -> Dataset:
        """As :meth:`collect`."""
        return await self._dataset(self._workspace._native.label_job_collect(self.id)).wait_async()

    def wait(self) -> Dataset:
        """Waits until the labeler is done, and commits the labels."""
        return self._dataset(self._workspace._native.label_job_wait(self.id)).wait()

    async def wait_async(self) -> Dataset:
        """As :meth:`wait`."""
        return await self._dataset(self._workspace._native.label_job_wait(self.id)).wait_async()

    def _cancel(self) -> Operation[None]:
        return Operation(self._workspace._native.label_job_cancel(self.id))

    def cancel(self) -> None:
        """Cancels the job: what was labeled and not collected is lost."""
        self._cancel().wait()

    async def cancel_async(self) -> None:
        """As :meth:`cancel`."""
        await self._cancel().wait_async()

    def __repr__(self) -> str:
        """Returns the id, the target and the place."""
        place = "" if self.place is None else f" at {self.place}"
        return f"<LabelJob {self.id!r} into {self.labeled!r}{place}>"
