from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import ymir
from data import png


def test_the_capsules(filled: ymir.Workspace) -> None:
    table = filled.dataset("pool").to_arrow()
    assert len(table) == 8
    assert "annotations" in table.column_names
    assert "arrow_array_stream" in repr(table.__arrow_c_stream__())
    assert "arrow_schema" in repr(table.__arrow_c_schema__())
    assert asyncio.run(filled.dataset("pool").to_arrow_async()).to_ipc() == table.to_ipc()


def test_pyarrow_takes_it(filled: ymir.Workspace) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    pool = filled.dataset("pool")
    table = pyarrow.table(pool.to_arrow())
    assert table.column("id").to_pylist() == [record.id for record in pool]
    for row, record in zip(table.to_pylist(), pool, strict=True):
        assert row["width"] == record.width
        assert [a["class_name"] for a in row["annotations"]] == [
            a.class_name for a in record.annotations
        ]
        assert [(a["x"], a["y"], a["w"], a["h"]) for a in row["annotations"]] == [
            tuple(a.bbox) for a in record.annotations
        ]
    # It can be taken more than once, and outlives the workspace.
    source = pool.to_arrow("disc")
    filled.close()
    assert pyarrow.table(source) == pyarrow.table(source)
    assert pyarrow.schema(source).names == table.schema.names


def test_polars_takes_it(filled: ymir.Workspace) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(filled.dataset("pool").to_arrow())
    assert frame.height == 8
    assert frame["annotations"].list.len().sum() == filled.dataset("pool").summary.annotations


def test_pandas(filled: ymir.Workspace) -> None:
    pytest.importorskip("pandas")
    frame = filled.dataset("pool").to_pandas()
    assert list(frame["width"]) == [64] * 8


def test_outlines_masks_and_keypoints_are_as_in_coco(
    workspace: ymir.Workspace, tmp_path: Path
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    (tmp_path / "a.png").write_bytes(png(64, 48, 1))
    ring = [1.5, 2.0, 7.0, 2.0, 7.0, 7.0]
    mask = {"size": [48, 64], "counts": [48, 4, 48 * 63 - 4]}
    more = [{"segmentation": [ring]}, {"segmentation": mask}, {"keypoints": [4, 5, 2, 0, 0, 0]}]
    base = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 6, 5]}
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "disc"}],
        "annotations": [{"id": i, **base, **fields} for i, fields in enumerate(more)],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(coco))
    workspace.import_dataset(tmp_path, "shaped", format="coco", unknown_classes="add")
    (row,) = pyarrow.table(workspace.dataset("shaped").to_arrow()).to_pylist()
    by_shape = {annotation["shape"]: annotation for annotation in row["annotations"]}
    assert by_shape["polygons"]["polygons"] == [ring]
    assert by_shape["mask"]["polygons"] is None
    assert isinstance(by_shape["mask"]["mask"], str)
    seen = {"x": 4.0, "y": 5.0, "visibility": 2}
    assert by_shape[None]["keypoints"] == [seen, {"x": 0.0, "y": 0.0, "visibility": 0}]
