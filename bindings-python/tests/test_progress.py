from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import ymir
from data import Memorizer, train
from test_projects import create


def test_bars(filled: ymir.Workspace, voc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    filled.import_dataset(voc, "more", progress=True)
    assert "import more: 100%" in capsys.readouterr().err
    train(filled, Memorizer()).wait(progress=True)
    assert "train: 100%" in capsys.readouterr().err
    create(filled, max_iterations=1).run(progress=True)
    shown = capsys.readouterr().err
    for step in ("1: prepare mining", "1: train", "1: evaluate"):
        assert f"{step}: 100%" in shown
    assert "AP50" in shown


def test_without_tqdm_the_remedy_is_told(
    filled: ymir.Workspace, voc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return original(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install ymir\[progress\]"):
        filled.import_dataset(voc, "more", progress=True)
    assert filled.names("dataset") == ["pool", "val"]


def test_the_import_loads_nothing_heavy() -> None:
    program = "import sys, ymir; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    for heavy in ("asyncio", "tqdm", "pandas", "pyarrow", "numpy", "multiprocessing"):
        assert heavy not in modules
