"""Datasets and prediction sets: immutable versions, read in parts."""

from __future__ import annotations

import operator
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from ymir._checks import id_of, several, whole, whole_or_none
from ymir._loading import Loading
from ymir._operating import Operating
from ymir._pending import Operation
from ymir._progress import OnProgress, counting
from ymir._ymir import ArrowTable, Record
from ymir.errors import InvalidInputError
from ymir.options import Format
from ymir.reports import ExportReport
from ymir.selection import Selection
from ymir.versions import Lineage, Manifest, ObjectType, Spec, Summary, Version

if TYPE_CHECKING:
    import pandas

    from ymir import _ymir
    from ymir.workspace import Workspace

__all__ = ["Change", "Dataset", "Page"]

_PAGE = 1000


class Page(NamedTuple):
    """A run of records, and how many there are on all pages together."""

    records: list[Record]
    total: int


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions.

    Attributes:
        kind: ``"added"`` (only the second has it), ``"removed"``, or ``"changed"``.
        before: The record in the first version.
        after: The record in the second version.
    """

    kind: Literal["added", "removed", "changed"]
    before: Record | None
    after: Record | None

    @property
    def record(self) -> Record:
        """The record: the one in the second version, if that has it."""
        record = self.after or self.before
        assert record is not None
        return record

    @property
    def id(self) -> str:
        """The id of the asset."""
        return self.record.id


class Dataset(Operating, Loading):
    """A dataset version, or a prediction set: a sequence of records in the order of their ids.

    ::

        dataset = workspace.dataset("train@v3")
        len(dataset), dataset[0], dataset["9f86d081…"], "9f86d081…" in dataset
        for record in dataset: ...
        dataset.page(offset=200, limit=50, class_name="cat")

    Methods that make a version ``into`` a dataset leave this one as it is. The same operation on
    the same versions with the same arguments, into the same name, is not done again: it returns the
    version that it made then. That need not be the newest of the name, which stays as it is; go on
    with the version that is returned, not with the name.
    """

    __slots__ = ("_manifest", "_native", "_version", "_workspace")

    def __init__(self, workspace: Workspace, native: _ymir.Dataset) -> None:
        """Used by :meth:`ymir.Workspace.dataset`."""
        self._workspace = workspace
        self._native = native
        self._version = Version._of(native.version)
        self._manifest: Manifest | None = None

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self._workspace

    @property
    def version(self) -> Version:
        """The version."""
        return self._version

    @property
    def name(self) -> str:
        """The name of the dataset."""
        return self._version.name

    @property
    def id(self) -> str:
        """The id of the version."""
        return self._version.id

    @property
    def is_predictions(self) -> bool:
        """Whether this is what a model said, in place of ground truth."""
        return self._version.kind == "prediction"

    @property
    def manifest(self) -> Manifest:
        """What the version says about itself: classes, counts, lineage."""
        if self._manifest is None:
            self._manifest = Manifest._of(self._native.manifest())
        return self._manifest

    @property
    def summary(self) -> Summary:
        """The counts: assets, annotations, bytes, and those per class."""
        return self.manifest.summary

    @property
    def lineage(self) -> Lineage:
        """What the version was made by and from."""
        return self.manifest.lineage

    @property
    def object_type(self) -> ObjectType:
        """What its annotations are: ``"detection"``."""
        return self.manifest.object_type

    def __len__(self) -> int:
        """Returns the number of assets."""
        return self.summary.assets

    def __bool__(self) -> bool:
        """Returns True: a dataset without assets is one too."""
        return True

    def __contains__(self, id: object) -> bool:
        """Returns whether it has the asset of an id, or of a record."""
        if isinstance(id, Record):
            id = id.id
        try:
            return isinstance(id, str) and self._native.get(id) is not None
        except InvalidInputError:
            # What is no id at all is the id of nothing.
            return False

    @overload
    def __getitem__(self, key: int | str) -> Record: ...
    @overload
    def __getitem__(self, key: slice) -> list[Record]: ...
    def __getitem__(self, key: int | str | slice) -> Record | list[Record]:
        """Returns the record at an index or with an id, or those of a slice."""
        if isinstance(key, str):
            record = self._native.get(key)
            if record is None:
                raise KeyError(key)
            return record
        if isinstance(key, slice):
            span = range(len(self))[key]
            if not span:
                return []
            first, last = min(span[0], span[-1]), max(span[0], span[-1])
            records = self.page(offset=first, limit=last - first + 1).records
            return [records[index - first] for index in span]
        given = operator.index(key)
        index = given + len(self) if given < 0 else given
        if not 0 <= index < len(self):
            raise IndexError(f"{self.version} has {len(self)} assets; there is none at {key}")
        return self.page(offset=index, limit=1).records[0]

    def __iter__(self) -> Iterator[Record]:
        """Returns all records, read as they are asked for."""
        return self.records()

    def __aiter__(self) -> AsyncIterator[Record]:
        """Returns all records, read as they are asked for."""
        return self.records_async()

    def __eq__(self, other: object) -> bool:
        """Returns whether this is the same version."""
        return isinstance(other, Dataset) and self.id == other.id

    def __hash__(self) -> int:
        """Returns the hash of the version's id."""
        return hash(self.id)

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns how it is opened again."""
        return _opened_again, (self._workspace, self.id)

    def __repr__(self) -> str:
        """Returns name, version and counts."""
        counts = self.summary
        kind = "Predictions" if self.is_predictions else "Dataset"
        return f"<{kind} {self.version}: {counts.assets} assets, {counts.annotations} annotations>"

    def _repr_html_(self) -> str:
        from ymir.display.dataset import dataset_html

        return dataset_html(self)

    def get(self, id: str) -> Record | None:
        """Returns the record of an asset, if the version has it.

        Raises:
            InvalidInputError: If it is no id of 64 hexadecimal digits.
        """
        return self._native.get(id)

    async def get_async(self, id: str) -> Record | None:
        """As :meth:`get`."""
        found: Operation[Record | None] = Operation(self._native.get_pending(id))
        return await found.wait_async()

    def page(self, offset: int = 0, limit: int = 100, class_name: str | None = None) -> Page:
        """Returns a run of records, of all assets or of those with a class.

        Raises:
            InvalidInputError: If a number is negative.
            NotFoundError: If there is no such class.
        """
        start, most = whole("offset", offset), whole("limit", limit)
        return Page(*self._native.page(start, most, class_name))

    async def page_async(
        self, offset: int = 0, limit: int = 100, class_name: str | None = None
    ) -> Page:
        """As :meth:`page`."""
        start, most = whole("offset", offset), whole("limit", limit)
        pending = self._native.page_pending(start, most, class_name)
        return await Operation(pending, lambda page: Page(*page)).wait_async()

    def records(self, class_name: str | None = None) -> Iterator[Record]:
        """Returns all records, or those with a class, read as they are asked for."""
        offset = 0
        while records := self.page(offset, _PAGE, class_name).records:
            yield from records
            offset += len(records)

    async def records_async(self, class_name: str | None = None) -> AsyncIterator[Record]:
        """As :meth:`records`."""
        offset = 0
        while records := (await self.page_async(offset, _PAGE, class_name)).records:
            for record in records:
                yield record
            offset += len(records)

    def _diff(
        self, other: _ymir.Dataset, after: str | None, limit: int | None
    ) -> Operation[list[Change]]:
        def changes(rows: list[Any]) -> list[Change]:
            return [Change(*row) for row in rows]

        most = whole_or_none("limit", limit)
        return Operation(self._native.diff(other, after, most), changes)

    def diff(
        self, other: Spec, *, after: str | None = None, limit: int | None = None
    ) -> list[Change]:
        """Returns what differs from this version to another, in the order of the ids.

        Args:
            other: The other version, or its name.
            after: Only assets whose id is greater, to go on where a part ended.
            limit: How many to return at most.
        """
        return self._diff(self._found("other", other), after, limit).wait()

    async def diff_async(
        self, other: Spec, *, after: str | None = None, limit: int | None = None
    ) -> list[Change]:
        """As :meth:`diff`."""
        native = await self._found_async("other", other)
        return await self._diff(native, after, limit).wait_async()

    def image(self, asset: str | Record) -> bytes:
        """Returns the bytes of an image file.

        Raises:
            NotFoundError: If the workspace does not have it.
        """
        return self._workspace.image(asset)

    async def image_async(self, asset: str | Record) -> bytes:
        """As :meth:`image`."""
        return await self._workspace.image_async(asset)

    def image_path(self, asset: str | Record) -> Path:
        """Returns the path of an image file, for reading only."""
        return self._workspace.image_path(asset)

    async def image_path_async(self, asset: str | Record) -> Path:
        """As :meth:`image_path`."""
        return await self._workspace.image_path_async(asset)

    def query(self, text: str) -> Selection:
        """Returns the assets that a query is true of; nothing is read yet.

        Args:
            text: Such as ``class:WBC and area<0.01 and camera=3``.

        Raises:
            InvalidInputError: If it is malformed; the message points at the column.
        """
        return Selection(self, self._native.query(text))

    def merge(
        self,
        other: Spec,
        into: str,
        strategy: Literal["stop", "ours", "theirs"] = "stop",
    ) -> Dataset:
        """Makes a version of the records of this one and another.

        Args:
            other: The other version, or its name.
            into: The dataset that the result is committed to.
            strategy: What happens where both have an asset with different annotations: fail
                (``"stop"``), keep those of this one (``"ours"``) or of the other (``"theirs"``).
        """
        native = self._found("other", other)
        return self._made(self._native.merge(native, into, strategy)).wait()

    async def merge_async(
        self,
        other: Spec,
        into: str,
        strategy: Literal["stop", "ours", "theirs"] = "stop",
    ) -> Dataset:
        """As :meth:`merge`."""
        native = await self._found_async("other", other)
        return await self._made(self._native.merge(native, into, strategy)).wait_async()

    def exclude(self, others: Iterable[Spec], into: str) -> Dataset:
        """Makes a version of the records whose assets none of the others has."""
        natives = [self._found("others", other) for other in several("others", others)]
        return self._made(self._native.exclude(natives, into)).wait()

    async def exclude_async(self, others: Iterable[Spec], into: str) -> Dataset:
        """As :meth:`exclude`."""
        natives = [await self._found_async("others", other) for other in several("others", others)]
        return await self._made(self._native.exclude(natives, into)).wait_async()

    def _sample(self, count: int, into: str, seed: int) -> Operation[Dataset]:
        number, start = whole("count", count), whole("seed", seed)
        return self._made(self._native.sample(number, into, start))

    def sample(self, count: int, into: str, *, seed: int = 0) -> Dataset:
        """Makes a version of some records, chosen by chance: the same ones for the same seed."""
        return self._sample(count, into, seed).wait()

    async def sample_async(self, count: int, into: str, *, seed: int = 0) -> Dataset:
        """As :meth:`sample`."""
        return await self._sample(count, into, seed).wait_async()

    def select(self, ids: Iterable[str | Record], into: str) -> Dataset:
        """Makes a version of the records of these assets."""
        return self._made(self._native.select(_ids(ids), into)).wait()

    async def select_async(self, ids: Iterable[str | Record], into: str) -> Dataset:
        """As :meth:`select`."""
        return await self._made(self._native.select(_ids(ids), into)).wait_async()

    def _export(
        self, destination: str | os.PathLike[str], format: str, transfer: str, split: str | None
    ) -> Operation[ExportReport]:
        options = {"format": format, "transfer": transfer, "split": split}
        options["destination"] = os.fspath(destination)
        return Operation(self._native.export(options), ExportReport._of)

    def export(
        self,
        destination: str | os.PathLike[str],
        *,
        format: Format = "voc",
        transfer: Literal["copy", "hard_link", "reference"] = "copy",
        split: str | None = None,
        progress: OnProgress = False,
    ) -> ExportReport:
        """Writes images and annotations into a folder, which is made.

        Args:
            destination: The folder.
            format: Its format.
            transfer: How image files come to stand there; whoever writes into a hard link in
                place breaks the workspace's copy, and a reference is a symbolic link.
            split: The name of the list of images; that of the dataset by default.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.

        Raises:
            AlreadyExistsError: If the folder has anything in it.
        """
        with counting(progress, f"export {self.version}") as on_event:
            return self._export(destination, format, transfer, split).wait(on_event)

    async def export_async(
        self,
        destination: str | os.PathLike[str],
        *,
        format: Format = "voc",
        transfer: Literal["copy", "hard_link", "reference"] = "copy",
        split: str | None = None,
        progress: OnProgress = False,
    ) -> ExportReport:
        """As :meth:`export`."""
        with counting(progress, f"export {self.version}") as on_event:
            return await self._export(destination, format, transfer, split).wait_async(on_event)

    def to_arrow(self, class_name: str | None = None) -> ArrowTable:
        """Returns an Arrow table with a row per asset, of all assets or of those with a class.

        Whatever speaks Arrow's PyCapsule interface takes it without a copy:
        ``pyarrow.table(…)``, ``polars.from_arrow(…)``.
        """
        table: Operation[ArrowTable] = Operation(self._native.to_arrow(class_name))
        return table.wait()

    async def to_arrow_async(self, class_name: str | None = None) -> ArrowTable:
        """As :meth:`to_arrow`."""
        table: Operation[ArrowTable] = Operation(self._native.to_arrow(class_name))
        return await table.wait_async()

    def to_pandas(self, class_name: str | None = None) -> pandas.DataFrame:
        """Returns a pandas data frame with a row per asset (``pip install ymir[pandas]``)."""
        try:
            import pyarrow as arrow  # type: ignore[import-untyped]  # it ships no types
        except ImportError as error:
            raise ImportError(
                "to_pandas() needs pandas and pyarrow: run `pip install ymir[pandas]`"
            ) from error
        pyarrow: Any = arrow
        frame: pandas.DataFrame = pyarrow.table(self.to_arrow(class_name)).to_pandas()
        return frame

    def _thumbnails(self, ids: list[str], side: int) -> list[bytes | None]:
        made: Operation[list[bytes | None]] = Operation(self._native.thumbnails(ids, side))
        return made.wait()


def _opened_again(workspace: Workspace, id: str) -> Dataset:
    return workspace.dataset_by_id(id)


def _ids(assets: Iterable[str | Record]) -> list[str]:
    return [id_of("ids", asset) for asset in several("ids", assets)]
