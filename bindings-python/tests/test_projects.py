from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace
from typing import ClassVar

import pytest
import ymir
from data import CLASSES, Memorizer


def create(workspace: ymir.Workspace, name: str = "p", **more) -> ymir.Project:
    options = {
        "classes": CLASSES,
        "pool": "pool",
        "validation": "val",
        "executor": Memorizer(),
        "labeler": ymir.Oracle("pool"),
        "labels_per_iteration": 2,
        "max_iterations": 2,
        **more,
    }
    return workspace.create_project(name, **options)


def test_iterate(filled: ymir.Workspace) -> None:
    project = create(filled)
    events: list[ymir.LoopEvent] = []
    iterations = project.iterate(on_event=events.append)
    done = list(iterations)
    assert [iteration.number for iteration in done] == [1, 2]
    assert iterations.reason == "budget_exhausted"
    first = done[0]
    assert first.finished
    assert first.metric is not None
    assert first.metrics["AP50"] == first.metric
    assert first.selected is not None
    assert len(first.selected) == 2
    assert first.model is not None
    assert first.model.name == "p"
    assert first.training is not None
    assert done[1].training is not None
    assert len(done[1].training) == 4
    assert first.predictions is not None
    assert first.predictions.is_predictions
    steps = [event.step for event in events if event.kind == "finished"]
    assert steps == [*(r.step for r in first.results), *(r.step for r in done[1].results)]
    assert any(event.task and event.task.fraction for event in events)
    assert list(project.iterate()) == []
    state = project.update(max_iterations=3, target=1.0)
    assert state.definition.target == 1.0
    assert [it.number for it in project.iterate()] == [3]
    assert len(project.state().iterations) == 3


def test_near_duplicates_are_left_out_of_the_pool(filled: ymir.Workspace) -> None:
    project = create(filled, skip_near_duplicates=0)
    events: list[ymir.LoopEvent] = []
    project.advance(on_event=events.append)
    told = [event.progress for event in events if event.progress is not None]
    assert told[0].done == 0
    assert told[-1].done == told[-1].total > len(filled.dataset("pool"))
    assert {event.kind for event in events} == {"started", "preparing", "finished"}
    assert project.state().definition.skip_near_duplicates == 0
    with pytest.raises(ymir.InvalidInputError, match="16"):
        project.update(skip_near_duplicates=17)


def test_iterate_async(filled: ymir.Workspace) -> None:
    async def main() -> None:
        project = create(filled)
        numbers = [iteration.number async for iteration in project.iterate()]
        assert numbers == [1, 2]
        assert await project.run_async() == "budget_exhausted"
        await project.stop_async()
        assert await project.run_async() == "stopped"

    asyncio.run(main())


def test_cancelling_stops_the_step_and_the_loop_goes_on(filled: ymir.Workspace) -> None:
    class Slow(Memorizer):
        name = "slow"

        async def train(self, task: ymir.TrainTask) -> None:  # type: ignore[override]
            if slow:
                await asyncio.sleep(100)
            Memorizer.train(self, task)

    slow = True
    project = create(filled, executor=Slow(), training="pool", max_iterations=1)

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(project.run_async(), 0.5)

    asyncio.run(main())
    slow = False
    # It is not locked by the run that was cancelled.
    assert project.run() == "budget_exhausted"
    assert [status.state for status in filled.tasks()] == ["done", "done", "terminated"]


def test_steps_one_by_one(filled: ymir.Workspace) -> None:
    project = create(filled, max_iterations=1)
    advance = project.advance()
    assert advance.finished is not None
    assert advance.finished.result.step == "prepare_mining"
    assert advance.finished.result.count == 8
    chosen = project.advance(labels=1).finished
    assert chosen is not None
    assert chosen.result.count == 1
    assert project.run() == "budget_exhausted"
    assert project.advance().ended == "budget_exhausted"
    assert filled.project("p").name == "p"
    with pytest.raises(ymir.AlreadyExistsError):
        create(filled)


class Clicker:
    """A label backend: answers with one box, after having been asked twice."""

    def __init__(self) -> None:
        self.jobs: dict[str, ymir.LabelJobRequest] = {}
        self.asked = 0

    async def create(self, request: ymir.LabelJobRequest) -> None:
        self.jobs[request.id] = request

    def status(self, handle: ymir.LabelHandle) -> dict[str, object]:
        self.asked += 1
        total = len(self.jobs[handle.job].items)
        return {"total": total, "labeled": total, "finished": self.asked > 1}

    def annotations(
        self, handle: ymir.LabelHandle, after: str | None, limit: int
    ) -> list[dict[str, object]]:
        return [
            {"id": item.id, "annotations": [ymir.Annotation("disc", (10, 8, 20, 20))]}
            for item in self.jobs[handle.job].items
        ]

    def cancel(self, handle: ymir.LabelHandle) -> None:
        del self.jobs[handle.job]


