"""What callers give: checked before anything is made of it, and named where it is wrong."""

from __future__ import annotations

import asyncio
import decimal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import ymir
from data import CLASSES, Memorizer, train

NAN, INF = float("nan"), float("inf")


def refused(field: str, call: Callable[[], object], message: str | None = None) -> None:
    with pytest.raises(ymir.InvalidInputError, match=message) as caught:
        call()
    assert caught.value.context.get("field") == field, caught.value


@pytest.mark.parametrize("number", [NAN, INF, -INF])
def test_a_number_that_is_not_finite_is_refused_by_its_name(
    filled: ymir.Workspace, number: float
) -> None:
    pool, finite = filled.dataset("pool"), "must be a finite number"
    model = train(filled, Memorizer()).wait()
    filled.start_infer(executor=Memorizer(), dataset="val", model=model, predictions="said").wait()
    project: dict[str, Any] = {
        "classes": CLASSES,
        "pool": "pool",
        "validation": "val",
        "executor": Memorizer(),
        "labeler": ymir.Oracle("pool"),
    }
    made = filled.create_project("p", **project)
    task: dict[str, Any] = {"executor": Memorizer(), "classes": CLASSES, "model": "n"}
    task |= {"training": "pool", "validation": "val"}
    deep = {"lr": {"steps": [0.1, number]}}
    calls: dict[str, Callable[[], object]] = {
        "parameters.lr": lambda: filled.start_train(**task, parameters={"lr": number}),
        "parameters.lr.steps[1]": lambda: filled.start_train(**task, parameters=deep),
        "rate": lambda: filled.fuse(["pool"], "z", rate=number),
        "count": lambda: filled.fuse(["pool"], "z", count=number),  # type: ignore[arg-type]
        "min_score": lambda: filled.outcomes("val", "said", min_score=number),
        "iou_threshold": lambda: filled.outcomes("val", "said", iou_threshold=number),
        "target": lambda: filled.create_project("q", **project, target=number),
        "grace": lambda: filled.collect_garbage(grace=number),
        "parts[0].fraction": lambda: pool.split({"a": number, "b": 0.5}),
        "shape.polygons[0][0][1]": lambda: ymir.Annotation(
            "disc", (0, 0, 1, 1), shape={"polygons": [[[0, number], [1, 1], [2, 2]]]}
        ),
    }
    for field, call in calls.items():
        refused(field, call, finite)
    refused("target", lambda: made.update(target=number), finite)
    assert made.state().definition.target is None
    assert filled.names("model") == ["m"]


def test_what_is_no_plain_data_is_named(filled: ymir.Workspace) -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    for value, message in [
        (b"bytes", "cannot be a bytes"),
        (object(), "cannot be a object"),
        (2**70, "whole number from"),
        ("\ud800", "UTF-8"),
        ({3: "x"}, "no text: 3"),
    ]:
        with pytest.raises(ymir.InvalidInputError, match=message) as caught:
            train_with(filled, {"a": [value]})
        assert caught.value.context["field"] == "parameters.a[0]"
    with pytest.raises(ymir.InvalidInputError, match="more than 128 lists"):
        train_with(filled, {"a": cycle})


def train_with(workspace: ymir.Workspace, parameters: dict[str, Any]) -> ymir.Model:
    task = workspace.start_train(
        executor=Memorizer(),
        classes=CLASSES,
        training="pool",
        validation="val",
        model="m",
        parameters=parameters,
    )
    return task.wait()


def test_numbers_of_other_libraries_are_numbers(filled: ymir.Workspace) -> None:
    given = {
        "epochs": numpy.int64(2),
        "lr": numpy.float32(0.5),
        "decay": decimal.Decimal("0.25"),
        "flip": numpy.bool_(True),
        "means": numpy.array([[1, 2], [3, 4]]),
        "sizes": (3, 4),
    }
    plain = {"epochs": 2, "lr": 0.5, "decay": 0.25, "flip": True}
    plain |= {"means": [[1, 2], [3, 4]], "sizes": [3, 4]}
    assert train_with(filled, given) == train_with(filled, plain)
    pool = filled.dataset("pool")
    assert len(pool.sample(numpy.int64(3), "few")) == 3  # type: ignore[arg-type]
    assert pool[numpy.int64(1)] == pool[1]  # type: ignore[call-overload]


