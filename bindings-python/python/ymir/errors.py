"""Exceptions: one tree under :class:`YmirError`.

Each class is one kind of error and carries a stable ``code``; where Python has a builtin that
people catch for the same reason, the class is one too::

    try:
        workspace.dataset("cats@v9")
    except LookupError as error:   # or ymir.NotFoundError
        print(error.code, error.context)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "AlreadyExistsError",
    "CancelledError",
    "ConflictError",
    "CorruptedError",
    "ExecutorFailedError",
    "InvalidInputError",
    "NotFoundError",
    "ResourceExhaustedError",
    "TaskCancelled",
    "TimeoutError",
    "UnauthorizedError",
    "UnavailableError",
    "UnexpectedError",
    "UnsupportedError",
    "YmirError",
]

_builtin_timeout = TimeoutError


class YmirError(Exception):
    """Base of everything that YMIR raises.

    Attributes:
        kind: The kind of error, ``"NotFound"`` for example.
        code: Its stable code, the same in every language: ``"not_found"``.
        message: What was attempted and what can be done, without the context.
        context: What it was attempted on: names, paths, fields.
        retryable: Whether doing the same again can succeed.
    """

    kind: ClassVar[str] = "Unexpected"
    code: ClassVar[str] = "unexpected"
    message: str
    context: dict[str, str]
    retryable: bool

    def __init__(
        self,
        message: str = "",
        *,
        context: Mapping[str, str] | None = None,
        retryable: bool = False,
        text: str | None = None,
    ) -> None:
        """Makes an error; ``text`` is what ``str()`` gives, message and context by default."""
        self.message = message
        self.context = dict(context or {})
        self.retryable = retryable
        if text is None:
            pairs = ", ".join(f"{key}: {value}" for key, value in self.context.items())
            text = f"{message} ({pairs})" if pairs else message
        super().__init__(text)

    def __reduce__(self) -> tuple[object, ...]:
        """Returns what pickles it with all its fields."""
        return _rebuild, (type(self), str(self), self.message, self.context, self.retryable)

    @staticmethod
    def _of(
        kind: str, message: str, context: dict[str, str], retryable: bool, text: str
    ) -> YmirError:
        """Returns the exception of an error of the native module."""
        cls = _BY_KIND.get(kind, UnexpectedError)
        return cls(message, context=context, retryable=retryable, text=text)


def _rebuild(
    cls: type[YmirError], text: str, message: str, context: dict[str, str], retryable: bool
) -> YmirError:
    return cls(message, context=context, retryable=retryable, text=text)


class NotFoundError(YmirError, LookupError):
    """The named thing does not exist."""

    kind = "NotFound"
    code = "not_found"


class AlreadyExistsError(YmirError, FileExistsError):
    """The named thing exists and was to be created."""

    kind = "AlreadyExists"
    code = "already_exists"

    def __str__(self) -> str:
        """Returns the message with its context."""
        return str(self.args[0])


class ConflictError(YmirError, RuntimeError):
    """Another writer was faster; read again and retry."""

    kind = "Conflict"
    code = "conflict"


class InvalidInputError(YmirError, ValueError):
    """The caller's input is wrong; the message says which field and what is allowed."""

    kind = "InvalidInput"
    code = "invalid_input"


class UnsupportedError(YmirError, NotImplementedError):
    """This implementation cannot do what was asked."""

    kind = "Unsupported"
    code = "unsupported"


class CorruptedError(YmirError):
    """Stored data is not what was written."""

    kind = "Corrupted"
    code = "corrupted"


class ExecutorFailedError(YmirError, RuntimeError):
    """The executor ended without a valid result."""

    kind = "ExecutorFailed"
    code = "executor_failed"


class ResourceExhaustedError(YmirError, MemoryError):
    """Out of memory, disk, GPUs or a configured bound."""

    kind = "ResourceExhausted"
    code = "resource_exhausted"


class TimeoutError(YmirError, _builtin_timeout):
    """It took longer than allowed."""

    kind = "Timeout"
    code = "timeout"

    def __str__(self) -> str:
        """Returns the message with its context."""
        return str(self.args[0])


class CancelledError(YmirError):
    """The user or the embedding program stopped it."""

    kind = "Cancelled"
    code = "cancelled"


class UnauthorizedError(YmirError, PermissionError):
    """Credentials or permissions are missing or refused."""

    kind = "Unauthorized"
    code = "unauthorized"

    def __str__(self) -> str:
        """Returns the message with its context."""
        return str(self.args[0])


class UnavailableError(YmirError, ConnectionError):
    """A service (Docker Engine, labeling server) cannot be reached."""

    kind = "Unavailable"
    code = "unavailable"

    def __str__(self) -> str:
        """Returns the message with its context."""
        return str(self.args[0])


class UnexpectedError(YmirError):
    """Anything else, an error of the operating system for example."""


_BY_KIND: dict[str, type[YmirError]] = {
    cls.kind: cls
    for cls in (
        NotFoundError,
        AlreadyExistsError,
        ConflictError,
        InvalidInputError,
        UnsupportedError,
        CorruptedError,
        ExecutorFailedError,
        ResourceExhaustedError,
        TimeoutError,
        CancelledError,
        UnauthorizedError,
        UnavailableError,
        UnexpectedError,
    )
}


class TaskCancelled(BaseException):
    """Raised inside an executor whose task was cancelled.

    Like ``KeyboardInterrupt`` it is no ``Exception``, so that a training loop with an
    ``except Exception`` does not swallow it. Let it pass: ``finally`` and ``with`` clean up.
    """