def test_a_python_labeler(filled: ymir.Workspace) -> None:
    clicker = Clicker()
    options = {
        "labeler": clicker,
        "dataset": "pool",
        "classes": ["disc"],
        "labeled": "clicked",
        "instructions": "click",
    }
    labeled = filled.label(**options)
    assert len(labeled) == 8
    assert labeled[0].annotations[0].bbox == ymir.BBox(10, 8, 20, 20)
    (request,) = clicker.jobs.values()
    assert request.instructions == "click"
    assert request.class_names == ("disc",)
    assert request.items[0].path is not None
    assert request.items[0].path.is_file()
    job = filled.start_label(**options)
    assert job.id == request.id
    assert [known.id for known in filled.label_jobs()] == [job.id]
    assert filled.label_job(job.id).collected == labeled.id
    assert job.status().finished
    assert job.collect() == labeled
    job.cancel()
    assert clicker.jobs == {}
    with pytest.raises(ymir.NotFoundError):
        filled.label_job(job.id)


class Stepwise:
    """A label backend that takes several steps, and answers in pages of three."""

    object_types = ("detection",)
    pre_annotations = False

    def __init__(self) -> None:
        self.projects = 0
        self.tasks: list[str] = []

    def create(self, request: ymir.LabelJobRequest) -> ymir.LabelHandle:
        handle = request.handle
        if handle.state is None:
            self.projects += 1
            return replace(handle, state={"project": self.projects}, place="https://labels.example")
        if not self.tasks:
            self.tasks = [item.id for item in request.items]
            return handle
        return replace(handle, ready=True)

    def status(self, handle: ymir.LabelHandle) -> ymir.LabelStatus:
        assert handle.state == {"project": 1}
        total = len(self.tasks)
        return ymir.LabelStatus(total, total, finished=True)

    def annotations(
        self, handle: ymir.LabelHandle, after: str | None, limit: int
    ) -> ymir.LabelPage:
        start = int(after or 0)
        end = start + min(limit, 3)
        labeled = [{"id": id, "annotations": []} for id in self.tasks[start:end]]
        return ymir.LabelPage(labeled, str(end) if end < len(self.tasks) else None)


def test_a_job_is_made_in_recorded_steps_and_read_page_by_page(filled: ymir.Workspace) -> None:
    labeler = Stepwise()
    options = {"labeler": labeler, "dataset": "pool", "classes": ["disc"], "labeled": "steps"}
    job = filled.start_label(**options)
    assert job.place == "https://labels.example"
    assert len(job.wait()) == 8
    assert filled.start_label(**options).id == job.id
    assert labeler.projects == 1


def test_annotations_of_the_package_are_edits(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    disc = ymir.Annotation("disc", (1, 2, 3, 4))
    report = pool.edit(
        [{"op": "set_annotations", "asset": pool[0].id, "annotations": [disc]}], message="by hand"
    )
    assert report.changed == 1
    edited = filled.dataset("pool")
    assert edited.version == report.version
    assert edited[0].annotations[0].bbox == disc.bbox
    assert edited.lineage.kind == "edit"
    with pytest.raises(ymir.ConflictError):
        pool.edit([{"op": "remove", "asset": pool[1].id}])


def test_a_project_waits_for_labels(filled: ymir.Workspace) -> None:
    project = create(filled, labeler=Clicker(), max_iterations=1)
    iterations = project.iterate(wait=False)
    assert list(iterations) == []
    assert iterations.waiting is not None
    assert iterations.waiting.status.total == 2
    assert iterations.reason is None
    assert [it.number for it in project.iterate(wait=False)] == [1]


def test_the_error_of_a_labeler_is_the_error_of_the_step(filled: ymir.Workspace) -> None:
    class Broken(Clicker):
        def status(self, job_id: str) -> dict[str, object]:
            raise ymir.UnavailableError("the labeling server is down", retryable=True)

        def collect(self, job_id: str) -> list[dict[str, object]]:
            return [{"id": "oops"}]

    with pytest.raises(ymir.UnavailableError, match="server is down") as caught:
        create(filled, labeler=Broken(), max_iterations=1).run()
    assert caught.value.retryable
    assert caught.value.context["method"] == "status"
    with pytest.raises(TypeError, match="lacks the method"):
        create(filled, "q", labeler=object())


class Forks(Memorizer):
    """Leaves a child behind, as data loaders with workers do."""

    name = "forks"
    children: ClassVar[list[int]] = []

    def train(self, task: ymir.TrainTask) -> None:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        self.children.append(child)
        super().train(task)


def test_a_child_of_an_executor_does_not_hold_the_project(filled: ymir.Workspace) -> None:
    try:
        done = list(create(filled, executor=Forks()).iterate())
    finally:
        for child in Forks.children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert [iteration.number for iteration in done] == [1, 2]
    assert len(Forks.children) == 2
