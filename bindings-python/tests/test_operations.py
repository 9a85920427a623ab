"""Queries, and what is made of datasets by them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import ymir


def test_queries_count_page_and_iterate(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    name = next(iter(pool.summary.classes))
    found = pool.query(f"class:{name}")
    assert found.count() == pool.summary.classes[name].assets
    assert found.ids() == [record.id for record in found]
    assert found.ids(limit=1) == found.ids()[:1]
    assert found.ids(after=found.ids()[0]) == found.ids()[1:]
    page = found.page(offset=1, limit=2)
    assert page.total == found.count()
    assert [record.id for record in page.records] == found.ids(offset=1, limit=2)
    assert name in repr(found)
    assert pool.query("width<1").count() == 0


def test_a_malformed_query_is_pointed_at(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    with pytest.raises(ymir.InvalidInputError, match="column"):
        pool.query("class:a and and")
    with pytest.raises(ymir.InvalidInputError, match="column"):
        pool.filter("clas:WBC", "nothing")
    with pytest.raises(ymir.NotFoundError):
        pool.query("class:unicorn").count()


def test_operations_make_versions(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    name = next(iter(pool.summary.classes))
    seen: list[ymir.Progress] = []
    one = pool.filter(f"class:{name}", "one", progress=seen.append)
    assert len(one) == pool.summary.classes[name].assets
    assert seen[-1].done == seen[-1].total
    assert [r.id for r in pool.intersect([one], "both")] == [r.id for r in one]
    train, val = pool.split({"train": 0.5, "val": 0.5}, seed=3)
    assert len(train) + len(val) == len(pool)
    assert {r.id for r in train}.isdisjoint(r.id for r in val)
    renamed = pool.relabel({name: "something else"}, "renamed")
    count = pool.summary.classes[name]
    assert renamed.summary.classes["something else"] == count
    dropped = pool.relabel({name: None}, "dropped")
    assert dropped.summary.annotations == pool.summary.annotations - count.annotations
    assert len(pool.sample_rate(0.5, "half", seed=1)) == pytest.approx(len(pool) / 2, abs=1)
    compared = pool.compare(dropped)
    assert compared.added.assets == compared.removed.assets == 0
    assert compared.before.assets == compared.after.assets == count.assets
    assert compared.before.classes[name].annotations == count.annotations


def test_async_operations(filled: ymir.Workspace) -> None:
    async def run() -> None:
        pool = await filled.dataset_async("pool")
        found = pool.query("boxes>=1")
        assert await found.count_async() == len(await found.ids_async())
        assert (await found.page_async(limit=1)).total == await found.count_async()
        assert len([record async for record in found]) == await found.count_async()
        assert len(await pool.filter_async("boxes>=1", "boxed")) == await found.count_async()
        parts = await pool.split_async({"a": 1.0})
        assert len(parts[0]) == len(pool)
        assert (await pool.compare_async(parts[0])).added.assets == 0

    asyncio.run(run())


def test_datasets_are_fused_in_one_go(filled: ymir.Workspace) -> None:
    pool, val = filled.dataset("pool"), filled.dataset("val")
    seen: list[ymir.Progress] = []
    fused = filled.fuse([pool, "val"], "all", progress=seen.append)
    assert len(fused) == len(pool) + len(val)
    assert seen[-1].done == seen[-1].total
    rest = filled.fuse([fused], "rest", excluded=[val], query="boxes>=2", count=2, seed=4)
    assert len(rest) == 2
    assert {r.id for r in rest} <= set(pool.query("boxes>=2").ids())
    assert len(filled.fuse([pool], "half", rate=0.5)) == 4
    with pytest.raises(ymir.InvalidInputError, match="`count` or by `rate`"):
        filled.fuse([pool], "none", count=1, rate=0.5)
    with pytest.raises(ymir.InvalidInputError, match="takes several names"):
        filled.fuse("pool", "none")
    with pytest.raises(ymir.NotFoundError):
        filled.fuse(["pool", "nothing"], "none")


def test_images_that_look_alike_are_found_and_dropped(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    seen: list[ymir.Progress] = []
    groups = pool.near_duplicates(distance=0, progress=seen.append)
    assert seen[-1].done == seen[-1].total
    assert groups == sorted(groups)
    assert all(len(group) > 1 for group in groups)
    # The images of the tests are of one pattern in some colours.
    assert groups
    dropped = {id for group in groups for id in group[1:]}
    few = pool.dedup("few", distance=0)
    assert {r.id for r in few} == {r.id for r in pool} - dropped
    assert few.near_duplicates(distance=0) == []
    with pytest.raises(ymir.InvalidInputError, match="16"):
        pool.near_duplicates(distance=17)


def test_a_dataset_is_copied_into_another_workspace(filled: ymir.Workspace, tmp_path: Path) -> None:
    pool = filled.dataset("pool")
    with ymir.init(tmp_path / "other") as other:
        copy = pool.copy_to(other)
        assert (copy.workspace, copy.name) == (other, "pool")
        assert list(copy) == list(pool)
        assert other.image(copy[0]) == filled.image(pool[0])
        named = pool.copy_to(other, "records", without_files=True)
        assert named.name == "records"
    with (
        ymir.init(tmp_path / "strict") as strict,
        pytest.raises(ymir.InvalidInputError, match="disc"),
    ):
        pool.copy_to(strict, unknown_classes="stop")


def test_async_operations_with_other_datasets(filled: ymir.Workspace, tmp_path: Path) -> None:
    async def run() -> None:
        pool = await filled.dataset_async("pool")
        assert len(await filled.fuse_async(["pool"], "one")) == len(pool)
        groups = await pool.near_duplicates_async(distance=0)
        dropped = sum(len(group) - 1 for group in groups)
        assert len(await pool.dedup_async("few", distance=0)) == len(pool) - dropped
        async_copy = await pool.copy_to_async(await ymir.init_async(tmp_path / "other"))
        assert len(async_copy) == len(pool)

    asyncio.run(run())
