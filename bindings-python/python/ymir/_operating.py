"""What is made of datasets by queries and of several together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ymir._checks import invalid, several, whole
from ymir._pending import Operation
from ymir._progress import OnProgress, counting
from ymir.versions import ClassCount, Spec, Summary, Version

if TYPE_CHECKING:
    from ymir import _ymir
    from ymir.dataset import Dataset
    from ymir.edits import Edit
    from ymir.options import UnknownClasses
    from ymir.reports import EditReport
    from ymir.workspace import Workspace

__all__ = ["Comparison", "Operating"]

# In how many bits the hashes of images that look alike differ at most.
_ALIKE = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two versions, in counts.

    Attributes:
        added: The records that only the second has.
        removed: The records that only the first has.
        before: The records that both have and that differ, as they are in the first.
        after: The same records as they are in the second.
    """

    added: Summary
    removed: Summary
    before: Summary
    after: Summary

    @classmethod
    def _of(cls, data: Any) -> Comparison:
        def summary(counts: Any, classes: Any) -> Summary:
            assets, negatives, annotations, size = counts
            named = {name: ClassCount(**count) for name, count in classes}
            return Summary(assets, negatives, annotations, size, named)

        return cls(*(summary(*part) for part in data))


class Operating:
    """The part of :class:`ymir.Dataset` that makes versions by queries and of several datasets.

    An operation that was done before is found again, see there.
    """

    __slots__ = ()

    _native: _ymir.Dataset
    _workspace: Workspace

    def _made(self, pending: _ymir.Pending) -> Operation[Dataset]:
        from ymir.dataset import Dataset

        return Operation(pending, lambda native: Dataset(self._workspace, native))

    def _lookup(self, field: str, other: object) -> _ymir.Dataset | Operation[_ymir.Dataset]:
        """Returns another dataset, or what finds it: a name is one of this kind of version."""
        home = self._workspace
        if isinstance(other, Operating):
            if other._workspace.id != home.id:
                message = f"`{field}` is of another workspace; copy it with copy_to first"
                raise invalid(field, message)
            return other._native
        if isinstance(other, Version):
            return Operation(home._native.dataset_by_id(other.id))
        if isinstance(other, str):
            kind = self._native.version["branch"]["kind"]
            named = home._native.predictions if kind == "prediction" else home._native.dataset
            return Operation(named(other))
        message = f"`{field}` takes a dataset, its version or its name, not {type(other).__name__}"
        raise invalid(field, message)

    def _found(self, field: str, other: object) -> _ymir.Dataset:
        found = self._lookup(field, other)
        return found.wait() if isinstance(found, Operation) else found

    async def _found_async(self, field: str, other: object) -> _ymir.Dataset:
        found = self._lookup(field, other)
        return await found.wait_async() if isinstance(found, Operation) else found

    def edit(
        self,
        edits: Iterable[Edit],
        *,
        message: str | None = None,
        unknown_classes: UnknownClasses = "stop",
    ) -> EditReport:
        """Changes records of this version, which is to be the newest, in one commit.

        As :meth:`ymir.Workspace.edit`, with this version as the one that is expected.
        """
        options: dict[str, Any] = {"message": message, "unknown_classes": unknown_classes}
        return self._workspace.edit(self._named(), edits, expect=self._version_id(), **options)

    async def edit_async(
        self,
        edits: Iterable[Edit],
        *,
        message: str | None = None,
        unknown_classes: UnknownClasses = "stop",
    ) -> EditReport:
        """As :meth:`edit`."""
        options: dict[str, Any] = {"message": message, "unknown_classes": unknown_classes}
        name, expect = self._named(), self._version_id()
        return await self._workspace.edit_async(name, edits, expect=expect, **options)

    def _named(self) -> str:
        """Returns the name of the dataset, which predictions are none of."""
        branch = self._native.version["branch"]
        if branch["kind"] != "dataset":
            raise invalid("edits", "predictions are what a model said, and cannot be edited")
        return str(branch["name"])

    def _version_id(self) -> str:
        version = self._native.version
        return f"{version['branch']['name']}@{version['id']}"

    def filter(self, query: str, into: str, *, progress: OnProgress = False) -> Dataset:
        """Makes a version of the records that a query is true of.

        Raises:
            InvalidInputError: If the query is malformed; the message points at the column.
        """
        with counting(progress, f"filter into {into}") as on_event:
            return self._made(self._native.filter(query, into)).wait(on_event)

    async def filter_async(self, query: str, into: str, *, progress: OnProgress = False) -> Dataset:
        """As :meth:`filter`."""
        with counting(progress, f"filter into {into}") as on_event:
            return await self._made(self._native.filter(query, into)).wait_async(on_event)

    def intersect(
        self, others: Iterable[Spec], into: str, *, progress: OnProgress = False
    ) -> Dataset:
        """Makes a version of the records whose assets all of the others have too."""
        natives = [self._found("others", other) for other in several("others", others)]
        with counting(progress, f"intersect into {into}") as on_event:
            return self._made(self._native.intersect(natives, into)).wait(on_event)

    async def intersect_async(
        self, others: Iterable[Spec], into: str, *, progress: OnProgress = False
    ) -> Dataset:
        """As :meth:`intersect`."""
        natives = [await self._found_async("others", other) for other in several("others", others)]
        with counting(progress, f"intersect into {into}") as on_event:
            pending = self._native.intersect(natives, into)
            return await self._made(pending).wait_async(on_event)

    def _split(
        self, parts: Mapping[str, float], seed: int, unstratified: bool
    ) -> Operation[list[str]]:
        listed = [{"name": name, "fraction": fraction} for name, fraction in parts.items()]
        options = {"parts": listed, "seed": seed, "unstratified": unstratified}
        return Operation(self._native.split(options))

    def split(
        self,
        parts: Mapping[str, float],
        *,
        seed: int = 0,
        unstratified: bool = False,
        progress: OnProgress = False,
    ) -> list[Dataset]:
        """Divides the records by chance into parts that have no asset in common.

        Args:
            parts: The name and the fraction of each part: ``{"train": 0.8, "val": 0.2}``.
            seed: What the random choices start from.
            unstratified: Whether classes are spread without regard to how rare they are.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.
        """
        with counting(progress, "split") as on_event:
            made = self._split(parts, seed, unstratified).wait(on_event)
        return [self._workspace.dataset_by_id(id) for id in made]

    async def split_async(
        self,
        parts: Mapping[str, float],
        *,
        seed: int = 0,
        unstratified: bool = False,
        progress: OnProgress = False,
    ) -> list[Dataset]:
        """As :meth:`split`."""
        with counting(progress, "split") as on_event:
            made = await self._split(parts, seed, unstratified).wait_async(on_event)
        return [await self._workspace.dataset_by_id_async(id) for id in made]

    def relabel(
        self,
        classes: Mapping[str, str | None],
        into: str,
        *,
        progress: OnProgress = False,
    ) -> Dataset:
        """Makes a version whose annotations have other classes.

        Args:
            classes: The new name of a class by its old one; None drops its annotations.
            into: The dataset that the result is committed to.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.
        """
        with counting(progress, f"relabel into {into}") as on_event:
            return self._made(self._native.relabel(dict(classes), into)).wait(on_event)

    async def relabel_async(
        self,
        classes: Mapping[str, str | None],
        into: str,
        *,
        progress: OnProgress = False,
    ) -> Dataset:
        """As :meth:`relabel`."""
        with counting(progress, f"relabel into {into}") as on_event:
            pending = self._native.relabel(dict(classes), into)
            return await self._made(pending).wait_async(on_event)

    def sample_rate(self, rate: float, into: str, *, seed: int = 0) -> Dataset:
        """Makes a version of a part of the records, 0 to 1 of them, chosen by chance."""
        return self._made(self._native.sample_rate(rate, into, whole("seed", seed))).wait()

    async def sample_rate_async(self, rate: float, into: str, *, seed: int = 0) -> Dataset:
        """As :meth:`sample_rate`."""
        pending = self._native.sample_rate(rate, into, whole("seed", seed))
        return await self._made(pending).wait_async()

    def _copy(
        self, workspace: object, into: str | None, options: dict[str, Any]
    ) -> Operation[Dataset]:
        from ymir.dataset import Dataset
        from ymir.workspace import Workspace

        if not isinstance(workspace, Workspace):
            given = type(workspace).__name__
            message = f"`workspace` takes an open workspace, ymir.open(…), not {given}"
            raise invalid("workspace", message)
        name = self._native.version["branch"]["name"] if into is None else into
        pending = self._native.copy_to(workspace._native, name, options)
        return Operation(pending, lambda native: Dataset(workspace, native))

    def copy_to(
        self,
        workspace: Workspace,
        into: str | None = None,
        *,
        transfer: Literal["copy", "hard_link"] = "hard_link",
        unknown_classes: UnknownClasses = "add",
        without_files: bool = False,
        progress: OnProgress = False,
    ) -> Dataset:
        """Copies this version with its image files into another workspace.

        Args:
            workspace: The other workspace.
            into: The dataset there that the copy is committed to; of the same name by default.
            transfer: How image files are taken over.
            unknown_classes: What happens to annotations of classes that the other workspace does
                not know.
            without_files: Whether the image files are left out, which the other workspace then
                lacks.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.

        Returns:
            The version in the other workspace.
        """
        options = copy_options(transfer, unknown_classes, without_files)
        with counting(progress, "copy") as on_event:
            return self._copy(workspace, into, options).wait(on_event)

    async def copy_to_async(
        self,
        workspace: Workspace,
        into: str | None = None,
        *,
        transfer: Literal["copy", "hard_link"] = "hard_link",
        unknown_classes: UnknownClasses = "add",
        without_files: bool = False,
        progress: OnProgress = False,
    ) -> Dataset:
        """As :meth:`copy_to`."""
        options = copy_options(transfer, unknown_classes, without_files)
        with counting(progress, "copy") as on_event:
            return await self._copy(workspace, into, options).wait_async(on_event)

    def _near_duplicates(self, distance: int) -> Operation[list[list[str]]]:
        return Operation(self._native.near_duplicates(_bits(distance)))

    def near_duplicates(
        self, *, distance: int = _ALIKE, progress: OnProgress = False
    ) -> list[list[str]]:
        """Returns the groups of images that look alike, by their ids.

        Each image is read and decoded.

        Args:
            distance: In how many of 64 bits two images may differ: 0 to 3 finds the same picture
                in another size or compression, 10 one with small changes; at most 16.
            progress: ``True`` for a bar, or what is called with :class:`ymir.Progress`.

        Raises:
            InvalidInputError: If an image cannot be decoded.
        """
        with counting(progress, "near-duplicates") as on_event:
            return self._near_duplicates(distance).wait(on_event)

    async def near_duplicates_async(
        self, *, distance: int = _ALIKE, progress: OnProgress = False
    ) -> list[list[str]]:
        """As :meth:`near_duplicates`."""
        with counting(progress, "near-duplicates") as on_event:
            return await self._near_duplicates(distance).wait_async(on_event)

    def dedup(self, into: str, *, distance: int = _ALIKE, progress: OnProgress = False) -> Dataset:
        """Makes a version with one of each group of images that look alike.

        See :meth:`near_duplicates`; the first of each group is kept.
        """
        with counting(progress, f"dedup into {into}") as on_event:
            return self._made(self._native.dedup(_bits(distance), into)).wait(on_event)

    async def dedup_async(
        self, into: str, *, distance: int = _ALIKE, progress: OnProgress = False
    ) -> Dataset:
        """As :meth:`dedup`."""
        with counting(progress, f"dedup into {into}") as on_event:
            pending = self._native.dedup(_bits(distance), into)
            return await self._made(pending).wait_async(on_event)

    def _compare(self, other: _ymir.Dataset) -> Operation[Comparison]:
        return Operation(self._native.compare(other), Comparison._of)

    def compare(self, other: Spec) -> Comparison:
        """Returns what differs from this version to another, in counts."""
        return self._compare(self._found("other", other)).wait()

    async def compare_async(self, other: Spec) -> Comparison:
        """As :meth:`compare`."""
        return await self._compare(await self._found_async("other", other)).wait_async()


def _bits(distance: int) -> int:
    # The core says how many there may be; here it is only made to fit.
    return min(whole("distance", distance), 2**32 - 1)


def copy_options(transfer: str, unknown_classes: str, without_files: bool) -> dict[str, Any]:
    return {
        "transfer": transfer,
        "unknown_classes": unknown_classes,
        "without_files": without_files,
    }
