"""The two ways to the result of a native operation: wait for it, or await it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from ymir import _ymir

T = TypeVar("T")
OnEvent = Callable[[Any], object]

# How long the end of a dropped operation is waited for, in seconds.
_GRACE = 2.0


def identity(value: Any) -> Any:
    """Returns its argument, where nothing has to be made of a native result."""
    return value


class Operation(Generic[T]):
    """A native operation with what is made of its result. It is waited for or awaited, once."""

    __slots__ = ("_convert", "_pending")

    def __init__(self, pending: _ymir.Pending, convert: Callable[[Any], T] = identity) -> None:
        self._pending = pending
        self._convert = convert

    def wait(self, on_event: OnEvent | None = None) -> T:
        """Waits with the interpreter released; Ctrl-C drops the operation."""
        return self._convert(self._pending.wait(on_event))

    def wait_for(self, seconds: float) -> None:
        """Waits for the end, but not longer than this; how it ended is not told."""
        ended = threading.Event()
        started = self._pending.start(lambda _value, _error: ended.set())
        try:
            ended.wait(seconds)
        finally:
            started.abort()

    async def wait_async(self, on_event: OnEvent | None = None) -> T:
        """Awaits on the running event loop; cancelling drops the operation."""
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        ended = asyncio.Event()

        def settle(value: Any, error: BaseException | None) -> None:
            ended.set()
            if future.done():
                return
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

        def deliver(event: Any) -> None:
            if future.done() or on_event is None:
                return
            try:
                on_event(event)
            except Exception as error:
                future.set_exception(error)

        def soon(callback: Callable[..., None], *values: Any) -> None:
            # Called on a thread of the runtime; a loop that is closed has nobody who waits.
            if not loop.is_closed():
                loop.call_soon_threadsafe(callback, *values)

        started = self._pending.start(
            lambda value, error: soon(settle, value, error),
            None if on_event is None else lambda event: soon(deliver, event),
        )
        try:
            value = await future
        except BaseException:
            started.abort()
            # What the operation holds, a project's lock for example, is free when this returns.
            await asyncio.wait({asyncio.ensure_future(ended.wait())}, timeout=_GRACE)
            raise
        return self._convert(value)
