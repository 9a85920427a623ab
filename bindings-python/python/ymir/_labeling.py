"""Labeling in a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ymir._pending import Operation
from ymir._reading import Reading
from ymir.dataset import Dataset
from ymir.reports import LabelStatus

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ymir.options import LabelOptions

__all__ = ["Labeling"]


class Labeling(Reading):
    """The part of :class:`ymir.Workspace` that has datasets labeled."""

    __slots__ = ()

    def _job(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return self._data(options, "dataset", "pre_annotations")

    def label(self, **options: Unpack[LabelOptions]) -> Dataset:
        """Has a dataset labeled and waits for it; options as :class:`ymir.LabelOptions`."""
        return self._dataset(self._native.label(self._job(options))).wait()

    async def label_async(self, **options: Unpack[LabelOptions]) -> Dataset:
        """As :meth:`label`."""
        return await self._dataset(self._native.label(self._job(options))).wait_async()

    def create_label_job(self, **options: Unpack[LabelOptions]) -> str:
        """Makes a labeling job, once however often it is tried, and returns its id."""
        job: Operation[str] = Operation(self._native.create_label_job(self._job(options)))
        return job.wait()

    async def create_label_job_async(self, **options: Unpack[LabelOptions]) -> str:
        """As :meth:`create_label_job`."""
        job: Operation[str] = Operation(self._native.create_label_job(self._job(options)))
        return await job.wait_async()

    def _label_status(self, options: Mapping[str, Any]) -> Operation[LabelStatus]:
        pending = self._native.label_status(self._job(options))
        return Operation(pending, lambda data: LabelStatus(**data))

    def label_status(self, **options: Unpack[LabelOptions]) -> LabelStatus:
        """Returns how far the job of these options is."""
        return self._label_status(options).wait()

    async def label_status_async(self, **options: Unpack[LabelOptions]) -> LabelStatus:
        """As :meth:`label_status`."""
        return await self._label_status(options).wait_async()

    def collect_labels(self, **options: Unpack[LabelOptions]) -> Dataset:
        """Commits what the job of these options gave; once, however often it is collected."""
        return self._dataset(self._native.collect_labels(self._job(options))).wait()

    async def collect_labels_async(self, **options: Unpack[LabelOptions]) -> Dataset:
        """As :meth:`collect_labels`."""
        return await self._dataset(self._native.collect_labels(self._job(options))).wait_async()

    def cancel_label_job(self, **options: Unpack[LabelOptions]) -> None:
        """Ends the job of these options."""
        ended: Operation[None] = Operation(self._native.cancel_label_job(self._job(options)))
        ended.wait()

    async def cancel_label_job_async(self, **options: Unpack[LabelOptions]) -> None:
        """As :meth:`cancel_label_job`."""
        ended: Operation[None] = Operation(self._native.cancel_label_job(self._job(options)))
        await ended.wait_async()
