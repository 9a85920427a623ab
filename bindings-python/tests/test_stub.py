"""The stub of the native module says what the module has: its names and parameters."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import ymir
from ymir import _ymir

STUB = Path(ymir.__file__).with_name("_ymir.pyi")

Parameters = list[tuple[str, bool]]
"""The names of the parameters, and whether each may be left out."""


def _declared_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Parameters:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    optional = [False] * (len(positional) - len(given.defaults)) + [True] * len(given.defaults)
    named = [
        (one.arg, default is not None)
        for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    found = [(one.arg, left_out) for one, left_out in zip(positional, optional, strict=True)]
    return [pair for pair in [*found, *named] if pair[0] not in ("self", "cls")]


def _declared(body: list[ast.stmt]) -> dict[str, Parameters | None]:
    found: dict[str, Parameters | None] = {}
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = None
        elif isinstance(node, ast.FunctionDef):
            marks = {mark.id for mark in node.decorator_list if isinstance(mark, ast.Name)}
            plain = marks & {"property", "overload"}
            found[node.name] = None if plain else _declared_parameters(node)
    return found


def _parameters(member: object) -> Parameters | None:
    try:
        signature = inspect.signature(member)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    given = [
        one for one in signature.parameters.values() if one.name not in ("self", "cls", "$self")
    ]
    return [(one.name, one.default is not one.empty) for one in given]


def _members(owner: type) -> dict[str, Parameters | None]:
    found = {
        name: _parameters(member) if callable(member) else None
        for name, member in vars(owner).items()
        if not name.startswith("__")
    }
    if vars(owner).get("__new__") is not None:
        found["__init__"] = _parameters(owner)
    return found


def _differences(
    owner: str, stub: dict[str, Parameters | None], native: dict[str, Parameters | None]
) -> list[str]:
    public = {name for name in stub if not name.startswith("__") or name == "__init__"}
    lacking = [f"{owner}.{name}: the module has none" for name in public - native.keys()]
    shown = {name for name in native if not name.startswith("_") or name == "__init__"}
    unsaid = [f"{owner}.{name}: the stub has none" for name in shown - stub.keys()]
    both = [
        name
        for name in public & native.keys()
        if stub[name] is not None and native[name] is not None
    ]
    differing = [
        f"{owner}.{name}: {stub[name]} in the stub, {native[name]} in the module"
        for name in both
        if None not in (stub[name], native[name]) and stub[name] != native[name]
    ]
    return [*lacking, *unsaid, *differing]


def test_the_stub_is_that_of_the_module() -> None:
    tree = ast.parse(STUB.read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    native = {name: found for name, found in vars(_ymir).items() if isinstance(found, type)}
    assert classes.keys() == native.keys()
    found = [
        difference
        for name, node in classes.items()
        for difference in _differences(name, _declared(node.body), _members(native[name]))
    ]
    functions = {
        name: _parameters(member)
        for name, member in vars(_ymir).items()
        if inspect.isbuiltin(member)
    }
    declared = {name: given for name, given in _declared(tree.body).items() if given is not None}
    assert [*found, *_differences("_ymir", declared, functions)] == []
