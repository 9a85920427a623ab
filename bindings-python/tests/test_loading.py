"""Reading for training."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from typing import Any

import pytest
import ymir


def ids(batches: Any) -> list[str]:
    return [asset.record.id for batch in batches for asset in batch.assets]


def test_an_epoch_has_each_asset_once_in_an_order_of_its_seed(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    loader = pool.loader(batch=3, seed=5)
    assert loader.remaining == 3
    batches = list(loader)
    assert loader.remaining == 0
    assert [batch.number for batch in batches] == [0, 1, 2]
    assert [len(batch.assets) for batch in batches] == [3, 3, 2]
    first = ids(batches)
    assert sorted(first) == [record.id for record in pool]
    assert ids(pool.loader(batch=3, seed=5)) == first
    assert ids(pool.loader(batch=3, seed=5, epoch=1)) != first
    assert ids(pool.loader(shuffle=False)) == sorted(first)
    assert len(ids(pool.loader(batch=3, drop_last=True))) == 6


def test_reading_goes_on_where_it_ended(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    whole = ids(pool.loader(batch=2, seed=1))
    loader = pool.loader(batch=2, seed=1)
    head = next(loader)
    assert ids([head]) + ids(pool.loader(batch=2, seed=1, start=head.number + 1)) == whole


def test_shards_deal_the_assets(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    parts = [ids(pool.loader(batch=2, shard=shard, shards=3)) for shard in range(3)]
    assert sorted(id for part in parts for id in part) == [record.id for record in pool]
    assert sorted(map(len, parts)) == [2, 3, 3]


def test_images_are_bytes_or_nothing(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    for asset in next(pool.loader()).assets:
        assert asset.data == pool.image(asset.record)
        assert asset.pixels is None
    assert {asset.data for asset in next(pool.loader(images="none")).assets} == {None}


def test_pixels_boxes_and_classes_are_arrays(filled: ymir.Workspace) -> None:
    numpy = pytest.importorskip("numpy")
    pool = filled.dataset("pool")
    for asset in next(pool.loader(images="rgb")).assets:
        assert asset.data is None
        assert asset.pixels is not None
        assert asset.pixels.shape == (48, 64, 3)
        # The patch of `data.png`, and what is around it.
        assert asset.pixels[8, 10, 2] == 160
        assert list(asset.pixels[7, 10, 1:]) == [90, 60]
        asset.pixels[0, 0, 0] = 1
        annotations = asset.record.annotations
        assert numpy.array_equal(asset.boxes, [tuple(a.bbox) for a in annotations])
        assert asset.class_ids.tolist() == [a.class_id for a in annotations]
        assert (asset.boxes.dtype, asset.class_ids.dtype) == (numpy.float32, numpy.int64)


def test_an_image_without_objects_has_empty_arrays(filled: ymir.Workspace) -> None:
    pytest.importorskip("numpy")
    bare = filled.dataset("pool").relabel({"disc": None, "square": None}, "bare")
    asset = next(bare.loader(images="none")).assets[0]
    assert (asset.boxes.shape, asset.class_ids.shape) == ((0, 4), (0,))


def test_what_is_no_loader_is_told(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    for options in ({"batch": 0}, {"shard": 2, "shards": 2}, {"images": "jpeg"}, {"seed": -1}):
        with pytest.raises(ymir.InvalidInputError):
            pool.loader(**options)  # type: ignore[arg-type]  # what is tested


def test_async_loading(filled: ymir.Workspace) -> None:
    async def run() -> None:
        pool = await filled.dataset_async("pool")
        loader = await pool.loader_async(batch=3, seed=5)
        batches = [batch async for batch in loader]
        assert ids(batches) == ids(pool.loader(batch=3, seed=5))
        assert loader.remaining == 0

    asyncio.run(run())


def test_other_threads_run_while_a_batch_is_waited_for(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    turns, ended = 0, threading.Event()

    def count() -> None:
        nonlocal turns
        while not ended.is_set():
            turns += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    before = turns
    for epoch in range(20):
        for _ in pool.loader(batch=1, epoch=epoch, images="rgb"):
            pass
    ended.set()
    thread.join()
    assert turns > before


def _shard(dataset: ymir.Dataset, shard: int) -> list[str]:
    return ids(dataset.loader(shard=shard, shards=2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_shards_of_a_dataset_that_they_were_given(
    filled: ymir.Workspace, method: str
) -> None:
    pool = filled.dataset("pool")
    next(pool.loader())
    with multiprocessing.get_context(method).Pool(2) as workers:
        parts = workers.starmap(_shard, [(pool, 0), (pool, 1)])
    assert sorted(id for part in parts for id in part) == [record.id for record in pool]
