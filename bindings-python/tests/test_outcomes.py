"""Hits, false alarms and misses of predictions."""

from __future__ import annotations

import asyncio

import pytest
import ymir
from data import Memorizer, train


@pytest.fixture
def said(filled: ymir.Workspace) -> ymir.Dataset:
    """What an executor says of `val`: one box of each class on each image."""
    model = train(filled, Memorizer()).wait()
    return filled.start_infer(
        executor=Memorizer(), dataset="val", model=model, predictions="said"
    ).wait()


def marks(page: ymir.Page, outcome: str) -> int:
    return sum(
        annotation.attributes["outcome"] == outcome
        for record in page.records
        for annotation in record.annotations
    )


def test_predictions_are_hits_or_false_alarms_and_objects_may_be_missed(
    filled: ymir.Workspace, said: ymir.Dataset
) -> None:
    val = filled.dataset("val")
    outcomes = filled.outcomes(val, said)
    page = outcomes.page("all")
    assert page.total == len(page.records) == len(val)
    assert [record.id for record in page.records] == outcomes.ids("all")
    assert outcomes.ids("all") == [record.id for record in val]
    hits = marks(page, "tp")
    assert 0 < hits == said.manifest.summary.annotations - marks(page, "fp")
    assert hits == val.manifest.summary.annotations - marks(page, "fn")
    for outcome in ("tp", "fp", "fn"):
        query = f"outcome:{outcome} and class:{page.records[0].annotations[0].class_name}"
        ids = outcomes.ids(query)
        assert outcomes.count(query) == len(ids)
        assert outcomes.ids(query, offset=1) == ids[1:]
        assert [record.id for record in outcomes.page(query, limit=2).records] == ids[:2]
    all_ids = outcomes.ids("all")
    assert outcomes.ids("all", after=all_ids[0], limit=2) == all_ids[1:3]


def test_options_say_what_a_hit_is(filled: ymir.Workspace, said: ymir.Dataset) -> None:
    assert filled.outcomes("val", "said", iou_threshold=1).count("outcome:tp") == 0
    unmade = filled.outcomes("val", "said", min_score=0.95)
    assert unmade.count("outcome:tp or outcome:fp") == 0
    assert unmade.count("outcome:fn") == len(said)
    for options, field in (
        ({"iou_threshold": 0.0}, "iou_threshold"),
        ({"min_score": 2.0}, "min_score"),
    ):
        with pytest.raises(ymir.InvalidInputError) as caught:
            filled.outcomes("val", "said", **options)
        assert caught.value.context["field"] == field


def test_outcomes_are_awaited(filled: ymir.Workspace, said: ymir.Dataset) -> None:
    async def ask() -> None:
        outcomes = await filled.outcomes_async("val", said, ignore_difficult=True)
        same = filled.outcomes("val", said, ignore_difficult=True)
        assert await outcomes.count_async("outcome:fn") == same.count("outcome:fn")
        assert await outcomes.ids_async("outcome:fn", limit=1) == same.ids("outcome:fn", limit=1)
        assert await outcomes.page_async("outcome:tp", offset=1) == same.page(
            "outcome:tp", offset=1
        )
        with pytest.raises(ymir.InvalidInputError, match="missed"):
            await outcomes.count_async("outcome:missed")

    asyncio.run(ask())


def test_outcomes_end_with_their_workspace(filled: ymir.Workspace, said: ymir.Dataset) -> None:
    outcomes = filled.outcomes("val", said)
    filled.close()
    with pytest.raises(ymir.InvalidInputError, match="closed"):
        outcomes.count("all")
