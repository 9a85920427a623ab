"""Changes of datasets by hand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from ymir._labeling import Labeling
from ymir._pending import Operation
from ymir.options import UnknownClasses
from ymir.reports import EditReport

if TYPE_CHECKING:
    from ymir.edits import Edit
    from ymir.versions import Spec

__all__ = ["Editing"]


class Editing(Labeling):
    """The part of :class:`ymir.Workspace` that edits datasets."""

    __slots__ = ()

    def _edit(
        self, name: str, edits: Iterable[Edit], options: dict[str, Any]
    ) -> Operation[EditReport]:
        if options["expect"] is not None:
            options["expect"] = self._spec("expect", options["expect"])
        listed = [_with_path(edit) for edit in edits]
        return Operation(self._native.edit(listed, {"dataset": name, **options}), EditReport._of)

    def edit(
        self,
        name: str,
        edits: Iterable[Edit],
        *,
        message: str | None = None,
        expect: Spec | None = None,
        unknown_classes: UnknownClasses = "stop",
        create: bool = False,
    ) -> EditReport:
        """Changes records of a dataset in one commit: all of the edits happen, or none.

        Args:
            name: The dataset.
            edits: The changes, see :data:`ymir.Edit`.
            message: Why, for people: the commit message.
            expect: The version that the edits were made for. If it is not the newest any more,
                nothing changes. Without it the edits apply to the newest version.
            unknown_classes: What happens to class names that the workspace does not have.
            create: Makes the dataset if there is none of its name.

        Raises:
            ConflictError: If the expected version is not the newest.
            NotFoundError: If there is no such dataset, or it does not have an asset.
            InvalidInputError: If a box is outside its image, or a class is not known.
        """
        options = _options(message, expect, unknown_classes, create)
        return self._edit(name, edits, options).wait()

    async def edit_async(
        self,
        name: str,
        edits: Iterable[Edit],
        *,
        message: str | None = None,
        expect: Spec | None = None,
        unknown_classes: UnknownClasses = "stop",
        create: bool = False,
    ) -> EditReport:
        """As :meth:`edit`."""
        options = _options(message, expect, unknown_classes, create)
        return await self._edit(name, edits, options).wait_async()


def _options(
    message: str | None, expect: Spec | None, unknown_classes: UnknownClasses, create: bool
) -> dict[str, Any]:
    given = {"message": message, "expect": expect, "create": create}
    return {**given, "unknown_classes": unknown_classes}


def _with_path(edit: Any) -> Any:
    """Returns an edit with its file as text."""
    if not isinstance(edit, Mapping):
        return edit
    fields = dict(cast("Mapping[str, Any]", edit))
    if isinstance(fields.get("file"), os.PathLike):
        fields["file"] = os.fspath(fields["file"])
    return fields
