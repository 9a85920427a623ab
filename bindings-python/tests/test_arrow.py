from __future__ import annotations

import asyncio

import pytest
import ymir


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
