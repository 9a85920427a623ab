"""Runs the scenarios that all languages share: tests/vectors at the root of the repository."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import ymir

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"


def scenarios() -> list[Any]:
    return [
        pytest.param(scenario, id=f"{file.stem}: {scenario['name']}")
        for file in sorted(VECTORS.glob("*.json"))
        for scenario in json.loads(file.read_text())
    ]


def look(value: Any, path: str) -> Any:
    """Returns what a path means: names with dots, [indices], [keys of maps], # for the length."""
    for name, key, length in re.findall(r"([a-z_0-9]+)|\[([^\]]+)\]|(#)", path):
        if length:
            value = len(value)
        elif name:
            value = value[name] if isinstance(value, Mapping) else getattr(value, name)
        else:
            value = value[int(key) if key.isdigit() and not isinstance(value, Mapping) else key]
    return value


class Run:
    def __init__(self, workspace: ymir.Workspace, out: Path) -> None:
        self.saved: dict[str, Any] = {"workspace": workspace}
        executor = ROOT / "ymir/tests/common/executor.sh"
        self.texts = {
            "$data": str(VECTORS / "data"),
            "$executor": f"local:{executor}",
            "$out": str(out),
        }

    def value(self, given: Any) -> Any:
        if isinstance(given, dict):
            if "$from" in given:
                head, _, path = given["$from"].partition(".")
                name, bracket, rest = head.partition("[")
                return look(self.saved[name], bracket + rest + "." + path)
            return {key: self.value(item) for key, item in given.items()}
        if isinstance(given, list):
            return [self.value(item) for item in given]
        if isinstance(given, str):
            for text, meaning in self.texts.items():
                given = given.replace(text, meaning)
        return given

    def step(self, step: dict[str, Any]) -> None:
        result = self.saved[step["on"]]
        if "call" in step:
            method = getattr(result, step["call"])
            args, options = self.value(step.get("args", [])), self.value(step.get("options", {}))
            if "error" in step:
                with pytest.raises(ymir.YmirError) as caught:
                    method(*args, **options)
                assert caught.value.code == step["error"]["code"]
                assert caught.value.kind == step["error"]["kind"]
                for text in step["error"]["says"]:
                    assert text in str(caught.value)
                return
            result = method(*args, **options)
        for path, wanted in step.get("expect", {}).items():
            wanted = self.value(wanted)
            if isinstance(wanted, float):
                wanted = pytest.approx(wanted, abs=1e-9)
            assert look(result, path) == wanted, path
        if "save" in step:
            self.saved[step["save"]] = result


@pytest.mark.parametrize("scenario", scenarios())
def test_vector(scenario: dict[str, Any], workspace: ymir.Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    run = Run(workspace, out)
    for step in scenario["steps"]:
        run.step(step)
