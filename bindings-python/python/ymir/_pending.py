"""The two ways to the result of a native operation: wait for it, or await it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ymir import _ymir

T = TypeVar("T")
OnEvent = Callable[[Any], object]


def wait(pending: _ymir.Pending[T], on_event: OnEvent | None = None) -> T:
    """Waits with the interpreter released; Ctrl-C drops the operation."""
    return pending.wait(on_event)


async def wait_async(pending: _ymir.Pending[T], on_event: OnEvent | None = None) -> T:
    """Awaits on the running event loop; cancelling drops the operation."""
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T, error: BaseException | None) -> None:
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
        except BaseException as error:
            future.set_exception(error)

    def soon(callback: Callable[..., None], *values: Any) -> None:
        # Called on a thread of the runtime. A loop that is closed has nobody who waits.
        if not loop.is_closed():
            loop.call_soon_threadsafe(callback, *values)

    started = pending.start(
        lambda value, error: soon(settle, value, error),
        None if on_event is None else lambda event: soon(deliver, event),
    )
    try:
        return await future
    finally:
        started.abort()
