"""Queries of datasets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from ymir._checks import whole, whole_or_none
from ymir._pending import Operation

if TYPE_CHECKING:
    from ymir._ymir import Record
    from ymir.dataset import Dataset, Page

__all__ = ["Selection"]

_PAGE = 1000


class Selection:
    """The assets of a dataset that a query is true of, found as they are asked for.

    ::

        found = dataset.query("class:WBC and area<0.01")
        found.count(), found.ids(limit=10), [record.file_name for record in found]
    """

    __slots__ = ("_dataset", "_text")

    def __init__(self, dataset: Dataset, text: str) -> None:
        """Used by :meth:`ymir.Dataset.query`."""
        self._dataset = dataset
        self._text = text

    @property
    def text(self) -> str:
        """The query."""
        return self._text

    def __repr__(self) -> str:
        """Returns the query and what it is of."""
        return f"<Selection {self._text!r} of {self._dataset.version}>"

    def count(self) -> int:
        """Returns how many there are: from the counts of the version where they tell."""
        return self._count().wait()

    async def count_async(self) -> int:
        """As :meth:`count`."""
        return await self._count().wait_async()

    def _count(self) -> Operation[int]:
        return Operation(self._dataset._native.query_count(self._text))

    def ids(
        self, *, after: str | None = None, offset: int = 0, limit: int | None = None
    ) -> list[str]:
        """Returns their ids, in order.

        Args:
            after: Only ids that are greater.
            offset: How many to pass over.
            limit: How many to return at most; all by default.
        """
        return self._ids(after, offset, limit).wait()

    async def ids_async(
        self, *, after: str | None = None, offset: int = 0, limit: int | None = None
    ) -> list[str]:
        """As :meth:`ids`."""
        return await self._ids(after, offset, limit).wait_async()

    def _ids(self, after: str | None, offset: int, limit: int | None) -> Operation[list[str]]:
        start, most = whole("offset", offset), whole_or_none("limit", limit)
        return Operation(self._dataset._native.query_ids(self._text, after, start, most))

    def page(self, *, offset: int = 0, limit: int = 100) -> Page:
        """Returns a run of their records, and how many there are in all."""
        return self._page(offset, limit).wait()

    async def page_async(self, *, offset: int = 0, limit: int = 100) -> Page:
        """As :meth:`page`."""
        return await self._page(offset, limit).wait_async()

    def _page(self, offset: int, limit: int) -> Operation[Page]:
        from ymir.dataset import Page

        start, most = whole("offset", offset), whole("limit", limit)
        pending = self._dataset._native.query_page(self._text, start, most)
        return Operation(pending, lambda data: Page(*data))

    def __iter__(self) -> Iterator[Record]:
        """Yields their records, in the order of the ids."""
        after: str | None = None
        while ids := self.ids(after=after, limit=_PAGE):
            after = ids[-1]
            yield from (self._dataset[id] for id in ids)

    async def __aiter__(self) -> AsyncIterator[Record]:
        """Yields their records, in the order of the ids."""
        after: str | None = None
        while ids := await self.ids_async(after=after, limit=_PAGE):
            after = ids[-1]
            for id in ids:
                yield self._dataset[id]
