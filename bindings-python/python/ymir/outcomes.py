"""What became of predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ymir._checks import whole, whole_or_none
from ymir._pending import Operation
from ymir.dataset import Page

if TYPE_CHECKING:
    from ymir import _ymir

__all__ = ["Outcomes"]


class Outcomes:
    """What became of the predictions on a dataset version: where are the misses?

    Each asset of the dataset stands there with the predictions on it and the objects that they
    missed. The attribute ``outcome`` of each says what it is: ``tp`` for a hit, ``fp`` for a false
    alarm, ``fn`` for a missed object, ``ignored`` for a prediction of an object that is not to be
    found. Nothing is stored; each question reads both versions as far as its answer needs.

    ::

        outcomes = workspace.outcomes("val", "said")
        outcomes.count("outcome:fp"), outcomes.ids("outcome:fn and class:WBC", limit=10)
    """

    __slots__ = ("_native",)

    def __init__(self, native: _ymir.Outcomes) -> None:
        """Used by :meth:`ymir.Workspace.outcomes`."""
        self._native = native

    def count(self, query: str) -> int:
        """Returns how many assets a query is true of.

        Raises:
            InvalidInputError: If the query is malformed; the message points at the column.
            NotFoundError: If it names a class that there is not.
        """
        return self._count(query).wait()

    async def count_async(self, query: str) -> int:
        """As :meth:`count`."""
        return await self._count(query).wait_async()

    def _count(self, query: str) -> Operation[int]:
        return Operation(self._native.count(query))

    def ids(
        self, query: str, *, after: str | None = None, offset: int = 0, limit: int | None = None
    ) -> list[str]:
        """Returns the ids of the assets that a query is true of, in order.

        Args:
            query: As in :meth:`count`.
            after: Only ids that are greater.
            offset: How many to pass over.
            limit: How many to return at most; all by default.
        """
        return self._ids(query, after, offset, limit).wait()

    async def ids_async(
        self, query: str, *, after: str | None = None, offset: int = 0, limit: int | None = None
    ) -> list[str]:
        """As :meth:`ids`."""
        return await self._ids(query, after, offset, limit).wait_async()

    def _ids(
        self, query: str, after: str | None, offset: int, limit: int | None
    ) -> Operation[list[str]]:
        start, most = whole("offset", offset), whole_or_none("limit", limit)
        return Operation(self._native.ids(query, after, start, most))

    def page(self, query: str, *, offset: int = 0, limit: int = 100) -> Page:
        """Returns a run of the records that a query is true of, and how many there are in all.

        Their annotations are the predictions and the missed objects.
        """
        return self._page(query, offset, limit).wait()

    async def page_async(self, query: str, *, offset: int = 0, limit: int = 100) -> Page:
        """As :meth:`page`."""
        return await self._page(query, offset, limit).wait_async()

    def _page(self, query: str, offset: int, limit: int) -> Operation[Page]:
        pending = self._native.page(query, whole("offset", offset), whole("limit", limit))
        return Operation(pending, lambda data: Page(*data))
