from __future__ import annotations

import inspect

import ymir


def test_everything_public_is_documented() -> None:
    undocumented: list[str] = []
    for name in ymir.__all__:
        thing = getattr(ymir, name)
        # Aliases of types are documented in the source, where tools read it.
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        if not inspect.getdoc(thing):
            undocumented.append(name)
        if inspect.isclass(thing) and thing.__module__.startswith("ymir"):
            for member, value in vars(thing).items():
                method = callable(value) or isinstance(value, (property, classmethod, staticmethod))
                described = isinstance(value, property) or inspect.isgetsetdescriptor(value)
                if not member.startswith("_") and (method or described) and not value.__doc__:
                    undocumented.append(f"{name}.{member}")
    assert undocumented == []


def test_each_call_that_waits_has_an_async_form() -> None:
    classes = ymir.Workspace, ymir.Dataset, ymir.Outcomes, ymir.Model, ymir.Task, ymir.Project
    for cls in classes:
        for name in dir(cls):
            if name.endswith("_async") and not name.startswith("_"):
                sync = inspect.signature(getattr(cls, name.removesuffix("_async")))
                later = inspect.signature(getattr(cls, name))
                assert sync.parameters == later.parameters, name
