from __future__ import annotations

import pickle
import threading
import time
from typing import Any

import pytest
import ymir
from data import Memorizer, train


class Endless:
    """Trains until it is stopped."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.ended = threading.Event()

    def train(self, task: ymir.TrainTask) -> None:
        self.began.set()
        try:
            while True:
                time.sleep(0.01)
        finally:
            self.ended.set()


def test_close_ends_what_runs(filled: ymir.Workspace) -> None:
    train(filled, Memorizer()).wait()
    executor = Endless()
    with ymir.open(filled.root) as workspace:
        # Objects of a workspace keep it alive.
        kept = workspace.dataset("pool"), train(workspace, executor, "endless")
        assert executor.began.wait(30)
    assert executor.ended.is_set()
    assert workspace.closed
    assert kept[1].id is not None
    status = filled.task(kept[1].id).status()
    assert status is not None
    assert status.state == "terminated"


def test_close_leaves_the_tasks_of_others(filled: ymir.Workspace) -> None:
    executor = Endless()
    task = train(filled, executor)
    assert executor.began.wait(30)
    with ymir.open(filled.root) as workspace:
        assert task.id is not None
        assert workspace.task(task.id).id == task.id
    assert not executor.ended.is_set()
    task.cancel()


def test_pickles_open_again(filled: ymir.Workspace) -> None:
    pool, model = filled.dataset("pool"), train(filled, Memorizer()).wait()
    said = filled.start_infer(
        executor=Memorizer(), dataset="val", model=model, predictions="said"
    ).wait()
    for value in (pool, model, said):
        again = pickle.loads(pickle.dumps(value))
        assert again == value
        assert again._workspace is not filled
        again._workspace.close()
    assert len(pool) == 8
    with pickle.loads(pickle.dumps(filled)) as workspace:
        assert workspace.root == filled.root
        assert workspace.dataset("pool") == pool


def test_what_a_label_backend_raised_is_the_cause(filled: ymir.Workspace) -> None:
    class Broken:
        def create(self, job: ymir.LabelJobRequest) -> Any:
            return {}["key"]

        def status(self, handle: ymir.LabelHandle) -> Any: ...

        def annotations(self, handle: ymir.LabelHandle, after: Any, limit: int) -> Any: ...

        def cancel(self, handle: ymir.LabelHandle) -> Any: ...

    with pytest.raises(ymir.UnexpectedError, match="KeyError: 'key'") as caught:
        filled.label(labeler=Broken(), dataset="pool", classes=["disc"], labeled="labeled")
    assert "KeyError: 'key'" in caught.value.message
    cause = caught.value.__cause__
    assert isinstance(cause, KeyError)
    frames = []
    traceback = cause.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert frames[-1] == "create"

    class Full(Broken):
        def create(self, job: ymir.LabelJobRequest) -> Any:
            raise ymir.ResourceExhaustedError("no seats", context={"team": "a"})

    with pytest.raises(ymir.ResourceExhaustedError, match="no seats") as caught_own:
        filled.label(labeler=Full(), dataset="pool", classes=["disc"], labeled="labeled")
    assert caught_own.value.message == "no seats"
    assert isinstance(caught_own.value.__cause__, ymir.ResourceExhaustedError)
    assert caught_own.value.__cause__.__traceback__ is not None
