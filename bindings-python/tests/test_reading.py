from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest
import ymir
from data import CLASSES


def test_open_and_close(tmp_path: Path) -> None:
    with ymir.init(tmp_path / "w") as workspace:
        assert workspace.root == (tmp_path / "w").resolve()
        assert workspace.warnings == []
        assert ymir.Workspace.find(tmp_path / "w" / "tasks") == tmp_path / "w"
        assert not workspace.closed
    assert workspace.closed
    with pytest.raises(ymir.InvalidInputError, match="closed"):
        workspace.classes()
    with pytest.raises(FileExistsError):
        ymir.init(tmp_path / "w")
    assert ymir.open(tmp_path / "w").id == workspace.id


def test_a_dataset_is_a_sequence(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    assert len(pool) == 8
    records = list(pool)
    assert [record.id for record in records] == sorted(record.id for record in records)
    assert pool[0] == records[0]
    assert pool[-1] == records[-1]
    assert pool[2:5] == records[2:5]
    assert pool[::-1] == records[::-1]
    assert pool[6:3] == []
    assert pool[records[3].id] == records[3]
    assert records[3].id in pool
    assert records[3] in pool
    assert "0" * 64 not in pool
    assert "no id" not in pool
    assert 3 not in pool
    assert pool.get("0" * 64) is None
    with pytest.raises(IndexError, match="8 assets"):
        pool[8]
    with pytest.raises(IndexError):
        pool[-9]
    with pytest.raises(KeyError):
        pool["0" * 64]


def test_pages_and_classes(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool@v1")
    page = pool.page(offset=2, limit=3)
    assert page.total == 8
    assert page.records == pool[2:5]
    discs = pool.page(class_name="DISC")
    assert discs.total == pool.summary.classes["disc"].assets == len(discs.records)
    assert list(pool.records(class_name="disc")) == discs.records
    with pytest.raises(LookupError, match="no class"):
        pool.page(class_name="unicorn")
    assert [c.name for c in filled.classes()] == CLASSES


def test_records_tell_all_and_are_pickled(filled: ymir.Workspace) -> None:
    record = filled.dataset("pool")[0]
    assert (record.width, record.height, record.channels) == (64, 48, 3)
    assert record.media_type == "png"
    assert record.annotations is record.annotations
    annotation = record.annotations[0]
    assert annotation.class_name in CLASSES
    assert annotation.class_id == CLASSES.index(annotation.class_name)
    assert annotation.score is None
    x, y, w, h = annotation.bbox
    assert (x, y, w, h) == (annotation.bbox.x, annotation.bbox.y, 20, 20)
    assert annotation.bbox.iou(annotation.bbox) == 1
    assert not annotation.flags.crowd
    data = record.to_dict()
    assert data["annotations"][0]["bbox"] == (x, y, w, h)
    for thing in (record, annotation, annotation.bbox, annotation.flags):
        again = pickle.loads(pickle.dumps(thing))
        assert again == thing
        assert hash(again) == hash(thing)


def test_annotations_are_made() -> None:
    made = ymir.Annotation("cat", (1, 2, 3, 4), score=0.5, flags=ymir.Flags(crowd=True))
    assert made.bbox == ymir.BBox(1, 2, 3, 4)
    assert made.flags.crowd
    assert made.class_id is None
    assert made != ymir.Annotation("dog", (1, 2, 3, 4), score=0.5, flags=ymir.Flags(crowd=True))
    with pytest.raises(TypeError, match="four numbers"):
        ymir.Annotation("cat", (1, 2, 3))


def test_versions(filled: ymir.Workspace, voc: Path) -> None:
    first = filled.dataset("pool")
    filled.import_dataset(voc, "pool", split="val", append=True)
    second = filled.dataset("pool")
    assert str(second.version) == "pool@v2"
    assert second.version.parent == first.id
    assert filled.resolve("dataset", first) == first.version
    assert filled.dataset(first.version) == first
    assert [v.number for v in filled.log("dataset", "pool")] == [2, 1]
    assert filled.names("dataset") == ["pool", "val"]
    changes = first.diff(second)
    assert {change.kind for change in changes} == {"added"}
    assert len(changes) == 4
    assert first.diff(second, after=changes[0].id, limit=2) == changes[1:3]
    assert second.diff(first)[0].kind == "removed"
    assert first.lineage.kind == "import"
    assert first.version.created.tzinfo is not None
    assert pickle.loads(pickle.dumps(first.version)) == first.version


def test_operations(filled: ymir.Workspace) -> None:
    pool, val = filled.dataset("pool"), filled.dataset("val")
    both = pool.merge(val, "all")
    assert len(both) == 12
    assert both.exclude([val], "rest").diff(pool) == []
    some = both.sample(3, "some", seed=7)
    assert both.sample(3, "some", seed=7) == some
    one = both.select([some[1]], "one")
    assert one[0].id == some[1].id
    path = pool.image_path(pool[0])
    assert path.read_bytes() == pool.image(pool[0].id)


def test_export_and_back(filled: ymir.Workspace, tmp_path: Path) -> None:
    seen: list[ymir.Progress] = []
    report = filled.dataset("pool").export(tmp_path / "out", progress=seen.append)
    assert report.images == 8
    assert seen[-1] == ymir.Progress(8, 8)
    filled.import_dataset(tmp_path / "out", "again")
    assert filled.dataset("again").diff(filled.dataset("pool")) == []
    with pytest.raises(FileExistsError):
        filled.dataset("pool").export(tmp_path / "out")


def test_the_import_reports(workspace: ymir.Workspace, voc: Path) -> None:
    with pytest.raises(ValueError, match="disc"):
        workspace.import_dataset(voc, "pool")
    assert workspace.names("dataset") == []
    report = workspace.import_dataset(voc, "pool", unknown_classes="add")
    assert report.imported == 12
    assert report.added_classes == ("disc", "square")
    assert report.version.name == "pool"

    def stop(progress: ymir.Progress) -> None:
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        workspace.import_dataset(voc, "other", progress=stop)
    assert workspace.names("dataset") == ["pool"]


def test_async_forms(tmp_path: Path, voc: Path) -> None:
    async def main() -> None:
        workspace = await ymir.open_async(tmp_path / "w", create=True)
        with workspace:
            seen: list[ymir.Progress] = []
            report = await workspace.import_dataset_async(
                voc, "pool", unknown_classes="add", progress=seen.append
            )
            assert seen[-1].done == report.imported == 12
            pool = await workspace.dataset_async("pool")
            records = [record async for record in pool]
            assert records == list(pool)
            assert await pool.get_async(records[0].id) == records[0]
            assert (await pool.page_async(limit=2)).records == records[:2]
            parts = await asyncio.gather(*(pool.image_async(r) for r in records))
            assert all(part.startswith(b"\x89PNG") for part in parts)
            some = await pool.sample_async(2, "some")
            assert len(await pool.diff_async(some)) == 10
            with pytest.raises(ymir.NotFoundError):
                await workspace.dataset_async("nothing")

            def stop(progress: ymir.Progress) -> None:
                raise RuntimeError("no more")

            with pytest.raises(RuntimeError, match="no more"):
                await workspace.import_dataset_async(voc, "other", progress=stop)

    asyncio.run(main())


def test_checking_and_cleaning(filled: ymir.Workspace) -> None:
    report = filled.fsck(blobs=True)
    assert report.problems == ()
    assert (report.versions, report.assets, report.blobs) == (2, 12, 12)
    cleaned = filled.collect_garbage(dry_run=True, grace=0)
    assert (cleaned.blobs, cleaned.in_use) == (0, 12)
    path = filled.image_path(filled.dataset("pool")[0])
    path.chmod(0o600)
    path.write_bytes(b"damaged")
    (problem,) = filled.fsck(blobs=True).problems
    assert path.name in problem.subject or path.name in problem.message


@pytest.mark.parametrize("field", ["offset", "limit"])
def test_a_page_has_no_negative_numbers(filled: ymir.Workspace, field: str) -> None:
    options: dict[str, Any] = {field: -1}
    with pytest.raises(ymir.InvalidInputError) as caught:
        filled.dataset("pool").page(**options)
    assert caught.value.context == {"field": field}
