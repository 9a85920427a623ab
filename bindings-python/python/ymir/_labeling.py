"""Labeling in a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ymir._pending import Operation
from ymir._reading import Reading
from ymir.dataset import Dataset
from ymir.label_job import LabelJob

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ymir import _ymir
    from ymir.options import LabelOptions

__all__ = ["Labeling"]


class Labeling(Reading):
    """The part of :class:`ymir.Workspace` that has datasets labeled."""

    __slots__ = ()

    def _label_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return self._data(options, "dataset", "pre_annotations")

    def _label_job(self, pending: _ymir.Pending) -> Operation[LabelJob]:
        return Operation(pending, lambda data: LabelJob(self._workspace, data))

    def label(self, **options: Unpack[LabelOptions]) -> Dataset:
        """Has a dataset labeled and waits for it; options as :class:`ymir.LabelOptions`."""
        return self._dataset(self._native.label(self._label_options(options))).wait()

    async def label_async(self, **options: Unpack[LabelOptions]) -> Dataset:
        """As :meth:`label`."""
        return await self._dataset(self._native.label(self._label_options(options))).wait_async()

    def start_label(self, **options: Unpack[LabelOptions]) -> LabelJob:
        """Hands a dataset to a labeler and returns the job, which outlives the program.

        The same options mean the same job, however often and in however many processes it is
        started; one whose creation broke off goes on where it was.
        """
        return self._label_job(self._native.start_label(self._label_options(options))).wait()

    async def start_label_async(self, **options: Unpack[LabelOptions]) -> LabelJob:
        """As :meth:`start_label`."""
        pending = self._native.start_label(self._label_options(options))
        return await self._label_job(pending).wait_async()

    def _label_jobs(self) -> Operation[list[LabelJob]]:
        def jobs(data: list[dict[str, Any]]) -> list[LabelJob]:
            return [LabelJob(self._workspace, item) for item in data]

        return Operation(self._native.label_jobs(), jobs)

    def label_jobs(self) -> list[LabelJob]:
        """Returns the labeling jobs that were started and not cancelled, oldest first."""
        return self._label_jobs().wait()

    async def label_jobs_async(self) -> list[LabelJob]:
        """As :meth:`label_jobs`."""
        return await self._label_jobs().wait_async()

    def label_job(self, id: str) -> LabelJob:
        """Returns a labeling job by its id.

        Raises:
            NotFoundError: If there is none.
        """
        return self._label_job(self._native.label_job(id)).wait()

    async def label_job_async(self, id: str) -> LabelJob:
        """As :meth:`label_job`."""
        return await self._label_job(self._native.label_job(id)).wait_async()
