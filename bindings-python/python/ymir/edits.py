"""What an edit of a dataset is made of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired

    from ymir import _ymir

__all__ = ["Edit"]

_Annotation: TypeAlias = "_ymir.Annotation | Mapping[str, Any]"
_Attribute: TypeAlias = "str | int | float | bool"


class PutImage(TypedDict):
    """Puts the image of a file in, in place of the record of the same image."""

    op: Literal["put_image"]
    file: str | os.PathLike[str]
    attributes: NotRequired[Mapping[str, _Attribute]]
    annotations: NotRequired[Sequence[_Annotation]]


class Put(TypedDict):
    """Puts a record in, whose image the workspace has; its asset as plain data."""

    op: Literal["put"]
    asset: Mapping[str, Any]
    annotations: NotRequired[Sequence[_Annotation]]


class SetAttributes(TypedDict):
    """Sets attributes of an asset; None removes one."""

    op: Literal["set_attributes"]
    asset: str
    attributes: Mapping[str, _Attribute | None]


class SetAnnotations(TypedDict):
    """Replaces all annotations of an asset, or adds to them."""

    op: Literal["set_annotations", "add_annotations"]
    asset: str
    annotations: Sequence[_Annotation]


class ReplaceAnnotation(TypedDict):
    """Replaces one annotation of an asset, counted from 0."""

    op: Literal["replace_annotation"]
    asset: str
    index: int
    annotation: _Annotation


class RemoveAnnotations(TypedDict):
    """Removes annotations of an asset, counted from 0."""

    op: Literal["remove_annotations"]
    asset: str
    indices: Sequence[int]


class Remove(TypedDict):
    """Takes the record of an asset out."""

    op: Literal["remove"]
    asset: str


Edit: TypeAlias = (
    PutImage | Put | SetAttributes | SetAnnotations | ReplaceAnnotation | RemoveAnnotations | Remove
)
"""One change of a dataset: a dict with ``op`` and what that needs, as
``{"op": "remove", "asset": id}``. Those that count annotations need the version in which they were
counted."""
