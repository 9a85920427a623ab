"""What there is in a workspace."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ymir._checks import id_of, several
from ymir._home import Home
from ymir._pending import Operation
from ymir._ymir import Record
from ymir.dataset import Dataset
from ymir.executors import Executor, ExecutorInfo
from ymir.model import Model
from ymir.outcomes import Outcomes
from ymir.reports import Evaluation
from ymir.versions import Kind, Spec, Version, WorkspaceClass, text_of

if TYPE_CHECKING:
    from ymir import _ymir

__all__ = ["Reading"]


class Reading(Home):
    """The part of :class:`ymir.Workspace` that reads."""

    __slots__ = ()

    def _classes(
        self, pending: _ymir.Pending, *, retired: bool = False
    ) -> Operation[list[WorkspaceClass]]:
        def listed(data: list[dict[str, Any]]) -> list[WorkspaceClass]:
            return [WorkspaceClass._of(item) for item in data if retired or not item["retired"]]

        return Operation(pending, listed)

    def _edit_classes(self, *edits: dict[str, Any]) -> Operation[list[WorkspaceClass]]:
        return self._classes(self._native.edit_classes(list(edits)))

    def classes(self, *, retired: bool = False) -> list[WorkspaceClass]:
        """Returns the classes, in the order of their ids.

        Args:
            retired: Whether retired classes are listed too.
        """
        return self._classes(self._native.classes(), retired=retired).wait()

    async def classes_async(self, *, retired: bool = False) -> list[WorkspaceClass]:
        """As :meth:`classes`."""
        return await self._classes(self._native.classes(), retired=retired).wait_async()

    def add_classes(self, names: Iterable[str]) -> list[WorkspaceClass]:
        """Adds classes, all or none; returns all that there are then.

        Names that differ by case only are of different classes.
        """
        return self._edit_classes(*_additions(names)).wait()

    async def add_classes_async(self, names: Iterable[str]) -> list[WorkspaceClass]:
        """As :meth:`add_classes`."""
        return await self._edit_classes(*_additions(names)).wait_async()

    def rename_class(self, name: str, to: str) -> list[WorkspaceClass]:
        """Gives a class another name, under which versions of before show it too.

        The old name stays as an alias.

        Raises:
            NotFoundError: If there is no such class.
            AlreadyExistsError: If the new name is another class's.
        """
        return self._edit_classes({"rename": {"class": name, "to": to}}).wait()

    async def rename_class_async(self, name: str, to: str) -> list[WorkspaceClass]:
        """As :meth:`rename_class`."""
        return await self._edit_classes({"rename": {"class": name, "to": to}}).wait_async()

    def alias_class(self, name: str, alias: str) -> list[WorkspaceClass]:
        """Adds a name to a class, for imports and for what executors and labelers return.

        Raises:
            NotFoundError: If there is no such class.
            AlreadyExistsError: If the alias is another class's name.
        """
        return self._edit_classes({"alias": {"class": name, "alias": alias}}).wait()

    async def alias_class_async(self, name: str, alias: str) -> list[WorkspaceClass]:
        """As :meth:`alias_class`."""
        return await self._edit_classes({"alias": {"class": name, "alias": alias}}).wait_async()

    def retire_class(self, name: str) -> list[WorkspaceClass]:
        """Retires a class: trainings, labeling and projects refuse it from now on.

        Its annotations stay, and can be read, queried and exported.

        Raises:
            NotFoundError: If there is no such class.
        """
        return self._edit_classes({"retire": name}).wait()

    async def retire_class_async(self, name: str) -> list[WorkspaceClass]:
        """As :meth:`retire_class`."""
        return await self._edit_classes({"retire": name}).wait_async()

    def restore_class(self, name: str) -> list[WorkspaceClass]:
        """Takes the retirement of a class back.

        Raises:
            NotFoundError: If there is no such class.
        """
        return self._edit_classes({"restore": name}).wait()

    async def restore_class_async(self, name: str) -> list[WorkspaceClass]:
        """As :meth:`restore_class`."""
        return await self._edit_classes({"restore": name}).wait_async()

    def names(self, kind: Kind) -> list[str]:
        """Returns the names of all datasets, predictions, models or projects, sorted."""
        names: Operation[list[str]] = Operation(self._native.names(kind))
        return names.wait()

    async def names_async(self, kind: Kind) -> list[str]:
        """As :meth:`names`."""
        names: Operation[list[str]] = Operation(self._native.names(kind))
        return await names.wait_async()

    def _log(self, kind: Kind, name: str) -> Operation[list[Version]]:
        def versions(data: list[dict[str, Any]]) -> list[Version]:
            return [Version._of(item) for item in data]

        return Operation(self._native.log(kind, name), versions)

    def log(self, kind: Kind, name: str) -> list[Version]:
        """Returns the versions of a dataset, prediction set, model or project, newest first."""
        return self._log(kind, name).wait()

    async def log_async(self, kind: Kind, name: str) -> list[Version]:
        """As :meth:`log`."""
        return await self._log(kind, name).wait_async()

    def resolve(self, kind: Kind, spec: Spec) -> Version:
        """Returns the version that is meant by ``name``, ``name@v3`` or ``name@<commit>``.

        Raises:
            NotFoundError: If there is no such version.
        """
        return Operation(self._native.resolve(kind, text_of(spec)), Version._of).wait()

    async def resolve_async(self, kind: Kind, spec: Spec) -> Version:
        """As :meth:`resolve`."""
        pending = self._native.resolve(kind, text_of(spec))
        return await Operation(pending, Version._of).wait_async()

    def _dataset(self, pending: _ymir.Pending) -> Operation[Dataset]:
        return Operation(pending, lambda native: Dataset(self._workspace, native))

    def dataset(self, spec: Spec) -> Dataset:
        """Returns a dataset version.

        Raises:
            NotFoundError: If there is none.
        """
        return self._dataset(self._native.dataset(text_of(spec))).wait()

    async def dataset_async(self, spec: Spec) -> Dataset:
        """As :meth:`dataset`."""
        return await self._dataset(self._native.dataset(text_of(spec))).wait_async()

    def predictions(self, spec: Spec) -> Dataset:
        """Returns a prediction set; it is read like a dataset."""
        return self._dataset(self._native.predictions(text_of(spec))).wait()

    async def predictions_async(self, spec: Spec) -> Dataset:
        """As :meth:`predictions`."""
        return await self._dataset(self._native.predictions(text_of(spec))).wait_async()

    def dataset_by_id(self, id: str) -> Dataset:
        """Returns a dataset version or prediction set by the id of its commit.

        Raises:
            NotFoundError: If there is none.
        """
        return self._dataset(self._native.dataset_by_id(id)).wait()

    async def dataset_by_id_async(self, id: str) -> Dataset:
        """As :meth:`dataset_by_id`."""
        return await self._dataset(self._native.dataset_by_id(id)).wait_async()

    def _model(self, pending: _ymir.Pending) -> Operation[Model]:
        return Operation(pending, lambda data: Model(self._workspace, data))

    def model(self, spec: Spec) -> Model:
        """Returns a version of a model.

        Raises:
            NotFoundError: If there is none.
        """
        return self._model(self._native.model(text_of(spec))).wait()

    async def model_async(self, spec: Spec) -> Model:
        """As :meth:`model`."""
        return await self._model(self._native.model(text_of(spec))).wait_async()

    def _model_by_id(self, id: str) -> Model:
        return self._model(self._native.model_by_id(id)).wait()

    def _image(self, asset: str | Record) -> Operation[bytes]:
        return Operation(self._native.image(id_of("asset", asset)))

    def image(self, asset: str | Record) -> bytes:
        """Returns the bytes of an image file, by the id of the asset or a record.

        Raises:
            NotFoundError: If the workspace does not have it.
        """
        return self._image(asset).wait()

    async def image_async(self, asset: str | Record) -> bytes:
        """As :meth:`image`."""
        return await self._image(asset).wait_async()

    def _image_path(self, asset: str | Record) -> Operation[Path]:
        return Operation(self._native.image_path(id_of("asset", asset)), Path)

    def image_path(self, asset: str | Record) -> Path:
        """Returns the path of an image file, for reading only."""
        return self._image_path(asset).wait()

    async def image_path_async(self, asset: str | Record) -> Path:
        """As :meth:`image_path`."""
        return await self._image_path(asset).wait_async()

    def _evaluate(
        self, ground_truth: Spec, predictions: Spec, classes: Iterable[str] | None
    ) -> Operation[Evaluation]:
        specs = self._spec("ground_truth", ground_truth), self._spec("predictions", predictions)
        return Operation(
            self._native.evaluate(*specs, several("classes", classes or ())), Evaluation._of
        )

    def evaluate(
        self, ground_truth: Spec, predictions: Spec, classes: Iterable[str] | None = None
    ) -> Evaluation:
        """Compares predictions with a dataset by COCO's rules; only the classes named count."""
        return self._evaluate(ground_truth, predictions, classes).wait()

    async def evaluate_async(
        self, ground_truth: Spec, predictions: Spec, classes: Iterable[str] | None = None
    ) -> Evaluation:
        """As :meth:`evaluate`."""
        return await self._evaluate(ground_truth, predictions, classes).wait_async()

    def _outcomes(
        self, ground_truth: Spec, predictions: Spec, iou: float, score: float | None, lenient: bool
    ) -> Operation[Outcomes]:
        specs = self._spec("ground_truth", ground_truth), self._spec("predictions", predictions)
        options = {"iou_threshold": iou, "min_score": score, "ignore_difficult": lenient}
        return Operation(self._native.outcomes(*specs, options), Outcomes)

    def outcomes(
        self,
        ground_truth: Spec,
        predictions: Spec,
        *,
        iou_threshold: float = 0.5,
        min_score: float | None = None,
        ignore_difficult: bool = False,
    ) -> Outcomes:
        """Returns what became of predictions, to be asked for hits, false alarms and misses.

        Args:
            ground_truth: The dataset.
            predictions: The prediction set.
            iou_threshold: The intersection over union, above 0 and at most 1, from which on a
                prediction is a hit.
            min_score: Predictions with a lower score, 0 to 1, are taken as not made; every one
                counts by default.
            ignore_difficult: Whether objects marked difficult are neither to be found nor wrong
                to find.

        Raises:
            NotFoundError: If there is no such version.
            InvalidInputError: If a threshold or score makes no sense.
        """
        given = iou_threshold, min_score, ignore_difficult
        return self._outcomes(ground_truth, predictions, *given).wait()

    async def outcomes_async(
        self,
        ground_truth: Spec,
        predictions: Spec,
        *,
        iou_threshold: float = 0.5,
        min_score: float | None = None,
        ignore_difficult: bool = False,
    ) -> Outcomes:
        """As :meth:`outcomes`."""
        given = iou_threshold, min_score, ignore_difficult
        return await self._outcomes(ground_truth, predictions, *given).wait_async()

    def inspect(self, executor: str | Executor) -> ExecutorInfo:
        """Returns what an executor says about itself: what it can do, with which parameters."""
        return Operation(self._native.inspect(self._inspected(executor)), ExecutorInfo).wait()

    async def inspect_async(self, executor: str | Executor) -> ExecutorInfo:
        """As :meth:`inspect`."""
        pending = self._native.inspect(self._inspected(executor))
        return await Operation(pending, ExecutorInfo).wait_async()


def _additions(names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"add": {"name": name}} for name in several("names", names)]