def test_a_malformed_option_is_named(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    refused("shard", lambda: pool.loader(shard=-1), "a whole number, 0 or more")
    refused("count", lambda: filled.fuse([pool], "z", count=-1), "0 or more")
    refused("seed", lambda: filled.fuse([pool], "z", seed=2**64), "whole number")
    refused("resources.gpus", lambda: filled.start_train(resources={"gpus": -1}))  # type: ignore[typeddict-item]
    refused("transfer", lambda: pool.export("/nowhere", transfer="steal"))  # type: ignore[arg-type]


def test_numbers_that_count_are_whole_and_not_negative(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    found = pool.query("all")
    model = train(filled, Memorizer()).wait()
    said = filled.start_infer(
        executor=Memorizer(), dataset="val", model=model, predictions="s"
    ).wait()
    outcomes = filled.outcomes("val", said)
    for number, message in [(-1, "0 or more"), (2**64, "at most"), (1.5, "not float")]:
        n: Any = number
        calls: list[tuple[str, Callable[[], object]]] = [
            ("offset", lambda n=n: pool.page(offset=n)),
            ("limit", lambda n=n: found.ids(limit=n)),
            ("offset", lambda n=n: found.page(offset=n)),
            ("limit", lambda n=n: outcomes.ids("all", limit=n)),
            ("offset", lambda n=n: outcomes.page("all", offset=n)),
            ("limit", lambda n=n: pool.diff("val", limit=n)),
            ("count", lambda n=n: pool.sample(n, "z")),
            ("seed", lambda n=n: pool.sample(1, "z", seed=n)),
            ("seed", lambda n=n: pool.sample_rate(0.5, "z", seed=n)),
            ("after", lambda n=n: filled.events(n)),
            ("distance", lambda n=n: pool.near_duplicates(distance=n)),
            ("distance", lambda n=n: pool.dedup("z", distance=n)),
        ]
        for field, call in calls:
            refused(field, call, message)
    with pytest.raises(ymir.InvalidInputError, match="at most 16"):
        pool.near_duplicates(distance=2**40)
    for index in (10**30, -(10**30), len(pool)):
        with pytest.raises(IndexError):
            pool[index]
    with pytest.raises(TypeError):
        pool[1.5]  # type: ignore[call-overload]


def test_other_datasets_are_given_by_name_or_version(filled: ymir.Workspace) -> None:
    pool, val = filled.dataset("pool"), filled.dataset("val")
    assert pool.merge("val", "all") == pool.merge(val, "all")
    assert pool.exclude(["val@v1"], "rest") == pool.exclude([val], "rest")
    assert pool.intersect([val.version], "both") == pool.intersect([val], "both")
    assert pool.diff("val") == pool.diff(val)
    assert pool.compare("val") == pool.compare(val.version)

    async def asynchronously() -> None:
        assert await pool.merge_async("val", "all") == filled.dataset("all")
        assert await pool.exclude_async(["val"], "rest") == filled.dataset("rest")
        assert await pool.intersect_async(["val"], "both") == filled.dataset("both")
        assert await pool.diff_async("val") == pool.diff(val)
        assert await pool.compare_async("val") == pool.compare(val)

    asyncio.run(asynchronously())
    with pytest.raises(ymir.NotFoundError, match="nowhere"):
        pool.merge("nowhere", "z")


def test_what_is_no_dataset_is_told(filled: ymir.Workspace, tmp_path: Path) -> None:
    pool: Any = filled.dataset("pool")
    refused("other", lambda: pool.merge(3, "z"), "not int")
    refused("others", lambda: pool.intersect(pool, "z"), r"others=\[dataset\]")
    refused("others", lambda: pool.exclude("val", "z"), "others=\\['val'\\]")
    refused("others", lambda: pool.exclude(3, "z"), "takes a list, not int")
    refused("sources", lambda: filled.fuse(pool, "z"), "sources=\\[")
    refused("workspace", lambda: pool.copy_to(str(tmp_path)), "ymir.open")
    refused("asset", lambda: filled.image(3), "not int")  # type: ignore[arg-type]
    refused("ids", lambda: pool.select([pool[0], 3], "z"), "not int")
    with ymir.open(tmp_path / "other", create=True) as other:
        copy = pool.copy_to(other)
        elsewhere = "of another workspace; copy it with copy_to"
        refused("other", lambda: pool.merge(copy, "z"), elsewhere)
        refused("other", lambda: pool.diff(copy), elsewhere)
        refused("others", lambda: pool.exclude([copy], "z"), elsewhere)
        refused("sources", lambda: filled.fuse([copy], "z"), elsewhere)
        refused("ground_truth", lambda: filled.evaluate(copy, "said"), elsewhere)
        refused("transfer", lambda: pool.copy_to(other, "r", transfer="reference"), "hard_link")


def test_shapes_and_keypoints_of_annotations_are_checked() -> None:
    def made(**fields: Any) -> ymir.Annotation:
        return ymir.Annotation("disc", (0, 0, 4, 4), **fields)

    ring = numpy.array([[0.5, 0], [4, 0], [4, 4]])
    assert made(shape={"polygons": [ring]}) == made(shape={"polygons": [ring.tolist()]})
    keypoints = made(keypoints=numpy.array([[1, 2, 2], [3, 4, 1], [0, 0, 0]])).keypoints
    assert [point["visibility"] for point in keypoints] == ["visible", "hidden", "absent"]
    point = {"x": 1.0, "y": 2.0, "visibility": 2}
    assert made(keypoints=[point]) == made(keypoints=[{**point, "visibility": "visible"}])

    refused("shape", lambda: made(shape="round"), "round")
    refused("shape.mask", lambda: made(shape={"mask": {"size": [2, 2], "counts": [5]}}), "add up")
    refused("shape", lambda: made(shape={"circle": 1}), "circle")
    refused("keypoints[0]", lambda: made(keypoints=[{"x": 1, "y": 2}]), "visibility")
    wrong: list[Any] = [3, "seen", None]
    for visibility in wrong:
        given = [{**point, "visibility": visibility}]
        with pytest.raises(ymir.InvalidInputError, match='0 or "absent"') as caught:
            made(keypoints=given)
        assert caught.value.context["field"] == "keypoints[0].visibility"
