"""Repositories of the original."""

from __future__ import annotations

import asyncio
import tarfile
from pathlib import Path

import pytest
import ymir

PACKED = Path(__file__).parents[2] / "ymir-mir/tests/data/mir/mir.tar.gz"


@pytest.fixture
def original(tmp_path: Path) -> Path:
    with tarfile.open(PACKED) as packed:
        packed.extractall(tmp_path / "original", filter="data")
    return tmp_path / "original"


def test_a_repository_of_the_original_is_imported(
    workspace: ymir.Workspace, original: Path
) -> None:
    folders = {"media": original / "media", "models": original / "models"}
    seen: list[ymir.Progress] = []
    report = workspace.import_mir(original / "repo", **folders, prefix="old-", progress=seen.append)
    assert report.made == len(report.versions) > 0
    assert report.is_complete
    assert seen
    assert all(dataset.name.startswith("old-") for dataset in report.datasets)
    for version in report.versions:
        found = workspace.dataset(version.version)
        assert len(found) == version.assets - version.left_out
    assert any(version.predictions for version in report.versions)
    assert {skipped.kind for skipped in report.skipped} >= {"empty", "failed"}
    assert {c.id for c in report.classes} <= {c.id for c in workspace.classes()}
    assert any(model.version for model in report.models)
    again = asyncio.run(workspace.import_mir_async(original / "repo", **folders, prefix="old-"))
    assert again.made == again.images == 0
    assert [v.version for v in again.versions] == [v.version for v in report.versions]


def test_another_folder_is_no_repository(workspace: ymir.Workspace, tmp_path: Path) -> None:
    with pytest.raises(ymir.InvalidInputError):
        workspace.import_mir(tmp_path)
