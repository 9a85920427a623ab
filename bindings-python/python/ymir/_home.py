"""What all parts of a workspace share: the native handle, and the objects of the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ymir._checks import invalid, several, warn
from ymir.executors import Executor, Runner, describe, name_of, same
from ymir.labelers import Adapter, LabelBackend, builtin
from ymir.versions import Spec, text_of

if TYPE_CHECKING:
    from ymir import _ymir
    from ymir.workspace import Workspace

__all__ = ["Home"]

# The options of a task that say how the executor is run; the native module has them in a group.
_TASK = frozenset(
    {
        "executor",
        "limits",
        "parameters",
        "priority",
        "resources",
        "retry",
        "reuse",
        "seed",
        "share",
        "time_limit_s",
        "units",
        "unknown_classes",
    }
)


class Home:
    """The part of :class:`ymir.Workspace` that the others stand on."""

    __slots__ = ("__weakref__", "_native", "_registered", "_replaced", "_started")

    def __init__(self, native: _ymir.Workspace) -> None:
        """Used by :func:`ymir.open`."""
        self._native = native
        # The objects that were registered, by kind and name, with the references to them.
        self._registered: dict[tuple[str, str], tuple[object, str]] = {}
        # Those that a warning told of when another took their place.
        self._replaced: set[tuple[str, str]] = set()
        # The tasks that were started, with the process that started them: not one forked from it.
        self._started: set[tuple[int, str]] = set()

    @property
    def _workspace(self) -> Workspace:
        return cast("Workspace", self)

    def register_executor(self, executor: Executor, name: str | None = None) -> str:
        """Makes an object known as an executor, in place of one of the same name.

        An object that is passed as ``executor=`` is registered by itself, at each use: it may have
        changed since the last one.

        Args:
            executor: See :data:`ymir.Executor`.
            name: The name; that of the object or its class by default.

        Returns:
            The reference to it, ``"host:<name>"``.
        """
        name = name or name_of(executor)
        about = describe(executor, name)
        reference = self._native.register_executor(name, Runner(executor), *about)
        self._registered["executor", name] = executor, reference
        return reference

    def register_labeler(self, backend: LabelBackend, name: str | None = None) -> str:
        """Makes an object known as a label backend, in place of one of the same name.

        An object that is passed as ``labeler=`` is registered by itself.

        Returns:
            The name.
        """
        name = name or name_of(backend)
        known = self._registered.get(("labeler", name))
        if known is None or known[0] is not backend:
            self._native.register_labeler(name, Adapter(backend))
            self._registered["labeler", name] = backend, name
        return name

    def _executor(self, executor: str | Executor) -> str:
        if isinstance(executor, str):
            return executor
        name = name_of(executor)
        known, _ = self._registered.get(("executor", name), (executor, ""))
        if not same(known, executor) and ("executor", name) not in self._replaced:
            self._replaced.add(("executor", name))
            warn(
                f"this {type(executor).__name__} replaces another executor, also for projects that"
                f" use 'host:{name}'; give it an attribute `name` to keep both"
            )
        return self.register_executor(executor)

    def _inspected(self, executor: str | Executor) -> str:
        """Returns the reference to an executor that is not run now."""
        if not isinstance(executor, str):
            known = self._registered.get(("executor", name_of(executor)))
            if known is not None and known[0] is executor:
                return known[1]
        return self._executor(executor)

    def _spec(self, field: str, spec: Spec) -> str:
        """Returns a version of this workspace as text."""
        home = getattr(spec, "workspace", None)
        if isinstance(home, Home) and home._native.id != self._native.id:
            message = f"`{field}` is of another workspace; copy it with copy_to first"
            raise invalid(field, message)
        return text_of(spec)

    def _data(self, options: Mapping[str, Any], *specs: str) -> dict[str, Any]:
        """Returns options as plain data; those named are versions."""
        data = dict(options)
        for name in specs:
            if data.get(name) is not None:
                data[name] = self._spec(name, data[name])
        if "executor" in data:
            data["executor"] = self._executor(data["executor"])
        if "labeler" in data:
            labeler = data["labeler"]
            data["labeler"] = builtin(labeler) or {"custom": self.register_labeler(labeler)}
        if "classes" in data:
            data["classes"] = several("classes", data["classes"])
        return data

    def _task_data(self, options: Mapping[str, Any], *specs: str) -> dict[str, Any]:
        """Returns the options of a task as plain data."""
        data = self._data(options, *specs)
        task = {key: data.pop(key) for key in _TASK & data.keys()}
        return {"task": task, **data}
