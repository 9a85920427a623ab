"""Python objects as label backends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ymir._checks import instance
from ymir._threads import running
from ymir._ymir import Annotation
from ymir.errors import InvalidInputError
from ymir.executors import Sample
from ymir.options import Folder, Oracle
from ymir.reports import LabelStatus
from ymir.versions import text_of

if TYPE_CHECKING:
    from ymir import _ymir

__all__ = ["LabelBackend", "LabelJob", "Labeler"]


@dataclass(frozen=True, slots=True)
class LabelJob:
    """What is to be labeled.

    Attributes:
        id: Its id: the same for the same work, so that creating it twice makes one job.
        title: A title for people.
        instructions: Instructions for people.
        class_names: The classes that may be used.
        items: The images; their annotations are what a model said, to be corrected.
    """

    id: str
    title: str
    instructions: str
    class_names: tuple[str, ...]
    items: tuple[Sample, ...]


class LabelBackend(Protocol):
    """Has images labeled. Each method may be ``async``; what one raises is the call's error.

    ``status`` returns a :class:`ymir.LabelStatus` or a mapping with its fields, ``collect`` the
    labeled images as ``{"id": …, "annotations": [Annotation(…), …]}``, with classes by name.
    """

    def create(self, job: LabelJob, /) -> object:
        """Makes a job; one that is there already is left as it is."""
        ...

    def status(self, job_id: str, /) -> Any:
        """Returns how far a job is."""
        ...

    def collect(self, job_id: str, /) -> Any:
        """Returns what is labeled."""
        ...

    def cancel(self, job_id: str, /) -> object:
        """Ends a job."""
        ...


Labeler: TypeAlias = "Oracle | Folder | LabelBackend | str | os.PathLike[str] | Mapping[str, Any]"
"""Who labels: :class:`ymir.Oracle`, :class:`ymir.Folder` (or the path of one as an
``os.PathLike``), a :class:`LabelBackend`, or the name that one was registered under."""


def builtin(labeler: object) -> dict[str, Any] | None:
    """Returns a labeler as plain data, unless it is an object of the user."""
    if isinstance(labeler, Oracle):
        return {"oracle": {"truth": text_of(labeler.truth)}}
    if isinstance(labeler, Folder):
        return {"folder": {"path": os.fspath(labeler.path)}}
    if isinstance(labeler, os.PathLike):
        return {"folder": {"path": os.fspath(labeler)}}  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(labeler, str):
        if "/" in labeler or os.sep in labeler:
            message = f"a labeler's name has no `/`; for a folder give ymir.Folder({labeler!r})"
            raise InvalidInputError(message, context={"field": "labeler"})
        return {"custom": labeler}
    if isinstance(labeler, Mapping):
        return {**labeler}
    instance(labeler, "labeler")
    missing = [m for m in ("create", "status", "collect") if not hasattr(labeler, m)]
    if missing:
        raise TypeError(
            f"{type(labeler).__name__} is no labeler: it lacks the method {missing[0]};"
            " give ymir.Oracle(…), ymir.Folder(…), or an object with create, status and collect"
        )
    return None


class Adapter:
    """A backend as the native module calls it: without ``async``, with plain values."""

    def __init__(self, backend: Any) -> None:
        """Keeps the backend."""
        self._backend = backend

    def create(
        self,
        id: str,
        title: str,
        instructions: str,
        class_names: Iterable[str],
        items: Iterable[tuple[Path, _ymir.Record]],
    ) -> None:
        """Makes a job."""
        samples = tuple(Sample(*item) for item in items)
        job = LabelJob(id, title, instructions, tuple(class_names), samples)
        _result(lambda: self._backend.create(job))

    def status(self, id: str) -> tuple[int, int, bool]:
        """Returns how far a job is."""
        status = _result(lambda: self._backend.status(id))
        if not isinstance(status, LabelStatus):
            status = LabelStatus(**status)
        return status.total, status.labeled, status.finished

    def collect(self, id: str) -> list[tuple[str, list[Annotation | Mapping[str, Any]]]]:
        """Returns what is labeled."""
        labeled = _result(lambda: self._backend.collect(id))
        return [(item["id"], list(item["annotations"])) for item in labeled]

    def cancel(self, id: str) -> None:
        """Ends a job, if the backend can."""
        cancel = getattr(self._backend, "cancel", None)
        if cancel is not None:
            _result(lambda: cancel(id))


def _result(call: Callable[[], Any]) -> Any:
    with running():
        value = call()
        if not hasattr(value, "__await__"):
            return value
        import asyncio

        async def awaited() -> Any:
            return await value

        return asyncio.run(awaited())
