"""Python objects as label backends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
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

__all__ = ["LabelBackend", "LabelHandle", "LabelItem", "LabelJobRequest", "LabelPage", "Labeler"]


class LabelItem(Sample):
    """One image that is to be labeled; its annotations are predictions, to be corrected."""

    __slots__ = ()

    path: Path | None  # type: ignore[assignment]
    """The file, for reading only; None where the workspace keeps its images elsewhere. Then
    :meth:`ymir.Workspace.image` has its bytes."""


@dataclass(frozen=True, slots=True)
class LabelHandle:
    """Where a labeling job stands at its backend: all that any process needs to go on with it.

    Attributes:
        job: The id of the job.
        ready: Whether its creation is complete.
        place: Where people label it, once that is known: a URL or a folder.
        state: What the backend remembers of it, as JSON can say it: the number of a project on a
            server, for example.
    """

    job: str
    ready: bool = False
    place: str | None = None
    state: Any = None


@dataclass(frozen=True, slots=True)
class LabelJobRequest:
    """What a labeling job is created from.

    Attributes:
        id: The id of the job: the same for the same work.
        title: A title for people.
        instructions: Instructions for people.
        class_names: The classes that may be used.
        items: The images.
        handle: Where the job stands: new, or as the last step of its creation returned it.
    """

    id: str
    title: str
    instructions: str
    class_names: tuple[str, ...]
    items: tuple[LabelItem, ...]
    handle: LabelHandle


@dataclass(frozen=True, slots=True)
class LabelPage:
    """A run of labeled images.

    Attributes:
        labeled: The images, each ``{"id": …, "annotations": [Annotation(…), …]}``.
        next: Where the next page begins; None on the last.
    """

    labeled: Iterable[Mapping[str, Any]]
    next: str | None = None


class LabelBackend(Protocol):
    """Has images labeled. Each method may be ``async``; what one raises is the call's error.

    Two attributes are looked for: ``object_types``, the object types that it has labels for,
    ``["detection"]`` by default, and ``pre_annotations``, whether it shows predictions to the
    labeler, which is true by default.
    """

    def create(self, request: LabelJobRequest, /) -> LabelHandle | None:
        """Takes the next step in creating a job, and returns the handle after it.

        The handle is stored, and ``create`` called again with it until it is ``ready``; None says
        that it is. Whoever dies between a step and the storing goes on with the older handle: look
        for what the step has made, by ``request.id``, before making it.
        """
        ...

    def status(self, handle: LabelHandle, /) -> Any:
        """Returns how far a job is: a :class:`ymir.LabelStatus`, or a mapping with its fields.

        Raises :class:`ymir.NotFoundError` if there is no such job; it is then made again.
        """
        ...

    def annotations(self, handle: LabelHandle, after: str | None, limit: int, /) -> Any:
        """Returns what is labeled, each image as ``{"id": …, "annotations": [Annotation(…), …]}``.

        Either all of it, or a :class:`LabelPage` of at most ``limit`` images that begins where the
        page before said by its ``next``.
        """
        ...

    def cancel(self, handle: LabelHandle, /) -> object:
        """Ends a job, as far as it was made."""
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
    missing = [m for m in ("create", "status", "annotations") if not hasattr(labeler, m)]
    if missing:
        raise TypeError(
            f"{type(labeler).__name__} is no labeler: it lacks the method {missing[0]}; give"
            " ymir.Oracle(…), ymir.Folder(…), or an object with create, status and annotations"
        )
    return None


class Adapter:
    """A backend as the native module calls it: without ``async``, with plain values."""

    def __init__(self, backend: Any) -> None:
        """Keeps the backend."""
        self._backend = backend

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the backend can do."""
        return {
            "object_types": list(getattr(self._backend, "object_types", ["detection"])),
            "pre_annotations": bool(getattr(self._backend, "pre_annotations", True)),
        }

    def create(
        self,
        id: str,
        title: str,
        instructions: str,
        class_names: Iterable[str],
        items: Iterable[tuple[Any, _ymir.Record]],
        handle: dict[str, Any],
    ) -> dict[str, Any]:
        """Takes a step in creating a job."""
        listed = tuple(LabelItem(*item) for item in items)
        before = LabelHandle(**handle)
        request = LabelJobRequest(id, title, instructions, tuple(class_names), listed, before)
        after = _result(lambda: self._backend.create(request))
        if after is None:
            after = replace(before, ready=True)
        if not isinstance(after, LabelHandle):
            message = f"`create` returns a LabelHandle or None, not {type(after).__name__}"
            raise InvalidInputError(message)
        return asdict(after)

    def status(self, handle: dict[str, Any]) -> tuple[int, int, int, bool]:
        """Returns how far a job is."""
        status = _result(lambda: self._backend.status(LabelHandle(**handle)))
        if not isinstance(status, LabelStatus):
            status = LabelStatus(**status)
        return status.total, status.labeled, status.skipped, status.finished

    def annotations(
        self, handle: dict[str, Any], after: str | None, limit: int
    ) -> tuple[list[tuple[str, list[Annotation | Mapping[str, Any]]]], str | None, bool]:
        """Returns a page of what is labeled, or all of it."""
        given = LabelHandle(**handle)
        page = _result(lambda: self._backend.annotations(given, after, limit))
        is_all = not isinstance(page, LabelPage)
        labeled, following = (page, None) if is_all else (page.labeled, page.next)
        found = [(item["id"], list(item["annotations"])) for item in labeled]
        return found, following, is_all

    def cancel(self, handle: dict[str, Any]) -> None:
        """Ends a job, if the backend can."""
        cancel = getattr(self._backend, "cancel", None)
        if cancel is not None:
            _result(lambda: cancel(LabelHandle(**handle)))


def _result(call: Callable[[], Any]) -> Any:
    with running():
        value = call()
        if not hasattr(value, "__await__"):
            return value
        import asyncio

        async def awaited() -> Any:
            return await value

        return asyncio.run(awaited())
