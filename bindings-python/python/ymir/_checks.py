"""Checks of what callers give, and how they are told."""

from __future__ import annotations

import operator
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import SupportsIndex, TypeVar

from ymir._ymir import Record
from ymir.errors import InvalidInputError
from ymir.versions import Version

T = TypeVar("T")

_PACKAGE = str(Path(__file__).parent)


# The largest number that the native module takes.
_MOST = 2**64 - 1


def invalid(field: str, message: str) -> InvalidInputError:
    """Returns the error for an argument."""
    return InvalidInputError(message, context={"field": field})


def several(field: str, given: Iterable[T]) -> list[T]:
    """Returns several names or datasets as a list.

    One text is a slip, since its letters are no names; so is one dataset, which yields records.
    """
    if isinstance(given, str):
        raise invalid(field, f"`{field}` takes several names: {field}=[{given!r}]")
    if isinstance(getattr(given, "version", None), Version):
        raise invalid(field, f"`{field}` takes a list: {field}=[dataset]")
    if not hasattr(given, "__iter__"):
        raise invalid(field, f"`{field}` takes a list, not {_kind(given)}")
    return list(given)


def whole(field: str, given: SupportsIndex) -> int:
    """Returns a whole number of 0 or more."""
    try:
        number = operator.index(given)
    except TypeError:
        raise invalid(field, f"`{field}` is a whole number, not {_kind(given)}") from None
    if number < 0:
        raise invalid(field, f"`{field}` is 0 or more")
    if number > _MOST:
        raise invalid(field, f"`{field}` is at most {_MOST}")
    return number


def whole_or_none(field: str, given: SupportsIndex | None) -> int | None:
    """Returns a whole number of 0 or more, if there is one."""
    return None if given is None else whole(field, given)


def id_of(field: str, asset: object) -> str:
    """Returns the id of an asset that is given by it or by a record."""
    if isinstance(asset, str):
        return asset
    if isinstance(asset, Record):
        return asset.id
    raise invalid(field, f"`{field}` takes the id of an asset or a record, not {_kind(asset)}")


def _kind(given: object) -> str:
    return type(given).__name__


def instance(given: object, field: str) -> None:
    """Tells who gave a class in place of an object of it."""
    if isinstance(given, type):
        message = f"`{field}` takes an object, not its class; pass an instance: {given.__name__}()"
        raise InvalidInputError(message, context={"field": field})


def warn(message: str) -> None:
    """Warns of a line of the program that called the package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
