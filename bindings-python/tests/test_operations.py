"""Queries, and what is made of datasets by them."""

from __future__ import annotations

import asyncio

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
