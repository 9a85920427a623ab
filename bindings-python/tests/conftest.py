from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import ymir
from data import write_voc


@pytest.fixture(scope="session")
def voc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 12 rendered images with boxes of two classes: 8 to train on, 4 to validate."""
    return write_voc(tmp_path_factory.mktemp("voc"), images=12)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[ymir.Workspace]:
    with ymir.open(tmp_path / "workspace", create=True) as opened:
        yield opened


@pytest.fixture
def filled(workspace: ymir.Workspace, voc: Path) -> ymir.Workspace:
    """A workspace with the datasets `pool` and `val`."""
    workspace.import_dataset(voc, "pool", split="train", unknown_classes="add")
    workspace.import_dataset(voc, "val", split="val")
    return workspace
