"""Checks of what callers give, and how they are told."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from ymir.errors import InvalidInputError

T = TypeVar("T")

_PACKAGE = str(Path(__file__).parent)


def several(field: str, given: Iterable[T]) -> list[T]:
    """Returns several names as a list; one text is a slip, since its letters are no names."""
    if isinstance(given, str):
        message = f"`{field}` takes several names: {field}=[{given!r}]"
        raise InvalidInputError(message, context={"field": field})
    return list(given)


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
