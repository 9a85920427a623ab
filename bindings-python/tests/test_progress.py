from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_the_import_loads_nothing_heavy() -> None:
    program = "import sys, ymir; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    for heavy in ("asyncio", "tqdm", "pandas", "pyarrow", "numpy", "multiprocessing"):
        assert heavy not in modules
