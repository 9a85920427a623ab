"""The threads that code of the user runs on, which end before the interpreter does."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic, sleep

from ymir import _ymir

_GRACE = 2.0
_running: set[int] = set()


@contextmanager
def running() -> Generator[None, None, None]:
    """Marks this thread as one that runs an executor or a label backend."""
    thread = threading.get_ident()
    _running.add(thread)
    try:
        yield
    finally:
        _running.discard(thread)


if hasattr(os, "register_at_fork"):
    # A child has none of these threads.
    os.register_at_fork(after_in_child=_running.clear)


@atexit.register
def _end() -> None:
    """Interrupts what runs, then lets no native thread in any more.

    A thread that still ran in an interpreter that ends would crash it. One that does not heed the
    interrupt is held when it comes back, so that the process ends without it. A daemon thread that
    waits for an operation does not see it fail.
    """
    _ymir.ending()
    deadline = monotonic() + _GRACE
    for thread in tuple(_running):
        _ymir.interrupt(thread)
    while _running and monotonic() < deadline:
        sleep(0.01)
    _ymir.shut(0.2 if _running else _GRACE)
