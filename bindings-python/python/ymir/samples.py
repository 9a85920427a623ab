"""Sample data, so that everything can be tried at once."""

from __future__ import annotations

import os

from ymir import _ymir
from ymir._pending import Operation

__all__ = ["write_samples", "write_samples_async"]


def write_samples(folder: str | os.PathLike[str]) -> None:
    """Writes a small annotated dataset into a folder, as Pascal VOC.

    It has 60 rendered images in the split ``pool`` and 20 in the split ``val``, of the classes
    ``coin``, ``washer``, ``gear`` and ``star``, the same on every machine. Nothing happens if they
    are there.

    Raises:
        AlreadyExistsError: If the folder has other files.
    """
    Operation[None](_ymir.write_samples(os.fspath(folder))).wait()


async def write_samples_async(folder: str | os.PathLike[str]) -> None:
    """As :func:`write_samples`."""
    await Operation[None](_ymir.write_samples(os.fspath(folder))).wait_async()
